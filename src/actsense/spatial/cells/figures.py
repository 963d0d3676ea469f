"""What masked cells do to a network, in the order of its own maps and of other networks'."""

__all__ = ["cell_curves", "cell_dots", "name_orders", "plot_cells"]

from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.drawing.lines import draw_line, network_styles
from actsense.drawing.style import interval_errors, new_figure, save
from actsense.store import read_results, read_table, replacing

METHOD_COLORS = {
    "gradient": "#0072B2",
    "integrated_gradients": "#56B4E9",
    "smoothgrad": "#009E73",
    "occlusion": "#D55E00",
    "regions": "#CC79A7",
    "evidence": "#E69F00",
    "greedy": "#000000",
}
RANDOM = "random"
FILL_STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#0072B2", "marker": "o"},
    {"color": "#D55E00", "marker": "s"},
    {"color": "#009E73", "marker": "D"},
)
DIRECTIONS = {
    "deletion": "first cells masked, % of the area",
    "insertion": "first cells shown, % of the area",
}
BETTER = {
    "deletion": "better orders are further left",
    "insertion": "better orders are further right",
}
DODGE = 0.2  # between fills, in rows
TICKS = (0, 1, 5, 10, 25, 50, 75, 100)


def plot_cells(
    tables: Mapping[str, Path],
    stores: Mapping[str, Path],
    outputs: Mapping[str, Path],
    *,
    title: str,
    dpi: int,
) -> None:
    """Draw a page of curves for every tested network, and the areas under all curves.

    Arguments:
        tables: CSV files `cell_curves` and `cell_scores`.
        stores: What the tables were made of, by network; they know how large cells are.
        outputs: The folder `curves`, and the PNG file `scores`.
        title: The study.
        dpi: Dots per inch of the PNG files.
    """
    curves, scores = (
        name_orders(read_table(tables[name])) for name in ("cell_curves", "cell_scores")
    )
    with replacing(outputs["curves"]) as folder:
        folder.mkdir()
        for network, store in stores.items():
            size = read_results(store).attrs["size"]
            figure = cell_curves(curves, network, size=size, title=title)
            save(figure, folder / f"{network}.png", dpi=dpi)
    save(cell_dots(scores, title=title), outputs["scores"], dpi=dpi)


def cell_curves(curves: pd.DataFrame, network: str, *, size: int, title: str) -> Figure:
    """Draw the probability of the answer over the cells of a network's images, a line per order.

    Arguments:
        curves: Table `cell_curves`, with the columns of `name_orders`.
        network: The tested network.
        size: Side of a cell, pixels.
        title: The study.
    """
    styles = network_styles([*curves["network"], *curves["source"]])
    marks = {name: {"marker": style["marker"]} for name, style in styles.items() if name}
    curves = curves[curves["network"] == network]
    fills = list(dict.fromkeys(curves["fill"]))
    figure = new_figure(
        max(11.0, 3.9 * len(fills)),
        7.8,
        f"{title}, {network}: which cells carry the answer?",
        f"Cells of {size} x {size} pixels ({curves['cells'].max()} in all) are masked, or shown, "
        "in the order of a map. Mean probability of the class predicted for the intact image, "
        f"n = {curves['images'].max()}.\n"
        "Bars, band: 95 % intervals over images. Dashed: the map of another network. "
        f"{_greedy(curves)}Axes are stretched near 0.",
    )
    axes = figure.subplots(len(DIRECTIONS), len(fills), sharex=True, sharey=True, squeeze=False)
    for row, (direction, name) in zip(axes, DIRECTIONS.items(), strict=True):
        for axis, fill in zip(row, fills, strict=True):
            chosen = (curves["direction"] == direction) & (curves["fill"] == fill)
            _orders(axis, curves[chosen], marks)
            axis.set_title(f"{direction}, filled with: {fill}", loc="left")
            axis.set_xlabel(name)
            axis.tick_params(labelbottom=True)
        row[0].set_ylabel("probability of the answer")
    axes[0, 0].set_xscale("function", functions=(_root, np.square))
    axes[0, 0].set_xlim(0, 100)
    axes[0, 0].set_xticks(TICKS, TICKS)
    axes[0, 0].set_ylim(0, 1.02)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower left", ncols=5)
    return figure


def cell_dots(scores: pd.DataFrame, *, title: str) -> Figure:
    """Draw the areas under all curves against random orders, a row of panels per network.

    Arguments:
        scores: Table `cell_scores`, with the columns of `name_orders`.
        title: The study.
    """
    scores = scores[scores["method"] != RANDOM]
    pages = list(scores.groupby("network", sort=False))
    orders = [list(page["order"].unique()) for _, page in pages]
    heights = [0.6 + 0.24 * len(names) for names in orders]
    figure = new_figure(
        10.5,
        1.6 + sum(heights) + 0.25 * len(heights),
        f"{title}: which maps find the cells that carry the answer?",
        "Area under the mean probability, divided by that of random orders (line at 1) of the "
        "same images.\nBars: 95 % intervals over images.",
    )
    axes = figure.subplots(
        len(pages), len(DIRECTIONS), sharex="col", squeeze=False, height_ratios=heights
    )
    for row, (network, page), names in zip(axes, pages, orders, strict=True):
        for axis, direction in zip(row, DIRECTIONS, strict=True):
            _dots(axis, page[page["direction"] == direction], names)
            axis.set_title(f"{network}, {direction}", loc="left")
        row[0].set_yticks(range(len(names)), names, fontsize=8)
        row[1].set_yticks(range(len(names)), [])
    for axis, name in zip(axes[-1], BETTER.values(), strict=True):
        axis.set_xlabel(f"area relative to random orders\n({name})")
    legend = axes[0, 0].get_legend_handles_labels()
    figure.legend(*legend, loc="outside right upper", title="filled with")
    return figure


def name_orders(table: pd.DataFrame) -> pd.DataFrame:
    """Name the `order` of every row, and say if it is `borrowed` from another network.

    Arguments:
        table: Table `cell_curves` or `cell_scores`.
    """
    table = table.fillna({"source": ""})
    borrowed = (table["source"] != "") & (table["source"] != table["network"])
    order = table["method"].where(~borrowed, table["method"] + " of " + table["source"])
    return table.assign(order=order, borrowed=borrowed)


def _orders(axis: Axes, curves: pd.DataFrame, marks: Mapping[str, Mapping[str, str]]) -> None:
    """Draw a line per order, with a band for the random ones."""
    for label, own in curves.sort_values("cells", kind="stable").groupby("order", sort=False):
        places, first = 100 * own["share"], own.iloc[0]
        if label == RANDOM:
            band = own["probability_low"], own["probability_high"]
            axis.fill_between(places, *band, color="0.82", linewidth=0)
            axis.plot(places, own["probability"], color="0.5", linewidth=1.2, label=RANDOM)
            continue
        style: dict[str, Any] = {"color": METHOD_COLORS[first["method"]]}
        style |= marks.get(first["source"], {})
        if first["borrowed"]:
            style |= {"linestyle": "--", "markerfacecolor": "white"}
        draw_line(axis, places, own, "probability", style, str(label))


def _dots(axis: Axes, scores: pd.DataFrame, names: list[str]) -> None:
    """Draw a dot with its interval per order and fill."""
    fills = list(dict.fromkeys(scores["fill"]))
    places = scores["order"].map({name: row for row, name in enumerate(names)})
    for number, (fill, style) in enumerate(zip(fills, cycle(FILL_STYLES))):
        own = scores[scores["fill"] == fill]
        shift = DODGE * (number - (len(fills) - 1) / 2)
        errors = interval_errors(own, "relative")
        axis.errorbar(own["relative"], places[own.index] + shift, xerr=errors,
                      linestyle="none", markersize=3.5, elinewidth=0.8, label=fill,
                      **style)  # fmt: skip
    axis.axvline(1, color="0.5", linewidth=0.9, zorder=0)
    axis.set_ylim(len(names) - 0.5, -0.5)


def _greedy(curves: pd.DataFrame) -> str:
    greedy = curves[curves["method"] == "greedy"]
    if greedy.empty:
        return ""
    return f"Greedy (n = {greedy['images'].max()}): at every step the cell that costs most. "


def _root(share: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(np.maximum(share, 0))
