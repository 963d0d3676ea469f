"""One channel under all designs: maps of all its factors, and of their pairs."""

__all__ = ["channel_maps", "channel_pairs"]

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.drawing.depth import PAGE
from actsense.drawing.matrices import longest
from actsense.drawing.mosaic import LEGEND, Mosaic, share_bar
from actsense.drawing.style import HEADER, new_figure, place
from actsense.store import LeftOut

Floats = NDArray[np.float32]

ROWS = {
    "S1": "S1: alone",
    "shapley": "Shapley effect: fair share",
    "ST": "ST: with all interactions",
    "shapley_ci": "half-width of the\nShapley effect",
}
WITHOUT = " Without intervals: these values were published without any."
SIDE, GAP, APART, BAR = 0.62, 0.08, 0.3, 1.0  # inches: of a map, between (shares), designs, scale
LABEL = 8.0  # points
PAIRS = colormaps["RdBu_r"].with_extremes(bad="0.85")


def channel_maps(designs: Mapping[str, xr.Dataset], channel: int, *, title: str) -> Figure:
    """Draw all factors of one channel under every design side by side, an index per row.

    Arguments:
        designs: Indices per unit of one layer with positions, by design.
        channel: Number of the channel.
        title: Network, layer and channel.
    """
    chosen = {name: data.isel(channel=channel).load() for name, data in designs.items()}
    rows = [row for row in ROWS if any(_known(data, row) for data in chosen.values())]
    factors = {name: [str(one) for one in data["factor"].values] for name, data in chosen.items()}
    left, pitch = longest(ROWS[row].split("\n")[0] for row in rows) + 0.4, SIDE * (1 + GAP)
    above = 0.15 + 0.9 * longest([name for names in factors.values() for name in names], LABEL)
    places, width, bands = _places({name: pitch * len(own) for name, own in factors.items()})
    down = above + pitch * len(rows) + 0.35  # inches of a band
    figure = new_figure(
        left + width + BAR,
        HEADER + bands * down,
        f"{title}: what each position feels under each design",
        "Share of the variance of the unit at that position that is due to the factor: bright is "
        f"much. {LEGEND} ({_left_out(chosen)}).\n"
        + ("A pattern counts where it is brighter than the last row." if "shapley_ci" in rows
           else WITHOUT.strip()),
        arranged=False,
    )  # fmt: skip
    for name, data in chosen.items():
        right, band = places[name]
        top = HEADER + above + band * down
        axis = place(figure, left + right, top, pitch * len(factors[name]), pitch * len(rows))
        planes = np.stack([_planes(data, row) for row in rows])
        rare = np.broadcast_to(data["rare"].transpose("row", "col").to_numpy(), planes.shape)
        maps = Mosaic(planes, rare, (GAP, GAP))
        maps.show(axis)
        _name_columns(axis, maps, factors[name], f"design {name}")
        if right:
            axis.set_yticks([])
        else:
            _name_rows(axis, maps, [ROWS[row] for row in rows])
    share_bar(figure, left + width + 0.1, HEADER + above, min(pitch * len(rows), 3.0))
    return figure


def channel_pairs(units: xr.Dataset, channel: int, *, title: str) -> Figure:
    """Draw what every two factors of one channel do together, position by position.

    Arguments:
        units: Indices per unit of one layer with positions, with S2.
        channel: Number of the channel.
        title: Network, design, layer and channel.
    """
    one = units[["S2", "S2_ci", "dead", "rare"]] if "S2_ci" in units else units[["S2", "rare"]]
    one = one.isel(channel=channel).load()
    axes = ("factor", "factor_2", "row", "col")
    factors = [str(name) for name in one["factor"].values]
    planes = one["S2"].transpose(*axes).to_numpy().copy()
    widths = one["S2_ci"].transpose(*axes).to_numpy() if "S2_ci" in one else planes * np.nan
    bound = max(0.01, float(np.nanquantile(np.abs(planes), 0.99)))
    upper = np.triu_indices(len(factors), 1)
    known = bool(np.isfinite(widths).any())
    planes[upper] = widths[upper] if known else np.nan
    left, pitch = longest(factors, LABEL) + 0.25, SIDE * (1 + GAP)
    top, length = HEADER + 0.05, pitch * len(factors)
    figure = new_figure(
        left + length + BAR,
        top + length + left,
        f"{title}: which pairs of factors act together, and where",
        "Below the diagonal: S2, the share of each unit's variance that two factors cause only "
        "together (red); below 0 (blue) it is noise.\n"
        + ("Above it: half-width of its 95 % interval, same scale. A pair counts where its map "
           "is darker than its mirror image." if known else WITHOUT.strip())
        + " Gray: no such pair, or dead; pale blue: rare.",
        arranged=False,
    )  # fmt: skip
    axis = place(figure, left, top, length, length)
    rare = np.broadcast_to(one["rare"].transpose("row", "col").to_numpy(), planes.shape)
    rare = rare & np.isfinite(planes).any(axis=(2, 3), keepdims=True)
    limits = Normalize(-bound, bound, clip=True)
    maps = Mosaic(planes, rare, (GAP, GAP), limits, PAIRS)
    maps.show(axis)
    _name_rows(axis, maps, factors)
    _name_columns(axis, maps, factors, "", below=True)
    bar = place(figure, left + length + 0.1, top, 0.16, min(length, 3.0))
    scale = ScalarMappable(limits, PAIRS)
    figure.colorbar(scale, bar, label="S2, share of variance", extend="both")
    return figure


def _places(widths: Mapping[str, float]) -> tuple[dict[str, tuple[float, int]], float, int]:
    """Place designs side by side, and below each other where a page is too narrow.

    Returns:
        From the left, and the number of the band, of every design; width and count of bands.
    """
    places: dict[str, tuple[float, int]] = {}
    right, band, widest = 0.0, 0, 0.0
    for name, width in widths.items():
        if right and right + width > PAGE:
            right, band = 0.0, band + 1
        places[name] = right, band
        widest = max(widest, right + width)
        right += width + APART
    return places, widest, band + 1


def _known(data: xr.Dataset, name: str) -> bool:
    """Tell whether an array is there and not unknown everywhere."""
    return name in data and bool(np.isfinite(data[name].to_numpy()).any())


def _planes(data: xr.Dataset, name: str) -> Floats:
    """Return the maps of all factors, (factors, rows, columns); NaN for what is not known."""
    if name not in data:
        return np.full((data.sizes["factor"], data.sizes["row"], data.sizes["col"]), np.nan, "f4")
    found = data[name].where(~data["dead"]).transpose("factor", "row", "col")
    return found.to_numpy().astype(np.float32)


def _left_out(chosen: Mapping[str, xr.Dataset]) -> str:
    """Count dead and rare units of a channel, design by design."""
    counts = {name: LeftOut.count(data) for name, data in chosen.items()}
    if len(counts) == 1:
        return str(next(iter(counts.values())))
    return "; ".join(f"{name}: {count}" for name, count in counts.items())


def _name_columns(
    axis: Axes, maps: Mosaic, names: list[str], above: str, *, below: bool = False
) -> None:
    places = [maps.pitch[1] * k + maps.side / 2 for k in range(len(names))]
    axis.set_xticks(places, names, fontsize=LABEL, rotation=60, rotation_mode="anchor",
                    ha="right" if below else "left")  # fmt: skip
    axis.tick_params(axis="x", length=0, top=False, labeltop=not below, labelbottom=below)
    if above:
        axis.set_xlabel(above, fontsize=LABEL)


def _name_rows(axis: Axes, maps: Mosaic, names: list[str]) -> None:
    places = [maps.pitch[0] * k + maps.side / 2 for k in range(len(names))]
    axis.set_yticks(places, names, fontsize=LABEL)
    axis.tick_params(axis="y", length=0)
