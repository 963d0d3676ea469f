"""The figures of a study, by what they are about."""

__all__ = ["GROUPS", "figure_words", "found_figures", "show_figures"]

from pathlib import Path

import streamlit as st

from actsense.errors import MissingResultError
from actsense.explorer.controls import pick, plain
from actsense.explorer.shelf import Shelf, whole_shelf
from actsense.findings.collection import find_findings
from actsense.inspection import StudyResults
from actsense.layout import make_command

# What figures are about: name, what they show, target that makes them.
GROUPS = {
    "indices": ("Figures of indices", "depth, pairs, channels, maps", "indices"),
    "contrast": ("Figures of contrasts", "each augmentation alone", "contrast"),
    "correlation": ("Correlations of maps", "which factors the same units feel", "correlation"),
    "lda": ("Discriminant analysis", "whether maps tell their factor", "lda"),
    "single_class": ("Single classes", "sensitivity to a class, and answers", "single_class"),
    "segments": ("Colour segments", "parts behind one colour channel", "segments"),
    "masking": ("Figures of masking", "effects, controls, curves", "masking"),
    "spatial": ("Figures: where things are", "of the spatial study", "spatial"),
    "patterns": ("Figures of patterns", "knowledge points, attacks", "patterns"),
    "featvis": ("Figures of pictures", "feature visualisation", "featvis"),
    "invariance": ("Figures of invariances", "kept and discarded", "invariance"),
}
# Beginnings of the names of figures that lie beside those of other groups.
NAMED = ("correlation", "lda", "single_class", "masking", "contrast")


def found_figures(study: StudyResults) -> dict[str, list[str]]:
    """Return the paths of figures below the folder of the study, by group."""
    found: dict[str, list[str]] = {}
    for depth in ("*", "*/*"):
        for folder in sorted(study.path.glob(f"{depth}/figures")):
            for path in sorted(folder.rglob("*.png")):
                inside = path.relative_to(study.path)
                found.setdefault(_group(inside), []).append(str(inside))
    return found


def show_figures(shelf: Shelf[StudyResults]) -> None:
    """Show a figure of the study, with what was found by the same target.

    Raises:
        ConfigError: If there is none.
    """
    study, whole = shelf.held, whole_shelf(shelf.held.path)
    there = whole.read(found_figures)
    groups = [group for group in GROUPS if group in there]
    if not groups:
        advice = f"no figures there. Make them with: {make_command('all', study.path)}"
        raise MissingResultError(study.path / "figures", "figures", advice)
    left, right = st.columns(2)
    group = pick(left, "About", "about", groups, words={k: v[0] for k, v in GROUPS.items()})
    words = {path: figure_words(path) for path in there[group]}
    path = pick(right, "Figure", "figure", there[group], words=words)
    target = GROUPS[group][2]
    for finding in whole.read(find_findings):
        if finding.target == target and (finding.figure == path or not finding.figure):
            st.markdown(f"**{plain(finding.question)}** {plain(finding.text.replace('`', ''))}")
    st.image(study.path / path)


def figure_words(path: str) -> str:
    """Return what the list calls a figure: its name first, then the folder that it is of."""
    folders, name = path.removesuffix(".png").split("figures/", maxsplit=1)
    of = ", ".join(folders.strip("/").split("/"))
    return name.replace("_", " ") + (f" ({of})" if of else "")


def _group(path: Path) -> str:
    """Return what a figure is about, by its folder and its name."""
    folders = path.parts[: path.parts.index("figures")]
    name = path.parts[len(folders) + 1]
    if folders[-1] in GROUPS:
        return folders[-1]
    if name.startswith("segment"):
        return "segments"
    return next((group for group in NAMED if name.startswith(group)), "indices")
