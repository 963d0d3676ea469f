"""One target closely: its picture on the way, natural images, other starts, curves, numbers."""

__all__ = ["index_words", "rows_of", "show_closely", "titles_of"]

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from actsense.explorer.controls import pick, pick_along, plain, show_words, told
from actsense.explorer.curves import curves_legend
from actsense.explorer.heatmaps import color_bar, heatmap
from actsense.explorer.pictures.cards import (
    film_strip,
    natural_grid,
    one_picture,
    picture_strip,
)
from actsense.explorer.pictures.charts import (
    CURVES,
    curve_table,
    picture_styles,
    plane_chart,
    progress_chart,
    shift_chart,
    shift_styles,
    shift_table,
)
from actsense.explorer.pictures.images import film, is_faded, natural_images, result_addresses
from actsense.explorer.pictures.plane import plane_table, unit_map
from actsense.explorer.pictures.sets import Chosen, PictureSet, opened
from actsense.explorer.pictures.words import Row, failed, measures_table, verdict
from actsense.explorer.reading import NAMES
from actsense.explorer.shelf import Shelf
from actsense.featvis.stored import RANDOM, TRAINED
from actsense.inspection import StudyResults
from actsense.store import reading

FILM, NATURAL, HALF = 372, 660, 510  # pixels
MOST = {TRAINED: 4, RANDOM: 2}  # pictures in the table of numbers
FAILURE = (
    "This picture failed: it ended all but evenly grey, or nothing in it ever moved the network. "
    "It is kept to be looked into, and is no result; nothing can be read from it."
)
CONTROL = (
    "This is a control: it was made in the same way for the same architecture with random "
    "weights. What looks like the picture of the trained network here was not learned."
)
FADED = {"whole": "whole", "worked": "where it was worked on"}
BEST = {
    "facets": "**Members of the facet**, the nearest to its centre first",
    "units": "**Natural images that the unit responds to most**",
    "channels": "**Natural images that the channel responds to most**",
}


def show_closely(shelf: Shelf[StudyResults], chosen: Chosen, known: PictureSet) -> None:
    """Show everything that is known of one target."""
    target, picture = _choose_picture(known)
    own = known.of_target(target)
    titles = titles_of(own)
    st.markdown(
        f"##### {plain(known.names[target])} of {plain(chosen.layer)} in {plain(chosen.network)}"
    )
    _say(own.loc[picture].to_dict(), known)
    row = st.container(horizontal=True, gap="medium")
    with row.container(width=FILM):
        iteration = _show_film(shelf, chosen, known, own.loc[picture].to_dict(), picture)
    with row.container(width=NATURAL), told():
        _show_natural(shelf, chosen, target)
    with told():
        _show_starts(shelf, chosen, own, titles)
    with told():
        _show_numbers(shelf, chosen, own, picture)
    row = st.container(horizontal=True, gap="medium")
    with row.container(width=HALF), told():
        _show_curves(shelf, chosen, target, titles, picture, iteration)
    with row.container(width=HALF), told():
        if chosen.kind == "facets":
            _show_plane(shelf, chosen, known, target)
        elif chosen.kind == "units":
            _show_factor(shelf, chosen, known, target)


def titles_of(own: pd.DataFrame) -> dict[int, str]:
    """Return what the pictures of a target are called, by number."""
    return dict(zip(map(int, own.index), map(str, own["title"]), strict=True))


def _choose_picture(known: PictureSet) -> tuple[int, int]:
    """Let a target be chosen, and one of its pictures; return both by number."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    places = [row.container(width=260), row.container(width=260)]
    words = {str(k): name for k, name in enumerate(known.names)}
    below = ("picture", "iteration")
    target = int(pick(places[0], "Target", "target", list(words), words=words, instead_of=below))
    pictures = {title: number for number, title in titles_of(known.of_target(target)).items()}
    title = pick(places[1], "Picture", "picture", list(pictures), instead_of=("iteration",))
    steps = {"Previous": target - 1, "Next": target + 1}
    for label, other in steps.items():
        row.button(label, key=label, on_click=_go(other), disabled=not 0 <= other < len(words))
    return target, pictures[title]


def _say(row: Row, known: PictureSet) -> None:
    """Say what came of a picture, or why it is no result."""
    target = int(row["target"])
    if known.factor:
        role, index = known.roles[target], index_words(known, target)
        st.markdown(f"A unit that feels {plain(known.factor)} {role}: {index}.")
    if failed(row):
        st.warning(FAILURE, icon=":material/block:")
    elif row["weights"] == RANDOM:
        st.info(CONTROL, icon=":material/info:")
    elif known.judged:
        st.markdown(plain(verdict(row, known.names[target], known.images)))


def index_words(known: PictureSet, target: int) -> str:
    """Write the index of a unit with its name."""
    return f"{NAMES[known.by]} {round(known.indices[target], 2) + 0.0:.2f}"  # never -0.00


def _go(target: int) -> Callable[[], None]:
    def go() -> None:
        st.session_state.wishes.want("target", target, instead_of=("picture", "iteration"))

    return go


def _show_film(
    shelf: Shelf[StudyResults], chosen: Chosen, known: PictureSet, row: Row, picture: int
) -> int:
    """Show a picture at one iteration, and return that."""
    words = {str(k): "start" if k == 0 else str(k) for k in known.kept}
    place, last = st.container(), str(known.kept[-1])
    iteration = int(pick_along(st.container(), "Iteration", "iteration", list(words), last, words))
    options = list(FADED) if shelf.read(is_faded, chosen, picture) else ["whole"]
    how = options[0]
    if len(options) > 1:
        how = pick(st.container(), "Shown", "shown", options, words=FADED, buttons=True, bare=True)
    frames = shelf.read(film, chosen, picture, how == "worked")
    shown = known.kept.index(iteration)
    name = known.names[int(row["target"])]
    place.html(one_picture(frames[shown], name, failed=failed(row)))
    st.html(film_strip(frames, known.kept, shown))
    return iteration


def _show_natural(shelf: Shelf[StudyResults], chosen: Chosen, target: int) -> None:
    st.markdown(BEST[chosen.kind])
    st.html(natural_grid(shelf.read_study(natural_images, chosen, target)))
    st.caption(
        "Each with its class, its row of the manifest, and its drive: how much it drives the "
        "target, in standard deviations above the mean natural image."
        + " Weight: its share in the response that the picture is to reproduce."
        * (chosen.kind == "facets")
    )


def _show_starts(
    shelf: Shelf[StudyResults], chosen: Chosen, own: pd.DataFrame, titles: Mapping[int, str]
) -> None:
    """Show the results of all pictures of a target side by side."""
    if len(titles) < 2:
        return
    controlled = _controlled(titles)
    st.markdown("**The same target from other starts" + ", and with random weights" * controlled
                + "**")  # fmt: skip
    addresses = shelf.read(result_addresses, chosen, tuple(titles))
    gone = [failed(row) for row in own.to_dict("records")]
    st.html(picture_strip(addresses, list(titles.values()), gone))
    st.caption(
        "**What all starts have in common is the target's; what differs between them is chance.**"
        + " What random weights show as well was not learned." * controlled
    )


def _show_numbers(
    shelf: Shelf[StudyResults], chosen: Chosen, own: pd.DataFrame, picture: int
) -> None:
    if "percentile" not in own:
        return
    transfers = shelf.read(rows_of, "picture_transfers", chosen)
    transfers = transfers[transfers["target"] == own["target"].iloc[0]]
    few = own.groupby("weights").cumcount() < own["weights"].map(MOST)
    shown = own[few | (own.index == picture)]
    st.markdown("**In numbers**")
    show_words(measures_table(shown, transfers))
    if len(shown) < len(own):
        st.caption(f"{len(shown)} of {len(own)} pictures; choose another one above to see its.")


def rows_of(study: StudyResults, name: str, chosen: Chosen) -> pd.DataFrame:
    """Return the rows of a table on one set; of tables of units alone, which name no kind."""
    table = study.table(name)
    own = (table["network"] == chosen.network) & (table["layer"] == chosen.layer)
    if "kind" in table:
        own &= table["kind"] == chosen.kind
    return table[own]


def _show_curves(
    shelf: Shelf[StudyResults],
    chosen: Chosen,
    target: int,
    titles: Mapping[int, str],
    picture: int,
    iteration: int,
) -> None:
    table = shelf.read(curve_table, chosen, tuple(titles))
    options = [name for name in CURVES if name in table]
    st.markdown("**While it was made**")
    curve = pick(st.container(), "Curve", "curve", options, words=CURVES)
    level = shelf.read(strongest, chosen, target) if curve == "activation" else np.nan
    first = {picture: titles[picture]} | dict(titles)
    chart = progress_chart(table, curve, first, level=level, iteration=iteration)
    st.html(curves_legend(picture_styles(first)))
    st.vega_lite_chart(chart, width="stretch", key="curves")
    st.caption(
        "Wide: the picture above. Gray line: the iteration above. Curves are of the picture as it "
        "was moved and turned at random on the way; the numbers above are of it at rest."
        + " Dotted: the strongest natural image." * (curve == "activation")
        + " Random weights: in the network that they are of." * _controlled(titles)
    )


def _controlled(titles: Mapping[int, str]) -> bool:
    return any(title.startswith(RANDOM) for title in titles.values())


def strongest(study: StudyResults, chosen: Chosen, target: int) -> float:
    """Return how much the strongest natural image drives a target."""
    with reading(study.path / chosen.network / "featvis/pictures.zarr"):
        return float(opened(study, chosen).natural[:, target].max())


def _show_plane(
    shelf: Shelf[StudyResults], chosen: Chosen, known: PictureSet, target: int
) -> None:
    table = shelf.read_study(plane_table, chosen, target)
    st.markdown("**Its images among all natural images**")
    key = f"plane_{chosen.network}_{chosen.layer}_{target}"
    st.vega_lite_chart(
        plane_chart(table, known.names, target),
        width="stretch",
        key=key,
        on_select=_choose_dot(key),
        selection_mode="picked",
    )
    st.caption(
        "Images that lie together are alike to the layer. Blue: this facet; black rings: its "
        "members, shown above. Hover to see an image; click one to choose its facet."
    )


def _choose_dot(key: str) -> Callable[[], None]:
    def choose() -> None:
        dots: list[dict[str, Any]] = st.session_state[key].selection.get("picked") or []
        if dots:
            _go(int(dots[0]["facet"]))()

    return choose


def _show_factor(
    shelf: Shelf[StudyResults], chosen: Chosen, known: PictureSet, target: int
) -> None:
    """Show where the factor is felt, and what shifting the picture under it costs."""
    factor = plain(known.factor)
    st.markdown(f"**Does it feel {factor}, and does its picture need it?**")
    place = shelf.read(unit_map, chosen, target)
    row = st.container(horizontal=True, gap="small")
    with row.container(width=180):
        _show_map(known, target, *place)
    with row.container(width=310), told():
        shifts = shelf.read(rows_of, "picture_shifts", chosen)
        _show_shift(shifts[shifts["factor"] == known.factor], known, target)


def _show_map(
    known: PictureSet, target: int, values: NDArray[np.float64], unit: tuple[int, int] | None
) -> None:
    if unit is None:
        st.caption("A unit of a vector has no map.")
        return
    limit = float(np.nanmax(values, initial=0)) or 1.0
    st.html(heatmap(values, limit, title=f"{NAMES[known.by]} of {known.factor}", chosen=unit)
            + color_bar(limit))  # fmt: skip
    st.caption(
        f"Share of the variance of every unit of the channel that is due to {plain(known.factor)}."
        " Frame: this unit."
    )


def _show_shift(shifts: pd.DataFrame, known: PictureSet, target: int) -> None:
    if shifts.empty:
        st.info("What shifts do to these pictures is not known.", icon=":material/info:")
        return
    options = list(dict.fromkeys(shifts["parameter"]))
    parameter = options[0]
    if len(options) > 1:
        parameter = pick(st.container(), "Shifted", "parameter", options)
    table = shift_table(shifts[shifts["parameter"] == parameter], target, known.factor)
    st.html(curves_legend(shift_styles(table)))
    st.vega_lite_chart(shift_chart(table, parameter), width="stretch", key="shifts")
    st.caption(
        f"The {plain(known.factor)} of the finished picture is shifted, and the unit sees it "
        "again. **A unit that needs it loses its drive at both ends.**"
    )
