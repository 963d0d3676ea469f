"""The overview: networks, depth, strongest channels, findings, and where to look on."""

__all__ = ["choose_dot", "show_overview"]

from collections.abc import Callable, Iterator, Mapping

import streamlit as st

from actsense.drawing.style import CONTENT
from actsense.explorer.charts import depth_chart
from actsense.explorer.clicks import show_clickable
from actsense.explorer.controls import pick, plain, told
from actsense.explorer.figures import GROUPS, found_figures
from actsense.explorer.overview.cards import (
    UNIT,
    colors_of,
    factor_cards,
    findings_list,
    place_cards,
    table_of_networks,
)
from actsense.explorer.overview.strongest import strongest_channels
from actsense.explorer.reading import INDICES, NAMES, depth_profile
from actsense.explorer.shelf import Shelf, whole_shelf
from actsense.explorer.sidebar import choose_run
from actsense.findings.collection import find_findings, headlines
from actsense.findings.finding import Finding
from actsense.inspection import RunResults, StudyResults
from actsense.layout import make_command

# Views of the study, by what they are called in a link: name, contents, target, a table of it.
STUDIES = {
    "spatial": ("Where things are", "shuffled patches, masked cells, saliency", "spatial"),
    "patterns": ("Patterns", "images as points in space, knowledge points", "patterns"),
    "pictures": ("Pictures", "what facets and units respond to", "featvis"),
    "invariances": ("Invariances", "what layers keep and discard", "invariance"),
}
TABLES = {
    "spatial": "shuffle_curves",
    "patterns": "knowledge_points",
    "pictures": "pictures",
    "invariances": "invariance_kept",
}


def show_overview(shelf: Shelf[StudyResults]) -> None:
    """Show what a study holds, and what is worth a closer look."""
    study, whole = shelf.held, whole_shelf(shelf.held.path)
    st.markdown(f"## {plain(study.name)}")
    with told():
        st.html(whole.read(table_of_networks))
    if any(study.designs(network) for network in study.networks):
        with told():
            _show_run(choose_run(study.path))
    with told():
        _show_findings(whole.read(find_findings))
    st.markdown("##### Where to look on")
    show_clickable(place_cards(_places(study, whole.read(found_figures))), "places")


def _show_run(shelf: Shelf[RunResults]) -> None:
    run = shelf.held
    index = pick(st.sidebar, "Index", "index", INDICES, words=NAMES, default="shapley")
    network, design = plain(run.network), plain(run.design)
    st.markdown(f"##### What the layers of {network} feel under {design}")
    table = shelf.read(depth_profile, index)
    chart = depth_chart(table, "", index)
    key = f"depths_{run.network}_{run.design}_{index}"
    st.html(colors_of(run.factors))
    st.vega_lite_chart(
        chart, width="stretch", key=key, on_select=choose_dot(key), selection_mode="picked"
    )
    parts = " Dashed: the parts of content, which add up to it." * (CONTENT in run.factors)
    st.caption(
        f"{NAMES[index]}: the share of the variance of a layer that a factor explains, with 95 % "
        f"intervals, from the input to the output.{parts} Click a dot to see its maps."
    )
    st.markdown(f"##### The channels of {network} that feel each factor most")
    show_clickable(
        factor_cards(shelf.read_study(strongest_channels, index), run.factors), "strong"
    )
    st.caption(
        f"Channels (units of a vector) of all layers by the lower end of the interval of their "
        f"{NAMES[index]}, with the images that drive them most. Click one to see its map."
    )


def _show_findings(findings: list[Finding]) -> None:
    first = headlines(findings)
    st.markdown("##### What the study found")
    if not findings:
        st.caption("Nothing yet that an interval decides.")
        return
    st.html(findings_list(first))
    if rest := [one for one in findings if one not in first]:
        with st.expander(f"{len(rest)} further findings"):
            st.html(findings_list(rest))
    st.caption(
        "Computed from the tables of the study. In parentheses: 95 % intervals. What an interval "
        "does not decide is left out."
    )


def choose_dot(key: str) -> Callable[[], None]:
    """Let a click on a dot go to the maps of that layer and factor."""

    def choose() -> None:
        dots = st.session_state[key].selection.get("picked")
        if dots:
            wanted = st.session_state.wishes
            wanted.forget(UNIT)
            wanted.want("view", "units")
            wanted.want("layer", dots[0]["layer"])
            wanted.want("factor", dots[0]["name"])

    return choose


def _places(
    study: StudyResults, there: Mapping[str, list[str]]
) -> Iterator[tuple[str, str, Mapping[str, str], str]]:
    """Yield every view and group of figures that has results, and how to make the others."""
    for view, (name, what, target) in STUDIES.items():
        wishes = {"view": view} if study.has(TABLES[view]) else {}
        yield name, what, wishes, make_command(target, study.path)
    masked = any(
        study[network, design].has("masking")
        for network in study.networks
        for design in study.designs(network)
    )
    command = make_command("masking", study.path)
    yield (
        "Masking",
        "what is predicted without units",
        {"view": "masking"} if masked else {},
        command,
    )
    for group, (name, what, target) in GROUPS.items():
        wishes = {"view": "figures", "about": group} if group in there else {}
        if wishes or group not in STUDIES:
            yield name, what, wishes, make_command(target, study.path)
