"""Views beyond single units: two factors or two layers side by side, and masked networks."""

__all__ = ["show_comparison", "show_masking"]

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from actsense.drawing.style import CONTENT, factor_labels
from actsense.explorer.charts import (
    depth_chart,
    distribution_chart,
    layer_chart,
    scatter_chart,
)
from actsense.explorer.controls import pick, plain, told
from actsense.explorer.curves import curves_legend, mask_chart, mask_styles
from actsense.explorer.masks import METRICS, MaskChoice, conditions_table, curves, unmasked
from actsense.explorer.ordering import agreement, compare_factors, distribution
from actsense.explorer.overview.cards import colors_of
from actsense.explorer.overview.views import choose_dot
from actsense.explorer.reading import CONTRAST, FLAGS, NAMES, depth_profile, ranking
from actsense.explorer.scene import Scene
from actsense.explorer.two_runs import show_two_runs
from actsense.store import LeftOut

POINTS = 2500  # a scatter of more is a cloud, and slow to draw
KINDS = {
    "factors": "two factors in this layer",
    "layers": "two layers",
    "runs": "two networks or designs",
}


def show_comparison(scene: Scene) -> None:
    """Compare two factors of the layer, two layers, or two networks or designs."""
    kind = pick(st.container(), "Compare", "compare", list(KINDS), words=KINDS, buttons=True)
    if kind == "factors":
        _show_factors(scene)
    elif kind == "layers":
        _show_layers(scene)
    else:
        show_two_runs(scene)


def show_masking(scene: Scene) -> None:
    """Show what masks chosen by each factor's map do to the predictions of the network."""
    run = scene.run
    table = scene.shelf.read(conditions_table)
    attributes = run.masking.attrs
    choice = _choose_masks(table, scene)
    st.markdown(
        f"##### What {plain(run.network)} still predicts when its most sensitive units are masked"
    )
    found = curves(table, choice, scene.factor)
    chart = mask_chart(found, choice.metric, scene.factor, unmasked(table, choice))
    st.html(curves_legend(mask_styles(found)))
    st.vega_lite_chart(chart, width="stretch", key="masks")
    where = table.loc[table["rule"] == "top", ["level", "layers"]].iloc[0]
    factor = plain(scene.factor)
    place = "all layers with maps" if where["layers"] == "together" else plain(where["layers"])
    label = (
        "Accuracy is agreement with the unmasked network. "
        if attributes.get("label") == "prediction"
        else ""
    )
    st.caption(
        f"Each line masks the {where['level']}s of {place} that one factor's map calls most "
        f"sensitive ({NAMES[choice.value]}), multiplied by {choice.scale:g}; wide line: "
        f"{factor}. "
        f"Bars: 95 % intervals over {attributes.get('images', '?')} images. "
        + (
            f"Gray band: all random masks of equal size. Dashed: controls of {factor}, and masks "
            "of the largest responses."
            if attributes.get("controls") != "none"
            else "No random masks were published."
        )
        + f" Dotted: no mask. {label}Entropy falls where the network answers with few "
        "classes, whatever it sees."
    )


def _show_factors(scene: Scene) -> None:
    others = [name for name in scene.run.factors if name != scene.factor]
    if scene.index == CONTRAST:
        others = [name for name in others if name in scene.run.augmentations]
    if not others:
        st.info("There is no second factor to compare with.", icon=":material/info:")
        return
    labels = factor_labels(scene.run.factors)
    second = pick(st.container(width=260), "with", "second", others, words=labels)
    tables = [scene.shelf.read(ranking, scene.layer, factor) for factor in (scene.factor, second)]
    index = scene.index if all(scene.index in table for table in tables) else "S1"
    found, rank = compare_factors(tables[0], tables[1], index)
    if scene.names:
        found = found.assign(output=list(scene.names))
    shown = found if len(found) <= POINTS else found.iloc[:: -(-len(found) // POINTS)]
    flags = (tables[0]["left_out"] == flag for flag in FLAGS)
    gone = LeftOut.of_flags(*(flag.to_numpy() for flag in flags))
    st.markdown(f"##### {plain(scene.layer)}: {plain(scene.factor)} against {plain(second)}")
    left, right = st.columns([3, 2], gap="medium")
    key = f"scatter_{scene.layer}_{scene.factor}_{second}_{index}"
    with left:
        st.vega_lite_chart(
            scatter_chart(shown, scene.factor, second, index, scene.axis, scene.number),
            width="stretch",
            key=key,
            on_select=_choose_dot(key, scene),
            selection_mode="picked",
        )
    with right:
        st.metric("Spearman's rank correlation", f"{rank.rho:.2f}")
        few = "" if shown is found else f" Drawn: {len(shown)} of them, evenly spaced."
        st.caption(
            f"Over {rank.count} {scene.axis}s of the layer, without those that are dead or rare "
            f"({gone}). A dot is a {scene.axis}; the ringed one is chosen, a click chooses "
            "another. Bars are 95 % intervals over replicates, drawn where there are few dots."
            f" Axes: {NAMES[index]}{'' if index == CONTRAST else ', share of the variance'}.{few}"
        )
        st.caption(
            "Near 1: what feels one factor feels the other. Intervals wider than the cloud push "
            "the correlation towards zero."
        )


def _choose_dot(key: str, scene: Scene) -> Callable[[], None]:
    """Let a click on a dot choose its channel or unit, everywhere on the page."""

    def choose() -> None:
        dots = st.session_state[key].selection.get("picked")
        if dots:
            positions = [axis for axis in scene.at if axis != scene.axis]
            wanted = st.session_state.wishes
            wanted.want(scene.axis, int(dots[0]["number"]), instead_of=positions)

    return choose


def _show_layers(scene: Scene) -> None:
    run, index = scene.run, scene.index if scene.index != CONTRAST else "shapley"
    table = scene.shelf.read(depth_profile, index)
    others = [name for name in run.layers if name != scene.layer]
    st.markdown(f"##### {NAMES[index]} of whole layers")
    st.html(colors_of(run.factors))
    key = f"depth_{run.network}_{run.design}_{index}"
    st.vega_lite_chart(
        depth_chart(table, scene.factor, index),
        width="stretch",
        key=key,
        on_select=choose_dot(key),
        selection_mode="picked",
    )
    st.caption(
        "Layers from the input to the output; a layer's value is the share of the summed variance "
        f"of its units. Bars: 95 % intervals over replicates. Wide line: {plain(scene.factor)}. "
        "Click a dot to see its maps. "
        + "Dashed: the parts of content, which add up to it."
        * (CONTENT in run.factors)
    )
    if not others:
        st.info("There is no second layer to compare with.", icon=":material/info:")
        return
    other = pick(st.container(width=260), f"{plain(scene.layer)} with", "other", others)
    layers = (scene.layer, other)
    left, right = st.columns(2, gap="medium")
    with left:
        st.vega_lite_chart(layer_chart(table, layers, index), width="stretch", key="two_layers")
        wide = table.pivot(index="factor", columns="layer", values="value")
        rank = agreement(wide[scene.layer], wide[other])
        st.caption(
            f"Both layers, all factors. Rank correlation over the {rank.count} factors: "
            f"{rank.rho:.2f}."
        )
    with right, told():
        parts = []
        for layer in layers:
            ranked = scene.shelf.read(ranking, layer, scene.factor)
            parts.append(distribution(ranked, index).assign(layer=layer))
        chart = distribution_chart(
            pd.concat(parts), layers, f"{NAMES[index]}, {scene.factor}, share of variance"
        )
        st.vega_lite_chart(chart, width="stretch", key="distributions")
        st.caption(
            f"How the channels (units of a vector) of each layer feel {plain(scene.factor)}: the "
            "share of them that stays below a value. A line further right feels it more."
        )


def _choose_masks(table: pd.DataFrame, scene: Scene) -> MaskChoice:
    guided = table[table["rule"] == "top"]
    columns = st.columns([3, 2, 2, 2])
    metric = pick(columns[0], "Measure", "metric", list(METRICS), words=METRICS)
    values: list[Any] = list(dict.fromkeys(guided["value"]))
    value = pick(columns[1], "Maps of", "map", values, words=NAMES, default=scene.index)
    scales = {f"{scale:g}": scale for scale in dict.fromkeys(guided["scale"])}
    scale = pick(columns[2], "Multiplied by", "scale", list(scales))
    inputs = list(dict.fromkeys(guided["input"]))
    shown = pick(columns[3], "Images shown", "input", inputs)
    return MaskChoice(value, float(scales[scale]), shown, metric)
