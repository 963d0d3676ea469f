"""How much of what images differ in the layers of networks leave free."""

__all__ = ["free_bars"]

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from actsense.drawing.style import interval_errors
from actsense.invariance.figures.layers import (
    BAR_HATCH,
    COLORS,
    Places,
    is_limited,
    limited_handles,
    network_panels,
    put_legend,
    shown_networks,
    state_handles,
)

MEASURE = "explained_latent"
WHOLE = "0.93"  # grey of what a layer keeps
HEIGHT = 2.9  # inches of a panel
WRITTEN = 20  # bars that there is room for numbers above


def free_bars(kept: pd.DataFrame, *, title: str) -> Figure:
    """Draw a bar for every layer: the share of the latent's variance that it leaves free.

    Arguments:
        kept: Table `invariance_kept`.
        title: The study.
    """
    own = kept[kept["measure"] == MEASURE]
    places = shown_networks(own)
    gate = limited_handles(own["limited"])
    figure, panels = network_panels(
        places,
        f"{title}: how much of an image does a layer leave free?",
        "Coloured: share of all differences between images (variance of the autoencoder's latent) "
        "that is left between images of which\nthe layer says the same; grey: what it keeps. "
        "Strokes: 95 % intervals over anchors.",
        height=HEIGHT,
    )
    for one, axis in zip(places, panels[:, 0], strict=True):
        for state in one.states:
            _bars(axis, one, one.rows(own, state), state)
        axis.yaxis.set_major_formatter(PercentFormatter(1))
        axis.set_ylabel("left free")
    states = [state for one in places for state in one.states]
    rest = Patch(color=WHOLE, label="kept by the layer")
    handles = [*state_handles(states), rest, *gate]
    put_legend(figure, handles)
    return figure


def _bars(axis: Axes, places: Places, rows: pd.DataFrame, state: str) -> None:
    at, thick = places.of(state), places.thick
    axis.bar(at, np.ones(len(at)), thick, color=WHOLE, zorder=1)
    bars = axis.bar(at, rows["value"], thick, color=COLORS[state], zorder=2)
    for bar, limited in zip(bars, is_limited(rows["limited"]), strict=True):
        if limited:
            bar.set(**BAR_HATCH)
    errors = interval_errors(rows.rename(columns={"low": "value_low", "high": "value_high"}),
                             "value")  # fmt: skip
    axis.errorbar(at, rows["value"], errors, color="black", linestyle="none", elinewidth=1.1,
                  capsize=2, zorder=3)  # fmt: skip
    if len(places.layers) * len(places.states) > WRITTEN:
        return
    top = np.fmax(1, rows["high"])
    for x, y, value in zip(at, top, rows["value"], strict=True):
        words = "unknown" if np.isnan(value) else f"{value:.0%}"
        axis.text(x, y + 0.02, words, ha="center", va="bottom", fontsize=8, color=COLORS[state])
