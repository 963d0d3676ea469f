"""What shuffled patches cost each network in two numbers, and every two networks compared."""

__all__ = ["UNJOINED", "border_rectangles", "score_panels"]

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actsense.drawing.lines import draw_line
from actsense.drawing.style import new_figure
from actsense.spatial.transforms.divisions import Axis

STYLES: dict[str, dict[str, Any]] = {
    "grid": {"color": "#0072B2", "marker": "o"},
    "bands": {"color": "#D55E00", "marker": "s", "markerfacecolor": "white"},
}
DODGE = 0.2  # between ways of shuffling, in rows and in steps of k
UNJOINED = {"linestyle": "none"}
MARGIN = 1.1  # above and below all intervals
METRICS = {"top1": "top-1 accuracy", "relative": "accuracy on images\nright when intact"}


def score_panels(
    scores: pd.DataFrame, differences: pd.DataFrame, *, largest: int, title: str
) -> Figure:
    """Draw areas and half-way divisions, and below them a row for every two networks.

    Arguments:
        scores: Table `shuffle_scores`.
        differences: Table `shuffle_differences`; empty if there is one network.
        largest: Most parts of a side, the same for both, that were tried.
        title: The study.
    """
    networks = list(dict.fromkeys(scores["network"]))
    pairs = list(differences.groupby(["first", "second"], sort=False))
    heights = [0.6 + 0.36 * len(networks), *[1.9] * len(pairs)]
    compared = " Below: differences on the same images and shuffles." if pairs else ""
    figure = new_figure(
        11.0,
        1.5 + sum(heights),
        f"{title}: what shuffled patches cost",
        "Bars: 95 % intervals over images. Half way is the middle between the accuracy on intact "
        "images and guessing.\nTriangles: half way is not reached within the k that were tried, "
        f"at most {largest}.{compared}",
    )
    axes = figure.subplots(len(heights), 2, squeeze=False, height_ratios=heights)
    _scores(axes[0, 0], scores, networks, "area", 1.0)
    axes[0, 0].set_xlabel("mean top-1 accuracy over k: area under the curve")
    axes[0, 0].set_xlim(0, 1)
    _scores(axes[0, 1], scores, networks, "k50", largest + 0.5)
    axes[0, 1].set_xlabel("k at which accuracy has first fallen half way")
    axes[0, 1].set_xlim(0.8, largest + 0.8)
    axes[0, 1].set_xticks(range(1, largest + 1))
    along = Axis.of(differences)
    for row, (names, pair) in zip(axes[1:], pairs, strict=True):
        for axis, (metric, label) in zip(row, METRICS.items(), strict=True):
            _differences(axis, along.placed(pair[pair["metric"] == metric]))
            axis.set_title(" \u2212 ".join(map(str, names)), loc="left", fontsize=9)
            axis.set_ylabel(f"difference in\n{label}", fontsize=8)
    for axis in axes[1:].flat:
        axis.set_xticks([*along.ticks], [*along.ticks.values()])
        border_rectangles(axis, along)
        axis.set_ylim(
            min(0, MARGIN * differences["low"].min()), max(0, MARGIN * differences["high"].max())
        )
    for axis in axes[-1] if pairs else ():
        axis.set_xlabel(along.title)
    legend = axes[0, 0].get_legend_handles_labels()
    figure.legend(*legend, loc="outside right upper", title="shuffled by")
    return figure


def border_rectangles(axis: Axes, along: Axis) -> None:
    """Draw where divisions begin that are no squares, if there are any."""
    if along.rectangles:
        axis.axvline(along.border, color="0.8", linewidth=0.8, zorder=0)


def _scores(
    axis: Axes, scores: pd.DataFrame, networks: list[str], score: str, edge: float
) -> None:
    """Draw a dot with its interval per network and way of shuffling; open ones end at the edge."""
    for mode, style, shift in _modes(scores):
        own = scores[scores["mode"] == mode]
        places = own["network"].map({name: row for row, name in enumerate(networks)}) + shift
        low, high = (own[f"{score}_{side}"].fillna(edge) for side in ("low", "high"))
        axis.hlines(places, low, high, color=style["color"], linewidth=1)
        axis.plot(own[score], places, linestyle="none", markersize=5, label=mode, **style)
        open_ = own[score].isna()
        axis.plot(np.full(open_.sum(), edge), places[open_], linestyle="none", markersize=6,
                  **(style | {"marker": ">"}))  # fmt: skip
    axis.set_yticks(range(len(networks)), networks)
    axis.set_ylim(len(networks) - 0.5, -0.5)


def _differences(axis: Axes, pair: pd.DataFrame) -> None:
    pair = pair.rename(columns={side: f"difference_{side}" for side in ("low", "high")})
    axis.axhline(0, color="0.6", linewidth=0.8, zorder=0)
    for mode, style, shift in _modes(pair):
        own = pair[pair["mode"] == mode].sort_values("place")
        draw_line(axis, own["place"] + shift, own, "difference", style | UNJOINED, mode)


def _modes(table: pd.DataFrame) -> list[tuple[str, dict[str, Any], float]]:
    """Return the ways of shuffling, their styles, and how far they are moved from each other."""
    modes = list(dict.fromkeys(table["mode"]))
    middle = (len(modes) - 1) / 2
    return [(mode, STYLES[mode], DODGE * (row - middle)) for row, mode in enumerate(modes)]
