"""Where the samples of an image differ, layer by layer."""

__all__ = ["variance_maps"]

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from actsense.drawing.depth import fitting
from actsense.drawing.names import short_names
from actsense.drawing.sheet import put_picture, sheet, write
from actsense.drawing.style import HEADER, new_figure, place
from actsense.invariance.choices import RANDOM, TRAINED
from actsense.invariance.figures.layers import (
    BAR_HATCH,
    COLORS,
    LEGEND,
    NAMES,
    hatch_field,
    left_out,
    limited_handles,
    sheet_legend,
)
from actsense.invariance.kept.estimates import anchor_draws, anchor_mean
from actsense.invariance.stored import InvarianceGroup, StoredInvariances

SIDE, GAP, APART = 0.85, 0.08, 0.3  # inches: of a map, between maps, between states
LEFT, HEAD, BETWEEN = 1.0, 0.62, 0.16  # of row names, of column names, between anchors
BARS, FOOT, SCALE = 1.15, 0.25, 0.95  # of bars below, of their names, of the scale beside
ANCHORS = 3
LAYERS = {TRAINED: 9, RANDOM: 3}  # columns, at most
COLUMN = 13  # characters of a name above a column
DRAWS = 2000  # resamples of anchors
MAP = "magma"


def variance_maps(stored: StoredInvariances, *, title: str) -> Figure:
    """Draw mean and variance of the samples of some anchors, a column per layer.

    Arguments:
        stored: The store of the network.
        title: The study and the network.
    """
    blocks, notes = {}, ""
    for state in stored.states:
        blocks[state], one = fitting(stored.of(state), LAYERS.get(state, 1))
        notes += left_out(one, state)
    groups = [group for own in blocks.values() for group in own]
    anchors = range(min(ANCHORS, len(stored.rows)))
    start = LEFT + SIDE + APART
    columns, x = [], start
    for own in blocks.values():
        columns += [x + k * (SIDE + GAP) for k in range(len(own))]
        x += len(own) * (SIDE + GAP) + APART
    rise = 2 * (SIDE + GAP) + BETWEEN
    gate = limited_handles(not group.passes for group in groups)
    rows = HEAD + len(anchors) * rise + FOOT + BARS + 0.2
    figure = new_figure(
        x + SCALE,
        HEADER + rows + LEGEND * bool(gate),
        f"{title}: where do images differ that are the same to a layer?",
        "Mean of an image's samples, and their variance at every pixel, mean over colours:\n"
        "bright is left free, dark is kept. Below: mean over all pixels and anchors, with 95 % "
        f"intervals.{notes}",
        arranged=False,
    )
    axis = sheet(figure, 0, HEADER, figure.get_figwidth(), rows)
    sheet_legend(figure, gate)
    planes = [group.maps.variance[: len(anchors)].mean(axis=1) for group in groups]
    norm = PowerNorm(0.5, 0, max(float(np.nanmax(plane)) for plane in planes) or 1.0, clip=True)
    _heads(axis, blocks, columns)
    for left, group in zip(columns, groups, strict=True):
        if not group.passes:
            hatch_field(axis, left - GAP / 2, HEAD - GAP / 2, SIDE + GAP, len(anchors) * rise)
    for number in anchors:
        y = HEAD + number * rise
        put_picture(axis, stored.images[number], LEFT, y, SIDE)
        write(axis, LEFT - 0.08, y + SIDE / 2, "mean", 8.5, ha="right", va="center")
        write(axis, LEFT - 0.08, y + SIDE * 1.5 + GAP, "variance", 8.5, ha="right", va="center")
        for left, group, plane in zip(columns, groups, planes, strict=True):
            mean = np.rint(255 * group.maps.mean[number]).clip(0, 255).astype(np.uint8)
            put_picture(axis, mean, left, y, SIDE)
            _put_map(axis, plane[number], norm, left, y + SIDE + GAP)
    _bars(figure, groups, columns, HEADER + HEAD + len(anchors) * rise + FOOT, stored.seed)
    bar = place(figure, x - APART + 0.15, HEADER + HEAD, 0.15, min(3.0, rise))
    figure.colorbar(ScalarMappable(norm, MAP), bar, ticks=norm.inverse(np.linspace(0, 1, 5)),
                    format="%.2g", label="variance of a pixel in [0, 1]")  # fmt: skip
    return figure


def _heads(axis: Axes, blocks: dict[str, list[InvarianceGroup]], columns: list[float]) -> None:
    left = iter(columns)
    for state, own in blocks.items():
        names = short_names((group.layer for group in own), COLUMN)
        for number, group in enumerate(own):
            x = next(left)
            if number == 0:
                write(axis, x, 0.02, NAMES[state], 9, weight="bold", color=COLORS[state])
            write(axis, x, HEAD - 0.06, names[group.layer], 8, va="bottom")


def _put_map(axis: Axes, plane: np.ndarray, norm: PowerNorm, x: float, y: float) -> None:
    limits = axis.get_xlim(), axis.get_ylim()
    axis.imshow(plane, extent=(x, x + SIDE, y + SIDE, y), aspect="auto", cmap=MAP, norm=norm,
                interpolation="nearest")  # fmt: skip
    axis.set(xlim=limits[0], ylim=limits[1])


def _bars(
    figure: Figure, groups: list[InvarianceGroup], columns: list[float], top: float, seed: int
) -> None:
    """Draw the mean variance of a pixel below every column."""
    left, right = columns[0], columns[-1] + SIDE
    axis = place(figure, left, top, right - left, BARS)
    for x, group in zip(columns, groups, strict=True):
        strength = group.maps.strength
        mean = anchor_mean(strength, anchor_draws(len(strength), DRAWS, seed=seed))
        low, high = mean.interval
        middle = x - left + SIDE / 2
        (bar,) = axis.bar(middle, mean.value, 0.7 * SIDE, color=COLORS[group.state])
        if not group.passes:
            bar.set(**BAR_HATCH)
        axis.vlines(middle, low, high, color="black", linewidth=1.1)
    axis.set_xlim(0, right - left)
    axis.set_xticks([])
    axis.locator_params(axis="y", nbins=4)
    axis.set_ylim(bottom=0)
    axis.set_ylabel("mean variance\nof a pixel", fontsize=8.5)
