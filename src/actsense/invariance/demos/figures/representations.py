"""Samples of images: what each layer does not tell apart from them."""

__all__ = ["representation_rows"]

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from actsense.drawing.names import short_names
from actsense.drawing.sheet import put_picture, sheet, write
from actsense.drawing.style import HEADER, new_figure
from actsense.invariance.demos.figures.pieces import (
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
from actsense.invariance.demos.opening import DemoSet
from actsense.invariance.demos.representations import Shown
from actsense.invariance.kept.estimates import Estimate

HEAD = 0.86  # inches above pictures
WHITE = 0.25  # standard deviation of a pixel that is drawn white
MOST = 6  # samples of an image that a page has room for


def representation_rows(demos: DemoSet, shown: Mapping[str, Shown], *, title: str) -> Figure:
    """Draw a row for every image: the image, its reconstruction, and samples of every layer.

    Arguments:
        demos: The network.
        shown: What `show_representations` returned, by layer.
        title: The study and the network.
    """
    first, names = next(iter(shown.values())), short_names(demos.layers)
    samples = min(MOST, first.samples.shape[1])
    maps = int(first.maps is not None)
    told = {layer: _told(own) for layer, own in shown.items()}
    columns = Columns(
        0.1,
        [2, *[samples + maps for _ in shown]],
        [0, *(head_width(names[layer], lines) for layer, lines in told.items())],
    )
    rows = len(first.images)
    notes = wrapped(
        columns.width,
        "Above: means over images with intervals, beside those with other images, and of the "
        f"autoencoder. Spread: standard deviation of a pixel over samples, white from {WHITE:g}.",
        gate_note(demos, list(shown)),
    )
    step = SIDE + LINE
    height = HEADER + HEAD + rows * step + foot_height(notes)
    figure = new_figure(
        columns.width,
        height,
        f"{title}: what does a layer not tell apart from an image?",
        "Samples are made so that a layer says the same of all in a row: what differs, it "
        f"discards.\nBelow: what {demos.network} says; bold red where it says something else of "
        "the image.",
        arranged=False,
    )
    axis = sheet(figure, 0, HEADER, figure.get_figwidth(), height - HEADER)
    for place, words in zip(columns.places(0), ("image", "autoencoder"), strict=True):
        write(axis, place, HEAD - 0.11, words, 7.2, va="bottom")
    for number, layer in enumerate(shown):
        group_head(
            *(axis, columns.starts[number + 1], columns.spans[number + 1], names[layer]),
            told[layer],
            limited=demos.limited(layer),
            bottom=HEAD,
        )
        places = columns.places(number + 1)
        write(axis, places[0], HEAD - 0.11, "samples", 7.2, va="bottom")
        if maps:
            write(axis, places[-1], HEAD - 0.11, "spread", 7.2, va="bottom")
    outputs = said_names(demos)
    for row in range(rows):
        y, own = HEAD + row * step, int(first.predicted[row])
        places = columns.places(0)
        put_said(axis, bytes_of(first.images[row]), places[0], y, outputs[own])
        put_picture(axis, bytes_of(first.reconstructed[row]), places[1], y, SIDE)
        for number, one in enumerate(shown.values()):
            places = columns.places(number + 1)
            for sample in range(samples):
                said = int(one.predicted_samples[row, sample])
                image = bytes_of(one.samples[row, sample])
                put_said(axis, image, places[sample], y, outputs[said], same=said == own)
            if one.maps is not None:
                put_picture(axis, _spread(one.maps.variance[row]), places[-1], y, SIDE)
    foot(axis, HEAD + rows * step + 0.05, notes)
    return figure


def _told(shown: Shown) -> Sequence[str]:
    """Return what came of the samples of a layer, with the limits on both sides."""
    found = shown.consistency
    return (
        f"class kept: {_number(found.agreement)}; "
        f"{_limits(found.agreement_floor, found.agreement_ceiling)}",
        f"centred cosine: {_number(found.cosine)}; "
        f"{_limits(found.cosine_floor, found.cosine_ceiling)}",
    )


def _number(estimate: Estimate) -> str:
    low, high = estimate.interval
    return f"{estimate.value:.2f} [{low:.2f}, {high:.2f}]"


def _limits(floor: Estimate, ceiling: Estimate) -> str:
    return f"others {floor.value:.2f}, autoencoder {ceiling.value:.2f}"


def _spread(variance: np.ndarray) -> np.ndarray:
    """Return the standard deviation of every pixel over its colours, grey, (3, side, side)."""
    deviation = np.sqrt(variance.mean(axis=0)) / WHITE
    grey = (deviation.clip(0, 1) * 255).round().astype(np.uint8)
    return np.stack([grey] * 3)
