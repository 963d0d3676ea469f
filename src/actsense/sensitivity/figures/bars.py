"""Bars of the channels and units that feel a factor most, rows of them in one panel."""

__all__ = ["channel_bars", "strongest", "unit_bars"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.drawing.depth import PAGE
from actsense.drawing.intervals import bars_note, reach
from actsense.drawing.matrices import Numbers, grid, longest
from actsense.drawing.names import short_names
from actsense.drawing.style import (
    CONTEXT_LINES,
    FACTOR_COLORS,
    HEADER,
    ROUNDING,
    factor_labels,
    new_figure,
)
from actsense.drawing.values import TITLES
from actsense.store import LeftOut

ROOM = 0.8  # of a row for its bars; numbers stand below
# Inches: of a row, in which numbers of several points stand, and of a bar; between panels.
ROW, LEAST, BAR, GAP = 0.98, 0.36, 0.32, (0.25, 0.0)
TICKS, WIDTH = 0.45, 9.5  # inches left of the first panel, and of a page at least
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """Bars side by side.

    Arguments:
        values: Their heights, (bars,).
        widths: Half-widths of their intervals, (bars,).
        numbers: Of channels or units, (bars,).
        color: Of the bars.
    """

    values: Floats
    widths: Floats
    numbers: NDArray[np.int64]
    color: str

    @classmethod
    def of(cls, data: xr.Dataset, index: str, dimension: str, shown: int, color: str) -> "Row":
        """Choose the bars of one factor: those with most variance due to it, none left out."""
        numbers = strongest(data, index, dimension, shown)
        left_out = (data["dead"] | data["rare"]).to_numpy()
        numbers = numbers[~left_out[numbers]]
        chosen = data.isel({dimension: numbers})
        values, widths = (chosen[name].to_numpy().astype(float) for name in (index, f"{index}_ci"))
        return cls(values, widths, numbers, color)


def strongest(data: xr.Dataset, index: str, dimension: str, shown: int) -> NDArray[np.int64]:
    """Choose by variance due to the factor, not by noise: dead and rare units come last."""
    defined = ~(data["dead"] | data["rare"])
    strength = (data[index] * data["variance"]).where(defined).transpose(dimension).to_numpy()
    ranked = np.where(np.isfinite(strength), strength, -np.inf)
    return np.argsort(-ranked, kind="stable")[:shown]


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
    left_out = sum(map(LeftOut.count, channels.values()), LeftOut(0, 0, 0))
    panels = [
        [
            Row.of(data.sel(factor=factor), "shapley", "channel", shown, FACTOR_COLORS[factor])
            for data in channels.values()
        ]
        for factor in factors
    ]
    return _page(
        panels,
        factors,
        list(short_names(channels).values()),
        f"{title}: the channels that feel each augmentation most",
        "Shapley effects of channels (their units weighted by variance), share of the channel's "
        f"variance; {bars_note(first['shapley_ci'])}.\nThe panels of a layer share their "
        f"scale; numbers are channels, chosen by effect times variance. Left out: {left_out}.",
    )


def unit_bars(units: xr.Dataset, *, title: str, shown: int) -> Figure:
    """Draw the indices of the units of a vector that feel each factor most.

    Arguments:
        units: Indices per unit of one layer.
        title: Network, design and layer.
        shown: Units per factor and index.
    """
    factors = [str(factor) for factor in units["factor"].to_numpy()]
    left_out = LeftOut.count(units)
    shown = min(shown, left_out.of - left_out.dead - left_out.rare)
    title = f"{title}: the units that feel each factor most"
    if not shown:
        why = f"All units are left out: {left_out}. More base points make fewer of them rare."
        return new_figure(8, HEADER, title, why)
    panels = [
        [
            Row.of(units.sel(factor=factor), index, "unit", shown, FACTOR_COLORS[factor])
            for factor in factors
        ]
        for index in TITLES
    ]
    return _page(
        panels,
        list(TITLES.values()),
        list(factor_labels(factors).values()),
        title,
        f"Each row shows the {shown} units with the largest variance due to its factor; numbers "
        f"are units, {bars_note(units['S1_ci'], 'bars 95 % intervals over replicates')}.\n"
        f"Shares of each unit's variance. Left out: {left_out} units.",
    )


def _page(
    panels: Sequence[Sequence[Row]],
    names: Sequence[str],
    rows: Sequence[str],
    title: str,
    subtitle: str,
) -> Figure:
    """Draw panels side by side, in which rows of the same place share their scale."""
    bars = max(1, *(len(row.values) for panel in panels for row in panel))
    margin = ROUNDING * longest(rows, 8.5) + TICKS
    wide = max(BAR * bars, (WIDTH - margin) / len(panels) - GAP[0])
    size = wide, min(ROW, max(LEAST, PAGE / len(rows))) * len(rows)
    figure = new_figure(
        margin + len(panels) * (size[0] + GAP[0]),
        HEADER + 0.3 + size[1] + 0.1,
        title,
        subtitle,
        arranged=False,
    )
    axes = grid(figure, 1, len(panels), corner=(margin, HEADER + 0.3), size=size, gap=GAP)[0]
    limits = [_limits(level) for level in zip(*panels, strict=True)]
    for axis, panel, name in zip(axes, panels, names, strict=True):
        _draw(axis, panel, limits, bars)
        axis.set_title(name, fontsize=9)
    ticks = [(low, high, _round(high)) for low, high in limits]
    axes[0].set_yticks(
        [row + _level(np.array(value), low, high) for row, (low, high, top) in enumerate(ticks)
         for value in (0, top)],
        [f"{value:g}" for _, _, top in ticks for value in (0, top)],
        fontsize=7,
    )  # fmt: skip
    for row, name in enumerate(rows):
        axes[0].annotate(name, (0, row + ROOM / 2), (-72 * TICKS + 4, 0), fontsize=8.5,
                         xycoords=("axes fraction", "data"), textcoords="offset points",
                         ha="right", va="center")  # fmt: skip
    return figure


def _draw(
    axis: Axes, panel: Sequence[Row], limits: Sequence[tuple[float, float]], bars: int
) -> None:
    """Draw all bars of a panel in one stroke, and their intervals, zero lines and numbers."""
    corners: list[list[tuple[float, float]]] = []
    lines: list[list[tuple[float, float]]] = []
    cells: dict[tuple[float, float], tuple[str, str]] = {}
    colors, zeros = [], []
    for place, (row, (low, high)) in enumerate(zip(panel, limits, strict=True)):
        zero = place + float(_level(np.array(0), low, high))
        zeros.append(zero)
        ends = (row.values, row.values - row.widths, row.values + row.widths)
        tops, lower, upper = (place + _level(end, low, high) for end in ends)
        for x, (top, one, other) in enumerate(zip(tops, lower, upper, strict=True)):
            corners.append([(x - 0.37, zero), (x - 0.37, top), (x + 0.37, top), (x + 0.37, zero)])
            if np.isfinite(one):  # the interval is known
                lines.append([(x, one), (x, other)])
                lines += [[(x - 0.1, end), (x + 0.1, end)] for end in (one, other)]
        colors += [row.color] * len(row.values)
        cells |= {(place + 0.9, x): (str(n), "black") for x, n in enumerate(row.numbers)}
    axis.add_collection(PolyCollection(corners, facecolors=colors, linewidths=0), autolim=False)
    axis.add_collection(LineCollection(lines, colors="black", linewidths=0.9), autolim=False)
    axis.hlines(zeros, -0.6, bars - 0.4, color="0.6", linewidth=0.7)
    axis.set(xlim=(-0.6, bars - 0.4), ylim=(len(panel), 0), xticks=[], yticks=[])
    axis.vlines(np.full(len(panel), -0.6), np.arange(len(panel)), np.arange(len(panel)) + ROOM,
                color="black", linewidth=0.8, clip_on=False)  # fmt: skip
    axis.spines[:].set_visible(False)
    Numbers(axis, cells)


def _limits(rows: Sequence[Row]) -> tuple[float, float]:
    """Return the least and the largest value that rows show, with zero between them."""
    ends = np.concatenate(
        [row.values + side * reach(row.widths) for row in rows for side in (-1, 1)]
    )
    ends = ends[np.isfinite(ends)]
    low, high = float(ends.min(initial=0)), float(ends.max(initial=0))
    return low, high if high > low else low + 1.0


def _level(values: Floats, low: float, high: float) -> Floats:
    """Return how far below the top of its row a value is, in rows."""
    return ROOM * (1 - 0.94 * (values - low) / (high - low))


def _round(high: float) -> float:
    """Return the largest of 1, 2 and 5, times a power of ten, that is not above a value."""
    if high <= 0:
        return 0.0
    power = 10.0 ** np.floor(np.log10(high))
    return float(max(step * power for step in (1, 2, 5) if step * power <= high))
