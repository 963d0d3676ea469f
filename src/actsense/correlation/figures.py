"""Rank correlations between maps: all pairs of variables, and single ones over depth."""

__all__ = ["across_panels", "plot_correlation", "variation_panels", "within_matrices"]

from collections.abc import Mapping
from math import ceil
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D

from actsense.drawing.depth import PAGE, fitting, name_layers
from actsense.drawing.names import short_names
from actsense.drawing.style import new_figure, save
from actsense.store import read_table

CELL = 0.135  # inches: room for a label of 7 points
COLUMNS = (5, 6, 4)  # of panels
PANEL, PITCH = 2.3, 0.17  # inches: least width of a panel, and of it for every layer
SIGNIFICANT = 0.05  # of adjusted p-values
VALUE_COLORS = {"S1": "#0072B2", "ST": "#D55E00", "shapley": "#009E73", "contrast": "#CC79A7"}
PAIR_COLORS = {
    "S1, ST": "#000000",
    "S1, shapley": "#0072B2",
    "ST, shapley": "#009E73",
    "S1, contrast": "#E69F00",
    "ST, contrast": "#D55E00",
    "shapley, contrast": "#CC79A7",
}
# Of contrasts where partitions are apart, in the order of the lines.
OTHERS = ("#E69F00", "#D55E00", "#CC79A7", "#56B4E9", "#882255", "#999933", "#661100")
INTERVALS = (
    "95 % intervals over tiles of the map, or over units in layers without positions. Hollow: "
    f"units exchanged at random would correlate as much (adjusted p above {SIGNIFICANT:g})."
)


def plot_correlation(
    tables: Mapping[str, Path], outputs: Mapping[str, Path], *, title: str, dpi: int
) -> None:
    """Draw all figures of the correlations of a network.

    Arguments:
        tables: CSV files `within`, `across` and `variation`.
        outputs: PNG files of the same names.
        title: Network.
        dpi: Dots per inch of the PNG files.
    """
    figures = {
        "within": within_matrices,
        "across": across_panels,
        "variation": variation_panels,
    }
    for name, draw in figures.items():
        table = read_table(tables[name])
        nothing = new_figure(8, 1.2, title, "No layer can be correlated: correlation_skipped.csv.")
        save(draw(table, title=title) if len(table) else nothing, outputs[name], dpi=dpi)


def within_matrices(table: pd.DataFrame, *, title: str) -> Figure:
    """Draw the correlations of every two variables, a row per layer and a column per value.

    Arguments:
        table: From `correlation_within.csv`.
        title: Network.
    """
    variables = list(dict.fromkeys([*table["variable_1"], *table["variable_2"]]))
    every, values = (list(dict.fromkeys(table[name])) for name in ("layer", "value"))
    side = CELL * max(len(variables), 8)
    high, wide = side + 0.55, len(values) * (side + 0.2)
    most = int((PAGE - 1.4) / high)  # below each other
    blocks = min(ceil(len(every) / most), max(1, int(PAGE / wide)))  # of them, side by side
    layers, note = fitting(every, most * blocks)
    rows, short = ceil(len(layers) / blocks), short_names(every)
    figure = new_figure(
        max(9.5, blocks * wide + 2.1),
        rows * high + 2.4,
        f"{title}: which variables move the same units?",
        "Spearman correlation over the units of a layer between the maps of two variables, mean "
        "over positions. Below the diagonal: all. Above it: only those\ntold from zero, by the "
        f"95 % interval and by exchanged units (adjusted p < {SIGNIFICANT:g}). Gray: the same "
        f"variable, no such map, or a constant one.{note}",
    )
    axes = figure.subplots(rows, blocks * len(values), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for number, layer in enumerate(layers):
        start, row = number // rows * len(values), number % rows
        for axis, value in zip(axes[row, start:], values, strict=False):
            one = table[(table["layer"] == layer) & (table["value"] == value)]
            image = _matrix(axis, one, variables)
            if axis is axes[row, 0]:
                axis.set_yticks(range(len(variables)), variables, fontsize=7)
            if row == rows - 1:
                axis.set_xticks(range(len(variables)), variables, fontsize=7, rotation=90)
            axis.set_title(f" \n{value}", loc="left", fontsize=8)
            if value == values[0]:  # on the free line: it is longer than a matrix is wide
                counts = f"{short[layer]}: {_counts(one)}"
                axis.annotate(counts, (0, 1), (0, 16), "axes fraction", "offset points",
                              fontsize=8).set_in_layout(False)  # fmt: skip
    figure.colorbar(
        image,
        ax=axes,
        aspect=40,
        fraction=0.02,
        pad=0.01,
        shrink=0.4,
        label="Spearman correlation",
    )
    return figure


def across_panels(table: pd.DataFrame, *, title: str) -> Figure:
    """Draw how the values of the same variable agree over depth, a panel per variable.

    Arguments:
        table: From `correlation_across.csv`.
        title: Network.
    """
    same = table[table["variable_1"] == table["variable_2"]]
    same = same.assign(variable=same["variable_1"], line=same["value_1"] + ", " + same["value_2"])
    return _panels(
        same,
        PAIR_COLORS,
        f"{title}: do the values of a variable rank the same units highest?",
        "Spearman correlation over the units of a layer between two values of the same variable, "
        f"mean over positions.\n{INTERVALS}",
    )


def variation_panels(table: pd.DataFrame, *, title: str) -> Figure:
    """Draw how maps follow the coefficient of variation over depth, a panel per variable.

    Arguments:
        table: From `correlation_variation.csv`.
        title: Network.
    """
    return _panels(
        table.assign(line=table["value"]),
        VALUE_COLORS,
        f"{title}: are units that vary more also more sensitive?",
        "Spearman correlation over the units of a layer between a map and the coefficient of "
        f"variation (deviation / |mean|), mean over positions.\n{INTERVALS}",
    )


def _panels(table: pd.DataFrame, known: Mapping[str, str], title: str, subtitle: str) -> Figure:
    colors = _colors(table, known)
    variables = dict(iter(table.groupby("variable", sort=False)))
    layers = list(dict.fromkeys(table["layer"]))
    wide = max(PANEL, min(0.4, max(PITCH, 3.2 / len(layers))) * len(layers))
    # As many columns as leave the fewest gaps in the last row.
    columns = min(COLUMNS, key=lambda count: -len(variables) % count)
    columns = min(columns, len(variables), max(1, int((PAGE - 2.2) / wide)))
    rows = ceil(len(variables) / columns)
    high = min(1.9, max(1.0, (PAGE - 1.8) / rows))
    figure = new_figure(max(11.0, columns * wide + 2.2), high * rows + 1.8, title, subtitle)
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for number, (axis, (variable, one)) in enumerate(
        zip(axes.flat, variables.items(), strict=False)
    ):
        for place, (line, color) in enumerate(colors.items()):
            shift = 0.1 * (place - (len(colors) - 1) / 2)
            _line(axis, one[one["line"] == line].set_index("layer").reindex(layers), color, shift)
        axis.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        axis.set_title(variable, loc="left", fontsize=9)
        axis.patch.set_visible(False)  # slanted names above a gap reach over the panel beside it
        axis.set_ylim(-1.08, 1.08)
        axis.set_xticks([])
        if number + columns >= len(variables):
            name_layers(axis, range(len(layers)), layers, wide - 0.3, size=8)
            for label in axis.get_xticklabels():  # above a gap in the last row there is room
                label.set_in_layout(number // columns == rows - 1)
    for axis in axes.flat[len(variables) :]:
        axis.set_visible(False)
    figure.supylabel("Spearman correlation", fontsize=9)
    lines = [Line2D([], [], color=color, marker="o", markersize=4) for color in colors.values()]
    figure.legend(lines, [*colors], loc="outside right center")
    return figure


def _colors(table: pd.DataFrame, known: Mapping[str, str]) -> Mapping[str, str]:
    """Return the known colors of lines, with further ones if there are other lines."""
    lines = list(dict.fromkeys(table["line"]))
    if set(lines) <= set(known):
        return known
    used = {known[line] for line in lines if line in known}
    others = iter(color for color in OTHERS if color not in used)
    return {line: known[line] if line in known else next(others) for line in lines}


def _line(axis: Axes, one: pd.DataFrame, color: str, shift: float) -> None:
    """Draw one line over depth, its intervals, and hollow markers where chance would do."""
    places, rho = np.arange(len(one)) + shift, one["rho"].to_numpy(float)
    axis.plot(places, rho, color=color, linewidth=0.9)
    axis.vlines(places, one["low"], one["high"], color=color, linewidth=0.9)
    sure = one["p_adjusted"].to_numpy(float) < SIGNIFICANT
    axis.scatter(places, rho, 14, np.where(sure, color, "white"), edgecolors=color, zorder=3)


def _matrix(axis: Axes, one: pd.DataFrame, variables: list[str]) -> AxesImage:
    """Color all correlations below the diagonal, and those told from zero above it."""
    place = {variable: number for number, variable in enumerate(variables)}
    first, second = (one[f"variable_{side}"].map(place).to_numpy(int) for side in (1, 2))
    rho, low, high, p_value = one[["rho", "low", "high", "p_adjusted"]].to_numpy(float).T
    told = np.isnan(rho) | ((low * high > 0) & (p_value < SIGNIFICANT))
    shown = np.full((len(variables), len(variables)), np.nan)
    shown[second, first], shown[first, second] = rho, np.where(told, rho, 0)
    axis.set_axis_on()
    axis.set_facecolor("0.85")
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)
    return axis.imshow(shown, cmap="RdBu_r", vmin=-1, vmax=1)


def _counts(one: pd.DataFrame) -> str:
    first = one.iloc[0]
    positions = first["n_positions"] + first["undefined"]
    of = f", {positions} positions" if positions > 1 else ""
    gone = f"{first['dead_units']:,} dead, {first['rare_units']:,} rare"
    return f"{first['n_units']:.0f} units{of}, left out {gone}"
