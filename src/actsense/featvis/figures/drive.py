"""What came of the pictures: how much they drive their targets, here and in other networks."""

__all__ = ["drive_dots"]

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from actsense.drawing.names import short_names
from actsense.drawing.style import counted, new_figure
from actsense.featvis.stored import RANDOM, TRAINED

STYLES: dict[str, dict[str, Any]] = {
    TRAINED: {"color": "#0072B2", "marker": "o"},
    RANDOM: {"color": "0.45", "marker": "D"},
}
SHIFT = {TRAINED: -0.17, RANDOM: 0.17}  # rows
NATURAL: dict[str, Any] = {"color": "#D55E00", "linestyle": "--", "linewidth": 1.2}
BETWEEN = {"seeds": ("#0072B2", "o"), "variants": ("#009E73", "^"), "targets": ("#000000", "s")}
APART = {"seeds": -0.2, "variants": 0, "targets": 0.2}  # rows
ROW = 0.5  # inches of a layer and kind


@dataclass(frozen=True)
class Measure:
    """One quantity of a panel.

    Attributes:
        name: Column of the table.
        words: What it is.
        yardstick: Of natural images, and what that is; None where there is none.
        limits: The least that the axis reaches from and, unless None, to.
    """

    name: str
    words: str
    yardstick: tuple[float, str] | None = None
    limits: tuple[float, float | None] = (0, None)


MEASURES = (
    Measure("percentile", "percentile of its activation\namong natural images",
            (50, "the median image"), (0, 103)),
    Measure("ratio", "activation, in multiples of\nthe strongest natural image's",
            (1, "the strongest image")),
    Measure("specificity", "share of other targets that it\ndrives less than its own",
            (0.5, "chance"), (0, 1.03)),
    Measure("cosine", "cosine of its response\nwith the facet's", None, (0, 1.03)),
    Measure("cosine_centred", "that cosine, in standard deviations\nfrom the mean of natural "
            "images", None, (0, 1.03)),
    Measure("high_frequency_ratio", "share of high frequencies, in\nmultiples of natural images'",
            (1, "natural images")),
)  # fmt: skip
TRANSFER = Measure("percentile", "percentile in another network\n(of random weights: in the "
                   "trained one)", (50, "the median image"), (0, 103))  # fmt: skip


def drive_dots(
    pictures: pd.DataFrame, transfers: pd.DataFrame, likeness: pd.DataFrame, *, title: str
) -> Figure:
    """Draw a row per layer and kind of targets: what their pictures reach.

    Arguments:
        pictures: Rows of the table `pictures` on one network.
        transfers: Those of `picture_transfers`.
        likeness: Those of `picture_likeness`.
        title: The study and the network.
    """
    made = pictures[pictures["weights"] == TRAINED]
    rows = [tuple(row) for row in made[KEY].drop_duplicates().itertuples(index=False)]
    grey = pictures["grey"].astype(bool)
    figure = new_figure(
        16.5,
        2 * (ROW * len(rows) + 1.15) + 1.4,
        f"{title}: do pictures drive their targets, and more than natural images do?",
        "A point is a target, the median of its pictures over seeds; upright strokes: medians of "
        "targets. Random weights: pictures of facets made in the same way by a network that "
        "learned nothing.\nAll but the last two say how the network that made a picture sees it. "
        "Dashed: natural images, or chance. Left out: "
        f"{grey.sum()} of {counted(len(pictures), 'picture')} that ended grey.",
    )
    axes = figure.subplots(2, 4, sharey=True)
    whole = pictures[~grey]
    for axis, measure in zip(axes.flat, MEASURES, strict=False):
        _strip(axis, whole, rows, measure)
    _strip(axes[1, 2], _kept(transfers, pictures), rows, TRANSFER)
    _likeness(axes[1, 3], likeness[likeness["weights"] == TRAINED], rows)
    for axis in axes[:, 0]:
        axis.set_yticks(range(len(rows)), _names(rows))
    axes[0, 0].set_ylim(len(rows) - 0.4, -0.6)
    _legend(figure, RANDOM in set(pictures["weights"]))
    return figure


KEY = ["layer", "kind", "role"]
PICTURE = ["layer", "kind", "target", "weights", "seed", "variant"]
KINDS = {"facet": "facets", "channel": "channels", "most": "units, most", "least": "units, least"}


def _kept(transfers: pd.DataFrame, pictures: pd.DataFrame) -> pd.DataFrame:
    """Return the transfers of pictures that did not end grey."""
    whole = pictures.loc[~pictures["grey"].astype(bool), PICTURE]
    return transfers.merge(whole, on=PICTURE)


def _names(rows: list[tuple[str, str, str]]) -> list[str]:
    short = short_names(layer for layer, _, _ in rows)
    return [f"{short[layer]}\n{KINDS[role]}" for layer, _, role in rows]


def _strip(
    axis: Axes, table: pd.DataFrame, rows: list[tuple[str, str, str]], measure: Measure
) -> None:
    axis.set_xlabel(measure.words)
    if measure.yardstick is not None:
        axis.axvline(measure.yardstick[0], **NATURAL)
        axis.set_title(f"dashed: {measure.yardstick[1]}", loc="right", fontsize=8,
                       color=NATURAL["color"])  # fmt: skip
    told = table.dropna(subset=[measure.name])
    medians = told.groupby([*KEY, "weights", "target"])[measure.name].median()
    values = {key: own.to_numpy() for key, own in medians.groupby([*KEY, "weights"])}
    for place, row in enumerate(rows):
        for weights, style in STYLES.items():
            if (*row, weights) in values:
                _dots(axis, values[*row, weights], place + SHIFT[weights], style)
    axis.grid(axis="y", color="0.93")
    axis.set_axisbelow(True)
    axis.locator_params(axis="x", nbins=6)
    if not values:
        _say_unmeasured(axis)
    _limit(axis, *measure.limits)


def _dots(axis: Axes, values: np.ndarray, place: float, style: dict[str, Any]) -> None:
    apart = 0.11 * ((np.arange(len(values)) * 0.618) % 1 - 0.5) * (len(values) > 1)
    opacity = float(np.clip(12 / len(values), 0.25, 0.75))
    axis.scatter(values, place + apart, s=16, linewidth=0, alpha=opacity, **style)
    axis.vlines(np.median(values), place - 0.14, place + 0.14, color=style["color"], linewidth=2.4)


def _limit(axis: Axes, low: float, high: float | None) -> None:
    """Let an axis reach so far at least."""
    left, right = axis.get_xlim()
    margin = 0.03 * (max(right, high or right) - low)
    axis.set_xlim(min(left, low - margin), right if high is None else max(right, high))


def _likeness(axis: Axes, table: pd.DataFrame, rows: list[tuple[str, str, str]]) -> None:
    for _, row in table.iterrows():
        color, marker = BETWEEN[row["between"]]
        place = rows.index(tuple(row[KEY])) + APART[row["between"]]
        axis.plot(row["responses"], place, color=color, marker=marker, markersize=6)
    axis.axvline(0, color="0.6", linewidth=0.8)
    _limit(axis, 0, 1.03)
    axis.set_xlabel("likeness of two pictures to the layer\n(mean cosine of their responses)")
    axis.grid(axis="y", color="0.93")
    told = [between for between in BETWEEN if between in set(table["between"])]
    if not told:
        _say_unmeasured(axis)
        return
    handles = [Line2D([], [], color=color, marker=marker, linestyle="none", label=between)
               for between, (color, marker) in BETWEEN.items() if between in told]  # fmt: skip
    axis.legend(handles=handles, title="pictures of two", fontsize=8, title_fontsize=8,
                loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0)  # fmt: skip


def _say_unmeasured(axis: Axes) -> None:
    axis.text(0.5, 0.5, "not measured", transform=axis.transAxes, ha="center", color="0.4")


def _legend(figure: Figure, control: bool) -> None:
    names = {TRAINED: "of the trained network"} | (
        {RANDOM: "of random weights"} if control else {}
    )
    handles = [Line2D([], [], linestyle="none", label=name, **STYLES[weights])
               for weights, name in names.items()]  # fmt: skip
    figure.legend(handles=handles, title="pictures", loc="outside lower left", ncols=2)
