"""All figures of rank correlations between maps, and those of single variables over depth."""

__all__ = ["across_panels", "plot_correlation", "variation_panels"]

from collections.abc import Mapping
from math import ceil
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from actsense.correlation.chosen import SIGNIFICANT, enough_units, largest_layer
from actsense.correlation.matrix_figures import within_matrices
from actsense.drawing.depth import PAGE, name_layers
from actsense.drawing.names import short_names
from actsense.drawing.style import empty_figure, new_figure, save
from actsense.drawing.values import value_name
from actsense.store import read_table

COLUMNS = (5, 6, 4)  # of panels
PANEL, PITCH = 1.2, 0.17  # inches: least width of a panel, and of it for every layer
LARGE = 3.8  # inches: width of the panel of one layer
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
MARKERS = "os^DvPX<>ph*"  # of lines, in their order
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
        nothing = empty_figure(title, "No layer can be correlated: correlation_skipped.csv.")
        save(draw(table, title=title) if len(table) else nothing, outputs[name], dpi=dpi)


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
        f"{title}: do S1, ST, Shapley effects and contrasts rank the same units highest?",
        "Spearman correlation over the units of a layer between two of them, for the same factor, "
        "mean over positions.",
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
        "variation (deviation / |mean|).",
    )


def _panels(table: pd.DataFrame, known: Mapping[str, str], title: str, subtitle: str) -> Figure:
    """Draw all variables of one layer in a large panel, and each of them over depth beside it."""
    table, gone = enough_units(table)
    if table.empty:
        return empty_figure(title, gone)
    colors = _colors(table, known)
    variables = {str(name): one for name, one in table.groupby("variable", sort=False)}
    layers, large = list(dict.fromkeys(table["layer"])), largest_layer(table)
    units = table.groupby("layer", sort=False)["n_units"].max()
    wide = max(PANEL, min(0.4, max(PITCH, 3.2 / len(layers))) * len(layers))
    # As many columns as leave the fewest gaps in the last row.
    columns = min(COLUMNS, key=lambda count: -len(variables) % count)
    columns = min(columns, len(variables), max(1, int((PAGE - LARGE - 2.2) / wide)))
    rows = ceil(len(variables) / columns)
    high = max(min(1.9, max(1.0, (PAGE - 1.8) / rows)), 0.3 * len(variables) / rows)
    figure = new_figure(
        max(11.0, LARGE + columns * wide + 2.2),
        high * rows + 1.8,
        title,
        f"{subtitle} In brackets: units. {gone}\n{INTERVALS}",
    )
    ratios = [LARGE / wide, *[1] * columns]
    places = figure.add_gridspec(rows, columns + 1, width_ratios=ratios)
    _one_layer(figure.add_subplot(places[:, 0]), table[table["layer"] == large], list(variables),
               colors, f"{short_names(layers)[large]} ({units[large]:.0f})")  # fmt: skip
    first = None
    for number, (variable, one) in enumerate(variables.items()):
        row, column = divmod(number, columns)
        axis = figure.add_subplot(places[row, column + 1], sharey=first)
        first = first or axis
        for place, (line, color) in enumerate(colors.items()):
            shift = 0.1 * (place - (len(colors) - 1) / 2)
            own = one[one["line"] == line].set_index("layer").reindex(layers)
            _line(axis, own, color, MARKERS[place], shift)
        axis.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        axis.set_title(variable, loc="left", fontsize=9)
        axis.patch.set_visible(False)  # slanted names above a gap reach over the panel beside it
        axis.set_ylim(-1.08, 1.08)
        axis.tick_params(labelleft=column == 0)
        axis.set_xticks([])
        if number + columns >= len(variables):
            counted = [f"({units[layer]:.0f})" for layer in layers]
            name_layers(axis, range(len(layers)), layers, wide - 0.3, size=8, suffixes=counted)
            for label in axis.get_xticklabels():  # above a gap in the last row there is room
                label.set_in_layout(row == rows - 1)
    lines = [
        Line2D([], [], color=color, marker=mark, markersize=4)
        for color, mark in zip(colors.values(), MARKERS, strict=False)
    ]
    figure.legend(lines, map(value_name, colors), loc="outside right center")
    return figure


def _one_layer(
    axis: Axes, table: pd.DataFrame, variables: list[str], colors: Mapping[str, str], title: str
) -> None:
    """Draw all variables of a layer, a row each."""
    for number, (line, color) in enumerate(colors.items()):
        one = table[table["line"] == line].set_index("variable").reindex(variables)
        shift = 0.7 * (number - (len(colors) - 1) / 2) / len(colors)
        rows, rho = np.arange(len(one)) + shift, one["rho"].to_numpy(float)
        axis.hlines(rows, one["low"], one["high"], color=color, linewidth=1.1)
        sure = one["p_adjusted"].to_numpy(float) < SIGNIFICANT
        face = np.where(sure, color, "white")
        axis.scatter(rho, rows, 20, face, marker=MARKERS[number], edgecolors=color, zorder=3)
    axis.axvline(0, color="0.8", linewidth=0.8, zorder=0)
    axis.hlines(np.arange(1, len(variables)) - 0.5, -1, 1, color="0.93", linewidth=0.7, zorder=0)
    axis.set(xlim=(-1.08, 1.08), ylim=(len(variables) - 0.4, -0.6), xlabel="Spearman correlation")
    axis.set_yticks(range(len(variables)), variables)
    axis.set_xticks([-1, -0.5, 0, 0.5, 1])
    axis.set_title(title, loc="left")
    axis.patch.set_visible(False)  # names below the panels beside it reach over it


def _colors(table: pd.DataFrame, known: Mapping[str, str]) -> Mapping[str, str]:
    """Return the colors of the lines of a table: known ones first, then further ones."""
    lines = list(dict.fromkeys(table["line"]))
    found = {line: color for line, color in known.items() if line in lines}
    others = iter(color for color in OTHERS if color not in found.values())
    return found | {line: next(others) for line in lines if line not in known}


def _line(axis: Axes, one: pd.DataFrame, color: str, mark: str, shift: float) -> None:
    """Draw one line over depth, its intervals, and hollow markers where chance would do."""
    places, rho = np.arange(len(one)) + shift, one["rho"].to_numpy(float)
    axis.plot(places, rho, color=color, linewidth=0.9)
    axis.vlines(places, one["low"], one["high"], color=color, linewidth=0.9)
    sure = one["p_adjusted"].to_numpy(float) < SIGNIFICANT
    face = np.where(sure, color, "white")
    axis.scatter(places, rho, 14, face, marker=mark, edgecolors=color, zorder=3)
