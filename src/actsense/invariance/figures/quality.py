"""How real samples look, in the eyes of a fixed network, beside real images themselves."""

__all__ = ["quality_dots"]

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from actsense.drawing.names import legible
from actsense.drawing.style import counted, interval_errors
from actsense.invariance.figures.layers import (
    COLORS,
    MARKS,
    NAMES,
    Places,
    hatch,
    limited_handles,
    network_panels,
    nothing,
    put_legend,
    shown_networks,
    without_differences,
)

SAMPLES, REAL = "samples", "real halves"
REAL_COLOR = "#009E73"
HEIGHT, PITCH = 2.3, 0.5  # inches of a panel, and of a layer


@dataclass(frozen=True)
class Measure:
    """One quantity of a panel.

    Attributes:
        name: In the table.
        words: What it is, and which way is better.
        share: Whether it is a share of images.
    """

    name: str
    words: str
    share: bool = False


MEASURES = (
    Measure("frechet", "Fréchet distance (less is better)"),
    Measure("kernel", "kernel distance (less is better)"),
    Measure("precision", "samples that look real", share=True),
    Measure("coverage", "real images near samples", share=True),
)


def quality_dots(quality: pd.DataFrame, *, title: str) -> Figure:
    """Draw four measures of how real samples look, over layers.

    Arguments:
        quality: Table `invariance_quality`.
        title: The study.
    """
    question = f"{title}: do samples look like real images?"
    own = without_differences(quality)
    if own.empty:
        return nothing(question, "Not measured: there are too few samples or images, or no judge.")
    places = shown_networks(own[own["kind"] == SAMPLES], PITCH)
    gate = limited_handles(own["limited"])
    first = own.iloc[0]
    judge = f"{legible(str(first['judge']))}, {legible(str(first['judge_layer']))}"
    figure, panels = network_panels(
        places,
        question,
        f"In {counted(int(first['features']), 'feature')} of another network ({judge}): numbers "
        "compare within this figure alone. Strokes and bands: 95 % intervals\nover blocks of "
        f"images, {int(first['images']):,} on either side. Samples are as good as can be where "
        "they lie in the green band, which halves of real images reach.",
        height=HEIGHT,
        measures=len(MEASURES),
    )
    for one, row in zip(places, panels, strict=True):
        for axis, measure in zip(row, MEASURES, strict=True):
            _panel(axis, one, own[own["measure"] == measure.name])
            axis.set_ylabel(measure.words, fontsize=8.5)
            if measure.share:
                axis.set_ylim(-0.03, 1.06)
                axis.yaxis.set_major_formatter(PercentFormatter(1))
    states = [state for state in COLORS if any(state in one.states for one in places)]
    handles: list[Any] = [
        Line2D([], [], color=COLORS[state], marker=MARKS[state], linestyle="none",
               label=f"samples, {NAMES[state]}") for state in states
    ]  # fmt: skip
    handles.append(Patch(color=REAL_COLOR, alpha=0.25, label="two halves of real images"))
    put_legend(figure, [*handles, *gate])
    return figure


def _panel(axis: Axes, places: Places, table: pd.DataFrame) -> None:
    table = table.rename(columns={"low": "value_low", "high": "value_high"})
    for state in places.states:
        samples, real = (
            places.rows(table[table["kind"] == kind], state) for kind in (SAMPLES, REAL)
        )
        at = places.of(state)
        hatch(axis, at, samples["limited"], places.thick)
        for x, low, value, high in zip(
            at, real["value_low"], real["value"], real["value_high"], strict=True
        ):
            if np.isfinite([low, high]).all():
                axis.fill_between([x - 0.18, x + 0.18], low, high, color=REAL_COLOR, alpha=0.25,
                                  linewidth=0)  # fmt: skip
            axis.hlines(value, x - 0.18, x + 0.18, color=REAL_COLOR, linewidth=1.2)
        axis.errorbar(at, samples["value"], interval_errors(samples, "value"),
                      color=COLORS[state], marker=MARKS[state], markersize=5, linestyle="none",
                      elinewidth=1.2, zorder=3)  # fmt: skip
