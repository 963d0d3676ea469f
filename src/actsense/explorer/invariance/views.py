"""Invariances of a study: what is kept, and five demos that a visitor can play with."""

__all__ = ["show_invariances"]

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from actsense.errors import ConfigError, MissingResultError
from actsense.explorer.controls import pick, plain
from actsense.explorer.invariance.demos import (
    show_attacks,
    show_mixing,
    show_representations,
    show_two_networks,
)
from actsense.explorer.invariance.gallery import choose_image, gallery
from actsense.explorer.invariance.kept import show_kept
from actsense.explorer.invariance.opened import Opened, open_network
from actsense.explorer.invariance.samples import SAMPLED, draw_sampled, stored_samples
from actsense.explorer.invariance.stage import (
    Stage,
    choose_layer,
    choose_stage,
    kept_networks,
    kept_of,
)
from actsense.explorer.invariance.video import show_video
from actsense.explorer.shelf import Shelf
from actsense.inspection import StudyResults
from actsense.invariance.choices import TRAINED
from actsense.invariance.stored import StoredInvariances
from actsense.store import reading

PARTS = {
    "kept": "What is kept",
    "representations": "Representations",
    "attacks": "Attacks",
    "mixing": "Mixing",
    "video": "Video",
    "networks": "Two networks",
}
DEMOS: dict[str, Callable[[Stage, Opened], None]] = {
    "representations": show_representations,
    "attacks": show_attacks,
    "mixing": show_mixing,
    "video": show_video,
    "networks": show_two_networks,
}
STORE = "invariance/kept.zarr"
DRAWN = ("representations", "attacks", "networks")  # demos with a seed
BELOW = ("layer", "anchor", "images", "mixed", "both", "beside", "beside_layer")  # a network's
LIMITED = (
    "At {layer}, the autoencoder loses too much: what is shown tells of it as much as of the "
    "layer. Compare the reconstruction with the image."
)


def show_invariances(shelf: Shelf[StudyResults]) -> None:
    """Show what layers keep of images, and let it be played with."""
    networks = shelf.read(kept_networks)
    if not networks:
        raise MissingResultError(shelf.held.path / "<network>" / STORE, "invariance")
    part = pick(st.container(), "Show", "show", list(PARTS), words=PARTS, buttons=True, bare=True)
    network = pick(st.sidebar, "Network", "network", networks, instead_of=BELOW)
    if part == "kept":
        show_kept(shelf, network)
        return
    stored = shelf.read(kept_of, network)
    layer = choose_layer(stored, "Layer", "layer")
    try:
        opened = open_network(shelf.held.path, network)
        opened.demos.view(layer)
    except ConfigError as error:
        _show_stored(shelf.held.path / network / STORE, stored, layer, str(error))
        return
    stage = choose_stage(shelf, network, layer, stored, seeded=part in DRAWN)
    if stage.limited:
        _warn(layer)
    DEMOS[part](stage, opened)


def _show_stored(path: Path, stored: StoredInvariances, layer: str, missing: str) -> None:
    """Show samples that the study kept, where none can be drawn."""
    st.info(
        f"This demo cannot be played here. {plain(missing)} Below stands what the study kept.",
        icon=":material/info:",
    )
    group = stored.group(TRAINED, layer)
    if not group.passes:
        _warn(layer)
    st.markdown(SAMPLED.format(layer=plain(layer)))
    with reading(path):
        shown = gallery(stored).of_study(len(group.sample_images))
    place = choose_image(shown)
    with reading(path):
        found = stored_samples(stored, group, place)
    draw_sampled(found, stored.outputs, layer, shown.titles[place], limited=not group.passes)


def _warn(layer: str) -> None:
    st.warning(LIMITED.format(layer=plain(layer)), icon=":material/blur_on:")
