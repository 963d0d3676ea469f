"""Contrasts: every augmentation alone against the untouched image."""

__all__ = ["contrast_bars"]

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from actsense.drawing.style import FACTOR_COLORS, new_figure

STATISTICS = {
    "mean_abs_rank_biserial": "rank-biserial\ncorrelation,\nmean magnitude",
    "mean_abs_standardized_difference": "standardized\nmean difference,\nmean magnitude",
    "significant_share": "units with\nadjusted p < 0.05,\nshare of alive",
}


def contrast_bars(table: pd.DataFrame, *, title: str) -> Figure:
    """Draw three summaries of every layer and augmentation.

    Arguments:
        table: From `actsense.sensitivity.contrast.contrast_table`.
        title: Network and design.
    """
    layers = list(dict.fromkeys(table["layer"]))
    augmentations = list(dict.fromkeys(table["augmentation"]))
    figure = new_figure(
        max(9.0, 2.6 + 0.22 * len(layers) * (len(augmentations) + 1)),
        7,
        f"{title}: what each augmentation alone does to the responses",
        f"Averages over the units of a layer; {table['images'].iloc[0]} images, each with and "
        "without the augmentation, are the independent pairs.\np-values of signed-rank tests, "
        "corrected by Benjamini and Yekutieli over all units and augmentations.",
    )
    axes = figure.subplots(3, 1, sharex=True)
    width = 0.8 / len(augmentations)
    for axis, (column, label) in zip(axes, STATISTICS.items(), strict=True):
        for number, augmentation in enumerate(augmentations):
            one = table[table["augmentation"] == augmentation].set_index("layer")[column]
            axis.bar(
                np.arange(len(layers)) + (number - (len(augmentations) - 1) / 2) * width,
                one.reindex(layers),
                width * 0.92,
                color=FACTOR_COLORS[augmentation],
                label=augmentation,
            )
        axis.set_ylabel(label)
    axes[2].set_ylim(0, 1.02)
    axes[2].set_xticks(range(len(layers)), layers, rotation=25, ha="right")
    axes[0].legend(loc="upper left", bbox_to_anchor=(1.01, 1.02))
    return figure
