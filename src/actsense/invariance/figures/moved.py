"""Which augmentations layers leave free, and which they fix."""

__all__ = ["moved_cells"]

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.drawing.depth import name_layers
from actsense.drawing.matrices import Numbers, longest
from actsense.drawing.names import legible, short_names
from actsense.drawing.style import FLAGS, HEADER, new_figure, place
from actsense.invariance.figures.layers import (
    LEGEND,
    NAMES,
    Places,
    hatch_column,
    is_limited,
    limited_handles,
    nothing,
    sheet_legend,
    shown_networks,
    without_differences,
)

MEASURE = "free"
WIDE, HIGH = 0.62, 0.4  # inches of a cell
LEFT, TOP, FOOT, APART, SCALE = 0.2, 0.6, 1.2, 0.35, 1.0  # around matrices, and of the scale
SIZE = 8.5  # points of names
SCALE_OF = Normalize(0, 1, clip=True)
MAP = colormaps["viridis"].with_extremes(bad=FLAGS["dead"])


def moved_cells(moved: pd.DataFrame, *, title: str) -> Figure:
    """Draw a matrix for every network and state: augmentations below each other, layers across.

    Arguments:
        moved: Table `invariance_moved`.
        title: The study.
    """
    question = f"{title}: which changes of an image does a layer ignore?"
    own = without_differences(moved[moved["measure"] == MEASURE])
    if own.empty:
        return nothing(question, "Not measured: no augmentation was compared with samples.")
    places = shown_networks(own)
    names = _ordered(own)
    gate = limited_handles(own["limited"])
    left = LEFT + longest(map(legible, names), SIZE) + 0.1
    widths = [len(one.states) * (len(one.layers) * WIDE + APART) for one in places]
    block = TOP + len(names) * HIGH + FOOT
    height = HEADER + len(places) * block + LEGEND * bool(gate)
    figure = new_figure(
        left + max(widths) + SCALE,
        height,
        question,
        "Share of what images differ by along an augmentation that a layer leaves free, with 95 % "
        "intervals over anchors:\n0 (dark): the layer keeps it; 1 (bright): the layer ignores it.",
        arranged=False,
    )
    short = short_names(one.network for one in places)
    for number, one in enumerate(places):
        x, y = left, HEADER + number * block + TOP
        for state in one.states:
            wide = len(one.layers) * WIDE
            axis = place(figure, x, y, wide, len(names) * HIGH)
            _matrix(axis, one, own, state, names)
            first = state == one.states[0]
            axis.set_yticks(range(len(names)), [legible(name) for name in names] if first else [])
            heading = f"{short[one.network]}{one.note}\n{NAMES[state]}"
            axis.set_title(heading if first else NAMES[state], loc="left", fontsize=9.5)
            name_layers(axis, range(len(one.layers)), one.layers, wide, size=SIZE)
            x += wide + APART
    bar = place(figure, left + max(widths), HEADER + TOP, 0.15, min(2.5, len(names) * HIGH))
    figure.colorbar(ScalarMappable(SCALE_OF, MAP), bar, label="left free")
    sheet_legend(figure, gate)
    return figure


def _ordered(table: pd.DataFrame) -> list[str]:
    """Return the augmentations, those first that trained layers leave freest."""
    first = table[table["state"] == table["state"].iloc[0]]
    mean = first.groupby("augmentation", sort=False)["value"].mean()
    known = dict.fromkeys(table["augmentation"])
    return sorted(known, key=lambda name: -np.nan_to_num(mean.get(name, np.nan), nan=-np.inf))


def _matrix(
    axis: Axes, places: Places, table: pd.DataFrame, state: str, names: Sequence[str]
) -> None:
    rows = [places.rows(table[table["augmentation"] == name], state) for name in names]
    value, low, high = (_stacked(rows, column) for column in ("value", "low", "high"))
    axis.imshow(np.ma.masked_invalid(value), cmap=MAP, norm=SCALE_OF, aspect="auto")
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0, labelsize=SIZE)
    cells = {}
    for (row, column), one in np.ndenumerate(value):
        if np.isnan(one):
            cells[row, column] = ("unknown", "black")
            continue
        color = "black" if one > 0.55 else "white"
        cells[row - 0.17, column] = (f"{one:.2f}", color)
        if np.isfinite([low[row, column], high[row, column]]).all():
            ends = f"{low[row, column]:.2f}\u2013{high[row, column]:.2f}"
            cells[row + 0.22, column] = (ends, color)
    Numbers(axis, cells)
    limited = pd.concat(rows)["limited"].groupby(level=0).first().reindex(places.layers)
    for column in np.flatnonzero(is_limited(limited)):
        hatch_column(axis, float(column))


def _stacked(rows: Sequence[pd.DataFrame], column: str) -> NDArray[np.float64]:
    return np.stack([own[column].to_numpy(np.float64) for own in rows])
