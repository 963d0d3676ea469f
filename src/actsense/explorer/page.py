"""The page: what is chosen on the left, and one view of it."""

__all__ = ["show"]

from pathlib import Path
from threading import Thread

import numpy as np
import streamlit as st
from PIL import Image

from actsense.drawing.style import factor_labels
from actsense.errors import MissingResultError
from actsense.explorer.controls import pick, pick_number, told, wishes
from actsense.explorer.network_views import show_comparison, show_masking
from actsense.explorer.ordering import ordered
from actsense.explorer.reading import CONTRAST, INDICES, NAMES, layer_dimensions, ranking
from actsense.explorer.reading import strongest_position as strongest
from actsense.explorer.scene import Scene
from actsense.explorer.shelf import Shelf, open_shelf
from actsense.explorer.studies import find_studies
from actsense.explorer.unit_views import show_contrast, show_images, show_units
from actsense.inspection import open_study

VIEWS = {
    "units": "Units and maps",
    "images": "Top images",
    "contrast": "Contrast",
    "compare": "Compare",
    "masking": "Masking",
}
SHOW = {
    "units": show_units,
    "images": show_images,
    "contrast": show_contrast,
    "compare": show_comparison,
    "masking": show_masking,
}
STRONGEST = "The largest variance due to the factor: the index times the variance."
UNIT = ("channel", "unit", "row", "col", "axis_0", "axis_1")
# Half bright, half dark: a picture of our own, because named icons are fetched from elsewhere.
ICON = Image.fromarray(np.kron([[230, 40], [120, 200]], np.ones((16, 16))).astype(np.uint8))
STYLE = """<style>
.stMainBlockContainer {padding: 2.2rem 2rem 2rem}
[data-testid="stSidebarHeader"] {height: 1.5rem; margin-bottom: 0}
[data-testid="stSidebarUserContent"] {padding-bottom: 1rem}
[data-testid="stSidebar"] [data-testid="stVerticalBlock"] {gap: 0.55rem}
* {transition: none !important}
</style>"""


def show(path: Path) -> None:
    """Show results; what is shown is in the address, and a link shows it again.

    Arguments:
        path: Folder of a study, or of several studies.
    """
    st.set_page_config(page_title="actsense", page_icon=ICON, layout="wide")
    st.html(STYLE)
    wanted = wishes()
    wanted.begin()
    notes = st.container()
    with told():
        scene = _choose(path)
        view = pick(
            st.container(), "View", "view", list(VIEWS), words=VIEWS, buttons=True, bare=True
        )
        with told():
            SHOW[view](scene)
    for note in wanted.notes:
        notes.warning(note, icon=":material/link_off:")
    query = wanted.query()
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    _prepare_pictures()


def _choose(path: Path) -> Scene:
    """Draw the sidebar."""
    side = st.sidebar
    studies = find_studies(path)
    study = pick(side, "Study", "study", list(studies))
    shelf = _choose_run(studies[study])
    run = shelf.run
    layer = pick(side, "Layer", "layer", run.layers, instead_of=UNIT)
    factor = pick(
        side,
        "Factor",
        "factor",
        run.factors,
        words=factor_labels(run.factors),
        instead_of=("row", "col"),
    )
    contrasted = run.has(CONTRAST) and factor in run.augmentations
    index = pick(
        side,
        "Index",
        "index",
        [*INDICES, CONTRAST] if contrasted else INDICES,
        words=NAMES,
        default="shapley",
        explained="S1: the share of a unit's variance that the factor explains alone. ST: with "
        "all its interactions. Shapley effects share out everything and sum to one. Contrast: "
        "the factor alone against the untouched image.",
    )
    at, sizes = _choose_unit(shelf, layer, factor, index)
    return Scene(shelf, layer, factor, index, at, sizes)


def _choose_run(study: Path) -> Shelf:
    side = st.sidebar
    opened = open_study(study)
    networks = [name for name in opened.networks if opened.designs(name)]
    if not networks:
        raise MissingResultError(study / "<network>/<design>/indices.zarr", "indices")
    left, right = side.columns(2)
    below = ("layer", "factor", *UNIT)
    network = pick(left, "Network", "network", networks, instead_of=below)
    design = pick(right, "Design", "design", opened.designs(network), instead_of=below)
    return open_shelf(study, network, design)


def _choose_unit(
    shelf: Shelf, layer: str, factor: str, index: str
) -> tuple[dict[str, int], dict[str, int]]:
    """Draw the controls of the unit; the strongest one is the first to be shown."""
    side = st.sidebar
    sizes = shelf.read(layer_dimensions, layer)
    axis, *positions = sizes
    table = shelf.read(ranking, layer, factor)
    first = int(ordered(table, index if index in table else "S1", "variance")["number"].iloc[0])
    columns = side.columns(len(sizes))
    number = pick_number(
        columns[0], axis.capitalize(), axis, sizes[axis], first, instead_of=positions
    )
    place = shelf.read(strongest, layer, factor, index, number)
    at = {axis: number}
    for column, name in zip(columns[1:], positions, strict=True):
        at[name] = pick_number(column, name.capitalize(), name, sizes[name], place[name])
    forget = st.session_state.wishes.forget
    side.button(
        f"Strongest {axis}", on_click=forget, args=(UNIT,), width="stretch", help=STRONGEST
    )
    if positions:
        side.button(
            "Strongest position",
            on_click=forget,
            args=(positions,),
            width="stretch",
            help=STRONGEST,
            disabled=place == {name: at[name] for name in positions},
        )
    return at, sizes


@st.cache_resource(show_spinner=False)
def _prepare_pictures() -> Thread:
    """Load what draws pictures while the first page is read: it takes seconds."""

    def load() -> None:
        import actsense.inspection.pictures  # noqa: F401

    thread = Thread(target=load, daemon=True)
    thread.start()
    return thread
