"""What images a layer takes for the same, beside the image and its reconstruction."""

__all__ = ["sample_rows"]

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actsense.drawing.depth import fitting
from actsense.drawing.names import short_names
from actsense.drawing.sheet import put_frame, put_picture, sheet, write
from actsense.drawing.style import HEADER, new_figure
from actsense.invariance.choices import RANDOM, TRAINED
from actsense.invariance.figures.layers import (
    LEGEND,
    NAMES,
    OTHER_CLASS,
    hatch_field,
    left_out,
    limited_handles,
    sheet_legend,
)
from actsense.invariance.stored import InvarianceGroup, StoredInvariances

SIDE, GAP, APART = 0.7, 0.07, 0.3  # inches: of an image, between images, between anchors
LEFT, HEAD, RISE, BLOCK = 2.15, 1.3, 0.12, 0.3  # of names, of anchors, between rows, above a state
HEADS = 1.04  # inches from an anchor to its reconstruction
ANCHORS, SAMPLES = 3, 4  # side by side, and samples of each
LAYERS = {TRAINED: 9, RANDOM: 3}  # rows, at most
LONGEST = 18  # characters of a class


def sample_rows(stored: StoredInvariances, *, title: str) -> Figure:
    """Draw a row per layer: samples of some anchors that the layer says the same of.

    Arguments:
        stored: The store of the network.
        title: The study and the network.
    """
    blocks, notes = {}, ""
    for state in stored.states:
        blocks[state], one = fitting(stored.of(state), LAYERS.get(state, 1))
        notes += left_out(one, state)
    groups = [group for own in blocks.values() for group in own]
    shown, each = (min(group.sample_images.shape[k] for group in groups) for k in (0, 1))
    anchors, each = range(min(ANCHORS, shown)), min(SAMPLES, each)
    wide = max(each * (SIDE + GAP), 2 * HEADS) + APART
    gate = limited_handles(not group.passes for group in groups)
    rows = HEAD + len(blocks) * BLOCK + len(groups) * (SIDE + RISE) + 0.1
    figure = new_figure(
        LEFT + len(anchors) * wide,
        HEADER + rows + LEGEND * bool(gate),
        f"{title}: which images are the same to a layer?",
        "Below an image: samples of which the layer says what it says of the image. What they "
        "share is kept\nby the layer, what varies is left free. Orange frame: the network gives "
        f"the sample another class than the image.{notes}",
        arranged=False,
    )
    axis = sheet(figure, 0, HEADER, figure.get_figwidth(), rows)
    sheet_legend(figure, gate)
    for number in anchors:
        _head(axis, stored, number, LEFT + number * wide)
    names, y = short_names(group.layer for group in groups), HEAD
    for state, own in blocks.items():
        write(axis, 0.1, y + 0.08, f"{NAMES[state]}:", 9, weight="bold")
        y += BLOCK
        for group in own:
            _row(axis, group, names[group.layer], [LEFT + k * wide for k in anchors], each, y)
            y += SIDE + RISE
    return figure


def _head(axis: Axes, stored: StoredInvariances, number: int, x: float) -> None:
    label = stored.labels[number]
    name = short_names(stored.classes, LONGEST)[stored.classes[label]]
    for column, (images, words) in enumerate(
        ((stored.images, name), (stored.reconstructions, "reconstructed"))
    ):
        left = x + column * HEADS
        write(axis, left, 0.25, words, 8.5, va="bottom")
        put_picture(axis, images[number], left, 0.3, SIDE)


def _row(
    axis: Axes, group: InvarianceGroup, name: str, lefts: Sequence[float], each: int, y: float
) -> None:
    likeness = group.kept.samples
    shares = float(np.nanmean(likeness.agreement)), float(np.nanmean(likeness.agreement_floor))
    told = f"{name}\nsame class: {shares[0]:.0%}\nby chance: {shares[1]:.0%}"
    width = lefts[-1] + each * (SIDE + GAP) - 0.05
    if not group.passes:
        hatch_field(axis, 0.05, y - RISE / 2, width, SIDE + RISE)
    background = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    write(axis, 0.15, y + SIDE / 2, told, 8.5, va="center", bbox=background)
    for number, left in enumerate(lefts):
        for sample in range(each):
            x = left + sample * (SIDE + GAP)
            put_picture(axis, group.sample_images[number, sample], x, y, SIDE)
            if group.sample_predicted[number, sample] != group.predicted[number]:
                put_frame(axis, x, y, SIDE, edgecolor=OTHER_CLASS)
