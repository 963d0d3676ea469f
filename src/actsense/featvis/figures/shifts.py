"""Whether pictures of units that feel a factor lose their drive when the factor changes them."""

__all__ = ["shift_lines"]

from math import isnan

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from actsense.drawing.depth import fitting
from actsense.drawing.style import counted, new_figure

ROLES = {"most": "#009E73", "least": "#CC79A7"}
PANELS = 4  # parameters of a factor
DIFFERENCE = "difference"


def shift_lines(shifts: pd.DataFrame, losses: pd.DataFrame, *, factor: str, title: str) -> Figure:
    """Draw the share of the drive that is left, over every parameter of the factor.

    Arguments:
        shifts: Rows of the table `picture_shifts` on one network.
        losses: Those of `picture_losses`.
        factor: The factor that units were chosen by.
        title: The study and the network.
    """
    if shifts.empty:
        return _nothing(factor, title)
    parameters, note = fitting([*dict.fromkeys(shifts["parameter"])], PANELS)
    figure = new_figure(
        max(8.0, 4.6 * len(parameters) + 0.6),
        4.9,
        _question(factor, title),
        f"The pictures of units, changed by {factor}: which share of the unchanged picture's "
        "activation is left. Thin: single units; thick: their median.\n"
        f"{_said(losses)}{note}",
    )
    axes = figure.subplots(1, len(parameters), sharey=True, squeeze=False)[0]
    for axis, parameter in zip(axes, parameters, strict=True):
        _panel(axis, shifts[shifts["parameter"] == parameter])
        axis.set_xlabel(": ".join(filter(None, (factor, parameter))).replace("_", " "))
    axes[0].set_ylabel("activation left")
    units = shifts.drop_duplicates(["layer", "target"])["role"].value_counts()
    handles = [
        Line2D([], [], color=color, linewidth=2.4,
               label=f"{counted(int(units[role]), 'unit')} that {_feel(units[role])} it {role}")
        for role, color in ROLES.items() if role in units
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure


def _question(factor: str, title: str) -> str:
    return f"{title}: do pictures of units that feel {factor} lose their drive when it changes?"


def _nothing(factor: str, title: str) -> Figure:
    """Return what is said where a factor does not change single images."""
    words = f"Not measured: {factor} is no augmentation, and changes no single picture."
    return new_figure(8.0, 1.2, _question(factor, title), words, arranged=False)


def _feel(count: int) -> str:
    return "feels" if count == 1 else "feel"


def _panel(axis: Axes, table: pd.DataFrame) -> None:
    axis.axhline(1, color="0.8", linewidth=0.9)
    axis.axhline(0, color="0.6", linewidth=0.9)
    for role, color in ROLES.items():
        own = table[table["role"] == role]
        for _, unit in own.groupby(["layer", "target"]):
            line = unit.groupby("value")["kept"].median()
            axis.plot(line.index, line, color=color, linewidth=0.8, alpha=0.5, marker=".",
                      markersize=3)  # fmt: skip
        if not own.empty:
            median = own.groupby("value")["kept"].median()
            axis.plot(median.index, median, color=color, linewidth=2.4, marker="o", markersize=4)
    axis.yaxis.set_major_formatter(PercentFormatter(1))


def _said(losses: pd.DataFrame) -> str:
    """Return what is lost, with intervals, in a sentence."""
    told = {str(row["role"]): row for _, row in losses.iterrows()}
    parts = [f"by units that feel it {role} {_interval(told[role])}" for role in ROLES
             if role in told]  # fmt: skip
    if DIFFERENCE in told:
        parts.append(f"difference {_interval(told[DIFFERENCE])}")
    return f"Lost, mean over changes: {'; '.join(parts)} (95 % intervals over units)."


def _interval(row: pd.Series) -> str:
    """Return a loss with its interval, which a single unit has none of."""
    words = f"{row['lost']:.0%}"
    return words if isnan(row["low"]) else f"{words} ({row['low']:.0%} to {row['high']:.0%})"
