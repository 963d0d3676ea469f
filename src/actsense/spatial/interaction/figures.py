"""Whether edits of distant patches add up, over the size of patches and image by image."""

__all__ = ["interaction_curves", "interaction_scatter", "plot_interaction"]

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from actsense.drawing.lines import draw_line, network_styles
from actsense.drawing.style import new_figure, save
from actsense.store import read_results, read_table

METRICS = {  # with their value where effects add up
    "correlation": ("correlation of the drop by all edits\nwith the sum of single drops", 1),
    "slope": ("slope of the drop by all edits\nover the sum of single drops", 1),
    "residual": ("residual: mean difference of the two\nover the sum of their means", 0),
}
SHIFT = 0.06  # between networks, in doublings of the size
SPREAD = 0.4  # of all networks together
TICKS = 4
MARGIN = 0.05  # around all drops, as a share of them


def plot_interaction(
    table: Path,
    stores: Mapping[str, Path],
    outputs: Mapping[str, Path],
    *,
    title: str,
    dpi: int,
) -> None:
    """Draw how well effects of distant edits add up.

    Arguments:
        table: CSV file `interaction`.
        stores: What it was made of, by network.
        outputs: PNG files `curves` and `patches`.
        title: The study.
        dpi: Dots per inch of the PNG files.
    """
    read = read_table(table)
    data = {name: read_results(path).to_dataset().load() for name, path in stores.items()}
    save(interaction_curves(read, title=title), outputs["curves"], dpi=dpi)
    save(interaction_scatter(read, data, title=title), outputs["patches"], dpi=dpi)


def interaction_curves(table: pd.DataFrame, *, title: str) -> Figure:
    """Draw correlation, slope and residual over the size of patches, a line per network.

    Arguments:
        table: Table `interaction`.
        title: The study.
    """
    styles = network_styles(table["network"])
    figure = new_figure(
        12.5,
        4.3,
        f"{title}: do distant parts of an image add up, or interact?",
        "Patches are replaced by their mean color, all together and one by one; the logit of the "
        f"class predicted for the intact image drops: n = {table['images'].max()} images.\n"
        "Bars: 95 % intervals over images. Dotted: effects add up. No mark: undefined, for one of "
        "the two is the same for all images.",
    )
    axes = figure.subplots(1, len(METRICS))
    sizes = np.sort(table["size"].unique())
    for axis, (metric, (name, additive)) in zip(axes, METRICS.items(), strict=True):
        axis.axhline(additive, color="0.3", linestyle=":", linewidth=1, zorder=0)
        for place, (network, style) in enumerate(styles.items()):
            own = table[table["network"] == network].sort_values("size")
            shift = min(SHIFT, SPREAD / len(styles)) * (place - (len(styles) - 1) / 2)
            draw_line(axis, np.log2(own["size"]) + shift, own, metric, style, network)
        axis.set_xticks(np.log2(sizes), sizes)
        axis.set_xlabel("side of a patch, and gap between patches, pixels")
        axis.set_ylabel(name)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper")
    return figure


def interaction_scatter(
    table: pd.DataFrame, data: Mapping[str, xr.Dataset], *, title: str
) -> Figure:
    """Draw the drop by all edits over the sum of single drops, a panel per network and size.

    Arguments:
        table: Table `interaction`.
        data: The drops of every image: `together` and `apart`, (size, image).
        title: The study.
    """
    sizes = np.unique(np.concatenate([one["size"].to_numpy() for one in data.values()]))
    figure = new_figure(
        max(9.0, 2.3 * len(sizes) + 1.0),
        1.5 + 2.35 * len(data),
        f"{title}: distant patches, image by image",
        "Every mark is an image: how far all edits together lower the logit of its class, over "
        "the sum of what each alone does.\nOn the line, effects add up. r: correlation. Every "
        "panel has its own limits.",
    )
    axes = figure.subplots(len(data), len(sizes), squeeze=False)
    correlations = table.set_index(["network", "size"])["correlation"]
    styles = network_styles(table["network"])
    for row, (network, one) in zip(axes, data.items(), strict=True):
        for axis, size in zip(row, sizes, strict=True):
            if size in one["size"]:
                _scatter(axis, one.sel(size=size), correlations[network, size], styles[network])
            else:
                axis.set_axis_off()
        row[0].set_ylabel(f"{network}\ndrop by all edits, logits")
    for axis in axes[-1]:
        axis.set_xlabel("sum of single drops, logits")
    return figure


def _scatter(axis: Axes, one: xr.Dataset, correlation: float, style: Mapping[str, Any]) -> None:
    low, high = np.quantile(one[["apart", "together"]].to_array(), [0, 1])
    margin = MARGIN * (high - low) or 1.0
    axis.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin))
    axis.set_aspect("equal")
    for side in (axis.xaxis, axis.yaxis):
        # Tiny drops get their power in every label: above the axis it would cover the title.
        side.set_major_locator(MaxNLocator(TICKS))
        side.set_major_formatter(StrMethodFormatter("{x:.3g}"))
    axis.axline((0, 0), slope=1, color="0.6", linewidth=0.8, zorder=0)
    axis.scatter(one["apart"], one["together"], s=8, alpha=0.5, linewidths=0, **style)
    r = "undefined" if np.isnan(correlation) else f"{correlation:.2f}"
    patches = int(one["patches"])
    axis.set_title(f"{int(one['size'])} px, {patches} patches: r = {r}", loc="left", fontsize=8)
