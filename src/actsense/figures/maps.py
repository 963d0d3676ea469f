"""Single units: maps of the most sensitive channels, and bars of channels and vector units."""

__all__ = ["channel_bars", "layer_maps"]

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.figures.mosaic import Mosaic, share_bar
from actsense.figures.profiles import NAMES
from actsense.figures.style import CONTEXT_LINES, FACTOR_COLORS, HEADER, new_figure, place

GAP = (0.35, 0.1)  # between rows, where numbers stand, and columns: in sides of a map
SIDE = 0.72  # inches of a map
LABELS, ABOVE, APART, BAR = 1.4, 0.5, 0.25, 1.0  # inches: left of, above, between, right of blocks


def layer_maps(
    units: xr.Dataset, channels: xr.Dataset | None, *, title: str, shown: int
) -> Figure:
    """Draw the indices of the most sensitive channels (or units) of a layer, factor by factor.

    Arguments:
        units: Indices per unit of one layer.
        channels: Indices per channel, or None for a layer that is a vector.
        title: Network, design and layer.
        shown: Channels per factor and index.
    """
    if channels is None:
        return _unit_bars(units, title=title, shown=shown)
    factors = [str(factor) for factor in units["factor"].to_numpy()]
    shown = min(shown, channels.sizes["channel"])
    dead = int(units["dead"].sum())
    height, width = SIDE * (1 + GAP[0]) * len(factors), SIDE * (1 + GAP[1]) * shown
    figure = new_figure(
        LABELS + len(NAMES) * (width + APART) + BAR,
        HEADER + ABOVE + height,
        f"{title}: where the most sensitive channels feel each factor",
        f"Each row shows the {shown} channels with the largest variance due to its factor (index "
        "times variance); numbers are channels.\nShares of each unit's variance, clipped to "
        f"[0, 1] in this picture only. Gray: dead units ({dead} of {units['dead'].size}).",
        arranged=False,
    )
    for number, (index, name) in enumerate(NAMES.items()):
        left = LABELS + number * (width + APART)
        block = place(figure, left, HEADER + ABOVE, width, height)
        half = float(units[f"{index}_ci"].median())
        block.set_title(f"{name}  (median half-width {half:.2f})", fontsize=10, pad=14)
        _map_block(block, units[index], channels, shown)
    rows = (np.arange(len(factors)) + 0.5 / (1 + GAP[0])) / len(factors)
    figure.axes[0].set_yticks(rows * figure.axes[0].get_ylim()[0], factors, fontsize=8.5)
    figure.axes[0].tick_params(axis="y", length=0)
    share_bar(figure, LABELS + len(NAMES) * (width + APART), HEADER + ABOVE, min(height, 3.5))
    return figure


def _map_block(axis: Axes, units: xr.DataArray, channels: xr.Dataset, shown: int) -> None:
    """Draw the maps of the strongest channels, a row per factor, and the channels' numbers."""
    index = str(units.name)
    factors = units["factor"].to_numpy()
    strongest = np.stack(
        [_strongest(channels.sel(factor=one), index, "channel", shown) for one in factors]
    )
    planes = units.transpose("factor", "channel", "row", "col").to_numpy()
    maps = Mosaic(planes[np.arange(len(factors))[:, None], strongest], GAP)
    maps.show(axis)
    down, right = maps.pitch
    for (row, column), channel in np.ndenumerate(strongest):
        axis.text(right * column + maps.side / 2, down * row - maps.side / 50, str(channel),
                  fontsize=7, ha="center", va="bottom")  # fmt: skip


def channel_bars(channels: Mapping[str, xr.Dataset], *, title: str, shown: int) -> Figure | None:
    """Draw the Shapley effects of the channels that feel each augmentation most.

    Arguments:
        channels: Indices per channel of every layer that is a map.
        title: Network and design.
        shown: Channels per layer and augmentation.
    """
    if not channels:
        return None
    first = next(iter(channels.values()))
    factors = [str(f) for f in first["factor"].to_numpy() if str(f) not in CONTEXT_LINES]
    figure = new_figure(
        1.0 + 1.9 * len(factors),
        1.2 + 1.35 * len(channels),
        f"{title}: the channels that feel each augmentation most",
        "Shapley effects of channels (their units weighted by variance), share of the channel's "
        "variance; bars are 95 % intervals over replicates.\nThe panels of a layer share their "
        "scale; numbers are channels, chosen by effect times variance.",
    )
    axes = figure.subplots(len(channels), len(factors), sharey="row", squeeze=False)
    for row, (layer, data) in zip(axes, channels.items(), strict=True):
        for axis, factor in zip(row, factors, strict=True):
            one = data.sel(factor=factor)
            top = _strongest(one, "shapley", "channel", min(shown, data.sizes["channel"]))
            _bars(axis, one.isel(channel=top), "shapley", top, FACTOR_COLORS[factor])
        row[0].set_ylabel(layer, fontsize=9)
    for axis, factor in zip(axes[0], factors, strict=True):
        axis.set_title(factor, fontsize=9)
    return figure


def _unit_bars(units: xr.Dataset, *, title: str, shown: int) -> Figure:
    factors = [str(factor) for factor in units["factor"].to_numpy()]
    shown = min(shown, units.sizes["unit"])
    dead = int(units["dead"].sum())
    figure = new_figure(
        3 + 3 * max(1.8, 0.42 * shown),
        1.3 + 0.98 * len(factors),
        f"{title}: the units that feel each factor most",
        f"Each row shows the {shown} units with the largest variance due to its factor; numbers "
        "are units, bars 95 % intervals over replicates.\nShares of each unit's variance. Dead "
        f"units: {dead} of {units['dead'].size}.",
    )
    axes = figure.subplots(len(factors), 3, sharey="row", squeeze=False)
    for axis, name in zip(axes[0], NAMES.values(), strict=True):
        axis.set_title(name)
    for row, factor in zip(axes, factors, strict=True):
        one = units.sel(factor=factor)
        for axis, index in zip(row, NAMES, strict=True):
            top = _strongest(one, index, "unit", shown)
            _bars(axis, one.isel(unit=top), index, top, FACTOR_COLORS[factor])
        row[0].set_ylabel(factor, rotation=0, ha="right", va="center", fontsize=8.5)
    return figure


def _strongest(data: xr.Dataset, index: str, dimension: str, shown: int) -> NDArray[np.int64]:
    """Choose by variance due to the factor, so that nearly dead units do not win by noise."""
    strength = (data[index] * data["variance"]).transpose(dimension).to_numpy()
    ranked = np.where(np.isfinite(strength), strength, -np.inf)
    return np.argsort(-ranked, kind="stable")[:shown]


def _bars(axis: Axes, data: xr.Dataset, index: str, labels: NDArray[np.int64], color: str) -> None:
    places = np.arange(len(labels))
    axis.bar(places, data[index], yerr=data[f"{index}_ci"], color=color, capsize=2,
             error_kw={"linewidth": 0.9}, width=0.75)  # fmt: skip
    axis.axhline(0, color="0.6", linewidth=0.7)
    axis.set_xticks(places, [str(label) for label in labels], fontsize=7)
    axis.tick_params(axis="y", labelsize=7)
