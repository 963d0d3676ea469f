"""What masks do beyond random masks, whose profiles correlate, and which of them are alike."""

__all__ = ["correlation_maps", "effect_maps", "first_layer", "place_maps", "trees"]

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize, SymLogNorm, to_hex
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from scipy.cluster.hierarchy import dendrogram

from actsense.drawing.depth import PAGE, fitting
from actsense.drawing.matrices import Numbers
from actsense.drawing.names import legible, short_names
from actsense.drawing.style import empty_figure, foot, new_figure
from actsense.drawing.values import value_name
from actsense.masking.plan import TOGETHER
from actsense.sampling.designs import ORIGINAL

ALL = "all layers"
# The same in all figures of all networks, percentage points; the logarithm shows small ones.
EFFECTS = SymLogNorm(linthresh=2, linscale=0.6, vmin=-50, vmax=50, base=10)
TICKS = [-50, -20, -10, -4, -1, 0, 1, 4, 10, 20, 50]
CORRELATIONS = Normalize(-1, 1)
CLUSTERS = [to_hex(colormaps["tab10"](k)) for k in (0, 1, 2, 3, 4, 5, 6, 8, 9)]  # no gray
UNCERTAIN = "0.45"
PALE = 0.3  # opacity of uncertain cells
SINGLE = "0.6"
CLEAR = 0.5  # silhouette of groups that stand apart; Kaufman & Rousseeuw (1990): weak below it
UNCONTROLLED = "no random masks were published."
PALE_NOTE = "Pale: the 95 % interval covers 0."
CELL, ROW, LEAST = 0.4, 0.24, 0.15  # inches of a cell of a map: columns, rows, rows of many


def effect_maps(effects: pd.DataFrame, *, title: str) -> Figure:
    """Draw how much more than random masks the masks of every factor change, for all inputs.

    Arguments:
        effects: Effects of masks; those that all inputs see are drawn, of the first layer where
            layers are masked one by one.
        title: Network and design.
    """
    own, where = first_layer(effects[effects["first_place"]])
    return _effect_grid(
        own,
        "input",
        f"{title}: what masks of a factor change {_beyond(own)}",
        f"Top-1 accuracy minus that {_against(own)}, percentage points, mean over "
        f"{_fractions(own)}; masked: {own['level'].iloc[0]}s, {where}.\nRows: what the network "
        f"sees; framed: it is the masked factor. {_facts(own)} {PALE_NOTE}",
    )


def place_maps(effects: pd.DataFrame, *, title: str) -> Figure:
    """Draw what masks of single layers, and of whole channels, change in original images.

    Arguments:
        effects: Effects of masks, of all levels and layers.
        title: Network and design.
    """
    own = effects[effects["input"] == ORIGINAL]
    every = _seen(own, "layers")
    groups = own["value"].nunique() * own["level"].nunique()
    chosen, note = fitting(every, int(PAGE / groups / LEAST))
    short = short_names(every) | {TOGETHER: ALL}
    own = own[own["layers"].isin(chosen)]
    against = _against(own, " of the same layer and size")
    own = own.assign(place=own["level"] + "s, " + own["layers"].map(short))
    return _effect_grid(
        own,
        "place",
        f"{title}: which layer matters, and whether whole channels do",
        f"Top-1 accuracy on original images minus that {against}, "
        f"percentage points, mean over {_fractions(own)}.\n"
        f"Rows: what is masked. {_facts(own)} {PALE_NOTE}{note}",
    )


def correlation_maps(profiles: pd.DataFrame, *, title: str) -> Figure:
    """Draw how the profiles of every input correlate with those of the original input.

    Arguments:
        profiles: Correlations of profiles; those of the first layer are drawn where layers are
            masked one by one.
        title: Network and design.
    """
    profiles, where = first_layer(profiles)
    values, factors = _seen(profiles, "value"), _seen(profiles, "factor")
    inputs, one = _seen(profiles, "input"), profiles.iloc[0]
    left, panel = 1.6, CELL * len(factors) + 0.3
    undefined = int(profiles["rho"].isna().sum())
    figure = new_figure(
        max(11.0, left + len(values) * panel + 1.0),
        max(3.6, 2.7 + ROW * len(inputs)),
        f"{title}: do masks act alike on augmented and on original images?",
        "Spearman's rho of the profiles (accuracy beyond random masks over "
        f"{one['configurations']} scales and fractions) of input (row) and original, per masked "
        f"factor (column); masked: {where}.\nFramed: the input is the masked factor. "
        f"n = {one['images']} images, {one['resamples']} resamples. {PALE_NOTE} "
        f"Crossed: a profile is constant ({undefined}).",
    )
    axes = figure.subplots(1, len(values), sharey=True, squeeze=False)[0]
    for axis, value in zip(axes, values, strict=True):
        own = profiles[profiles["value"] == value].set_index(["input", "factor"])
        image = _cells(axis, own, "rho", inputs, factors, CORRELATIONS, "{:.2f}".format)
        axis.set_title(f"masks from {value_name(value)}", loc="left")
    figure.colorbar(image, ax=axes, label="Spearman's rho", fraction=0.05, pad=0.01)
    return figure


def trees(
    clusters: pd.DataFrame, linkage: pd.DataFrame, summary: pd.DataFrame, *, title: str
) -> Figure:
    """Draw the tree of all profiles of every value, colored by cluster.

    Arguments:
        clusters: Cluster and leaf of every pair of input and factor; as in all three tables,
            those of the first layer are drawn where layers are masked one by one.
        linkage: Steps of the trees.
        summary: One row per value.
        title: Network and design.
    """
    summary, where = first_layer(summary)
    layers = summary["layers"].iloc[0]
    clusters, linkage = (table[table["layers"] == layers] for table in (clusters, linkage))
    heading = f"{title}: which masks act alike on which input"
    clear = summary["silhouette"] >= CLEAR
    vague = " ".join(_vague(tree) for tree in summary[~clear].to_dict("records"))
    summary = summary[clear]
    if summary.empty:
        return empty_figure(heading, f"No tree is drawn; masked: {where}.\n{vague}")
    rows = int(summary["items"].max())
    figure = new_figure(
        max(10.5, 4.3 * len(summary) + 0.4),
        1.6 + max(1.5, 0.135 * rows),
        heading,
        "Average linkage of the profiles named input--masked factor, distance 1 - Spearman's rho; "
        f"left: alike; masked: {where}.\nDashed: the cut with the best silhouette; colors: its "
        "clusters (gray: of one). Stability: mean Jaccard overlap when found again in resamples.",
    )
    foot(figure, vague)
    axes = figure.subplots(1, len(summary), squeeze=False)[0]
    for axis, tree in zip(axes, summary.to_dict("records"), strict=True):
        own = clusters[(clusters["value"] == tree["value"]) & clusters["leaf"].notna()]
        axis.set_title(_tree_title(tree, own), loc="left", fontsize=8.5)
        _tree(axis, own.sort_values("item"), linkage[linkage["value"] == tree["value"]])
        axis.axvline(tree["cut"], color="black", linestyle="--", linewidth=0.9)
    return figure


def _effect_grid(effects: pd.DataFrame, row: str, heading: str, subtitle: str) -> Figure:
    """Draw maps of row by factor: values below each other, scales side by side."""
    values, scales = _seen(effects, "value"), _seen(effects, "scale")
    names, factors = _seen(effects, row), _seen(effects, "factor")
    high = min(ROW, max(LEAST, PAGE / len(values) / len(names)))
    figure = new_figure(
        max(11.0, 2.2 + len(scales) * (CELL * len(factors) + 0.2) + 1.0),
        max(3.6, 1.0 + len(values) * (high * len(names) + 0.35) + 1.1),
        heading,
        subtitle,
    )
    axes = figure.subplots(len(values), len(scales), sharex=True, sharey=True, squeeze=False)
    percent = effects.assign(**{name: 100 * effects[name] for name in ("effect", "low", "high")})
    for line, value in zip(axes, values, strict=True):
        for axis, scale in zip(line, scales, strict=True):
            own = percent[(percent["value"] == value) & (percent["scale"] == scale)]
            own = own.set_index([row, "factor"])
            image = _cells(axis, own, "effect", names, factors, EFFECTS, _points)
            axis.set_title(f"masks from {value_name(value)}, scaled by {scale:g}", loc="left")
    bar = figure.colorbar(image, ax=axes, fraction=0.05, pad=0.01, extend="both", ticks=TICKS)
    bar.set_label("percentage points")
    bar.ax.set_yticklabels([f"{tick:+d}" if tick else "0" for tick in TICKS])
    bar.ax.minorticks_off()
    return figure


def _cells(
    axis: Axes,
    table: pd.DataFrame,
    column: str,
    rows: list[str],
    columns: list[str],
    norm: Normalize,
    written: Callable[[float], str],
) -> AxesImage:
    """Draw an annotated map; pale where the interval covers zero."""
    every = pd.MultiIndex.from_product([rows, columns])
    shape = (len(rows), len(columns))
    numbers = table[[column, "low", "high"]].reindex(every).to_numpy(float)
    values, low, high = numbers.reshape(*shape, 3).transpose(2, 0, 1)
    certain = (low > 0) | (high < 0)
    opacity = np.where(certain, 1, PALE)
    image = axis.imshow(values, cmap="RdBu_r", norm=norm, aspect="auto", alpha=opacity)
    cells = {}
    for row, col in np.ndindex(shape):
        value = float(values[row, col])
        if not np.isfinite(value):
            if every[row * shape[1] + col] in table.index:
                cells[row, col] = "\u00d7", UNCERTAIN
            continue
        dark = abs(2 * norm(value) - 1) > 0.75
        color = ("white" if dark else "black") if certain[row, col] else UNCERTAIN
        cells[row, col] = written(value), color
        if rows[row] == columns[col]:
            frame = Rectangle((col - 0.5, row - 0.5), 1, 1, fill=False, linewidth=1.4, zorder=3)
            axis.add_patch(frame)
    Numbers(axis, cells)
    axis.set_xticks(range(len(columns)), columns, rotation=45, ha="right", fontsize=8)
    axis.set_yticks(range(len(rows)), rows, fontsize=8)
    axis.spines[:].set_visible(False)
    return image


def _tree(axis: Axes, items: pd.DataFrame, steps: pd.DataFrame) -> None:
    """Draw one tree from its leaves at the left to its root at the right."""
    linkage = steps[["left", "right", "height", "count"]].to_numpy(float)
    labels = items["cluster"].to_numpy(int)
    sizes = np.bincount(labels)
    below: list[set[int]] = [{int(label)} for label in labels]
    for left, right in linkage[:, :2].astype(int):
        below.append(below[left] | below[right])
    drawn = dendrogram(linkage, no_plot=True, link_color_func=str)
    axis.add_collection(
        LineCollection(
            list(np.stack([drawn["dcoord"], np.divide(drawn["icoord"], 10)], axis=2)),
            colors=[_color(below[int(node)], sizes) for node in drawn["color_list"]],
            linewidths=1.1,
        )
    )
    order = items.iloc[drawn["leaves"]]
    names = [f"{i}--{f}" for i, f in zip(order["input"], order["factor"], strict=True)]
    axis.set_yticks(np.arange(len(names)) + 0.5, names, fontsize=6.5)
    for tick, cluster in zip(axis.get_yticklabels(), order["cluster"], strict=True):
        color = _color({int(cluster)}, sizes)
        tick.set_color("0.35" if color == SINGLE else color)
    top = linkage[-1, 2]
    axis.set_xlim(-0.02 * max(top, 0.05), 1.04 * max(top, 0.05))
    axis.set_ylim(len(names), 0)
    axis.set_xlabel("1 - rho")
    axis.tick_params(axis="y", length=0)


def _color(clusters: set[int], sizes: NDArray[np.int64]) -> str:
    """Return the color of one cluster of several items, gray for all else."""
    cluster = min(clusters)
    if len(clusters) > 1 or sizes[cluster] < 2:
        return SINGLE
    number = int((sizes[1:cluster] > 1).sum())  # singles use up no color
    return CLUSTERS[number % len(CLUSTERS)]


def _vague(tree: Mapping[Hashable, Any]) -> str:
    """Say why a tree is not drawn."""
    if tree["items"] < 2:
        why = f"fewer than two profiles vary ({tree['constant']} constant left out)"
    elif not np.isfinite(tree["cut"]):
        why = "no cut is better than one cluster"
    else:
        why = f"the best cut has a silhouette of {tree['silhouette']:.2f}, below {CLEAR:.2f}"
    return f"Masks from {value_name(tree['value'])}: {why}."


def _tree_title(tree: Mapping[Hashable, Any], items: pd.DataFrame) -> str:
    constant = f", {tree['constant']} constant left out" if tree["constant"] else ""
    stable = items.drop_duplicates("cluster")["stability"].mean()
    return (
        f"masks from {value_name(tree['value'])}: {tree['items']} profiles{constant}\n"
        f"cophenetic correlation {tree['cophenetic']:.2f}\n"
        f"{tree['clusters']} clusters, silhouette {tree['silhouette']:.2f}, "
        f"stability {stable:.2f}"
    )


def _points(value: float) -> str:
    written = f"{value:.0f}" if abs(value) >= 9.95 else f"{value:.1f}"
    return "0" if float(written) == 0 else written


def first_layer(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the rows of the first choice of layers that are masked, and say which.

    Rows without a mask stay.
    """
    layers = [name for name in _seen(table, "layers") if name]
    where = ALL if layers[0] == TOGETHER else legible(layers[0])
    if len(layers) > 1:
        where += f" (first of {len(layers)} layers masked alone)"
    return table[table["layers"].isin(["", layers[0]])], where


def _beyond(effects: pd.DataFrame) -> str:
    return "beyond random masks of equal size" if _controlled(effects) else "in accuracy"


def _against(effects: pd.DataFrame, like: str = "") -> str:
    """Say what accuracies are compared with."""
    return f"under random masks{like}" if _controlled(effects) else "without a mask"


def _controlled(effects: pd.DataFrame) -> bool:
    return bool(effects["random_masks"].iloc[0])


def _fractions(effects: pd.DataFrame) -> str:
    return f"{effects['fractions'].iloc[0]} masked fractions"


def _facts(effects: pd.DataFrame) -> str:
    one = effects.iloc[0]
    return (
        f"n = {one['images']} images, {one['random_masks']} random masks, "
        f"{one['resamples']} resamples of both."
        if one["random_masks"]
        else f"n = {one['images']} images, {one['resamples']} resamples; {UNCONTROLLED}"
    )


def _seen(table: pd.DataFrame, column: str) -> list[str]:
    return list(dict.fromkeys(table[column]))
