"""Correlations pair by pair: with numbers, over depth, over positions, and as maps."""

__all__ = ["across_matrices", "pair_lines", "position_spread", "variation_maps"]

from math import ceil

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from actsense.drawing.depth import PAGE, name_layers
from actsense.drawing.matrices import Numbers, grid, longest, name_sides
from actsense.drawing.mosaic import Mosaic
from actsense.drawing.names import legible, short_names
from actsense.drawing.style import HEADER, empty_figure, new_figure, place
from actsense.drawing.values import value_name

CELL, GAP = 0.245, 0.35  # inches: of a number, between panels
PANEL = (2.6, 2.3)  # inches of a panel over depth or of a histogram
MAP, BETWEEN = 0.62, 0.08  # inches of a map; between maps, in sides
NAMED = 6  # pairs told apart by color; the others are gray
BINS = 30
PAIR_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#000000")
COLORS, LIMITS = colormaps["RdBu_r"].with_extremes(bad="0.85"), Normalize(-1, 1)
OLDER = (
    "The table holds no spread: an earlier version made it. The target `correlation` makes it "
    "again if the option --forcerun correlate is added."
)
CONTEXT = ("order", "content", "partition", "class", "image")


def across_matrices(table: pd.DataFrame, layer: str, *, title: str) -> Figure:
    """Draw the correlations of every variable under one index with every one under another.

    Arguments:
        table: From `correlation_across.csv`.
        layer: Name of the layer.
        title: Network.
    """
    own = table[(table["layer"] == layer) & ~table["value_2"].str.startswith("contrast")]
    kinds = list(dict.fromkeys(zip(own["value_1"], own["value_2"], strict=True)))
    names = list(dict.fromkeys(own["variable_1"]))
    side, margin = CELL * len(names), longest(names) + 0.3
    across = 2 if len(kinds) > 1 else 1
    down = ceil(len(kinds) / across) or 1
    bar = margin + across * (side + 0.3)
    figure = new_figure(
        bar + 0.8,
        HEADER + down * (side + GAP) + margin,
        f"{title}, {legible(layer)}: do the indices rank units alike, variable by variable?",
        "Rank correlation over units between the map of the row's variable and that of the "
        "column's, each under its index, averaged over positions.\nOn the diagonal: the same "
        "variable under both. Gray numbers: the 95 % interval covers 0. Gray cells: undefined.",
        arranged=False,
    )
    corner, gap = (margin, HEADER + GAP), (0.3, GAP)
    axes = grid(figure, down, across, corner=corner, size=(side, side), gap=gap)
    for axis in axes.flat[len(kinds) :]:
        axis.set_visible(False)
    for number, (axis, (first, second)) in enumerate(zip(axes.flat, kinds, strict=False)):
        one = own[(own["value_1"] == first) & (own["value_2"] == second)]
        _numbered(axis, one, names)
        axis.set_title(value_name(f"rows {first}, columns {second}"), loc="left", fontsize=9)
        lowest = number + across >= len(kinds)
        name_sides(axis, names, left=number % across == 0, below=lowest)
    scale = place(figure, bar - 0.15, corner[1], 0.15, 2.5)
    figure.colorbar(ScalarMappable(LIMITS, COLORS), scale, label="rank correlation")
    return figure


def pair_lines(table: pd.DataFrame, *, title: str, augmentations: bool = True) -> Figure:
    """Draw the correlation of every pair of variables over depth, a panel per value.

    Arguments:
        table: From `correlation_within.csv`.
        title: Network.
        augmentations: Whether pairs with order, content or its parts are left out.
    """
    if augmentations:
        table = table[~_contextual(table["variable_1"]) & ~_contextual(table["variable_2"])]
    table = table.assign(pair=table["variable_1"] + ", " + table["variable_2"])
    layers, values = (list(dict.fromkeys(table[name])) for name in ("layer", "value"))
    pairs = table["pair"].nunique()
    figure, axes = _panels(
        layers,
        values,
        f"{title}: which pairs of factors stay together over depth?",
        f"Rank correlation over units of the maps of two factors, averaged over positions; a line "
        f"for each of {pairs} pairs. In color, in each panel: the {min(NAMED, pairs)} that are "
        "strongest on average,\nwith 95 % intervals. Pairs of different designs come from "
        "independent samples.",
        below=0.17 * min(NAMED, pairs) + 0.1,
    )
    lower = (_names_below(layers) + 0.1) / PANEL[1]  # in heights of a panel
    for axis, value in zip(axes, values, strict=True):
        own = table[table["value"] == value]
        wide = own.pivot(index="pair", columns="layer", values="rho")[layers]
        drawn = wide.to_numpy(float)
        places = np.broadcast_to(np.arange(len(layers)), drawn.shape)
        lines = np.stack([places, drawn], axis=-1)
        axis.add_collection(LineCollection(list(lines), colors="0.8", linewidths=0.7))
        ranked = wide.abs().mean(axis=1).sort_values(ascending=False).index[:NAMED]
        for color, pair in zip(PAIR_COLORS, ranked, strict=False):
            _line_with_intervals(axis, own[own["pair"] == pair], layers, color, str(pair))
        axis.set_ylim(-1.08, 1.08)
        axis.axhline(0, color="0.6", linewidth=0.7, zorder=0)
        axis.legend(fontsize=7.5, loc="upper left", bbox_to_anchor=(-0.02, -lower),
                    borderpad=0, handlelength=1.2)  # fmt: skip
    axes[0].set_ylabel("rank correlation")
    return figure


def position_spread(table: pd.DataFrame, *, title: str) -> Figure:
    """Draw how much correlations differ from position to position, over all pairs of variables.

    Arguments:
        table: From `correlation_within.csv`.
        title: Network.
    """
    heading = f"{title}: do two factors go together everywhere in a map?"
    if "spread" not in table:
        return empty_figure(heading, OLDER)
    table = table[table["spread"].notna()]
    if table.empty:
        return empty_figure(heading, "No layer has correlations at several positions.")
    layers, values = (list(dict.fromkeys(table[name])) for name in ("layer", "value"))
    shades = dict(zip(layers, colormaps["viridis"](np.linspace(0, 0.9, len(layers))), strict=True))
    most = float(table["spread"].max())
    figure = new_figure(
        0.8 + len(values) * (PANEL[0] + 0.55) + 1.2,
        HEADER + 0.35 + PANEL[1] + 0.5,
        heading,
        "Standard deviation over positions of the rank correlation of two variables' maps; all "
        "pairs of variables. Gray: how many pairs of all layers (left scale);\nlines: share of "
        "the pairs of a layer that spread less (right scale). Dots: what chance alone would make "
        "of unrelated maps of as many units, 1 / root of (units - 1).",
        arranged=False,
    )
    corner, size = (0.8, HEADER + 0.35), PANEL
    axes = grid(figure, 1, len(values), corner=corner, size=size, gap=(0.55, 0))[0]
    for axis, value in zip(axes, values, strict=True):
        own = table[table["value"] == value]
        axis.hist(own["spread"], bins=BINS, range=(0, most), color="0.85")
        shares = axis.twinx()
        for layer, one in own.groupby("layer", sort=False):
            ordered = np.sort(one["spread"].to_numpy(float))
            height = np.arange(1, len(ordered) + 1) / len(ordered)
            shares.step(ordered, height, where="post", color=shades[layer], linewidth=1.3)
            chance = 1 / np.sqrt(one["n_units"].iloc[0] - 1)
            at = np.searchsorted(ordered, chance) / len(ordered)
            shares.plot(chance, at, "o", color=shades[layer], markersize=5, clip_on=False)
        shares.set_ylim(0, 1.03)
        shares.spines["right"].set_visible(True)
        shares.tick_params(labelright=axis is axes[-1])
        axis.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axis.set_title(value_name(value), loc="left")
        axis.set_xlabel("spread over positions")
    axes[0].set_ylabel("pairs of all layers")
    shares.set_ylabel("share of a layer's pairs")
    short = short_names(layers)
    for layer, shade in shades.items():
        shares.plot([], [], color=shade, marker="o", markersize=4, label=short[layer])
    shares.legend(loc="upper left", bbox_to_anchor=(1.2, 1.02), fontsize=8)
    return figure


def variation_maps(layer: xr.Dataset, *, title: str) -> Figure:
    """Draw, at every position, how a sensitivity map follows the coefficient of variation.

    Arguments:
        layer: A child of `correlation_variation.zarr`: rho (value, variable, row, col).
        title: Network and layer.
    """
    rho = layer["rho"].transpose("value", "variable", "row", "col").load()
    values, names = ([str(one) for one in rho[axis].values] for axis in ("value", "variable"))
    pitch = MAP * (1 + BETWEEN)
    called = [value_name(value) for value in values]
    left, above = longest(called) + 0.25, 0.9 * longest(names) + 0.2
    top, wide, high = HEADER + above, pitch * len(names), pitch * len(values)
    figure = new_figure(
        left + wide + 1.0,
        top + high + 0.1,
        f"{title}: where are units that vary more also more sensitive?",
        "At each position, rank correlation over channels between sensitivity and the "
        "coefficient of variation (deviation / |mean|) under the same design.\nRed: channels that "
        "vary more feel the factor more there. Gray: undefined; contrast is known of "
        "augmentations alone.",
        arranged=False,
    )
    axis = place(figure, left, top, wide, high)
    planes = rho.to_numpy().astype(np.float32)
    maps = Mosaic(planes, np.zeros(planes.shape, bool), (BETWEEN, BETWEEN), LIMITS, COLORS)
    maps.show(axis)
    down, right = maps.pitch
    axis.set_xticks([right * k + maps.side / 2 for k in range(len(names))], names, fontsize=8,
                    rotation=60, ha="left", rotation_mode="anchor")  # fmt: skip
    axis.set_yticks([down * k + maps.side / 2 for k in range(len(values))], called, fontsize=8)
    axis.tick_params(length=0, labeltop=True, labelbottom=False)
    bar = place(figure, left + wide + 0.1, top, 0.15, high)
    figure.colorbar(ScalarMappable(LIMITS, COLORS), bar, label="rank correlation")
    return figure


def _contextual(variables: pd.Series) -> pd.Series:
    """Tell which variables are no augmentations; their designs may follow in brackets."""
    return variables.str.split(" ").str[0].isin(CONTEXT)


def _panels(
    layers: list[str], values: list[str], title: str, subtitle: str, *, below: float
) -> tuple[Figure, list[Axes]]:
    """Return panels over depth side by side, one for each value."""
    wide = max(PANEL[0], min(0.2 * len(layers), PAGE / len(values)))
    figure = new_figure(
        0.8 + len(values) * (wide + 0.3),
        HEADER + 0.35 + PANEL[1] + _names_below(layers) + 0.1 + below,
        title,
        subtitle,
        arranged=False,
    )
    corner = (0.7, HEADER + 0.35)
    axes = grid(figure, 1, len(values), corner=corner, size=(wide, PANEL[1]), gap=(0.3, 0))[0]
    for axis, value in zip(axes, values, strict=True):
        name_layers(axis, range(len(layers)), layers, wide, size=8)
        axis.set_xlim(-0.4, len(layers) - 0.6)
        axis.set_title(value_name(value), loc="left")
        axis.tick_params(labelleft=axis is axes[0])
    return figure, list(axes)


def _names_below(layers: list[str]) -> float:
    """Return the room for the names of layers below a panel, inches."""
    return longest(short_names(layers).values(), 8) + 0.1


def _line_with_intervals(
    axis: Axes, one: pd.DataFrame, layers: list[str], color: str, label: str
) -> None:
    """Draw a pair over the layers, with its intervals."""
    rows = one.set_index("layer").reindex(layers)
    places = np.arange(len(layers))
    axis.plot(places, rows["rho"], color=color, marker="o", markersize=3, linewidth=1.2,
              label=label)  # fmt: skip
    axis.vlines(places, rows["low"], rows["high"], color=color, linewidth=0.9)


def _numbered(axis: Axes, one: pd.DataFrame, names: list[str]) -> None:
    """Color a matrix and write its numbers, gray where an interval covers 0."""
    place_of = {name: number for number, name in enumerate(names)}
    rows, columns = (one[f"variable_{k}"].map(place_of).to_numpy(int) for k in (1, 2))
    rho, low, high = one[["rho", "low", "high"]].to_numpy(float).T
    shown = np.full((len(names), len(names)), np.nan)
    shown[rows, columns] = rho
    axis.imshow(np.ma.masked_invalid(shown), cmap=COLORS, norm=LIMITS)
    written = {}
    for row, column, value, least, most in zip(rows, columns, rho, low, high, strict=True):
        if np.isfinite(value):
            sure = least * most > 0
            color = "white" if abs(value) > 0.65 else "black" if sure else "0.55"
            text = f"{value:.2f}".replace("-0.00", "0.00").replace("0.", ".")
            written[int(row), int(column)] = text, color
    Numbers(axis, written)
