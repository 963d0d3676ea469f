"""What networks make of images one concept of which is another."""

__all__ = ["factor_dots"]

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actsense.drawing.lines import network_styles
from actsense.drawing.names import legible
from actsense.drawing.style import new_figure

MEASURES = {
    "changed": "drawn at random:\nanother class",
    "follows": "taken from another image:\nits class",
    "stays": "taken from another image:\nstill the own class",
}


def factor_dots(responses: pd.DataFrame, *, title: str) -> Figure:
    """Draw how often the class of an image changes with one concept alone.

    Arguments:
        responses: The table `factor_responses`.
        title: The study.
    """
    networks, parts = ([*dict.fromkeys(responses[name])] for name in ("network", "factor"))
    rows = max(2, len(parts) * len(networks))
    figure = new_figure(
        8.6,
        1.9 + 0.3 * rows,
        f"{title}: which concept decides what a network says?",
        "Share of images whose one concept was replaced, by what the network says of them. Bars: "
        "95 % intervals over images.\nOf a network that goes by one concept, images follow that "
        "one, and stay what they are with any other.",
    )
    axes = figure.subplots(1, len(MEASURES), sharey=True)
    styles = network_styles(networks)
    for axis, (measure, words) in zip(axes, MEASURES.items(), strict=True):
        axis.set_title(words, loc="left")
        axis.set_xlim(-0.03, 1.03)
        axis.set_xlabel("share of images")
        axis.grid(axis="x", color="0.9")
        own = responses[responses["measure"] == measure]
        for number, network in enumerate(networks):
            shift = 0.6 * ((number + 0.5) / len(networks) - 0.5)
            table = own[own["network"] == network].set_index("factor").loc[parts]
            _dots(axis, np.arange(len(parts)) + shift, table, styles[network], network)
    axes[0].set_yticks(range(len(parts)), [legible(part) for part in parts])
    axes[0].set_ylim(len(parts) - 0.5, -0.5)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center")
    return figure


def _dots(
    axis: Axes, places: np.ndarray, table: pd.DataFrame, style: dict[str, str], network: str
) -> None:
    value = table["value"].to_numpy(float)
    reach = np.abs(table[["low", "high"]].to_numpy(float).T - value)
    plain = {"color": style["color"], "fmt": style["marker"], "markersize": 5.0}
    axis.errorbar(value, places, xerr=reach, label=legible(network), elinewidth=0.8, **plain)  # type: ignore[arg-type]
