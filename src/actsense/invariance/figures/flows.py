"""How flows learned what layers leave free, and whether they learned single images by heart."""

__all__ = ["flow_curves"]

from math import ceil
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from actsense.drawing.depth import fitting
from actsense.drawing.names import short_names
from actsense.drawing.style import new_figure
from actsense.invariance.figures.layers import (
    COLORS,
    NAMES,
    hatch_panel,
    left_out,
    limited_handles,
    put_legend,
)
from actsense.invariance.stored import InvarianceGroup, StoredInvariances

WIDE, HIGH = 2.9, 2.2  # inches of a panel
COLUMNS, LAYERS = 5, 10  # side by side, and of a state
LONGEST = 22  # characters of a layer above a panel


def flow_curves(stored: StoredInvariances, *, title: str) -> Figure:
    """Draw the course of every flow: a panel per layer, states below each other.

    Arguments:
        stored: The store of the network.
        title: The study and the network.
    """
    blocks, note = {}, ""
    for state in stored.states:
        blocks[state], one = fitting(stored.of(state), LAYERS)
        note += left_out(one, state)
    columns = min(COLUMNS, max(map(len, blocks.values())))
    rows = {state: ceil(len(own) / columns) for state, own in blocks.items()}
    count = sum(rows.values())
    figure = new_figure(
        max(8.0, WIDE * columns),
        1.3 + (HIGH + 0.35) * count,
        f"{title}: did the flows learn, and not by heart?",
        "Negative log-likelihood of a latent, given what the layer says: it should fall, and not "
        "rise again for validation images;\nthe best step is kept. In each panel: with "
        "what the layer says of another image, which should be much more; and the mean square of "
        f"the noise, which should be 1.{note}",
    )
    axes = figure.subplots(count, columns, squeeze=False)
    names = short_names((group.layer for own in blocks.values() for group in own), LONGEST)
    start = 0
    for state, own in blocks.items():
        panels = axes[start : start + rows[state]].flat
        for axis, group in zip(panels, own, strict=False):
            _curve(axis, group)
            axis.set_title(f"{names[group.layer]}, {NAMES[state]}", loc="left", fontsize=9)
        for axis in panels[len(own) :]:
            axis.set_axis_off()
        start += rows[state]
    for axis in axes[:, 0]:
        axis.set_ylabel("nats")
    handles = [
        Line2D([], [], color="0.2", linewidth=2, label="validation images"),
        Line2D([], [], color="0.2", linewidth=1, linestyle="--", label="train images"),
        Line2D([], [], color="0.2", marker="o", linestyle="none", label="best step"),
    ]
    gate = limited_handles(not group.passes for own in blocks.values() for group in own)
    put_legend(figure, [*handles, *gate])
    return figure


def _curve(axis: Axes, group: InvarianceGroup) -> None:
    card, history = group.flow, group.flow["history"]
    color = COLORS[group.state]
    style: dict[str, Any] = {
        "color": color,
        "marker": ".",
        "markersize": 3,
    }  # seen if there is one look
    axis.plot(history["steps"], history["train"], linewidth=1, linestyle="--", **style)
    axis.plot(history["steps"], history["validation"], linewidth=2, **style)
    if history["best"] in history["steps"]:
        best = history["validation"][history["steps"].index(history["best"])]
        axis.plot(history["best"], best, color=color, marker="o")
    if not group.passes:
        hatch_panel(axis)
    shuffled, noise = card["shuffled_nats"], card["noise"]["validation"]["mean_square"]
    said = [] if shuffled is None else [f"another image: {shuffled:.3g}"]
    said.append(f"noise: {noise:.2f}")
    background = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    axis.text(0.98, 0.97, "\n".join(said), transform=axis.transAxes, ha="right", va="top",
              fontsize=8, bbox=background)  # fmt: skip
    axis.set_xlabel("step")
    axis.locator_params(nbins=4)
