"""Views of single units: their ranking and maps, their top images, their contrasts."""

__all__ = ["show_contrast", "show_images", "show_units"]

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from actsense.drawing.intervals import WITHOUT, are_known, bars_note
from actsense.drawing.style import CONTENT
from actsense.explorer.charts import contrast_chart, pair_chart, profile_chart
from actsense.explorer.controls import pick, plain, told
from actsense.explorer.heatmaps import color_bar, heatmap, picture
from actsense.explorer.ordering import ORDERS, ordered
from actsense.explorer.reading import (
    CONTRAST,
    FLAGS,
    INDICES,
    contrasts,
    left_out,
    maps,
    pairs,
    profile,
    ranking,
    rare_map,
    unit_facts,
)
from actsense.explorer.scene import Scene
from actsense.explorer.top_pictures import TopPicture, top_conditions, top_pictures
from actsense.store import LeftOut

TABLE_HEIGHT, ROW_HEIGHT = 420, 28  # pixels
PARTS_WORDS = " The parts of content add up to it."
UNKNOWN = " An earlier version made these values: which units are rare is not known."
TITLES = {
    "S1": "S1",
    "ST": "ST",
    "shapley": "Shapley",
    "mean_difference": "mean difference",
    "rank_biserial": "rank-biserial",
}
LEFT_OUT = "dead: no factor moves it. rare: too few differences to trust an interval."
SCALES = {"own": "each index its own", "full": "0 to 1"}


def show_units(scene: Scene) -> None:
    """Show the channels of the layer in order, the maps of one, and all factors of one unit."""
    left, right = st.columns([5, 7], gap="medium")
    with left, told():
        _show_ranking(scene)
    with right, told():
        if scene.position is not None:
            _show_maps(scene)
    if scene.position is not None:
        left, right = st.columns([7, 5], gap="medium")
    else:
        left = right  # no maps: the charts take their place
    with left, told():
        _show_profile(scene)
    with right, told():
        _show_pairs(scene)


def show_images(scene: Scene) -> None:
    """Show the images that drive the unit most, untouched and under an augmentation."""
    conditions = scene.shelf.read(top_conditions)
    untouched, *augmentations = conditions
    st.markdown(f"##### The images that drive {plain(scene.unit_name)} most")
    wanted = scene.factor if scene.factor in augmentations else None
    under = pick(
        st.container(width=260), "Under", "under", augmentations or conditions, default=wanted
    )
    left, right = st.columns(2, gap="medium")
    for column, condition in ((left, untouched), (right, under)):
        with column, told():
            st.markdown(f"**{'' if condition == untouched else 'Under '}{plain(condition)}**")
            found = scene.shelf.read_study(top_pictures, scene.layer, scene.at, condition)
            _show_pictures(found)
    st.caption(
        "Strongest response first, in the unit's own scale, with the image's class and partition."
        " Pictures are drawn as the network saw them. Under an augmentation an image counts by "
        "the strongest of its random draws, and that draw is shown."
    )


def _show_differences(table: pd.DataFrame, factor: str) -> None:
    st.vega_lite_chart(contrast_chart(table, factor), width="stretch", key="contrasts")
    st.caption(
        "Mean over images of the response to the augmented image minus that to the untouched "
        "one, in the unit's own scale. Bars: 95 % intervals over images. A unit without a dot "
        "never changed."
    )


def show_contrast(scene: Scene) -> None:
    """Show how every augmentation alone changes the unit's response."""
    table = scene.shelf.read(contrasts, scene.layer, scene.at)
    st.markdown(f"##### What each augmentation alone does to {plain(scene.unit_name)}")
    left, right = st.columns([1, 1], gap="medium")
    with left:
        if table["mean_difference"].isna().all() and table["rank_biserial"].notna().any():
            st.info("Mean differences of responses were not published.", icon=":material/info:")
        else:
            _show_differences(table, scene.factor)
    with right:
        st.dataframe(_contrast_words(table), hide_index=True, width="stretch")
        st.caption(
            "Standardized: mean difference in standard deviations of the response. Rank-biserial: "
            "from -1, all images lower it, to 1, all raise it. Point-biserial: correlation of the "
            "response with being augmented. p: signed-rank test over images, adjusted after "
            "Benjamini and Yekutieli over all units and augmentations of the network."
        )


def _show_ranking(scene: Scene) -> None:
    table = scene.shelf.read(ranking, scene.layer, scene.factor)
    index = scene.index if scene.index in table else "S1"
    order = pick(
        st.container(), f"{scene.axis.capitalize()}s by", "order", list(ORDERS), words=ORDERS
    )
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
        column_config=_column_words(scene.axis),
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
    """Put the chosen index beside the numbers."""
    names = [name for name in (*INDICES, CONTRAST) if name in table]
    names.sort(key=lambda name: name != index)
    columns = [column for name in names for column in (name, f"{name}_ci") if column in table]
    flag = ["left_out"] if table["left_out"].any() else []
    return ["number", *flag, *columns[:2], "variance", *columns[2:]]


def _column_words(axis: str) -> dict[str, Any]:
    numbers = st.column_config.NumberColumn
    words = {
        "number": numbers(axis, width=60, pinned=True),
        "variance": numbers("variance", format="%.3g"),
        "left_out": st.column_config.TextColumn("", width=46, help=LEFT_OUT),
        CONTRAST: numbers(
            "contrast",
            format="%.3f",
            help="rank-biserial, mean over positions; of validation images if apart",
        ),
    }
    for index in INDICES:
        words[index] = numbers(TITLES[index], format="%.3f", width=62)
        words[f"{index}_ci"] = numbers("±", format="%.3f", width=52)
    return words


def _choose_row(key: str, numbers: NDArray[np.int64], scene: Scene) -> Callable[[], None]:
    def choose() -> None:
        cells = st.session_state[key].selection.cells
        if cells:
            positions = [axis for axis in scene.at if axis != scene.axis]
            st.session_state.wishes.want(scene.axis, numbers[cells[0][0]], instead_of=positions)

    return choose


def _show_maps(scene: Scene) -> None:
    found = scene.shelf.read(maps, scene.layer, scene.factor, scene.number)
    rare = scene.shelf.read(rare_map, scene.layer, scene.number)
    scale = pick(st.container(), "Colors", "colors", list(SCALES), words=SCALES)
    columns = []
    for name, (value, half) in found.items():
        signed = name not in INDICES
        if signed and not are_known(value):
            continue
        own = None if signed else rare
        limit = 1.0 if scale == "full" and not signed else _limit(value, half, own)
        drawn: dict[str, Any] = {"chosen": scene.position, "signed": signed, "rare": own}
        columns.append(
            '<div style="flex:1;min-width:0;display:flex;flex-direction:column;gap:0.5rem">'
            + heatmap(value, limit, title=TITLES[name], **drawn)
            + (heatmap(half, limit, title="± half-width", **drawn) if are_known(half) else "")
            + color_bar(limit, signed=signed)
            + "</div>"
        )
    layer, factor = plain(scene.layer), plain(scene.factor)
    st.markdown(f"**Maps of {layer}, channel {scene.number}, factor {factor}**")
    st.html(f'<div style="display:flex;gap:0.8rem;max-width:760px">{"".join(columns)}</div>')
    gone = scene.shelf.read(left_out, scene.layer)
    contrast = (
        " Mean difference: augmented minus untouched response, in the unit's own scale."
        if "mean_difference" in found and are_known(found["mean_difference"][0])
        else ""
    )
    below = (
        "Below: half-width of its 95 % interval in the same colors; where it is as bright as the "
        "map, there is nothing to see."
        if any(are_known(half) for _, half in found.values())
        else f"{WITHOUT.capitalize()}."
    )
    st.caption(
        "Above: the share of every unit's variance that is due to the factor. "
        f"{below} Frame: the chosen unit. Gray: dead units, or unknown; pale blue: rare "
        f"units, of which too little is known. In the whole layer: {gone}.{contrast}"
    )


def _limit(
    value: NDArray[np.float64], half: NDArray[np.float64], rare: NDArray[np.bool_] | None
) -> float:
    shown = np.full(value.shape, True) if rare is None else ~rare
    known = np.abs(value[np.isfinite(value) & shown])
    widths = half[np.isfinite(half) & shown]
    return float(max(known.max(initial=0), widths.max(initial=0) if not known.any() else 0)) or 1.0


def _show_profile(scene: Scene) -> None:
    table = scene.shelf.read(profile, scene.layer, scene.at)
    facts = scene.shelf.read(unit_facts, scene.layer, scene.at)
    st.markdown(f"**All factors of {plain(scene.unit_name)}**")
    if facts["dead"]:
        st.info("No factor moves this unit: its indices are undefined.", icon=":material/info:")
        return
    if facts["rare"] == 1:
        st.warning(
            f"This unit is rare: only about {facts['support']:.2g} differences of responses carry "
            "its estimates, so their intervals cannot be trusted. Maps, orders and analyses leave "
            "it out. More base points may tell more.",
            icon=":material/warning:",
        )
    st.vega_lite_chart(profile_chart(table, scene.factor), width="stretch", key="profile")
    st.caption(
        f"Mean response {_measured(facts, 'mean')}, variance {_measured(facts, 'variance')}, "
        "in its own scale. Dots: shares of that variance; "
        f"{bars_note(table['half'], 'bars: 95 % intervals over replicates')}. "
        "Negative values are noise around zero."
        + PARTS_WORDS * (CONTENT in scene.run.factors)
        + UNKNOWN * bool(np.isnan(facts["rare"]))
    )


def _measured(facts: dict[str, float], name: str) -> str:
    half = facts[f"{name}_ci"]
    return f"{facts[name]:.3g}" + (f" ± {half:.2g}" if np.isfinite(half) else "")


def _show_pairs(scene: Scene) -> None:
    table = scene.shelf.read(pairs, scene.layer, scene.factor, scene.at)
    st.markdown(f"**Pairs with {plain(scene.factor)} in this unit**")
    if table["value"].isna().all():
        st.info("No pairs are known of this unit.", icon=":material/info:")
        return
    st.vega_lite_chart(pair_chart(table, scene.factor), width="stretch", key="pairs")
    st.caption(
        f"S2: the share of the unit's variance that {plain(scene.factor)} and another factor "
        "explain only together, beyond what each explains alone."
    )


def _show_pictures(found: list[TopPicture]) -> None:
    if not found:
        st.info("No image changes this unit's response.", icon=":material/info:")
        return
    cells = [
        picture(one.pixels, [f"{one.response:.3g}", f"{one.class_name}, {one.partition}"])
        for one in found
    ]
    st.html(
        '<div style="display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:0.6rem;'
        f'max-width:620px">{"".join(cells)}</div>'
    )


def _contrast_words(table: pd.DataFrame) -> pd.DataFrame:
    """Write the numbers for people."""
    words = table[[name for name in ("augmentation", "partition") if name in table]].copy()
    pairs = zip(table["mean_difference"], table["mean_difference_ci"], strict=True)
    words["mean difference"] = [f"{mean:.3g} ± {half:.2g}" for mean, half in pairs]
    for name, title in (
        ("standardized_mean_difference", "standardized"),
        ("rank_biserial", "rank-biserial"),
        ("point_biserial", "point-biserial"),
    ):
        words[title] = [f"{value:.3f}" for value in table[name]]
    words["adjusted p"] = [f"{value:.2g}" for value in table["p_adjusted"]]
    if table["rank_biserial"].notna().any():  # what was not published of any
        words = words.loc[:, ~words.isin(["nan", "nan ± nan"]).all()]
    return words
