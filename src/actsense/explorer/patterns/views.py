"""Patterns: points in space, knowledge points on an image, and how many there are."""

__all__ = ["show_patterns"]

import numpy as np
import pandas as pd
import streamlit as st

from actsense.explorer.controls import pick, pick_along, pick_number, plain, show_words
from actsense.explorer.patterns.cells import cell_pictures
from actsense.explorer.patterns.points import (
    IMAGES,
    Moments,
    cells_of_image,
    images_at_hand,
    moments,
    patterned,
    pictures,
)
from actsense.explorer.patterns.space import Cloud, show_cloud
from actsense.explorer.patterns.tables import count_words, shown_counts
from actsense.explorer.shelf import Shelf
from actsense.inspection import StudyResults
from actsense.patterns.stored import configured_threshold

PARTS = {
    "space": "Points in space",
    "image": "Knowledge points of an image",
    "counts": "Counts",
}
SERIES = {"training": "over training", "attack": "under attack", "controls": "null controls"}
CONTROLS = {
    "trained": "the trained network",
    "random": "random weights",
    "shuffled": "answers shuffled among images",
}
COLORS = {"label": "true class", "prediction": "predicted class"}
BY = {"layer": "by layer", "class": "by class"}
BELOW = ("points", "over", "moment", "image")  # choices that belong to a network


def show_patterns(shelf: Shelf[StudyResults]) -> None:
    """Show how visual patterns emerge in the networks of a study."""
    layers = shelf.read(patterned)
    part = pick(st.container(), "Show", "show", list(PARTS), words=PARTS, buttons=True, bare=True)
    network = pick(st.sidebar, "Network", "network", list(layers), instead_of=BELOW)
    SHOW[part](shelf, network, layers[network])


def _show_space(shelf: Shelf[StudyResults], network: str, layers: list[str]) -> None:
    columns = st.columns(3)
    regions = [f"regions of {layer}" for layer in layers]
    options = [IMAGES, *regions]
    shown = pick(columns[0], "Points", "points", options)
    layer = None if shown == IMAGES else regions.index(shown)
    found = shelf.read(moments, network, layer)
    color = pick(columns[1], "Colour", "colour", list(COLORS), words=COLORS)
    state, title = _choose_moment(found, columns[2])
    heading = (
        "What does the network make of the images?"
        if layer is None
        else ("What do the regions of the images support?")
    )
    st.markdown(f"##### {heading}")
    sheet = shelf.read_study(pictures, tuple(map(int, found.rows)))
    show_cloud(_cloud(found, state, color, f"{network} {shown}"), sheet)
    _explain(found, shown, title)


def _choose_moment(found: Moments, place: st.delta_generator.DeltaGenerator) -> tuple[int, str]:
    """Let a state of the network be chosen: a checkpoint, a step of the attack, or a control."""
    over = pick(
        place, "Followed", "over", list(found.titles), words=SERIES, instead_of=("moment",)
    )
    titles = found.titles[over]
    default = "clean" if over == "attack" else "trained"
    name = {"training": "Checkpoint", "attack": "Step of the attack", "controls": "Control"}[over]
    words = CONTROLS if over == "controls" else None
    moment = pick_along(st.container(), name, "moment", list(titles.values()), default, words)
    return next(state for state, title in titles.items() if title == moment), moment


def _cloud(found: Moments, state: int, color: str, about: str) -> Cloud:
    predicted = found.predicted[state]
    colors = (found.labels if color == "label" else predicted)[found.images]
    points = found.points[state].astype(np.float64)
    strength = np.linalg.norm(points, axis=1)
    names = np.array(found.classes, object)
    words = [
        f"{true}\nnetwork says {said}\nstrength {length:.2f}"
        for true, said, length in zip(
            names[found.labels[found.images]],
            names[predicted[found.images]],
            strength,
            strict=True,
        )
    ]
    return Cloud(
        about,
        points,
        found.images,
        found.cells,
        found.grid,
        colors,
        words,
        found.directions[state],
        found.classes,
        found.view,
        found.reach,
    )


def _explain(found: Moments, shown: str, moment: str) -> None:
    many = len(found.images)
    some = f" {many:,} of {found.of:,} regions are shown." if many < found.of else ""
    what = "An image" if found.cells is None else "A region"
    unit = "" if found.cells is None else " in means of the layer"
    st.caption(
        f"{what} that points along a class speaks for it; **the further out, the surer the "
        f"network.** Lines: directions of the classes. Circles: equal strength{unit}. Drag, or "
        f"press arrows, to turn; hover, or tap, to see the image (clean, under attack too).{some}"
    )


def _show_image(shelf: Shelf[StudyResults], network: str, layers: list[str]) -> None:
    found = shelf.read(moments, network, None)
    columns = st.columns(3)
    image = pick_number(columns[0], "Image", "image", len(found.rows), 0)
    state, _ = _choose_moment(found, columns[1])
    label = found.classes[found.labels[image]]
    said = found.classes[found.predicted[state][image]]
    st.markdown(f"##### Which regions of an image of {plain(label)} support a class?")
    cells = shelf.read(cells_of_image, network, image, state)
    pixels = shelf.read_study(images_at_hand, (int(found.rows[image]),))[0]
    st.html(cell_pictures(pixels, cells, [f"label: {label}", f"network says {said}"]))
    st.caption(
        "Outlined: knowledge points, regions that support one class beyond the threshold. **Blue "
        "and solid: the true class; orange and dashed: another one.** All others are dimmed."
    )


def _show_counts(shelf: Shelf[StudyResults], network: str, layers: list[str]) -> None:
    by = pick(st.container(), "Counts", "by", list(BY), words=BY, buttons=True, bare=True)
    st.markdown(f"##### How many knowledge points does {plain(network)} have?")
    table = shelf.read(_table, "knowledge_points" if by == "layer" else "knowledge_classes")
    own = table[table["network"] == network]
    show_words(count_words(shown_counts(own, by)))
    threshold = shelf.read(_threshold)
    st.caption(
        "Regions per image that support one class with a probability of at least "
        f"{threshold:g}; the reliable ones support the true class. **Only what lies above the "
        "null controls is a pattern.** In brackets: 95 % intervals."
    )


def _table(study: StudyResults, name: str) -> pd.DataFrame:
    return study.table(name)


def _threshold(study: StudyResults) -> float:
    return configured_threshold(study.table("knowledge_points"))


SHOW = {"space": _show_space, "image": _show_image, "counts": _show_counts}
