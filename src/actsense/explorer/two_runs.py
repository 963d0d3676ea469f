"""Two networks, or two designs of one, side by side."""

__all__ = ["common_limits", "other_runs", "show_two_runs"]

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from actsense.explorer.charts import depth_chart
from actsense.explorer.clicks import follow
from actsense.explorer.controls import pick, plain
from actsense.explorer.overview.cards import UNIT, colors_of
from actsense.explorer.reading import CONTRAST, NAMES, depth_profile
from actsense.explorer.scene import Scene
from actsense.explorer.shelf import Shelf, run_shelf
from actsense.inspection import RunResults, StudyResults

BETWEEN = " under "  # a network and a design, in words


def show_two_runs(scene: Scene) -> None:
    """Show what the layers of the chosen network feel beside those of another one, or design."""
    others = other_runs(scene.shelf.study, scene.run)
    if not others:
        st.info("This study has no second network or design.", icon=":material/info:")
        return
    choice = pick(st.container(width=320), "with", "beside", list(others))
    network, design = others[choice]
    second = run_shelf(scene.shelf.study.path, network, design)
    index = scene.index if scene.index != CONTRAST else "shapley"
    shelves = (scene.shelf, second)
    tables = [shelf.read(depth_profile, index) for shelf in shelves]
    factors = list(dict.fromkeys([*scene.run.factors, *second.held.factors]))
    st.html(colors_of(factors))
    limits = common_limits(tables)
    for column, shelf, table in zip(st.columns(2, gap="medium"), shelves, tables, strict=True):
        with column:
            _show_one(shelf, table, scene.factor, index, limits)
    common = [name for name in scene.run.factors if name in second.held.factors]
    shared = ", ".join(map(plain, common)) or "none"
    st.caption(
        f"{NAMES[index]} of whole layers, with 95 % intervals, both on one scale. Wide line: "
        f"{plain(scene.factor)}. Factors of both: {shared}. Shares are of the variance that each "
        "design makes: with other augmentations the same factor has another share. Click a dot to "
        "see its maps."
    )


def other_runs(study: StudyResults, run: RunResults) -> dict[str, tuple[str, str]]:
    """Return all runs of a study but one, by name: those of the same network, then of others."""
    found = {
        f"{network}{BETWEEN}{design}": (network, design)
        for network in [run.network, *(n for n in study.networks if n != run.network)]
        for design in study.designs(network)
        if study[network, design].has("indices")
    }
    found.pop(f"{run.network}{BETWEEN}{run.design}", None)
    return found


def common_limits(tables: list[pd.DataFrame]) -> tuple[float, float]:
    """Return the ends of an axis that holds all intervals of some profiles."""
    both = pd.concat(tables)
    half = both["half"].fillna(0.0)
    return (
        min(0.0, float(np.nanmin(both["value"] - half))),
        float(np.nanmax(both["value"] + half)),
    )


def _show_one(
    shelf: Shelf[RunResults],
    table: pd.DataFrame,
    factor: str,
    index: str,
    limits: tuple[float, float],
) -> None:
    run = shelf.held
    st.markdown(f"**{plain(run.network)} under {plain(run.design)}**")
    chart = depth_chart(table, factor, index, limits=limits)
    key = f"beside_{run.network}_{run.design}_{index}"
    st.vega_lite_chart(
        chart, width="stretch", key=key, on_select=_choose(key, run), selection_mode="picked"
    )


def _choose(key: str, run: RunResults) -> Callable[[], None]:
    def choose() -> None:
        dots = st.session_state[key].selection.get("picked")
        if dots:
            chosen = {
                "view": "units",
                "network": run.network,
                "design": run.design,
                "layer": dots[0]["layer"],
                "factor": dots[0]["name"],
            }
            follow(st.session_state.wishes, {"wishes": chosen, "instead_of": UNIT})

    return choose
