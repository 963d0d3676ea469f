"""Images mixed with one another, a matrix for every layer."""

__all__ = ["mixing_matrices"]

from collections.abc import Mapping

import torch
from matplotlib.figure import Figure

from actsense.drawing.names import short_names
from actsense.drawing.sheet import put_frame, sheet, write
from actsense.drawing.style import HEADER, new_figure
from actsense.invariance.demos.figures.pieces import (
    GAP,
    LINE,
    SIDE,
    Columns,
    bytes_of,
    foot,
    foot_height,
    gate_note,
    group_head,
    head_width,
    put_said,
    said_names,
    wrapped,
)
from actsense.invariance.demos.mixing import Mixed
from actsense.invariance.demos.opening import DemoSet

HEAD = 0.62  # inches above pictures
CORNER = 0.12  # inches between the images and what is mixed of them


def mixing_matrices(demos: DemoSet, mixed: Mapping[str, Mixed], *, title: str) -> Figure:
    """Draw all mixtures of some images: columns say what the layer says, rows what it does not.

    Arguments:
        demos: The network.
        mixed: What `mix_images` returned, by layer.
        title: The study and the network.
    """
    first, names = next(iter(mixed.values())), short_names(demos.layers)
    count, step = len(first.images), SIDE + LINE
    told = {layer: _told(own) for layer, own in mixed.items()}
    heads = [head_width(names[layer], lines) for layer, lines in told.items()]
    columns = Columns(0.1, [count + 1] * len(mixed), [width + CORNER for width in heads])
    notes = wrapped(
        columns.width,
        "Framed: images mixed with themselves, as the autoencoder returns them.",
        gate_note(demos, list(mixed)),
    )
    height = HEADER + HEAD + CORNER + (count + 1) * step + foot_height(notes)
    figure = new_figure(
        columns.width + CORNER,
        height,
        f"{title}: what becomes of images that are mixed?",
        "A mixture has what a layer says of the image above, and what it does not say of that on "
        f"the left.\nBelow: what {demos.network} says; bold red where that is not what it says of "
        "the image above.",
        arranged=False,
    )
    axis = sheet(figure, 0, HEADER, figure.get_figwidth(), height - HEADER)
    outputs = said_names(demos)
    for number, (layer, own) in enumerate(mixed.items()):
        start, span = columns.starts[number], columns.spans[number]
        limited = demos.limited(layer)
        head = names[layer], told[layer]
        group_head(axis, start, span + CORNER, *head, limited=limited, bottom=HEAD)
        write(axis, start + SIDE / 2, HEAD + SIDE / 2, "said  \u2192\n\nnot\nsaid  \u2193", 7.5,
              ha="center", va="center", linespacing=1.0)  # fmt: skip
        places = [start, *(start + CORNER + (k + 1) * (SIDE + GAP) for k in range(count))]
        for k in range(count):
            image, said = bytes_of(own.images[k]), outputs[int(own.predicted[k])]
            put_said(axis, image, places[k + 1], HEAD, said)
            y = HEAD + CORNER + (k + 1) * step
            put_said(axis, image, start, y, said)
            for z in range(count):
                seen = int(own.predicted_mixed[k, z])
                same = seen == int(own.predicted[z])
                x = places[z + 1]
                put_said(axis, bytes_of(own.mixed[k, z]), x, y, outputs[seen], same=same)
                if k == z:
                    put_frame(axis, x, y, SIDE, linewidth=1.4, edgecolor="0.2")
    foot(axis, height - HEADER - foot_height(notes) + 0.05, notes)
    return figure


def _told(mixed: Mixed) -> list[str]:
    """Say how many mixtures have the class of either image, where these are different."""
    said = mixed.predicted
    apart = said[:, None] != said[None]
    if not apart.any():
        return ["all images have the same class"]
    shares = [
        (mixed.predicted_mixed == own)[apart].to(torch.float64).mean()
        for own in (said[None], said[:, None])
    ]
    return [
        f"{int(apart.sum())} mixtures of two classes; that of the image",
        f"above: {100 * shares[0]:.0f} %, left: {100 * shares[1]:.0f} %, "
        f"neither: {100 * (1 - shares[0] - shares[1]).clamp(min=0):.0f} %",
    ]
