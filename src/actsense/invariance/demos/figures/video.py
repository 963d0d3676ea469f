"""A still image that moves like a video: as a strip, and as an animation."""

__all__ = ["video_animation", "video_strip"]

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from actsense.drawing.names import short_names
from actsense.drawing.sheet import sheet, write
from actsense.drawing.style import HEADER, new_figure, place, show_image, spread
from actsense.invariance.demos.figures.pieces import (
    GAP,
    LINE,
    SIDE,
    bytes_of,
    foot,
    foot_height,
    gate_note,
    head_width,
    put_hatch,
    put_said,
    said_names,
    wrapped,
)
from actsense.invariance.demos.opening import DemoSet
from actsense.invariance.demos.video import Translated

FRAMES = 10  # of a strip, at most
WIDE, TALL, TOP = 1.3, 1.3, 0.42  # inches, of a picture of an animation, and above it
DOTS = 72  # per inch of an animation
BLOCK = 0.3  # inches above the strips of a layer


def video_strip(
    demos: DemoSet, translated: Mapping[str, Sequence[Translated]], *, title: str
) -> Figure:
    """Draw frames of a video, and below them still images that move like it, layer by layer.

    Arguments:
        demos: The network.
        translated: What `translate_clip` returned for the same video, by layer: one for every
            still image, the same for all layers.
        title: The study and the network.
    """
    names = short_names(demos.layers)
    any_layer = next(iter(translated.values()))
    frames, stills = any_layer[0].frames, len(any_layer)
    moments = spread(range(len(frames)), FRAMES)
    step, left = SIDE + LINE, 0.1 + SIDE + 0.3
    width = left + len(moments) * (SIDE + GAP) + 0.1
    block, notes = BLOCK + stills * step, wrapped(width, gate_note(demos, list(translated)))
    height = HEADER + 0.25 + step + len(translated) * block + foot_height(notes)
    figure = new_figure(
        width,
        height,
        f"{title}: what moves that a layer does not see?",
        "A frame has what the layer says of the still image on its left, and what it does not say "
        "of the video:\nwhat moves, it discards; what stays, it keeps. Below: what "
        f"{demos.network} says; bold red where it is not as of the still image.",
        arranged=False,
    )
    axis = sheet(figure, 0, HEADER, figure.get_figwidth(), height - HEADER)
    outputs = said_names(demos)
    places = [left + k * (SIDE + GAP) for k in range(len(moments))]
    write(axis, 0.1, 0.25 + SIDE / 2, "the video", 9, va="center", weight="bold")
    for x, moment in zip(places, moments, strict=True):
        write(axis, x, 0.2, f"frame {moment + 1}", 7, va="bottom", color="0.4")
        put_said(axis, bytes_of(frames[moment]), x, 0.25, "")
    for number, (layer, made) in enumerate(translated.items()):
        top = 0.25 + step + number * block
        write(axis, 0.1, top + 0.06, names[layer], 9, weight="bold")
        if demos.limited(layer):
            put_hatch(axis, left, top + 0.12, places[-1] + SIDE - left)
        for still, own in enumerate(made):
            y, said = top + BLOCK + still * step, own.predicted_reference
            put_said(axis, bytes_of(own.reference), 0.1, y, outputs[said])
            for x, moment in zip(places, moments, strict=True):
                seen = int(own.predicted[moment])
                image = bytes_of(own.images[moment])
                put_said(axis, image, x, y, outputs[seen], same=seen == said)
    foot(axis, height - HEADER - foot_height(notes) + 0.05, notes)
    return figure


def video_animation(demos: DemoSet, translated: Mapping[str, Translated]) -> Tensor:
    """Return frames of an animation: video, still image, and the still image moved by layers.

    Arguments:
        demos: The network.
        translated: What `translate_clip` returned for a video and a still image, by layer.

    Returns:
        Images in [0, 1], (frames, 3, height, width).
    """
    names, first = short_names(demos.layers), next(iter(translated.values()))
    heads = ["video", "still image", *(names[layer] for layer in translated)]
    marks = [False, False, *map(demos.limited, translated)]
    widths = [max(WIDE, head_width(head, ()) + 0.05) for head in heads]
    figure = Figure(figsize=(0.1 + sum(widths) + 0.05 * len(widths), TALL + TOP + 0.1), dpi=DOTS)
    canvas, drawn, left = FigureCanvasAgg(figure), [], 0.1
    for head, width, mark in zip(heads, widths, marks, strict=True):
        axes = place(figure, left, TOP, WIDE, TALL)
        show_image(axes, np.zeros((demos.side, demos.side, 3), np.uint8))
        drawn.append(axes.images[0])
        words = f"{head}\n(limited)" if mark else f"{head}\n"
        figure.text(left / figure.get_figwidth(), 1 - 0.05 / figure.get_figheight(), words,
                    fontsize=9, va="top")  # fmt: skip
        left += width + 0.05
    film: list[Tensor] = []
    for moment, frame in enumerate(first.frames):
        moved = [own.images[moment] for own in translated.values()]
        for artist, image in zip(drawn, (frame, first.reference, *moved), strict=True):
            artist.set_data(bytes_of(image).transpose(1, 2, 0))
        canvas.draw()  # type: ignore[no-untyped-call]
        pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
        film.append(torch.from_numpy(pixels[..., :3].copy()))
    return torch.stack(film).permute(0, 3, 1, 2).float() / 255
