"""Knowledge points of all networks: how many, how reliable, and against which controls."""

__all__ = [
    "CONTROL_NAMES",
    "difference_lines",
    "embedding_dots",
    "over_images",
    "point_bars",
    "point_curves",
    "training_lines",
]

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from actsense.drawing.depth import fitting, name_layers
from actsense.drawing.lines import draw_line, network_styles
from actsense.drawing.names import legible, short_names
from actsense.drawing.style import interval_errors, new_figure
from actsense.patterns.figures.embedding import METHODS

TOTAL, RELIABLE = "#A9C1DC", "#0072B2"
CONTROLS: dict[str, dict[str, Any]] = {
    "shuffled": {"color": "#D55E00", "marker": "s"},
    "random": {"color": "#000000", "marker": "D"},
    "regions": {"color": "#CC79A7", "marker": "^"},
}
CONTROL_NAMES = {
    "shuffled": "answers shuffled among images",
    "random": "random weights",
    "regions": "regions exchanged among images",
}
ROW = 2.35  # inches of a network
MOST = 10  # layers of a panel
PANELS = 5  # layers side by side
QUANTITIES = {
    "points": "knowledge points per image",
    "reliable": "reliable ones per image",
    "ratio": "reliable share",
}


def point_bars(points: pd.DataFrame, classes: pd.Series, *, title: str) -> Figure:
    """Draw counts and reliable share over depth, a row per network, beside all null controls.

    Arguments:
        points: Table `knowledge_points`.
        classes: Number of classes of every network, by name.
        title: The study.
    """
    own = over_images(points[points["configured"]])
    networks = list(dict.fromkeys(own["network"]))
    first = own.iloc[0]
    figure = new_figure(
        12.0,
        1.7 + ROW * len(networks),
        f"{title}: where do patterns emerge over depth, and which of them can be trusted?",
        f"Knowledge points: regions that support one class with p >= {first['threshold']:g}, "
        f"means over {first['images']} images of {first['regions']} regions. Marks: the same of "
        "null controls, which hold no patterns;\nwhat is not above them says nothing. Bars: 95 % "
        "intervals over images. Dotted: the share of a guess.",
    )
    axes = figure.subplots(len(networks), 2, squeeze=False, sharey="col")
    for row, network in zip(axes, networks, strict=True):
        _bars(row, own[own["network"] == network], legible(network))
        row[1].axhline(
            1 / float(classes[network]), color="0.3", linestyle=(0, (1, 2)), linewidth=1
        )
        row[1].set_ylim(0, 1.02)
    handles: list[Artist] = [
        Patch(color=TOTAL, label="all"),
        Patch(color=RELIABLE, label="reliable: support the true class"),
    ]
    handles += [
        Line2D([], [], linestyle="none", markersize=5, label=CONTROL_NAMES[kind], **style)
        for kind, style in CONTROLS.items()
        if (own["kind"] == kind).any()
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=5)
    return figure


def point_curves(points: pd.DataFrame, *, title: str) -> Figure:
    """Draw counts and reliable share over the threshold, a row per network, a line per layer.

    Arguments:
        points: Table `knowledge_points`.
        title: The study.
    """
    points = over_images(points[points["kind"].isin(["final", *CONTROLS])])
    networks = list(dict.fromkeys(points["network"]))
    chosen = points.loc[points["configured"], "threshold"].iloc[0]
    figure = new_figure(
        11.5,
        1.4 + ROW * len(networks),
        f"{title}: does the answer depend on the threshold?",
        "A region is a knowledge point if it supports one class with at least this probability; "
        f"the line at {chosen:g} is that of all other figures.\nLayers from dark (first) to "
        "bright (last); dashed: null controls of the last layer. Bars: 95 % intervals.",
    )
    axes = figure.subplots(len(networks), 2, squeeze=False, sharex=True)
    for row, network in zip(axes, networks, strict=True):
        own = points[points["network"] == network]
        layers = list(dict.fromkeys(own["layer"]))
        names, colors = (
            short_names(layers),
            colormaps["viridis"](np.linspace(0, 0.92, len(layers))),
        )
        for axis, metric in zip(row, ("points", "ratio"), strict=True):
            for layer, color in zip(layers, colors, strict=True):
                lines = own[(own["layer"] == layer) & (own["kind"] == "final")]
                style = {"color": color, "marker": "o"}
                draw_line(axis, lines["threshold"], lines, metric, style, names[layer])
            _control_lines(axis, own[own["layer"] == layers[-1]], metric)
            axis.axvline(chosen, color="0.6", linewidth=0.9, zorder=0)
            axis.set_ylabel(QUANTITIES[metric])
            axis.set_xlabel("threshold, probability")
            axis.tick_params(labelbottom=True)
        row[0].set_title(legible(network), loc="left")
        row[0].set_ylim(bottom=0)
        row[1].set_ylim(0, 1.02)
        named = dict(zip(*row[0].get_legend_handles_labels()[::-1], strict=True))
        ordered = sorted(named, key=lambda name: name in CONTROL_NAMES.values())  # layers first
        row[1].legend([named[name] for name in ordered], ordered, fontsize=7.5,
                      bbox_to_anchor=(1.01, 1), loc="upper left")  # fmt: skip
    return figure


def training_lines(points: pd.DataFrame, *, title: str) -> Figure:
    """Draw counts and reliable share against epochs, a row per network with checkpoints.

    Arguments:
        points: Table `knowledge_points`; at least one network has checkpoints.
        title: The study.
    """
    own = points[points["configured"] & points["kind"].isin(["checkpoint", "final"])]
    networks = list(dict.fromkeys(own.loc[own["kind"] == "checkpoint", "network"]))
    own = over_images(own[own["network"].isin(networks)])
    across = min(PANELS, own.groupby("network")["layer"].nunique().max())
    figure = new_figure(
        2.5 * across + 5.2,
        1.3 + 2.6 * len(networks),
        f"{title}: when do patterns emerge while a network is trained?",
        "Layer by layer: knowledge points per image (line), and the reliable ones among them "
        "(dotted); what is shaded between supports a wrong class. Last panel: the reliable "
        "share.\nCheckpoints stand evenly spaced, the trained network behind them. Bars: 95 % "
        "intervals.",
    )
    axes = figure.subplots(len(networks), across + 1, squeeze=False,
                           width_ratios=[1] * across + [1.25])  # fmt: skip
    for row, network in zip(axes, networks, strict=True):
        left_out = _epochs(row, own[own["network"] == network])
        name = short_names(networks)[network]
        row[0].set_ylabel(f"{name}{left_out}\nknowledge points per image")
    return figure


def embedding_dots(embeddings: pd.DataFrame, *, title: str) -> Figure:
    """Draw the correlations of strength with uncertainty of all embeddings, a row per network.

    Arguments:
        embeddings: Table `embeddings`.
        title: The study.
    """
    own = embeddings[embeddings["kind"] == "final"]
    networks = list(dict.fromkeys(own["network"]))
    methods = [name for name in METHODS if (own["method"] == name).any()]
    figure = new_figure(
        11.5,
        2.0 + (0.3 + 0.11 * len(methods)) * len(networks),
        f"{title}: is an image that lies far out one that the network is sure of?",
        "Correlation of strength (distance from the origin) with the network's uncertainty, for "
        "our embedding and others of the same features in three dimensions.\nBetter is further "
        f"left, -1 is perfect. Bars: 95 % intervals over {own['images'].iloc[0]} images.",
    )
    axes = figure.subplots(1, 2, sharey=True)
    styles = network_styles(methods)
    for axis, coefficient in zip(axes, ("pearson", "spearman"), strict=True):
        for number, method in enumerate(methods):
            lines = own[own["method"] == method].set_index("network").reindex(networks)
            rows = np.arange(len(networks)) + 0.13 * (number - (len(methods) - 1) / 2)
            size = 6 if method == "ours" else 4
            axis.errorbar(lines[coefficient], rows, xerr=interval_errors(lines, coefficient),
                          linestyle="none", markersize=size, elinewidth=0.9,
                          label=METHODS[method], **styles[method])  # fmt: skip
        axis.axvline(0, color="0.6", linewidth=0.8)
        axis.set_xlabel(f"{coefficient.capitalize()} correlation")
        axis.set_ylim(len(networks) - 0.5, -0.5)
    short = short_names(networks)
    axes[0].set_yticks(range(len(networks)), [short[name] for name in networks])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=5)
    return figure


def difference_lines(differences: pd.DataFrame, *, title: str) -> Figure:
    """Draw how the first network differs from every other one over depth, on the same images.

    Arguments:
        differences: Table `knowledge_differences`, not empty.
        title: The study.
    """
    first = differences["first"].iloc[0]
    own = differences[differences["first"] == first]
    others = list(dict.fromkeys(own["second"]))
    name = legible(first)
    figure = new_figure(
        13.0,
        4.2 + 0.12 * max(0, len(others) - 10),
        f"{title}: does {name} hold more patterns than the other networks?",
        f"{name} minus the other network, image by image ({own['images'].iloc[0]} images), layers "
        "at the same relative depth beside each other. Above the line, "
        f"{name} has more.\nBars: 95 % intervals over images; a difference is certain where they "
        "leave out zero. All other pairs are in the table knowledge_differences.",
    )
    axes = figure.subplots(1, len(QUANTITIES))
    styles, short = network_styles(others), short_names(others)
    apart = min(0.02, 0.12 / len(others))
    for axis, (quantity, words) in zip(axes, QUANTITIES.items(), strict=True):
        for number, other in enumerate(others):
            lines = own[(own["second"] == other) & (own["quantity"] == quantity)]
            lines = lines.rename(columns={"low": "difference_low", "high": "difference_high"})
            places = lines["place"] + apart * (number - (len(others) - 1) / 2)
            draw_line(axis, places, lines, "difference", styles[other], f"minus {short[other]}")
        axis.axhline(0, color="0.4", linewidth=0.9, zorder=0)
        axis.set_xlabel("depth (0: first layer, 1: last)")
        axis.set_title(words, loc="left")
    axes[0].set_ylabel("difference")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center")
    return figure


def over_images(points: pd.DataFrame) -> pd.DataFrame:
    """Give reliable shares their intervals over images: regions of one image are not independent.

    Arguments:
        points: Rows of the table `knowledge_points`, which has Wilson's intervals, too.
    """
    ends = {f"ratio_{end}": points[f"ratio_boot_{end}"] for end in ("low", "high")}
    return points.assign(**ends)


def _bars(row: Any, table: pd.DataFrame, name: str) -> None:
    final = table[table["kind"] == "final"]
    layers, left_out = fitting(list(dict.fromkeys(final["layer"])), MOST)
    final = final.set_index("layer").loc[layers]
    places = np.arange(len(layers))
    row[0].bar(places, final["points"], 0.5, color=TOTAL)
    row[0].bar(places, final["reliable"], 0.5, color=RELIABLE)
    row[0].errorbar(places, final["points"], interval_errors(final, "points"), color="0.3",
                    linestyle="none", elinewidth=0.9)  # fmt: skip
    row[1].bar(places, final["ratio"], 0.5, color=RELIABLE)
    row[1].errorbar(places, final["ratio"], interval_errors(final, "ratio"), color="0.3",
                    linestyle="none", elinewidth=0.9)  # fmt: skip
    for axis, metric in zip(row, ("points", "ratio"), strict=True):
        for number, (kind, style) in enumerate(CONTROLS.items()):
            own = table[table["kind"] == kind].set_index("layer").reindex(layers)
            axis.errorbar(places + 0.13 * (number - 1), own[metric], interval_errors(own, metric),
                          linestyle="none", markersize=4, elinewidth=0.8, **style)  # fmt: skip
        axis.set_ylabel(QUANTITIES[metric])
        name_layers(axis, places, layers, 4.6, size=8)
    row[0].set_title(f"{name}{left_out}", loc="left")


def _control_lines(axis: Axes, table: pd.DataFrame, metric: str) -> None:
    for kind, style in CONTROLS.items():
        own = table[table["kind"] == kind]
        if len(own):
            axis.plot(own["threshold"], own[metric], linestyle="--", linewidth=1, markersize=3.5,
                      label=CONTROL_NAMES[kind], **style)  # fmt: skip


def _epochs(row: Any, table: pd.DataFrame) -> str:
    """Draw a panel per layer, and one of all reliable shares; say which layers are left out."""
    layers, left_out = fitting(list(dict.fromkeys(table["layer"])), len(row) - 1)
    names, colors = (
        short_names(layers, 18),
        colormaps["viridis"](np.linspace(0, 0.92, len(layers))),
    )
    most = table.loc[table["layer"].isin(layers), "points_high"].max()
    for axis, layer, color in zip(row, layers, colors, strict=False):
        own = table[table["layer"] == layer]
        order = own["epoch"].where(own["kind"] == "checkpoint", np.inf)
        own = own.iloc[order.argsort(kind="stable")]
        places, style = np.arange(len(own)), {"color": color, "marker": "o"}
        draw_line(axis, places, own, "points", style, names[layer])
        axis.plot(places, own["reliable"], color=color, linestyle=":", linewidth=1.6)
        axis.fill_between(places, own["reliable"], own["points"], color=color, alpha=0.15,
                          linewidth=0)  # fmt: skip
        draw_line(row[-1], places, own, "ratio", style, names[layer])
        for panel in (axis, row[-1]):
            _name_epochs(panel, own)
        axis.set_title(names[layer], loc="left", fontsize=9)
        axis.set_ylim(0, 1.05 * most)
    for axis in row[len(layers) : -1]:
        axis.axis("off")
    row[-1].set_ylabel(QUANTITIES["ratio"])
    row[-1].set_ylim(0, 1.02)
    row[-1].legend(fontsize=8, bbox_to_anchor=(1.01, 1), loc="upper left", title="layer")
    return left_out


def _name_epochs(axis: Axes, table: pd.DataFrame) -> None:
    """Name the epochs below an axis, the last one and as many before it as have room."""
    epochs = table["epoch"].where(table["kind"] == "checkpoint").to_numpy()
    texts = ["trained" if np.isnan(epoch) else f"{epoch:g}" for epoch in epochs]
    step = -(-len(texts) // 6)
    shown = [text if (len(texts) - 1 - k) % step == 0 else "" for k, text in enumerate(texts)]
    axis.set_xticks(range(len(texts)), shown, fontsize=8)
    axis.set_xlabel("epoch")
