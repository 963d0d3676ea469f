"""Contrasts: every augmentation alone against the untouched image."""

__all__ = ["contrast_bars"]

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.drawing.depth import name_layers
from actsense.drawing.style import FACTOR_COLORS, FACTOR_MARKERS, new_figure

STATISTICS = {
    "mean_abs_rank_biserial": "rank-biserial\ncorrelation,\nmean magnitude",
    "mean_abs_standardized_difference": "standardized\nmean difference,\nmean magnitude",
    "significant_share": "units with\nadjusted p < 0.05,\nshare of alive",
}
INTERVALS = " Lines: 95 % intervals over images."
CHANCE = " Gray: by chance, without any effect."
MOST = 60  # marks that a panel has room for side by side; of more layers, lines are drawn


def contrast_bars(table: pd.DataFrame, *, title: str) -> Figure:
    """Draw three summaries of every layer and augmentation, partitions in columns if apart.

    Arguments:
        table: From `actsense.sensitivity.contrast_statistics.contrast_table`.
        title: Network and design.
    """
    layers = list(dict.fromkeys(table["layer"]))
    partitions = list(dict.fromkeys(table["partition"])) if "partition" in table else [""]
    augmentations = list(dict.fromkeys(table["augmentation"]))
    places = len(layers) * (len(augmentations) + 1)
    wide = max(6.4, 0.22 * min(places, MOST) if places <= MOST else 0.2 * len(layers))
    # Of values that were published elsewhere, some are not known.
    known = {name: label for name, label in STATISTICS.items() if _known(table, name)}
    tested = "significant_share" in known
    intervals, chance = (
        any(_known(table, f"{name}_{kind}") for name in known) for kind in ("ci", "by_chance")
    )
    figure = new_figure(
        wide * len(partitions) + 2.6,
        max(3.2, 7 / 3 * len(known)),
        f"{title}: what each augmentation alone does to the responses",
        f"Averages over the units of a layer; {_paired(table)}"
        + INTERVALS * intervals
        + CHANCE * chance
        + "\np-values of signed-rank tests, corrected by Benjamini and Yekutieli over all units "
        f"and augmentations{' of a partition' if partitions[0] else ''}." * tested,
    )
    shape = len(known), len(partitions)
    axes = figure.subplots(*shape, sharex=True, sharey="row", squeeze=False)
    for across, partition in enumerate(partitions):
        own = table[table["partition"] == partition] if partition else table
        for axis, (column, label) in zip(axes[:, across], known.items(), strict=True):
            values, widths, noise = (
                own.pivot(index="layer", columns="augmentation", values=name)
                .reindex(index=layers, columns=augmentations) if _known(own, name) else None
                for name in (column, f"{column}_ci", f"{column}_by_chance")
            )  # fmt: skip
            if values is not None:
                _draw(axis, values, widths, apart=places <= MOST)
            if noise is not None:
                _draw_chance(axis, noise, apart=places <= MOST)
            if not across:
                axis.set_ylabel(label)
            axis.set_ylim(bottom=0)
            axis.set_xlim(-0.6, len(layers) - 0.4)
        if tested:
            axes[-1, across].set_ylim(0, 1.02)
        axes[0, across].set_title(partition and f"{partition} images", loc="left")
        name_layers(axes[-1, across], range(len(layers)), layers, wide)
    axes[0, -1].legend(loc="upper left", bbox_to_anchor=(1.01, 1.02))
    return figure


def _known(table: pd.DataFrame, column: str) -> bool:
    return column in table and bool(table[column].notna().any())


def _paired(table: pd.DataFrame) -> str:
    """Say what is compared with what."""
    counts = table["images"].dropna().unique()
    if not len(counts):
        return "how many images are behind them was not published."
    images = " or ".join(f"{count}" for count in counts)
    own = " of each partition" if "partition" in table and len(counts) == 1 else ""
    if "pairs" not in table:
        return (
            f"{images} images{own}, each with and without the augmentation, are the independent "
            "pairs."
        )
    return (
        f"{images} images{own}; every draw of an augmentation counts as a pair of its own, which "
        "makes p-values far too small."
    )


def _draw(axis: Axes, values: pd.DataFrame, widths: pd.DataFrame | None, *, apart: bool) -> None:
    """Draw a mark for every layer (row) and augmentation (column), with their intervals.

    Marks of a layer stand side by side, each on a bar; or on lines, where layers are many.
    """
    for number, (name, one) in enumerate(values.items()):
        factor = str(name)
        places = _places(values, number if apart else None)
        color, marker = FACTOR_COLORS[factor], FACTOR_MARKERS[factor]
        if apart:
            axis.vlines(places, 0, one, color=color, alpha=0.4, linewidth=5)
        if widths is not None:
            axis.errorbar(places, one, widths[factor], color="0.35" if apart else color,
                          linestyle="none", capsize=2, elinewidth=0.9, zorder=2)  # fmt: skip
        style = {"linestyle": "none", "markersize": 5} if apart else {"markersize": 3}
        axis.plot(places, one, color=color, marker=marker, linewidth=1.2, zorder=3, label=factor,
                  **style)  # fmt: skip


def _draw_chance(axis: Axes, noise: pd.DataFrame, *, apart: bool) -> None:
    """Draw what chance gives: across the bar of every mark, or as one line of their means."""
    if not apart:
        axis.plot(_places(noise, None), noise.mean(axis=1), color="0.5", linestyle=":", zorder=1)
        return
    half = 0.4 / noise.shape[1]
    for number, (_, one) in enumerate(noise.items()):
        places = _places(noise, number)
        axis.hlines(one, places - half, places + half, color="0.5", linewidth=1.2, zorder=4)


def _places(table: pd.DataFrame, number: int | None) -> NDArray[np.float64]:
    """Return where the marks of an augmentation stand, (layers,); of all of them without one."""
    places = np.arange(len(table), dtype=np.float64)
    if number is not None:
        places += 0.8 * (number + 0.5) / table.shape[1] - 0.4
    return places
