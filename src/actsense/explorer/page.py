"""The page: what is chosen on the left, and one view of it."""

__all__ = ["show"]

from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from actsense.explorer.controls import pick, plain, told, wishes
from actsense.explorer.documentation import show_documentation
from actsense.explorer.figures import show_figures
from actsense.explorer.image_views import show_images
from actsense.explorer.invariance.views import show_invariances
from actsense.explorer.network_views import show_comparison, show_masking
from actsense.explorer.overview.cards import UNIT
from actsense.explorer.overview.views import show_overview
from actsense.explorer.patterns.views import show_patterns
from actsense.explorer.pictures.views import show_pictures
from actsense.explorer.shelf import study_shelf
from actsense.explorer.sidebar import choose_scene, choose_study
from actsense.explorer.spatial.views import show_spatial
from actsense.explorer.unit_views import show_contrast, show_units
from actsense.explorer.your_picture import show_yours

# What each view is called, and what shows it: one unit of a run, or the study.
OF_UNIT = {
    "units": ("Units and maps", show_units),
    "images": ("Top images", show_images),
    "contrast": ("Contrast", show_contrast),
    "yours": ("Your picture", show_yours),
    "compare": ("Compare", show_comparison),
    "masking": ("Masking", show_masking),
}
OF_STUDY = {
    "overview": ("Overview", show_overview),
    "spatial": ("Where things are", show_spatial),
    "patterns": ("Patterns", show_patterns),
    "pictures": ("Pictures", show_pictures),
    "invariances": ("Invariances", show_invariances),
    "figures": ("Figures", show_figures),
}
FIRST = "overview"
VIEWS = {name: words for name, (words, _) in [*OF_STUDY.items(), *OF_UNIT.items()]}
# A link with one of these and without a view is about a unit.
ABOUT_UNITS = ("layer", "factor", "index", *UNIT)
# Half bright, half dark: a picture of our own, because named icons are fetched from elsewhere.
ICON = Image.fromarray(np.kron([[230, 40], [120, 200]], np.ones((16, 16))).astype(np.uint8))
STYLE = Path(__file__).with_suffix(".css")
SIDEBAR = 260  # pixels


def show(path: Path) -> None:
    """Show results; what is shown is in the address, and a link shows it again.

    Arguments:
        path: Folder of a study, or of several studies.
    """
    st.set_page_config(
        page_title="actsense", page_icon=ICON, layout="wide", initial_sidebar_state=SIDEBAR
    )
    st.html(STYLE)
    wanted = wishes()
    wanted.begin()
    notes = st.container()
    with told():
        st.sidebar.markdown("**actsense** explorer")
        study = choose_study(path)
        shelf = study_shelf(study)
        if not wanted.about(["view"]):
            wanted.want("view", "units" if wanted.about(ABOUT_UNITS) else FIRST)
        view = pick(
            st.container(),
            "View",
            "view",
            list(VIEWS),
            words=VIEWS,
            default=FIRST,
            buttons=True,
            bare=True,
        )
        with told():
            if view in OF_STUDY:
                OF_STUDY[view][1](shelf)
            else:
                OF_UNIT[view][1](choose_scene(study))
    show_documentation()
    if wanted.notes:
        notes.warning("  \n".join(map(plain, wanted.notes)), icon=":material/link_off:")
    query = wanted.query()
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
