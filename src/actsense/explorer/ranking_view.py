"""The channels of a layer, or of all layers, in order."""

__all__ = ["show_ranking", "variance_format"]

from collections.abc import Callable, Sequence
from shlex import quote
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from actsense.explorer.clicks import follow
from actsense.explorer.controls import pick, plain
from actsense.explorer.ordering import ORDERS, ordered, search_layers
from actsense.explorer.outputs import unit_names
from actsense.explorer.reading import CONTRAST, FLAGS, INDICES, NAMES, ranking
from actsense.explorer.scene import Scene
from actsense.explorer.unit_maps import TITLES
from actsense.inspection.search import AXES
from actsense.layout import program
from actsense.store import LeftOut

TABLE_HEIGHT, ROW_HEIGHT = 420, 28  # pixels
TINY = 1e-3  # below it a number with all its zeros is wider than its column
SHORT = ("S1", "ST")  # names of narrow columns
LEFT_OUT = "dead: no factor moves it. rare: too few differences to trust an interval."
AMONG = {"layer": "of this layer", "all": "of all layers: the surest"}


def show_ranking(scene: Scene) -> None:
    """Show the channels of the layer, or of all layers, in order; a click chooses one."""
    among = pick(st.container(), "Among", "among", list(AMONG), words=AMONG, bare=True)
    if among == "all":
        _show_all(scene)
    else:
        _show_layer(scene)


def _show_layer(scene: Scene) -> None:
    table = scene.shelf.read(ranking, scene.layer, scene.factor)
    index = scene.index if scene.index in table else "S1"
    order = pick(
        st.container(), f"{scene.axis.capitalize()}s by", "order", list(ORDERS), words=ORDERS
    )
    if scene.names:
        table = table.assign(**{"class": list(scene.names)})
    shown = ordered(table, index, order)
    rank = int(np.flatnonzero(shown["number"] == scene.number)[0]) + 1
    key = "ranking_" + "_".join((scene.layer, scene.factor, index, order))
    st.dataframe(
        shown[_columns(shown, index)],
        hide_index=True,
        height=min(TABLE_HEIGHT, ROW_HEIGHT * len(shown) + 40),
        row_height=ROW_HEIGHT,
        key=key,
        on_select=_choose_row(key, shown["number"].to_numpy(), scene),
        selection_mode="single-cell",
        column_config=_column_words(scene.axis, table["variance"]),
    )
    counts = (table["left_out"] == flag for flag in FLAGS)
    gone = LeftOut.of_flags(*(count.to_numpy() for count in counts))
    per = "all units of the channel together" if scene.position else "one unit each"
    st.caption(
        f"Shares of variance due to {plain(scene.factor)}, {per}, with half-widths of 95 % "
        f"intervals (±); variance in squared response. {scene.axis.capitalize()} {scene.number} "
        f"is number {rank} of {len(shown)}. Click a row to see its {scene.axis}. Left out, last "
        f"and without values: {gone}."
    )


def _columns(table: pd.DataFrame, index: str) -> list[str]:
    """Put the chosen index with its interval beside the numbers; others have theirs in maps."""
    others = [name for name in (*INDICES, CONTRAST) if name in table and name != index]
    chosen = [name for name in (index, f"{index}_ci") if name in table]
    named = [name for name in ("class", "left_out") if name in table and table[name].any()]
    return ["number", *named, *chosen, "variance", *others]


def _column_words(axis: str, variance: pd.Series) -> dict[str, Any]:
    numbers = st.column_config.NumberColumn
    words = {
        "number": numbers(axis, width=62, pinned=True),
        "variance": numbers("variance", format=variance_format(variance), width=68),
        "class": st.column_config.TextColumn("class", width=80),
        "left_out": st.column_config.TextColumn("", width=46, help=LEFT_OUT),
        CONTRAST: numbers(
            "contrast",
            format="%.3f",
            width=66,
            help="rank-biserial, mean over positions; of validation images if apart",
        ),
    }
    for index in INDICES:
        words[index] = numbers(TITLES[index], format="%.3f", width=62 if index in SHORT else 96)
        words[f"{index}_ci"] = numbers("±", format="%.3f", width=52)
    return words


def variance_format(variance: pd.Series) -> str:
    """Return how variances are written: with powers of ten where most are tiny."""
    return "%.1e" if variance.median() < TINY else "%.3g"


def _choose_row(key: str, numbers: NDArray[np.int64], scene: Scene) -> Callable[[], None]:
    def choose() -> None:
        cells = st.session_state[key].selection.cells
        if cells:
            positions = [axis for axis in scene.at if axis != scene.axis]
            st.session_state.wishes.want(scene.axis, numbers[cells[0][0]], instead_of=positions)

    return choose


def _show_all(scene: Scene) -> None:
    index = scene.index if scene.index in INDICES else "shapley"
    table = scene.shelf.read(search_layers, scene.factor, index)
    last = scene.run.layers[-1]
    names = scene.shelf.read_study(unit_names, last)
    table["place"] = [
        _place(row, names if row["layer"] == last else []) for _, row in table.iterrows()
    ]
    key = f"search_{scene.run.network}_{scene.run.design}_{scene.factor}_{index}"
    words = _column_words(scene.axis, table["variance"])
    st.dataframe(
        table[["layer", "place", index, "half-width", "variance"]],
        hide_index=True,
        height=min(TABLE_HEIGHT + 76, ROW_HEIGHT * len(table) + 40),
        row_height=ROW_HEIGHT,
        key=key,
        on_select=_choose_found(key, table),
        selection_mode="single-cell",
        column_config=words | {"half-width": words[f"{index}_ci"]},
    )
    st.caption(
        f"The {len(table)} channels (units of a vector) of all layers that feel "
        f"{plain(scene.factor)} most, by the lower end of the 95 % interval of their "
        f"{NAMES[index]}. Click a row to see it. The same in a terminal: "
        f"`{_find_command(scene, index)}`"
    )


def _place(row: pd.Series, names: Sequence[str]) -> str:
    """Say where in its layer a channel or unit is, and its class, if it is an output."""
    at = {axis: int(row[axis]) for axis in AXES if pd.notna(row.get(axis))}
    named = f" ({names[at['unit']]})" if names else ""
    return ", ".join(f"{axis} {number}" for axis, number in at.items()) + named


def _find_command(scene: Scene, index: str) -> str:
    run = scene.run
    chosen = {"factor": scene.factor, "by": index, "level": "channel"}
    chosen |= {"network": run.network, "design": run.design}
    options = " ".join(f"--{name} {quote(value)}" for name, value in chosen.items())
    return f"{program('actsense')} find {quote(str(run.path.parents[1]))} {options}"


def _choose_found(key: str, table: pd.DataFrame) -> Callable[[], None]:
    def choose() -> None:
        cells = st.session_state[key].selection.cells
        if cells:
            row = table.iloc[cells[0][0]]
            at = {axis: int(row[axis]) for axis in AXES if pd.notna(row.get(axis))}
            chosen = {"layer": row["layer"], **at}
            follow(st.session_state.wishes, {"wishes": chosen, "instead_of": AXES})

    return choose
