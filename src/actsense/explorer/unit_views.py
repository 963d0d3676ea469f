"""Views of single units: their ranking and maps, and their contrasts."""

__all__ = ["show_contrast", "show_units"]

import numpy as np
import pandas as pd
import streamlit as st

from actsense.drawing.intervals import bars_note
from actsense.drawing.style import CONTENT
from actsense.explorer.charts import contrast_chart, pair_chart, profile_chart
from actsense.explorer.controls import plain, show_words, told
from actsense.explorer.ranking_view import show_ranking
from actsense.explorer.reading import contrasts, pairs, profile, unit_facts
from actsense.explorer.scene import Scene
from actsense.explorer.unit_maps import show_maps

PARTS_WORDS = " The parts of content add up to it."
UNKNOWN = " An earlier version made these values: which units are rare is not known."


def show_units(scene: Scene) -> None:
    """Show the channels of the layer in order, the maps of one, and all factors of one unit."""
    left, right = st.columns(2, gap="medium")
    with left, told():
        show_ranking(scene)
    with right, told():
        if scene.position is not None:
            show_maps(scene)
    if scene.position is not None:
        left, right = st.columns([7, 5], gap="medium")
    else:
        left = right  # no maps: the charts take their place
    with left, told():
        _show_profile(scene)
    with right, told():
        _show_pairs(scene)


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
        show_words(_contrast_words(table))
        st.caption(
            "Standardized: mean difference in standard deviations of the response. Rank-biserial: "
            "from -1, all images lower it, to 1, all raise it. Point-biserial: correlation of the "
            "response with being augmented. p: signed-rank test over images, adjusted after "
            "Benjamini and Yekutieli over all units and augmentations of the network."
        )


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


def _contrast_words(table: pd.DataFrame) -> pd.DataFrame:
    """Write the numbers for people."""
    words = table[[name for name in ("augmentation", "partition") if name in table]].copy()
    pairs = zip(table["mean_difference"], table["mean_difference_ci"], strict=True)
    words["mean difference"] = [f"{mean:.3g}\u00a0±\u00a0{half:.2g}" for mean, half in pairs]
    for name, title in (
        ("standardized_mean_difference", "standardized"),
        ("rank_biserial", "rank-biserial"),
        ("point_biserial", "point-biserial"),
    ):
        words[title] = [f"{value:.3f}" for value in table[name]]
    words["adjusted p"] = [f"{value:.2g}" for value in table["p_adjusted"]]
    if table["rank_biserial"].notna().any():  # what was not published of any
        words = words.loc[:, ~words.isin(["nan", "nan\u00a0±\u00a0nan"]).all()]
    return words
