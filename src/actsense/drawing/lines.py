"""Tables of networks as lines: a network keeps color and mark in all figures of a study."""

__all__ = ["draw_line", "network_styles"]

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from actsense.drawing.style import interval_errors

# After Okabe and Ito; with one mark more than colors, 56 networks differ in one or the other.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vPX*"


def network_styles(networks: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return color and mark of every network, by its place in the study."""
    return {
        name: {"color": COLORS[place % len(COLORS)], "marker": MARKERS[place % len(MARKERS)]}
        for place, name in enumerate(dict.fromkeys(networks))
    }


def draw_line(
    axis: Axes,
    places: ArrayLike,
    table: pd.DataFrame,
    metric: str,
    style: Mapping[str, Any],
    label: str,
) -> None:
    """Draw a metric with its intervals.

    Arguments:
        axis: Where to.
        places: Where on the horizontal axis, (rows,).
        table: Columns of the metric, and with `_low` and `_high` behind its name.
        metric: Which one.
        style: Color, mark and kind of line.
        label: What the legend says.
    """
    axis.errorbar(
        places,
        table[metric],
        interval_errors(table, metric),
        label=label,
        markersize=4,
        linewidth=1.2,
        elinewidth=0.8,
        **style,
    )
