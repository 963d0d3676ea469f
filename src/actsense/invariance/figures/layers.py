"""Panels of networks with a place for every layer, hatched where the autoencoder is the limit."""

__all__ = [
    "BAR_HATCH",
    "COLORS",
    "LEGEND",
    "LIMITED",
    "MARKS",
    "NAMES",
    "OTHER_CLASS",
    "Places",
    "hatch",
    "hatch_column",
    "hatch_field",
    "hatch_panel",
    "is_limited",
    "left_out",
    "limited_handles",
    "network_panels",
    "nothing",
    "put_legend",
    "sheet_legend",
    "shown_networks",
    "state_handles",
    "without_differences",
]

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from actsense.drawing.depth import PAGE, fitting, name_layers
from actsense.drawing.names import short_names
from actsense.drawing.style import ROUNDING, new_figure, text_width
from actsense.invariance.autoencoder.gate import AGREEMENT, COSINE
from actsense.invariance.choices import RANDOM, TRAINED

LIMITED = (
    "limited by the autoencoder (its reconstructions:\nsame class in less than "
    f"{AGREEMENT:.0%}, or centred cosine below {COSINE:g})"
)
DIFFERENCE = " - "  # between what a row of a table is the difference of
COLORS = {TRAINED: "#0072B2", RANDOM: "0.45"}
NAMES = {TRAINED: "trained weights", RANDOM: "random weights"}
MARKS = {TRAINED: "o", RANDOM: "D"}
OTHER_CLASS = "#D55E00"  # frame of an image that is of another class to the network
LAYERS = 16  # of a panel, at most
PITCH, ROOM = 0.95, 0.75  # inches of a layer, and beside all
LEGEND = 0.45  # inches of a legend below a sheet
LEGEND_SIZE, MARK = 9.0, 0.75  # points of its texts, and inches of a mark and around it
APART = 0.36  # between states of a layer, in layers
HATCH: dict[str, Any] = {"facecolor": "none", "edgecolor": "0.72", "hatch": "////", "linewidth": 0}
BAR_HATCH: dict[str, Any] = {"hatch": "////", "edgecolor": "white", "linewidth": 0}


@dataclass(frozen=True)
class Places:
    """Where the layers of a network stand in its panel.

    Attributes:
        network: Name of the network.
        layers: Those that are shown, from the first to the last.
        states: Those that it is looked at in.
        note: What is said if layers are left out.
        width: Of its panel, inches.
    """

    network: str
    layers: list[str]
    states: list[str]
    note: str
    width: float

    @property
    def thick(self) -> float:
        """Width of a mark of one state, in layers."""
        return 0.9 * APART if len(self.states) > 1 else 0.5

    def of(self, state: str) -> NDArray[np.float64]:
        """Return where a state stands, (layers,)."""
        shift = APART * (self.states.index(state) - (len(self.states) - 1) / 2)
        return np.arange(len(self.layers), dtype=np.float64) + shift

    def rows(self, table: pd.DataFrame, state: str) -> pd.DataFrame:
        """Return the rows of a state by layer, NaN where there is none, (layers,)."""
        own = table[(table["network"] == self.network) & (table["state"] == state)]
        return own.set_index("layer").reindex(self.layers)


def without_differences(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table that are of one layer in one state."""
    single = table["layer"].notna() & ~table["layer"].astype(str).str.contains(DIFFERENCE)
    return table[table["state"].isin(COLORS) & single]


def shown_networks(table: pd.DataFrame, pitch: float = PITCH) -> list[Places]:
    """Return the places of all networks of a table, in its order.

    Arguments:
        table: Columns `network`, `state` and `layer`; rows of differences are passed over.
        pitch: Inches from a layer to the next.
    """
    own = without_differences(table)
    found = {}
    for network, rows in own.groupby("network", sort=False):
        states = [state for state in COLORS if (rows["state"] == state).any()]
        named = rows.loc[rows["state"] == states[0], "layer"]
        found[str(network)] = (*fitting(list(dict.fromkeys(named)), LAYERS), states)
    most = max((len(layers) for layers, _, _ in found.values()), default=1)
    width = max(2.4, pitch * most)
    return [
        Places(network, layers, states, note, width)
        for network, (layers, note, states) in found.items()
    ]


def network_panels(
    places: Sequence[Places],
    title: str,
    subtitle: str,
    *,
    height: float,
    measures: int = 1,
    least: float = 8.0,
) -> tuple[Figure, NDArray[Any]]:
    """Return a figure with panels for every network, (networks, measures).

    Arguments:
        places: Of the networks, one at least.
        title: What the figure is about.
        subtitle: What a reader must know.
        height: Of a panel, inches.
        measures: Panels of a network, side by side.
        least: Width of the figure, inches.
    """
    width = places[0].width
    across = max(1, min(len(places), int(PAGE / (measures * (width + ROOM)))))
    rows = ceil(len(places) / across)
    figure = new_figure(
        max(least, ROOM + across * measures * (width + ROOM)),
        1.4 + rows * (height + 0.75),
        title,
        subtitle,
    )
    axes = figure.subplots(rows, across * measures, squeeze=False)
    panels = axes.reshape(rows * across, measures)
    short = short_names(one.network for one in places)
    for one, row in zip(places, panels, strict=False):
        row[0].set_title(short[one.network] + one.note, loc="left")
        for axis in row:
            name_layers(axis, range(len(one.layers)), one.layers, one.width)
            axis.set_xlim(-0.55, len(one.layers) - 0.45)
    for axis in panels[len(places) :].flat:
        axis.set_axis_off()
    return figure, panels[: len(places)]


def hatch(axis: Axes, places: NDArray[np.float64], limited: Any, thick: float) -> None:
    """Hatch the whole height of a panel behind numbers that are limited.

    Arguments:
        axis: The panel.
        places: Where the numbers stand, (layers,).
        limited: Which are, (layers,).
        thick: How wide, in layers.
    """
    for x in places[is_limited(limited)]:
        axis.add_patch(
            Rectangle(
                (x - thick / 2, 0), thick, 1, transform=axis.get_xaxis_transform(), zorder=0,
                **HATCH,
            )
        )  # fmt: skip


def hatch_panel(axis: Axes) -> None:
    """Hatch a panel, behind what else is there."""
    axis.add_patch(Rectangle((0, 0), 1, 1, transform=axis.transAxes, zorder=0, **HATCH))


def hatch_column(axis: Axes, place: float) -> None:
    """Hatch a column of a matrix, over its colours and below its numbers."""
    style = HATCH | {"edgecolor": (1, 1, 1, 0.45), "hatch": "//", "zorder": 0.5}
    axis.add_patch(
        Rectangle((place - 0.5, 0), 1, 1, transform=axis.get_xaxis_transform(), **style)
    )


def hatch_field(axis: Axes, x: float, y: float, width: float, height: float) -> None:
    """Hatch a field of a sheet, behind what else is there."""
    axis.add_patch(Rectangle((x, y), width, height, zorder=0, **HATCH))


def left_out(note: str, state: str) -> str:
    """Say of a state that layers are left out, from the note of `fitting`."""
    return note.replace("Shown:", f"Shown of {NAMES[state]}:")


def state_handles(states: Mapping[str, Any] | Sequence[str]) -> list[Patch]:
    """Return what a legend says of states, as many as there are."""
    return [Patch(color=COLORS[state], label=NAMES[state]) for state in COLORS if state in states]


def limited_handles(limited: Iterable[Any]) -> list[Patch]:
    """Return what a legend says of hatching; nothing where no number is limited."""
    return [Patch(label=LIMITED, **HATCH)] if is_limited(limited).any() else []


def nothing(title: str, words: str) -> Figure:
    """Return what is said where nothing was measured."""
    figure = new_figure(8.0, 1.2, title, words, arranged=False)
    figure.add_axes((0, 0, 1, 1)).set_axis_off()  # notebooks show no figure without axes
    return figure


def put_legend(figure: Figure, handles: Sequence[Any]) -> None:
    """Put a legend below all panels, in as few lines as the figure is wide enough for."""
    entries = [
        MARK
        + ROUNDING * max(text_width(line, LEGEND_SIZE) for line in handle.get_label().splitlines())
        for handle in handles
    ]
    for columns in range(len(handles), 0, -1):
        lines = ceil(len(entries) / columns)  # columns are filled one after the other
        parts = [entries[start : start + lines] for start in range(0, len(entries), lines)]
        if ROUNDING * sum(map(max, parts)) < figure.get_figwidth():
            break
    figure.legend(handles=handles, loc="outside lower left", ncols=columns, fontsize=LEGEND_SIZE)


def sheet_legend(figure: Figure, handles: Sequence[Any]) -> None:
    """Put a legend into the lower left corner of a sheet, which has left `LEGEND` for it."""
    if handles:
        figure.legend(handles=handles, loc="lower left", borderaxespad=0.3, ncols=len(handles))


def is_limited(values: Iterable[Any]) -> NDArray[np.bool_]:
    """Return which numbers are limited; not those that a table has no row of, which are NaN."""
    return np.array([one == 1 for one in values], bool)
