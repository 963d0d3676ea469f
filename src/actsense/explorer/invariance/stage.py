"""What a demo is played on: a network, a layer, images and a seed, chosen on the left."""

__all__ = [
    "Stage",
    "choose_layer",
    "choose_stage",
    "kept_networks",
    "kept_of",
    "pick_steps",
]

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.explorer.controls import pick, pick_along, pick_number
from actsense.explorer.invariance.gallery import Gallery, gallery, upload_images
from actsense.explorer.invariance.opened import Opened
from actsense.explorer.shelf import Shelf
from actsense.inspection import StudyResults
from actsense.invariance.choices import TRAINED
from actsense.invariance.stored import InvarianceGroup, StoredInvariances
from actsense.store import reading

SEEDS = 10**9  # as many as a link can hold


@dataclass(frozen=True)
class Stage:
    """What was chosen on the left.

    Attributes:
        shelf: The study.
        network: Name of the network.
        layer: Name of the layer.
        stored: What the store of the network keeps.
        gallery: Images to choose from.
        seed: Seed of all that is drawn.
    """

    shelf: Shelf[StudyResults]
    network: str
    layer: str
    stored: StoredInvariances
    gallery: Gallery
    seed: int

    @property
    def group(self) -> InvarianceGroup:
        """What is kept of the layer of the trained network."""
        return self.stored.group(TRAINED, self.layer)

    @property
    def limited(self) -> bool:
        """Whether the autoencoder limits what can be said of the layer."""
        return not self.group.passes

    def images(self, places: Sequence[int]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return images in [0, 1] with their rows."""
        chosen = [*places]
        units = self.gallery.pixels[chosen].astype(np.float32) / np.float32(255)
        return units, self.gallery.rows[chosen]

    def depends(
        self, opened: Opened, places: Sequence[int], *others: Hashable
    ) -> tuple[Hashable, ...]:
        """Return all that a result depends on: files, layer, images and what else is given."""
        pixels = tuple(self.gallery.pixels[place].tobytes() for place in places)
        rows = tuple(int(self.gallery.rows[place]) for place in places)
        return (opened.stamp, self.network, self.layer, pixels, rows, *others)


def choose_stage(
    shelf: Shelf[StudyResults],
    network: str,
    layer: str,
    stored: StoredInvariances,
    *,
    seeded: bool,
) -> Stage:
    """Let seed and own images be chosen.

    Arguments:
        shelf: The study.
        network: Name of the network.
        layer: Name of the layer.
        stored: What its store keeps.
        seeded: Whether anything is drawn.
    """
    side = st.sidebar
    seed = stored.seed
    if seeded:
        seed = pick_number(side, "Seed", "seed", SEEDS, stored.seed)
        side.button(
            "Resample",
            on_click=lambda: st.session_state.wishes.want("seed", (seed + 1) % SEEDS),
            icon=":material/casino:",
            width="stretch",
            help="Draws anew, with the next seed. The same seed always draws the same.",
        )
    upload_images(side, stored.side)
    return Stage(shelf, network, layer, stored, gallery(stored), seed)


def choose_layer(stored: StoredInvariances, label: str, name: str, wanted: str = "") -> str:
    """Let a layer of the trained network be chosen, the last one at first.

    Arguments:
        stored: What the store of the network keeps.
        label: What stands above.
        name: What the choice is called in a link.
        wanted: The layer at first, if the network has it.
    """
    layers = [group.layer for group in stored.of(TRAINED)]
    default = wanted if wanted in layers else layers[-1]
    return pick(st.sidebar, label, name, layers, default=default)


def pick_steps(label: str, name: str, values: Sequence[float], default: float) -> float:
    """Let one of some numbers be chosen on a slider."""
    words = {f"{value:g}": f"{value:g}" for value in values}
    return float(pick_along(st.container(), label, name, list(words), f"{default:g}", words))


def kept_networks(study: StudyResults) -> list[str]:
    """Return the networks whose invariances are kept."""
    return [name for name in study.networks if study[name].has("kept")]


def kept_of(study: StudyResults, network: str) -> StoredInvariances:
    """Open what is kept of a network, with all that every demo asks of it.

    Raises:
        ConfigError: If it is damaged, or holds no layer of the trained network.
    """
    stored = study[network].invariances
    path = study.path / network / "invariance/kept.zarr"
    with reading(path):
        asked = (stored.seed, stored.side, stored.outputs, stored.classes, stored.rows)
        layers = [(group.layer, group.passes) for group in stored.of(TRAINED)]
        if not layers or len(stored.images) != len(asked[-1]):
            raise ConfigError(f"{path}: holds no layer of the trained network.")
    return stored
