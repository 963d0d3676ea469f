"""Two runs beside each other: correlations of maps, layers over depth, single units."""

__all__ = ["layer_profiles", "map_correlations", "pair_correlations", "unit_clouds"]

from collections.abc import Mapping, Sequence
from math import ceil
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from actsense.comparison.compare import Comparison
from actsense.comparison.maps import SHARES
from actsense.comparison.pairing import Pair
from actsense.comparison.settings import UNKNOWN
from actsense.comparison.sides import Key
from actsense.drawing.depth import PAGE, fitting, name_layers
from actsense.drawing.matrices import Numbers, grid, longest
from actsense.drawing.names import short_names
from actsense.drawing.style import HEADER, new_figure, place

VALUES = ("S1", "ST", "shapley", "contrast", "variance")
COLORS = {"S1": "#0072B2", "ST": "#D55E00", "shapley": "#009E73", "contrast": "#CC79A7"}
WIDE, HIGH = 0.27, 0.215  # inches of a cell
GAP = 0.3  # inches between matrices
NAME = 7.5  # points
SINGLE = 0.2  # units that would be white, so that one unit is not
LINE = 0.15  # inches from one line of a note to the next
CLOUD, COLUMNS = 1.45, 5  # inches of a panel of single units; panels of factors side by side
NOTHING = "There is nothing to compare; left_out.csv says why."


def map_correlations(comparison: Comparison, pair: Pair) -> Figure:
    """Draw how alike the maps of every layer and factor are, a matrix with numbers per value.

    Arguments:
        comparison: Two studies.
        pair: One of its pairs of runs.
    """
    table = comparison.of("maps", pair)
    shown = {value: table[table["value"] == value] for value in VALUES}
    shown = {value: _labelled(one, pair) for value, one in shown.items() if len(one)}
    heading = f"{pair.title}: are the same units sensitive in both?"
    if not shown:
        return new_figure(8, 1.2, heading, NOTHING)
    every = list(dict.fromkeys(table["layer"]))
    layers, left = fitting(every, int(PAGE / HIGH))
    labels = {value: list(dict.fromkeys(one["label"])) for value, one in shown.items()}
    margin = longest(short_names(every).values(), NAME) + 0.2
    below = longest([name for names in labels.values() for name in names], NAME) * 0.9 + 0.2
    widths = [max(len(names) * WIDE, 0.7) for names in labels.values()]
    width, high = margin + sum(widths) + GAP * len(widths) + 0.8, len(layers) * HIGH
    figure, top = _page(
        (comparison, pair, table),
        (width, high + below + 0.3),
        heading,
        "Spearman correlation over units between the map of A and that of B, per layer and "
        f"factor, mean over positions.{left}\nGray on white: the 95 % interval covers 0, or there "
        "is none. Gray cells: no such map on one side, or a constant one.",
    )
    left_edge = margin
    for (value, one), wide in zip(shown.items(), widths, strict=True):
        axis = place(figure, left_edge, top + 0.3, len(labels[value]) * WIDE, high)
        image = _matrix(axis, one.assign(column=one["label"]), layers, labels[value])
        axis.set_title(value, loc="left", fontsize=9)
        first = left_edge == margin
        _name(axis, list(short_names(every)[n] for n in layers) if first else [], labels[value])
        left_edge += wide + GAP
    bar = place(figure, left_edge, top + 0.3, 0.12, max(min(high, 2.0), 1.0))
    figure.colorbar(image, cax=bar, label="correlation")
    return figure


def pair_correlations(comparison: Comparison, pair: Pair) -> Figure:
    """Draw how alike the second-order maps are, a matrix of factors with numbers per layer.

    Arguments:
        comparison: Two studies.
        pair: One of its pairs of runs.
    """
    table = comparison.of("maps", pair)
    table = table[table["value"] == "S2"]
    heading = f"{pair.title}: do the same units have interactions in both?"
    if table.empty:
        return new_figure(8, 1.2, heading, "One side has no second-order indices.")
    factors = [n for n in pair.factors if n in {*table["factor"], *table["factor_2"]}]
    side, below = len(factors) * WIDE, longest(factors, NAME) + 0.2
    most = max(1, int((PAGE - below) / (side + GAP)))
    high = len(factors) * HIGH
    every = list(dict.fromkeys(table["layer"]))
    layers, left = fitting(every, most * max(1, int(PAGE / (high + 0.3))))
    columns = min(most, len(layers))
    rows = ceil(len(layers) / columns)
    figure, top = _page(
        (comparison, pair, table),
        (below + columns * (side + GAP) + 0.8, rows * (high + 0.3) + below),
        heading,
        "Spearman correlation over units between the second-order maps of A and B, per layer and "
        f"pair of factors, mean over positions.{left}\nGray on white: the 95 % interval covers 0, "
        "or there is none. Gray cells: no such pair, or a constant map.",
    )
    axes = grid(figure, rows, columns, corner=(below, top + 0.3), size=(side, high),
                gap=(GAP, 0.3)).ravel()  # fmt: skip
    short = short_names(every)
    for number, (axis, layer) in enumerate(zip(axes, layers, strict=False)):
        one = table[table["layer"] == layer]
        image = _matrix(axis, one.assign(column=one["factor"], layer=one["factor_2"]),
                        factors, factors)  # fmt: skip
        axis.set_title(short[layer], loc="left", fontsize=9)
        last = number + columns >= len(layers)
        _name(axis, factors if number % columns == 0 else [], factors if last else [])
    for axis in axes[len(layers) :]:
        axis.set_visible(False)
    bar = place(figure, below + columns * (side + GAP), top + 0.3, 0.12, min(high, 2.0))
    figure.colorbar(image, cax=bar, label="correlation")
    return figure


def layer_profiles(comparison: Comparison, pair: Pair) -> Figure:
    """Draw the values of whole layers of both over depth, a panel per factor.

    Arguments:
        comparison: Two studies.
        pair: One of its pairs of runs.
    """
    table = comparison.of("layers", pair)
    table = _labelled(table[table["value"].isin(COLORS)], pair)
    heading = f"{pair.title}: how sensitive are the layers of both?"
    if table.empty:
        return new_figure(8, 1.2, heading, NOTHING)
    layers = [n for n in (*pair.a.run.layers, "network") if n in set(table["layer"])]
    panels = list(dict.fromkeys(table["label"]))
    columns = min(COLUMNS, len(panels))
    rows, wide = ceil(len(panels) / columns), max(2.1, min(5.0, 0.28 * len(layers)))
    below = 0.6 * longest(short_names(layers).values(), 8) + 0.1  # slanted
    figure, top = _page(
        (comparison, pair, table),
        (0.7 + columns * (wide + 0.5) + 1.2, rows * 1.9 + below),
        heading,
        "Indices of whole layers (units weighted by their variance), shares of variance; "
        f"contrast: mean over units of the rank-biserial correlation.\n{_bars(table)} Every panel "
        "has a scale of its own. `network` is all layers together.",
    )
    axes = grid(figure, rows, columns, corner=(0.6, top + 0.25), size=(wide, 1.4),
                gap=(0.5, 0.5)).ravel()  # fmt: skip
    places = np.arange(len(layers)) + 0.4 * (np.array(layers) == "network")
    for number, (axis, panel) in enumerate(zip(axes, panels, strict=False)):
        for one in table[table["label"] == panel].groupby("value", sort=False):
            _profile(axis, places, one[1].set_index("layer").reindex(layers), COLORS[str(one[0])])
        axis.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        axis.set_title(panel, loc="left", fontsize=9)
        axis.tick_params(labelsize=7)
        name_layers(axis, places, layers, wide, size=8,
                    named=number + columns >= len(panels))  # fmt: skip
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    known = [value for value in COLORS if value in set(table["value"])]
    lines = [Line2D([], [], color=COLORS[value], label=value) for value in known]
    lines += [Line2D([], [], label=name, **_style("0.3", side))
              for side, name in enumerate(("A", "B"))]  # fmt: skip
    figure.legend(handles=lines, loc="upper right", bbox_to_anchor=(
        1 - 0.05 / figure.get_figwidth(), 1 - top / figure.get_figheight()))  # fmt: skip
    return figure


def unit_clouds(comparison: Comparison, pair: Pair, layer: str) -> Figure:
    """Draw the two values of every unit of a layer against each other, a panel per factor.

    Arguments:
        comparison: Two studies.
        pair: One of its pairs of runs.
        layer: One of its layers.
    """
    table = comparison.of("maps", pair)
    table = table[(table["layer"] == layer) & table["value"].isin(COLORS)]
    heading = f"{pair.title}, {layer}: what does a unit have in A, and what in B?"
    if table.empty:
        return new_figure(8, 1.2, heading, NOTHING)
    known = [value for value in COLORS if value in set(table["value"])]
    factors = [name for name in pair.factors if name in set(table["factor"])]
    figure, top = _page(
        (comparison, pair, table),
        (1.0 + len(factors) * (CLOUD + 0.35) + 0.2, len(known) * (CLOUD + 0.5) + 0.3),
        heading,
        "Values of A along, of B upwards, units as counts on a logarithmic scale of gray; shares "
        "of variance, or the magnitude of a contrast.\nOn the line both are equal. Above a panel: "
        "rho, Spearman within positions; r, Pearson over all units, of about as much as noise "
        "allows. Outermost 0.1 % beyond the panel.",
    )
    axes = grid(figure, len(known), len(factors), corner=(0.8, top + 0.4), size=(CLOUD, CLOUD),
                gap=(0.35, 0.5))  # fmt: skip
    dead = [np.logical_or(*side.flags(layer)) for side in (pair.a, pair.b)]
    kept = ~np.logical_or(*dead)
    for row, value in zip(axes, known, strict=True):
        of_value = table[table["value"] == value].drop_duplicates("factor").set_index("factor")
        for axis, factor in zip(row, factors, strict=True):
            if factor not in of_value.index:
                axis.set_visible(False)
                continue
            told: dict[Any, Any] = of_value.loc[factor].to_dict()
            own, other = (Key(factor, "", told[n]) for n in ("partition", "partition_b"))
            a, b = (side.read(layer, value, [key])[0][kept]
                    for side, key in ((pair.a, own), (pair.b, other)))  # fmt: skip
            _cloud(axis, a, b)
            more = f", r {_number(told['pearson'])}" if value in SHARES else ""
            if np.isfinite(told["ceiling"]):
                more += f" of {_number(told['ceiling'])}"
            name = factor + ("*" if told["meaning"] else "")
            axis.set_title(f"{name}\nrho {_number(told['rho'])}{more}", loc="left", fontsize=8)
            axis.tick_params(labelsize=6.5)
        row[0].set_visible(True)
        row[0].set_ylabel(value, fontsize=9)
    return figure


def _page(
    compared: tuple[Comparison, Pair, pd.DataFrame],
    size: tuple[float, float],
    title: str,
    subtitle: str,
) -> tuple[Figure, float]:
    """Return a figure with notes below its panels, and where its panels begin."""
    (width, height), (first, second) = size, compared[0].names
    subtitle = f"{subtitle}\nA: {first}. B: {second}."
    top = HEADER + LINE
    probe = new_figure(width, 2, title, subtitle, arranged=False)
    columns = int(probe.get_figwidth() / 0.068)
    lines = [line for note in _notes(*compared) for line in wrap(note, columns)]
    height = top + height + 0.15 + LINE * len(lines)
    figure = new_figure(width, height, title, subtitle, arranged=False)
    wide, high = figure.get_size_inches()
    for number, line in enumerate(reversed(lines)):
        figure.text(0.1 / wide, (0.08 + LINE * number) / high, line, fontsize=8, va="bottom")
    return figure, top


def _notes(comparison: Comparison, pair: Pair, table: pd.DataFrame) -> list[str]:
    """Say what differs between the runs, and which factors mean something else."""
    settings = comparison.of("settings", pair).set_index("setting")
    different = settings[~settings["same"]]
    told = [f"{name}: A {row['in_a']}, B {row['in_b']}" for name, row in different.iterrows()]
    notes = [f"Different: {'; '.join(told)}."] if told else ["Both were made under the same law."]
    weights = "weights (SHA-256)"
    known = weights in settings.index and UNKNOWN not in [*settings.loc[weights, ["in_a", "in_b"]]]
    if (weights if known else "dataset") in different.index:
        notes.append(
            "Networks that were trained apart number their channels each in its own way: their "
            "maps need not correlate, whatever they respond to."
        )
    if {"seed", "dataset (SHA-256)", "weights (SHA-256)"} <= {*settings.index[settings["same"]]}:
        notes.append("Same seed, images and weights: the errors of both are alike, too.")
    meanings = table[table["meaning"] != ""].drop_duplicates("meaning")
    for _, row in meanings[meanings["factor_2"] == ""].iterrows():
        notes.append(f"* {row['factor']} is not the same in both: {row['meaning']}.")
    return notes


def _labelled(table: pd.DataFrame, pair: Pair) -> pd.DataFrame:
    """Name the column or panel of every row: its factor, its partition, a star for its meaning."""

    def label(row: Any) -> str:
        name = f"{row['factor'] or 'variance'}{'*' * bool(row['meaning'])}"
        parts = [row["partition"] or "both", row["partition_b"] or "both"]
        if parts == ["both", "both"]:
            return name
        return f"{name}, {' | '.join(dict.fromkeys(parts))}"

    return table.assign(label=[label(row) for _, row in table.iterrows()])


def _matrix(
    axis: Axes, table: pd.DataFrame, rows: Sequence[str], columns: Sequence[str]
) -> AxesImage:
    """Color correlations by row, their `layer`, and `column`, and write them into the cells."""
    shown = np.full((len(rows), len(columns)), np.nan)
    cells: dict[Any, tuple[str, str]] = {}
    for _, one in table.iterrows():
        if one["layer"] not in rows or not np.isfinite(one["rho"]):
            continue
        place = rows.index(one["layer"]), columns.index(one["column"])
        told = one["low"] * one["high"] > 0
        shown[place] = one["rho"] if told else 0
        dark = "white" if abs(one["rho"]) > 0.6 else "black"
        cells[place] = _number(one["rho"]), dark if told else "0.5"
    axis.set_facecolor("0.85")
    image = axis.imshow(shown, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    Numbers(axis, cells)
    axis.spines[:].set_visible(False)
    return image


def _number(value: float) -> str:
    """Write a correlation in a few characters."""
    if not np.isfinite(value):
        return "-"
    text = f"{value:.2f}"
    return "0" if float(text) == 0 else text.replace("0.", ".").removesuffix(".00")


def _name(axis: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Name rows at the left and columns below."""
    axis.set_yticks(range(len(rows)), rows, fontsize=NAME)
    axis.set_xticks(range(len(columns)), columns, fontsize=NAME, rotation=60, ha="right",
                    rotation_mode="anchor")  # fmt: skip


def _style(color: str, side: int) -> Mapping[str, Any]:
    """Return how a line of A (0) or B (1) is drawn."""
    return {
        "color": color,
        "linestyle": ("-", "--")[side],
        "marker": "os"[side],
        "markersize": 3.5,
        "markerfacecolor": (color, "white")[side],
        "linewidth": 1,
    }


def _profile(axis: Axes, places: NDArray[Any], one: pd.DataFrame, color: str) -> None:
    """Draw both lines of a value, with intervals where a side has them."""
    for side, name in enumerate("ab"):
        values = one[name].to_numpy(float)
        apart = [len(one) - 1] if one.index[-1] == "network" else []
        along, upwards = (np.insert(x, apart, np.nan) for x in (places + 0.1 * side, values))
        axis.plot(along, upwards, **_style(color, side))
        low, high = (one[f"{name}_{end}"].to_numpy(float) for end in ("low", "high"))
        known = np.isfinite(low)
        axis.vlines(
            places[known] + 0.1 * side, low[known], high[known], color=color, linewidth=0.9
        )


def _bars(table: pd.DataFrame) -> str:
    """Say which side has intervals."""
    held = {*table["intervals"]} - {"none"}
    if "both" in held:
        return "Bars are 95 % intervals, where a side has them."
    if not held:
        return "Without intervals: neither side has any."
    return f"Bars are 95 % intervals of {held.pop()}; the other side has none."


def _cloud(axis: Axes, a: NDArray[Any], b: NDArray[Any]) -> None:
    """Count units in hexagons, and draw the line of equal values."""
    both = np.isfinite(a) & np.isfinite(b)
    values = np.concatenate([a[both], b[both]])
    low, high = np.quantile(values, (0.001, 0.999)) if values.size else (0.0, 1.0)
    room = 0.03 * (high - low) or 0.5
    ends = float(low - room), float(high + room)
    axis.plot(ends, ends, color="#D55E00", linewidth=0.8, zorder=3)
    if values.size:
        counts, everywhere = LogNorm(vmin=SINGLE), (*ends, *ends)
        axis.hexbin(a[both], b[both], gridsize=35, extent=everywhere, norm=counts,
                    cmap="Greys", mincnt=1, linewidths=0.1)  # fmt: skip
    axis.set(xlim=ends, ylim=ends)
    for line in (axis.xaxis, axis.yaxis):
        line.set_major_locator(MaxNLocator(3))
