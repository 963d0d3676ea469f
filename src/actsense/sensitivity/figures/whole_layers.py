"""All channels of a layer: pages of an index, and maps of mean, variance and their ratio."""

__all__ = ["layer_page", "moment_maps"]

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize, PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.drawing.mosaic import LEGEND, Mosaic, share_bar
from actsense.drawing.style import FLAGS, HEADER, factor_labels, new_figure, place
from actsense.drawing.values import TITLES
from actsense.store import LeftOut

Floats = NDArray[np.float32]
Value = TypeVar("Value", bound=np.generic)

MOST = 512  # channels of a page
BLOCK, LABELS, ABOVE, BAR = 2.2, 0.4, 0.5, 1.0  # inches: of a factor, numbers, its name, scale
FINEST = 24  # pixels of a map: there are hundreds
SIDE, GAP = 0.72, 0.08  # inches of a map of a moment; between maps, in sides
SCALE = 1.15  # inches beside a block of moments
HIGHEST = 0.98  # quantile that ends a scale: ratios to a mean near 0 have no end
GRAY = {"bad": FLAGS["dead"]}


@dataclass(frozen=True)
class Moment:
    """What is drawn of every unit's response.

    Attributes:
        label: Of the scale.
        values: Of the channels shown, by design, (channels, rows, columns) each.
        limits: Of the scale.
        colors: Of the scale.
    """

    label: str
    values: dict[str, Floats]
    limits: Normalize
    colors: Colormap


def layer_page(
    units: xr.Dataset, index: str, *, title: str, most: int = MOST, columns: int = 5
) -> Figure:
    """Draw the maps of all channels of a layer, or of all units of a vector: a block per factor.

    Arguments:
        units: Indices per unit of one layer.
        index: `S1`, `ST` or `shapley`.
        title: Network, design and layer.
        most: Channels of a page; of more, the first.
        columns: Blocks side by side.
    """
    axis = str(units["dead"].dims[0])
    count = units.sizes[axis]
    drawn = units[[index, "dead", "rare"]].isel({axis: slice(0, most)}).load()
    planes = _tiles(drawn[index].where(~drawn["dead"]), axis).astype(np.float32)
    rare = _tiles(drawn["rare"], axis).astype(bool)
    names = factor_labels(str(name) for name in drawn["factor"].values)
    blocks, across = len(names), min(columns, len(names))
    down = ceil(blocks / across)
    per_row = ceil(sqrt(planes.shape[1]))
    rows = ceil(planes.shape[1] / per_row)
    high = BLOCK * rows / per_row
    shown = f"all {count}" if count <= most else f"the first {most} of {count}"
    figure = new_figure(
        0.1 + across * (LABELS + BLOCK) + BAR,
        HEADER + down * (ABOVE + high) + 0.1,
        f"{title}: {shown} {axis}s, {TITLES[index]}",
        f"Share of each unit's variance that is due to the factor: bright is much. Every block "
        f"has {shown} {axis}s, row by row; at its left the number of the first one of a row.\n"
        f"{LEGEND} ({LeftOut.count(drawn)}).",
        arranged=False,
    )
    for number, (one, name) in enumerate(zip(planes, names.values(), strict=True)):
        left, top = 0.1 + LABELS, HEADER + ABOVE
        left += number % across * (LABELS + BLOCK)
        block = place(figure, left, top + number // across * (ABOVE + high), BLOCK, high)
        tiles, flags = _grid(one, per_row), _grid(rare, per_row)
        maps = Mosaic(tiles, flags, (0.06, 0.06), finest=FINEST, count=len(one))
        maps.show(block)
        block.set_title(name, loc="left", fontsize=9)
        _number_rows(block, maps, rows, per_row)
    share_bar(figure, 0.15 + across * (LABELS + BLOCK), HEADER + ABOVE, min(high, 3.0))
    return figure


def moment_maps(
    designs: Mapping[str, xr.Dataset], *, title: str, shown: int = 8, channel: int | None = None
) -> Figure:
    """Draw where channels respond, where the response varies, and the ratio of the two.

    Shown are mean, variance and coefficient of variation (deviation by magnitude of the mean)
    under every design, of the channels with the largest variance; each on one scale.

    Arguments:
        designs: Moments per unit of one layer with positions, by design.
        title: Network and layer.
        shown: Channels.
        channel: One that is among them in any case.
    """
    read = {n: data[["mean", "variance", "dead", "rare"]].load() for n, data in designs.items()}
    total = sum(data["variance"].mean(("row", "col")).fillna(0) for data in read.values())
    strength = np.array(total)
    if channel is not None:
        strength[channel] = np.inf
    chosen = np.sort(np.argsort(-strength, kind="stable")[:shown])
    moments = _moments(read, chosen)
    pitch = SIDE * (1 + GAP)
    wide, high = pitch * len(read), pitch * len(chosen)
    figure = new_figure(
        0.9 + len(moments) * (wide + SCALE),
        HEADER + 0.85 + high + 0.1,
        f"{title}: where channels respond, and where they vary",
        f"The {len(chosen)} channels with the largest variance, under each design. A frame "
        "along the border comes from padding.\nGray: dead, or a mean of 0, which nothing can be "
        "divided by. Every quantity has one scale for all channels and designs.",
        arranged=False,
    )
    for number, (name, moment) in enumerate(moments.items()):
        left, top = 0.9 + number * (wide + SCALE), HEADER + 0.85
        axis = place(figure, left, top, wide, high)
        planes = np.stack(list(moment.values.values()), axis=1)
        maps = Mosaic(planes, np.zeros(planes.shape, bool), (GAP, GAP), moment.limits,
                      moment.colors)  # fmt: skip
        maps.show(axis)
        middles = [maps.pitch[1] * k + maps.side / 2 for k in range(len(read))]
        axis.set_xticks(middles, read, fontsize=8, rotation=30, ha="left", rotation_mode="anchor")
        axis.tick_params(axis="both", length=0, labeltop=True, labelbottom=False)
        axis.annotate(name, (0, 1), (0, 46), "axes fraction", "offset points", fontsize=10)
        if number == 0:
            places = [maps.pitch[0] * k + maps.side / 2 for k in range(len(chosen))]
            axis.set_yticks(places, [f"channel {k}" for k in chosen], fontsize=8)
        bar = place(figure, left + wide + 0.05, top, 0.13, min(high, 3.0))
        scale = ScalarMappable(moment.limits, moment.colors)
        figure.colorbar(scale, bar, label=moment.label, extend="max")
    return figure


def _moments(read: Mapping[str, xr.Dataset], chosen: NDArray[np.intp]) -> dict[str, Moment]:
    """Return mean, variance and coefficient of variation of some channels, with their scales."""
    means, variances, ratios = {}, {}, {}
    for name, data in read.items():
        alive = data.isel(channel=chosen).transpose("channel", "row", "col")
        alive = alive.where(~alive["dead"])
        means[name], variances[name] = (alive[n].to_numpy() for n in ("mean", "variance"))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.sqrt(variances[name]) / np.abs(means[name])
        ratios[name] = np.where(np.isfinite(ratio), ratio, np.nan)
    dark = colormaps["magma"].with_extremes(**GRAY)
    low, high = _ends(means)
    signed = low < 0
    limits = Normalize(-max(-low, high), max(-low, high)) if signed else Normalize(0, high)
    colors = colormaps["RdBu_r"].with_extremes(**GRAY) if signed else dark
    root = {name: PowerNorm(0.5, 0, _ends(of)[1], clip=True)
            for name, of in (("variance", variances), ("ratio", ratios))}  # fmt: skip
    return {
        "mean": Moment("mean response", means, limits, colors),
        "variance": Moment("variance of the response", variances, root["variance"], dark),
        "coefficient of variation": Moment("deviation / |mean|", ratios, root["ratio"], dark),
    }


def _ends(values: Mapping[str, Floats]) -> tuple[float, float]:
    """Return the ends of a scale: the least value, and a quantile that is above 0."""
    known = np.concatenate([one[np.isfinite(one)] for one in values.values()])
    if not known.size:
        return 0.0, 1.0
    return float(known.min()), float(np.quantile(known, HIGHEST)) or 1.0


def _tiles(values: xr.DataArray, axis: str) -> NDArray[Any]:
    """Return values as maps, (..., channels, rows, columns); units of a vector as single ones."""
    array = values.transpose(..., axis, *[n for n in values.dims if n in ("row", "col")])
    plain = array.to_numpy()
    return plain if "row" in array.dims else plain[..., None, None]


def _grid(maps: NDArray[Value], per_row: int) -> NDArray[Value]:
    """Break a row of maps into rows, (rows, per_row, high, wide); the last one is filled up."""
    filled = np.concatenate([maps, np.zeros((-len(maps) % per_row, *maps.shape[1:]), maps.dtype)])
    return filled.reshape(-1, per_row, *maps.shape[1:])


def _number_rows(axis: Axes, maps: Mosaic, rows: int, per_row: int) -> None:
    """Write the number of the first channel of every row, or of every second, third, ..."""
    step = max(1, ceil(rows / 14))
    shown = range(0, rows, step)
    places = [maps.pitch[0] * row + maps.side / 2 for row in shown]
    axis.set_yticks(places, [str(row * per_row) for row in shown], fontsize=7)
    axis.tick_params(axis="y", length=0, pad=2)
