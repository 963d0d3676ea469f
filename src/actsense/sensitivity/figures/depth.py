"""Whole layers: how every index changes with depth."""

__all__ = ["depth_profile"]


import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.drawing.depth import MANY, PAGE, name_layers
from actsense.drawing.intervals import bars_note
from actsense.drawing.style import (
    CONTENT,
    CONTEXT_LINES,
    FACTOR_COLORS,
    FACTOR_MARKERS,
    PARTS,
    factor_labels,
    foot,
    line_style,
    new_figure,
)
from actsense.drawing.values import TITLES
from actsense.store import LeftOut

CELL, GAP = 0.3, (0.2, 0.35)  # inches of a cell, and between matrices


def depth_profile(totals: xr.Dataset, *, title: str, note: str = "") -> Figure:
    """Draw every index over depth: all factors, augmentations magnified, the split of content.

    Arguments:
        totals: Root of an index store: S1, ST, shapley (factor, layer) with intervals, and the
            counts of units.
        title: Network and design.
        note: What is special about the design.
    """
    layers = [str(layer) for layer in totals["layer"].to_numpy()]
    everything = [str(factor) for factor in totals["factor"].to_numpy()]
    augmentations = [factor for factor in everything if factor not in CONTEXT_LINES]
    split = [part for part in PARTS if part in everything] if CONTENT in everything else []
    order = ["order"] if "order" in everything else []
    rows = {
        "all factors": [factor for factor in everything if factor not in split],
        f"augmentations{' and order' if order else ''},\nmagnified": [*augmentations, *order],
    }
    if split:
        rows[f"{CONTENT} and its parts"] = [CONTENT, *split]
    whole = totals.sel(layer="network")
    left_out = LeftOut(*(int(whole[n]) for n in ("dead_units", "rare_units", "units")))
    side_by_side = len(layers) <= MANY
    wide = max(2.2, 0.45 * len(layers)) if side_by_side else max(7.5, 0.2 * len(layers))
    figure = new_figure(
        max(11.0, 3 * (1.2 + wide) + 3) if side_by_side else wide + 3.6,
        (11 if split else 7.6) if side_by_side else PAGE + 1.5,
        f"{title}: what the variance of each layer is made of",
        "Indices of whole layers (units weighted by their variance), shares of variance; "
        f"{bars_note(totals['S1_ci'])}. `network` is all layers together.\nUnits: {left_out}; "
        "dead ones have no variance, rare ones count here."
        + f" Dashed, below: what {CONTENT} is made of, {_within(split)}."
        * bool(split),
    )
    labels = factor_labels(everything)
    axes = _panels(figure, len(rows), side_by_side)
    apart = np.arange(len(layers), dtype=np.float64)
    apart[np.array(layers) == "network"] += 0.3
    for row, (label, factors) in zip(axes, rows.items(), strict=True):
        for axis, (index, name) in zip(row, TITLES.items(), strict=True):
            for number, factor in enumerate(factors):
                shift = 0.06 * (number - len(factors) / 2)
                _line(axis, totals.sel(factor=factor), index, apart + shift, labels[factor])
            axis.axhline(0, color="0.8", linewidth=0.8, zorder=0)
            axis.set_title(
                name if side_by_side else f"{name}; {label}".replace("\n", " "), loc="left"
            )
            name_layers(axis, apart, layers, wide)
        row[0].set_ylabel(f"{label}\nshare of variance" if side_by_side else "share")
    if side_by_side:
        figure.align_ylabels(axes[:, 0])
        for row in axes[::2]:
            row[2].legend(loc="upper left", bbox_to_anchor=(1.01, 1.02))
    else:  # one is higher than a panel
        both = [axis.get_legend_handles_labels() for axis in axes[::2, 0]]
        named = {
            name: line for lines, names in both for name, line in zip(names, lines, strict=True)
        }
        figure.legend(named.values(), named, loc="outside right center")
    foot(figure, note)
    return figure


def _within(parts: list[str]) -> str:
    """Say which part lies in which: `partition, then class, then image within them`."""
    return ", then ".join(parts) + (" within them" if len(parts) > 2 else " within it")


def _panels(figure: Figure, groups: int, side_by_side: bool) -> NDArray[np.object_]:
    """Return panels of some groups of factors, (groups, 3): three indices of each."""
    if side_by_side:
        return np.asarray(figure.subplots(groups, 3, sharex=True, sharey="row"))
    axes = figure.subplots(3 * groups, 1, sharex=True).reshape(groups, 3)
    for first, second, third in axes:
        second.sharey(first)
        third.sharey(first)
    return np.asarray(axes)


def _line(
    axis: Axes, one: xr.Dataset, index: str, places: NDArray[np.float64], label: str
) -> None:
    """Draw one factor over the layers; the network, the last place, stands apart."""
    factor, values = str(one["factor"].item()), one[index].to_numpy()
    color = FACTOR_COLORS[factor]
    axis.plot(places[:-1], values[:-1], color=color, linestyle=line_style(factor), linewidth=1.3)
    axis.errorbar(
        places,
        values,
        one[f"{index}_ci"].to_numpy(),
        color=color,
        linestyle="none",
        marker=FACTOR_MARKERS[factor],
        markersize=4,
        capsize=2,
    )
    # The legend shows the line, which tells parts from wholes.
    axis.plot([], [], color=color, linestyle=line_style(factor), marker=FACTOR_MARKERS[factor],
              markersize=5, label=label)  # fmt: skip
