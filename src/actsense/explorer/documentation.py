"""The documentation of this checkout, to be read beside the results."""

__all__ = ["readable", "show_documentation"]

import re
from pathlib import Path

import streamlit as st

FOLDER = Path(__file__).parents[3] / "docs"
PAGES = {
    "explorer.md": "The explorer",
    "meaning.md": "What the numbers mean",
    "method.md": "The method",
    "analyses.md": "Analyses of the maps",
    "spatial.md": "Where things are",
    "patterns.md": "Patterns",
    "featvis.md": "Pictures",
    "invariance.md": "Invariances",
    "running.md": "Running",
    "configuration.md": "Configuration",
}


def show_documentation() -> None:
    """Offer the documentation on the left, where it is beside the package."""
    if FOLDER.is_dir() and st.sidebar.button(
        "Documentation", icon=":material/menu_book:", width="stretch", type="tertiary"
    ):
        _dialog()


def readable(text: str) -> str:
    """Return a page without pictures and without links to files, which a browser cannot open."""
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", text)
    return re.sub(r"\[([^\]]+)\]\((?!https?:)[^)]*\)", r"\1", text)


@st.dialog("Documentation", width="large")
def _dialog() -> None:
    there = [name for name in PAGES if (FOLDER / name).is_file()]
    page = st.selectbox("Page", there, format_func=PAGES.__getitem__)
    st.markdown(readable((FOLDER / page).read_text("utf-8")))
