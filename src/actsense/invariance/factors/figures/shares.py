"""Which share of every concept a layer keeps: over depth, and over training."""

__all__ = ["factors_over_depth", "factors_over_training"]

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from actsense.drawing.depth import name_layers
from actsense.drawing.lines import network_styles
from actsense.drawing.names import legible
from actsense.drawing.style import new_figure
from actsense.invariance.choices import RANDOM, TRAINED
from actsense.invariance.factors.pairs import RESIDUAL

PANEL = 3.6  # inches
REST = {"color": "0.6", "marker": "."}
LIMITED = "Hollow: the autoencoder loses much of what this layer sees."


def part_styles(parts: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return color and mark of every part of a latent; the residual is gray."""
    return network_styles(parts) | {RESIDUAL: REST}


def factors_over_depth(explained: pd.DataFrame, *, title: str) -> Figure:
    """Draw the share of every concept that layers keep, trained and with random weights.

    Arguments:
        explained: The table `factors_explained`.
        title: The study.
    """
    own = explained[explained["state"].isin([TRAINED, RANDOM])]
    networks = [*dict.fromkeys(own["network"])]
    figure, axes = _panels(
        networks,
        f"{title}: what do layers keep of every concept?",
        "Share of a concept's variance that a layer explains. Bars: 95 % intervals over images.\n"
        "Solid: trained. Dashed: random weights.",
        own,
    )
    styles = part_styles(explained["factor"])
    for axis, network in zip(axes, networks, strict=True):
        table = own[own["network"] == network]
        layers = [*dict.fromkeys(table["layer"])]
        for state, line in ((TRAINED, "-"), (RANDOM, "--")):
            for part, style in styles.items():
                chosen = table[(table["state"] == state) & (table["factor"] == part)]
                places = np.array([layers.index(layer) for layer in chosen["layer"]])
                _draw(axis, places, chosen, style | {"linestyle": line})
        name_layers(axis, range(len(layers)), [legible(layer) for layer in layers], PANEL)
        axis.set_xlim(-0.4, len(layers) - 0.6)
    _legend(figure, styles)
    return figure


def factors_over_training(explained: pd.DataFrame, *, title: str) -> Figure:
    """Draw the share of every concept that a layer keeps while its network is trained.

    Accuracy is drawn on a second axis, as published.

    Arguments:
        explained: The table `factors_explained`; networks without checkpoints are left out.
        title: The study.
    """
    epochs = explained[explained["state"].str.startswith("epoch_")]
    networks = [*dict.fromkeys(epochs["network"])]
    figure, axes = _panels(
        networks,
        f"{title}: what does a network learn first?",
        "Share of a concept's variance that the layer explains after every epoch. Bars: 95 % "
        "intervals over images.\nDotted, right axis: accuracy on validation images.",
        explained[explained["epoch"].notna()],
    )
    styles = part_styles(explained["factor"])
    for axis, network in zip(axes, networks, strict=True):
        layer = epochs.loc[epochs["network"] == network, "layer"].iloc[0]
        table = explained[(explained["network"] == network) & (explained["layer"] == layer)]
        table = table[table["epoch"].notna()].sort_values("epoch", kind="stable")
        for part, style in styles.items():
            chosen = table[table["factor"] == part]
            _draw(axis, chosen["epoch"].to_numpy(), chosen, style | {"linestyle": "-"})
        axis.set_xlabel(f"epochs of training; layer {legible(layer)}")
        _accuracy(axis, table.drop_duplicates("epoch"))
    _legend(figure, styles)
    return figure


def _panels(
    networks: list[str], title: str, subtitle: str, explained: pd.DataFrame
) -> tuple[Figure, list[Axes]]:
    told = f" {LIMITED}" if explained["limited"].any() else ""
    wide = (PANEL + 0.6) * len(networks) + 2.2
    figure = new_figure(wide, 4.0, title, subtitle + told)
    axes = [*figure.subplots(1, len(networks), sharey=True, squeeze=False)[0]]
    for axis, network in zip(axes, networks, strict=True):
        axis.set_title(legible(network), loc="left")
        axis.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    axes[0].set_ylabel("share explained by the layer")
    axes[0].set_ylim(min(-0.05, _least(explained)), 1.05)
    return figure, axes


def _least(explained: pd.DataFrame) -> float:
    lowest = explained[["value", "low"]].min().min()
    return float(lowest) - 0.05 if np.isfinite(lowest) else 0.0


def _draw(axis: Axes, places: NDArray[Any], table: pd.DataFrame, style: Mapping[str, Any]) -> None:
    """Draw shares with intervals, hollow where they are limited."""
    values = table[["value", "low", "high"]].to_numpy(float)
    reach = np.abs(values[:, 1:] - values[:, :1]).T
    line = {"color": style["color"], "linestyle": style["linestyle"]}
    axis.errorbar(places, values[:, 0], reach, linewidth=1.2, elinewidth=0.8, **line)
    for limited in (False, True):
        some = (table["limited"] == limited).to_numpy()
        face = "white" if limited else style["color"]
        axis.plot(
            *(places[some], values[some, 0], style["marker"]),
            color=style["color"],
            markerfacecolor=face,
            markersize=5,
        )


def _accuracy(axis: Axes, table: pd.DataFrame) -> None:
    beside = axis.twinx()
    beside.plot(table["epoch"], table["accuracy"], ":", color="black", linewidth=1.4)
    beside.set_ylim(axis.get_ylim())
    beside.set_ylabel("accuracy")
    beside.spines["right"].set_visible(True)


def _legend(figure: Figure, styles: Mapping[str, Mapping[str, str]]) -> None:
    handles = [Line2D([], [], label=legible(part), **style) for part, style in styles.items()]  # type: ignore[arg-type]
    figure.legend(handles=handles, loc="outside right center", title="concept")
