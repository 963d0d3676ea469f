"""Layers without positions have no shapes to tell apart: how their values are spread instead."""

__all__ = ["vector_histograms"]

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.drawing.matrices import grid, longest
from actsense.drawing.names import short_names
from actsense.drawing.style import (
    FACTOR_COLORS,
    HEADER,
    empty_figure,
    factor_labels,
    new_figure,
)
from actsense.drawing.values import TITLES
from actsense.store import LeftOut

ROW, WIDTH, GAP = 0.26, 3.4, (0.3, 0.55)  # inches: of a factor, of a panel, between panels
BINS = 60
OUTSIDE = 0.005  # of the values, at each end of a scale


def vector_histograms(layers: Mapping[str, xr.Dataset], *, title: str) -> Figure:
    """Draw how the values of every factor are spread over the units of vectors.

    Arguments:
        layers: Indices per unit of layers without positions, by layer.
        title: Network and design.
    """
    heading = f"{title}: what do units of layers without positions feel?"
    if not layers:
        return empty_figure(heading, "Every recorded layer has positions.")
    short, read = short_names(layers), {name: data.load() for name, data in layers.items()}
    first = next(iter(read.values()))
    factors = [str(name) for name in first["factor"].values]
    indices = [index for index in TITLES if all(index in data for data in read.values())]
    high, left = ROW * (len(factors) + 0.5), longest(factor_labels(factors).values(), 8) + 0.3
    figure = new_figure(
        left + len(indices) * (WIDTH + GAP[0]),
        HEADER + len(read) * (high + GAP[1]) + 0.25,
        heading,
        "A histogram per factor over the units of the layer; heights are relative to the highest "
        "bar. Stroke: the median unit. The last bars hold what lies beyond.\nLinear discriminant "
        "analysis needs shapes, which vectors do not have. Units that are dead or rare do not "
        "count.",
        arranged=False,
    )
    corner = (left, HEADER + 0.4)
    axes = grid(figure, len(read), len(indices), corner=corner, size=(WIDTH, high), gap=GAP)
    for row, (layer, data) in zip(axes, read.items(), strict=True):
        kept = ~(data["dead"] | data["rare"])
        for axis, index in zip(row, indices, strict=True):
            values = data[index].where(kept).transpose("factor", ...).to_numpy()
            _ridges(axis, values.reshape(len(factors), -1), factors)
            name = f"{short[layer]} ({LeftOut.count(data)}), " if axis is row[0] else ""
            axis.set_title(f"{name}{TITLES[index]}", loc="left", fontsize=9)
            axis.set_yticks(range(len(factors)), factor_labels(factors).values(), fontsize=8)
            axis.tick_params(axis="y", length=0, labelleft=axis is row[0])
            axis.tick_params(axis="x", labelsize=8)
    for axis in axes[-1]:
        axis.set_xlabel("share of the unit's variance", fontsize=8.5)
    return figure


def _ridges(axis: Axes, values: NDArray[np.float32], factors: list[str]) -> None:
    """Draw histograms below each other, on one scale."""
    known = values[np.isfinite(values)]
    low, high = np.quantile(known, [OUTSIDE, 1 - OUTSIDE]) if known.size else (0.0, 1.0)
    low, high = min(0.0, float(low)), max(float(high), float(low) + 1e-6)
    edges = np.linspace(low, high, BINS + 1)
    for row, (factor, own) in enumerate(zip(factors, values, strict=True)):
        alive = own[np.isfinite(own)]
        if not alive.size:
            continue
        counts, _ = np.histogram(alive.clip(low, high), edges)
        tops = row + 0.4 - 0.8 * counts / counts.max()
        color = FACTOR_COLORS.get(factor, "0.4")
        axis.fill_between(edges, row + 0.4, np.append(tops, tops[-1]), step="post",
                          color=color, linewidth=0)  # fmt: skip
        axis.plot(2 * [np.median(alive)], [row + 0.4, row - 0.45], color="black", linewidth=1)
    axis.axvline(0, color="0.8", linewidth=0.7, zorder=0)
    axis.set_xlim(low, high)
    axis.set_ylim(len(factors) - 0.4, -0.7)
