"""Single units: maps of the most sensitive channels of a layer."""

__all__ = ["layer_maps"]

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actsense.drawing.mosaic import LEGEND, Mosaic, share_bar
from actsense.drawing.style import HEADER, factor_labels, new_figure, place
from actsense.drawing.values import TITLES
from actsense.sensitivity.figures.bars import strongest, unit_bars
from actsense.store import LeftOut

GAP = (0.35, 0.1)  # between rows, where numbers stand, and columns: in sides of a map
SIDE = 0.72  # inches of a map
LEAST = 0.01  # of a layer's variance: factors below it are named, and have no row
LABELS, ABOVE, APART, BAR = (
    1.75,
    0.5,
    0.25,
    1.0,
)  # inches: left of, above, between, right of blocks


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
        return unit_bars(units, title=title, shown=shown)
    factors, small = _rows(channels)
    shown = min(shown, channels.sizes["channel"])
    height, width = SIDE * (1 + GAP[0]) * len(factors), SIDE * (1 + GAP[1]) * shown
    figure = new_figure(
        LABELS + len(TITLES) * (width + APART) + BAR,
        HEADER + ABOVE + max(height, 1.5),
        f"{title}: where the most sensitive channels feel each factor",
        f"Each row shows the {shown} channels with the largest variance due to its factor (index "
        "times variance); numbers are channels. Rows: what the layer feels most first"
        f"{small}.\nShares of each unit's variance; the scale of colors is that of square roots, "
        f"clipped to [0, 1] in this picture only. {LEGEND} ({LeftOut.count(units)}).",
        arranged=False,
    )
    units = units.sel(factor=factors)
    for number, (index, name) in enumerate(TITLES.items()):
        left = LABELS + number * (width + APART)
        block = place(figure, left, HEADER + ABOVE, width, height)
        widths = units[f"{index}_ci"].where(~units["rare"]).to_numpy()
        known = widths[np.isfinite(widths)]
        said = f"median half-width {np.median(known):.2f}" if known.size else "without intervals"
        block.set_title(f"{name}  ({said})", fontsize=10, pad=14)
        _map_block(block, units, index, channels, shown)
    rows = (np.arange(len(factors)) + 0.5 / (1 + GAP[0])) / len(factors)
    names = list(factor_labels(factors).values())
    figure.axes[0].set_yticks(rows * figure.axes[0].get_ylim()[0], names, fontsize=8.5)
    figure.axes[0].tick_params(axis="y", length=0)
    share_bar(figure, LABELS + len(TITLES) * (width + APART), HEADER + ABOVE, min(height, 3.5))
    return figure


def _rows(channels: xr.Dataset) -> tuple[list[str], str]:
    """Return the factors in the order of their largest index of the layer, and what is too small.

    Channels weigh as much as their variance.
    """
    counted = ~(channels["dead"] | channels["rare"])
    weights = channels["variance"].where(counted, 0)
    strength = np.stack(
        [(channels[name] * weights).sum("channel") / weights.sum("channel") for name in TITLES]
    ).max(axis=0)
    names = channels["factor"].to_numpy()[np.argsort(-strength, kind="stable")]
    large = [str(name) for name in names[: max(1, int((np.sort(-strength) < -LEAST).sum()))]]
    small = [str(name) for name in names[len(large) :]]
    if not np.isfinite(strength).all():  # nothing is known of the layer
        return [str(name) for name in names], ""
    rest = f"; not shown, as under {LEAST:g} of its variance: {', '.join(small)}"
    return large, rest if small else ""


def _map_block(
    axis: Axes, units: xr.Dataset, index: str, channels: xr.Dataset, shown: int
) -> None:
    """Draw the maps of the strongest channels, a row per factor, and the channels' numbers."""
    factors = [str(factor) for factor in units["factor"].to_numpy()]
    chosen = np.stack(
        [strongest(channels.sel(factor=one), index, "channel", shown) for one in factors]
    )
    planes = units[index].transpose("factor", "channel", "row", "col").to_numpy()
    rare = units["rare"].transpose("channel", "row", "col").to_numpy()
    maps = Mosaic(planes[np.arange(len(factors))[:, None], chosen], rare[chosen], GAP)
    maps.show(axis)
    down, right = maps.pitch
    for (row, column), channel in np.ndenumerate(chosen):
        axis.text(right * column + maps.side / 2, down * row - maps.side / 50, str(channel),
                  fontsize=7, ha="center", va="bottom")  # fmt: skip
