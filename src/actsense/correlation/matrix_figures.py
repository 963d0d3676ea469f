"""Which variables move the same units: one layer large, the strongest pairs, all layers small."""

__all__ = ["within_matrices"]

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.correlation.chosen import (
    SIGNIFICANT,
    enough_units,
    largest_layer,
    strongest,
    told,
)
from actsense.drawing.depth import PAGE, fitting
from actsense.drawing.matrices import NAME, Numbers, longest
from actsense.drawing.names import short_names
from actsense.drawing.style import HEADER, ROUNDING, empty_figure, new_figure, place, text_width
from actsense.drawing.values import value_name

ROOMY = 2.4  # inches of a matrix that has room for the scale above its diagonal
CELL, LARGE, LEAST = 0.25, 8.5, 0.19  # inches: a cell, all cells at most, and one with a number
SMALL, GAP = 1.15, (0.12, 0.36)  # inches of a small matrix, and between them
ROW, LISTED, PANEL = 0.2, 10, 2.2  # inches of a named pair, how many, and the axis beside them
COLORS, LIMITS = colormaps["RdBu_r"].with_extremes(bad="0.85"), Normalize(-1, 1)
CALLED = "shapley"  # the value that is drawn large, where there is one

Floats = NDArray[np.float64]


def within_matrices(table: pd.DataFrame, *, title: str) -> Figure:
    """Draw the correlations of every two variables: of one layer large, of all layers small.

    Arguments:
        table: From `correlation_within.csv`.
        title: Network.
    """
    heading = f"{title}: which variables move the same units?"
    names = list(dict.fromkeys([*table["variable_1"], *table["variable_2"]]))
    table, gone = enough_units(table)
    if table.empty:
        return empty_figure(heading, gone)
    every, values = (list(dict.fromkeys(table[name])) for name in ("layer", "value"))
    layer, value = largest_layer(table), CALLED if CALLED in values else values[0]
    own, short = table[table["value"] == value], short_names(every)
    pairs = strongest(own, LISTED)
    texts = [f"{p.variable_1} x {p.variable_2}, {short[str(p.layer)]}" for p in pairs.itertuples()]
    cell = min(CELL, LARGE / len(names))
    side, margin, head = cell * len(names), longest(names) + 0.25, HEADER + 0.35
    one = own[own["layer"] == layer]
    name = f"{value_name(value)} in {short[layer]}: {_counts(one)}"
    most = f"{len(pairs)} surest pairs" if len(pairs) > 1 else "surest pair"
    listed = f"The {most} of augmentations in any layer, {value_name(value)}"
    listed = listed if len(pairs) else "No pair of augmentations is told from zero"
    left = margin + max(side + 1.7 * (side < ROOMY), ROUNDING * text_width(name, 10)) + 0.35
    list_left = left + max(longest([*texts, ""], 8) + 0.15, 1.2 * text_width(listed, 10) - PANEL)
    list_high = ROW * max(1, len(pairs))
    top = head + list_high + 1.1
    shown, note = fitting(every, int((PAGE - top) / (SMALL + GAP[1])))
    width = max(list_left + PANEL, left + len(values) * (SMALL + GAP[0])) + 0.3
    height = max(head + side + margin, top + len(shown) * (SMALL + GAP[1])) + 0.1
    figure = new_figure(
        width,
        height,
        heading,
        "Spearman correlation over the units of a layer between the maps of two variables, mean "
        "over positions. Without color: not told from zero by the 95 %\ninterval and by "
        f"exchanged units (adjusted p < {SIGNIFICANT:g}). Gray: no such map. {gone}{note}",
        arranged=False,
    )
    axis = place(figure, margin, head, side, side)
    _matrix(axis, one, names, numbers=cell >= LEAST)
    axis.set_title(name, loc="left")
    axis.set_yticks(range(len(names)), names, fontsize=NAME)
    axis.set_xticks(range(len(names)), names, fontsize=NAME, rotation=60, ha="right",
                    rotation_mode="anchor")  # fmt: skip
    beyond = -1.4 if side >= ROOMY else 0.3  # above the diagonal where that leaves room
    bar = place(figure, margin + side + beyond, head + 0.25, 1.3, 0.12)
    scale = figure.colorbar(ScalarMappable(LIMITS, COLORS), bar, orientation="horizontal")
    scale.set_ticks([-1, 0, 1])
    bar.set_title("Spearman correlation", fontsize=8, pad=3)
    _list(place(figure, list_left, head, PANEL, list_high), pairs, texts, listed)
    for row, column in np.ndindex(len(shown), len(values)):
        x, y = left + column * (SMALL + GAP[0]), top + row * (SMALL + GAP[1])
        axis = place(figure, x, y, SMALL, SMALL)
        where = (table["layer"] == shown[row]) & (table["value"] == values[column])
        _matrix(axis, table[where], names)
        units = f", {table[where]['n_units'].max():.0f} units"
        name = f"{short[shown[row]]}{units}\n" if column == 0 else ""
        axis.set_title(f"{name}{value_name(values[column])}", loc="left", fontsize=8, pad=3)
    return figure


def _list(axis: Axes, pairs: pd.DataFrame, texts: list[str], title: str) -> None:
    """Draw the strongest pairs by name, with their intervals."""
    axis.set_title(title, loc="right")
    rho, low, high = pairs[["rho", "low", "high"]].to_numpy(float).T
    colors = COLORS(LIMITS(0.8 * np.sign(rho)))
    axis.hlines(range(len(pairs)), low, high, colors=colors, linewidth=1.5)
    axis.scatter(rho, range(len(pairs)), 25, colors)
    axis.axvline(0, color="0.8", linewidth=0.8, zorder=0)
    axis.set(xlim=(-1.02, 1.02), ylim=(max(1, len(pairs)) - 0.5, -0.5))
    axis.set_yticks(range(len(texts)), texts, fontsize=8)
    axis.set_xticks([-1, -0.5, 0, 0.5, 1], ["-1", "-0.5", "0", "0.5", "1"], fontsize=8)
    axis.tick_params(axis="y", length=0)


def _matrix(axis: Axes, one: pd.DataFrame, names: list[str], *, numbers: bool = False) -> None:
    """Color the correlations that are told from zero below the diagonal, and write them all."""
    place_of = {name: number for number, name in enumerate(names)}
    first, second = (one[f"variable_{k}"].map(place_of).to_numpy(int) for k in (1, 2))
    rho, sure = one["rho"].to_numpy(float), told(one).to_numpy(bool)
    shown = np.full((len(names), len(names)), np.nan)
    shown[second, first] = np.where(sure | np.isnan(rho), rho, 0)
    hidden = np.triu(np.ones_like(shown, dtype=bool))
    colors = COLORS(LIMITS(np.ma.masked_invalid(shown)))
    colors[hidden] = 1  # white
    axis.imshow(colors)
    axis.spines[:].set_visible(False)
    axis.set_xticks([])
    axis.set_yticks([])
    if not numbers:
        return
    cells = {}
    for row, column, r, certain in zip(second, first, rho, sure, strict=True):
        if np.isfinite(r):
            text = f"{r:.2f}".replace("-0.00", "0.00").replace("0.", ".")
            color = ("white" if abs(r) > 0.65 else "black") if certain else "0.6"
            cells[int(row), int(column)] = text, color
    Numbers(axis, cells)


def _counts(one: pd.DataFrame) -> str:
    first = one.iloc[0]
    positions = first["n_positions"] + first["undefined"]
    of = f", {positions} positions" if positions > 1 else ""
    gone = f"{first['dead_units']:,} dead, {first['rare_units']:,} rare"
    return f"{first['n_units']:.0f} units{of}, left out {gone}"
