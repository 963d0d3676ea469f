"""How pictures come to drive their targets, iteration by iteration."""

__all__ = ["curve_lines"]

from collections.abc import Iterator
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from actsense.drawing.depth import fitting
from actsense.drawing.names import short_names
from actsense.drawing.style import new_figure
from actsense.featvis.figures.sheet import Judged
from actsense.featvis.stored import RANDOM, StoredPictures

MEASURES = {
    "activation": "activation, standard deviations",
    "cosine": "cosine with the target",
    "distance": "distance from the target",
}
SETS = {  # pictures that share a median: name and colour
    "facet": ("facets", "#0072B2"),
    "channel": ("channels", "#E69F00"),
    "most": ("units that feel {factor} most", "#009E73"),
    "least": ("units that feel {factor} least", "#CC79A7"),
    RANDOM: ("facets of random weights", "0.45"),
}
NATURAL: dict[str, Any] = {"color": "#D55E00", "linestyle": "--", "linewidth": 1.3}
ROW, COLUMNS = 2.6, 3  # inches of a row, and panels side by side
GROUPS = 9  # that a page has room for


def curve_lines(stored: StoredPictures, pictures: pd.DataFrame, *, title: str) -> Figure:
    """Draw activation, cosine and distance of every layer and kind of targets.

    Arguments:
        stored: The pictures of the network.
        pictures: Table `pictures` of the study.
        title: The study and the network.
    """
    groups, note = fitting(stored.groups, GROUPS)
    judged = [Judged(group, pictures, stored.network) for group in groups]
    panels = [(one, measure) for one in judged for measure in MEASURES if _told(one, measure)]
    rows = ceil(len(panels) / COLUMNS)
    figure = new_figure(
        13.0,
        ROW * rows + 1.4,
        f"{title}: how do pictures come to drive their targets?",
        "Thin: single pictures, of all seeds; thick: their median; dotted: pictures that ended "
        "grey, which no median counts.\nDashed: the natural image that drives a target most, "
        f"median over targets. The target of a facet is the response of its members.{note}",
    )
    axes = figure.subplots(rows, COLUMNS, squeeze=False).flat
    names = short_names(group.layer for group in groups)
    for axis, (one, measure) in zip(axes, panels, strict=False):
        _panel(axis, one, measure)
        axis.set_title(f"{names[one.group.layer]}, {one.group.kind}", loc="left")
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    _legend(figure, [(name, color) for one in judged for name, color, _ in _sets(one)])
    return figure


def _told(judged: Judged, measure: str) -> bool:
    """Tell whether a measure has a meaning for these pictures."""
    return not np.isnan(judged.group.curve(measure)).all()


def _sets(judged: Judged) -> Iterator[tuple[str, str, list[int]]]:
    """Yield name, colour and pictures of every set of a group, the control first."""
    told = judged.group.pictures
    roles = np.array(judged.group.roles)[told["target"]]
    roles = np.where(told["weights"] == RANDOM, RANDOM, roles)
    for role in (RANDOM, *dict.fromkeys(judged.group.roles)):
        if (roles == role).any():
            name, color = SETS[role]
            name = name.format(factor=judged.group.factor)
            yield name, color, np.flatnonzero(roles == role).tolist()


def _panel(axis: Axes, judged: Judged, measure: str) -> None:
    group = judged.group
    for _, color, own in _sets(judged):
        values, failed = group.curve(measure, own), judged.failed[own]
        _lines(axis, group.iterations, values[~failed], color=color, linestyle="-")
        _lines(axis, group.iterations, values[failed], color=color, linestyle=":")
        if not failed.all():
            median = np.median(values[~failed], axis=0)
            axis.plot(group.iterations, median, color=color, linewidth=2.2)
    if measure == "activation":
        axis.axhline(float(np.median(group.natural.max(axis=0))), **NATURAL)
    axis.set_ylabel(MEASURES[measure])
    axis.set_xlabel("iteration")


def _lines(axis: Axes, iterations: NDArray[np.int64], values: Any, **how: Any) -> None:
    opacity = float(np.clip(6 / max(1, len(values)), 0.12, 0.5))
    for line in values:
        axis.plot(iterations, line, linewidth=0.8, alpha=opacity, **how)


def _legend(figure: Figure, sets: list[tuple[str, str]]) -> None:
    handles = [
        Line2D([], [], color=color, linewidth=2.2, label=name)
        for name, color in dict.fromkeys(sets)
    ]
    handles.append(Line2D([], [], label="the strongest natural image", **NATURAL))
    figure.legend(handles=handles, loc="outside lower left", ncols=len(handles))
