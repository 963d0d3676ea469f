"""Whether networks take samples for their anchors: between strangers and reconstructions."""

__all__ = ["consistency_ranges"]

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from actsense.drawing.style import interval_errors
from actsense.invariance.figures.layers import (
    COLORS,
    MARKS,
    NAMES,
    Places,
    hatch,
    is_limited,
    limited_handles,
    network_panels,
    put_legend,
    shown_networks,
)

MEASURES = {
    "cosine": "likeness to the layer (centred cosine)",
    "agreement": "same class for the network",
}
RANGE = "0.85"
HEIGHT, PITCH = 2.7, 0.7  # inches of a panel, and of a layer


def consistency_ranges(kept: pd.DataFrame, *, title: str) -> Figure:
    """Draw what samples have in common with their anchors, from floor to ceiling.

    Arguments:
        kept: Table `invariance_kept`.
        title: The study.
    """
    own = kept[kept["measure"].isin([f"{m}{end}" for m in MEASURES for end in ENDS])]
    places = shown_networks(own, PITCH)
    gate = limited_handles(own["limited"])
    figure, panels = network_panels(
        places,
        f"{title}: do networks take samples for the images that they stand for?",
        "Mark: how much samples are like their anchor, with 95 % intervals. Grey bar: "
        "from other anchors (below) to reconstructions by the\nautoencoder (above); the nearer to "
        "its upper end, the better the flow.",
        height=HEIGHT,
        measures=len(MEASURES),
    )
    for one, row in zip(places, panels, strict=True):
        for axis, (measure, words) in zip(row, MEASURES.items(), strict=True):
            for state in one.states:
                _ranges(axis, one, own, measure, state)
            axis.set_ylabel(words)
            axis.axhline(0, color="0.6", linewidth=0.8, zorder=0)
            low, _ = axis.get_ylim()
            axis.set_ylim(min(low, -0.03), 1.04)
        row[1].yaxis.set_major_formatter(PercentFormatter(1))
    states = [state for state in COLORS if any(state in one.states for one in places)]
    handles: list[Any] = [
        Line2D([], [], color=COLORS[state], marker=MARKS[state], linestyle="none",
               label=f"samples, {NAMES[state]}") for state in states
    ]  # fmt: skip
    handles.append(Patch(color=RANGE, label="from other anchors to reconstructions"))
    put_legend(figure, [*handles, *gate])
    return figure


ENDS = ("", "_floor", "_ceiling")


def _ranges(axis: Axes, places: Places, table: pd.DataFrame, measure: str, state: str) -> None:
    at = places.of(state)
    samples, floor, ceiling = (
        places.rows(table[table["measure"] == f"{measure}{end}"], state) for end in ENDS
    )
    height = ceiling["value"] - floor["value"]
    bars = axis.bar(at, height, places.thick, floor["value"], color=RANGE, zorder=1)
    for bar, limited in zip(bars, is_limited(samples["limited"]), strict=True):
        if limited:
            bar.set(hatch="////", edgecolor="0.62", linewidth=0)
    # Behind the bar as well, which has no height where reconstructions are as strangers.
    hatch(axis, at, samples["limited"], places.thick)
    errors = interval_errors(
        samples.rename(columns={"low": "value_low", "high": "value_high"}), "value"
    )
    axis.errorbar(at, samples["value"], errors, color=COLORS[state], marker=MARKS[state],
                  markersize=6, linestyle="none", elinewidth=1.4, zorder=3)  # fmt: skip
    for x, value in zip(at, samples["value"], strict=True):
        if np.isnan(value):
            axis.text(x, 0.5, "unknown", rotation=90, ha="center", va="center", fontsize=7.5)
