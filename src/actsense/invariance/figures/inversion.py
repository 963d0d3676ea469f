"""Images that were optimised for a layer to say the same, beside samples of the same anchors."""

__all__ = ["inverted_rows"]

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.drawing.depth import fitting
from actsense.drawing.names import short_names
from actsense.drawing.sheet import put_frame, put_picture, sheet, write
from actsense.drawing.style import HEADER, new_figure
from actsense.invariance.choices import TRAINED
from actsense.invariance.figures.layers import (
    LEGEND,
    OTHER_CLASS,
    hatch_field,
    limited_handles,
    sheet_legend,
)
from actsense.invariance.stored import InvarianceGroup, StoredInvariances

SIDES = (0.85, 1.3)  # inches of an image: where there are many, and few
GAP, LINE = 0.08, 0.2  # between images, and of what is below them
LEFT, TOP, BETWEEN = 2.0, 0.15, 0.2  # of names, above all, between layers
PAGE = 7.0  # of all images, about
ANCHORS, LAYERS = 8, 5  # columns, and rows of two images


def inverted_rows(stored: StoredInvariances, *, title: str) -> Figure:
    """Draw two rows per layer: a sample of every anchor, and its optimised image.

    Arguments:
        stored: The store of the network, with inverted images.
        title: The study and the network.
    """
    groups, note = fitting(_inverted(stored), LAYERS)
    anchors = min([ANCHORS, *(len(_pixels(group)) for group in groups)])
    side = float(np.clip(PAGE / anchors, *SIDES))
    head, rise = TOP + side + BETWEEN, 2 * (side + GAP + LINE) + BETWEEN
    gate = limited_handles(not group.passes for group in groups)
    rows = head + len(groups) * rise + 0.05
    figure = new_figure(
        LEFT + anchors * (side + GAP) + 0.1,
        HEADER + rows + LEGEND * bool(gate),
        f"{title}: which images are the same to a layer, natural or not?",
        "Two stand for the image above: a sample, which is as data are, and an image by "
        "optimisation, which knows no data.\nNumbers: how far the layer is from what it says of "
        f"the image (squared, relative). Orange frame: of another class.{note}",
        arranged=False,
    )
    axis = sheet(figure, 0, HEADER, figure.get_figwidth(), rows)
    sheet_legend(figure, gate)
    columns = [LEFT + k * (side + GAP) for k in range(anchors)]
    write(axis, 0.15, TOP + side / 2, "image", 8.5, va="center")
    for x, image in zip(columns, stored.images, strict=False):
        put_picture(axis, image, x, TOP, side)
    names = short_names(group.layer for group in groups)
    for number, group in enumerate(groups):
        y = head + number * rise
        if not group.passes:
            hatch_field(axis, 0.05, y - 0.06, columns[-1] + side, rise - BETWEEN + 0.06)
        _block(axis, group, names[group.layer], columns, y, side)
    return figure


def _inverted(stored: StoredInvariances) -> list[InvarianceGroup]:
    groups = stored.of(TRAINED) or stored.groups
    return [group for group in groups if group.inverted is not None]


def _pixels(group: InvarianceGroup) -> NDArray[np.uint8]:
    assert group.inverted is not None
    return group.inverted


def _block(
    axis: Axes, group: InvarianceGroup, name: str, columns: list[float], y: float, side: float
) -> None:
    below = y + side + GAP + LINE
    background = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    how = {"va": "center", "bbox": background}
    write(axis, 0.15, y + side / 2, f"{name}\nsample", 8.5, **how)
    write(axis, 0.15, below + side / 2, "optimised", 8.5, **how)
    distance, predicted = group.inverted_distance, group.inverted_predicted
    assert distance is not None
    assert predicted is not None
    for number, x in enumerate(columns):
        own = group.predicted[number]
        put_picture(axis, group.sample_images[number, 0], x, y, side)
        put_picture(axis, _pixels(group)[number], x, below, side)
        for top, found in ((y, group.sample_predicted[number, 0]), (below, predicted[number])):
            if found != own:
                put_frame(axis, x, top, side, edgecolor=OTHER_CLASS)
        for top, away in ((y, group.kept.samples.distance[number]), (below, distance[number])):
            words = "unknown" if np.isnan(away) else f"{away:.2g}"
            write(axis, x + side / 2, top + side + 0.03, words, 8, ha="center")
