"""Contrasts: every augmentation alone against the untouched image."""

__all__ = ["contrast_bars"]

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actsense.drawing.depth import name_layers
from actsense.drawing.style import FACTOR_COLORS, new_figure

STATISTICS = {
    "mean_abs_rank_biserial": "rank-biserial\ncorrelation,\nmean magnitude",
    "mean_abs_standardized_difference": "standardized\nmean difference,\nmean magnitude",
    "significant_share": "units with\nadjusted p < 0.05,\nshare of alive",
}
MOST = 60  # bars that a panel has room for; of more layers, lines are drawn


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
    known = {name: label for name, label in STATISTICS.items() if table[name].notna().any()}
    tested = "significant_share" in known
    figure = new_figure(
        wide * len(partitions) + 2.6,
        max(3.2, 7 / 3 * len(known)),
        f"{title}: what each augmentation alone does to the responses",
        f"Averages over the units of a layer; {_paired(table)}"
        + "\np-values of signed-rank tests, corrected by Benjamini and Yekutieli over all units "
        f"and augmentations{' of a partition' if partitions[0] else ''}." * tested,
    )
    shape = len(known), len(partitions)
    axes = figure.subplots(*shape, sharex=True, sharey="row", squeeze=False)
    draw = _bars if places <= MOST else _lines
    for across, partition in enumerate(partitions):
        own = table[table["partition"] == partition] if partition else table
        for axis, (column, label) in zip(axes[:, across], known.items(), strict=True):
            draw(axis, own.pivot(index="layer", columns="augmentation", values=column)
                 .reindex(index=layers, columns=augmentations))  # fmt: skip
            if not across:
                axis.set_ylabel(label)
            axis.set_ylim(bottom=0)
        if tested:
            axes[-1, across].set_ylim(0, 1.02)
        axes[0, across].set_title(partition and f"{partition} images", loc="left")
        name_layers(axes[-1, across], range(len(layers)), layers, wide)
    axes[0, -1].legend(loc="upper left", bbox_to_anchor=(1.01, 1.02))
    return figure


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


def _bars(axis: Axes, values: pd.DataFrame) -> None:
    """Draw a bar for every layer (row) and augmentation (column)."""
    width = 0.8 / values.shape[1]
    for number, (augmentation, one) in enumerate(values.items()):
        axis.bar(
            np.arange(len(one)) + (number - (values.shape[1] - 1) / 2) * width,
            one,
            width * 0.92,
            color=FACTOR_COLORS[str(augmentation)],
            label=augmentation,
        )


def _lines(axis: Axes, values: pd.DataFrame) -> None:
    """Draw a line over the layers (rows) for every augmentation (column)."""
    for augmentation, one in values.items():
        axis.plot(np.arange(len(one)), one, color=FACTOR_COLORS[str(augmentation)],
                  marker="o", markersize=3, linewidth=1.2, label=augmentation)  # fmt: skip
