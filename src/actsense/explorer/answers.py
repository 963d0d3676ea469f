"""What the network answers to pictures, remembered by layer: another unit needs no new pass."""

__all__ = ["SMALL", "Asked", "Settings", "answer_of", "opened_design", "sweep_of_unit"]

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.explorer.reading import layer_dimensions
from actsense.explorer.running import RUNNING, opened_subject
from actsense.explorer.shelf import Shelf
from actsense.inspection import RunResults
from actsense.sampling.told import recorded_designs

if TYPE_CHECKING:
    from actsense.networks.subject import Subject
    from actsense.sampling.law import InputLaw

SMALL = 64  # pixels: networks on such images run quickly, so more is shown
LEVELS, FEW_LEVELS = 17, 7  # values of an augmentation
LARGEST = 2**26  # bytes of what a layer answers that are kept; of larger ones the unit alone
Settings = Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class Asked:
    """What a curve depends on.

    Attributes:
        layer: Name of the layer.
        place: Place of the unit; nothing for all units of the layer.
        augmentation: What grows.
        parameters: Its parameters, as the sliders say.
    """

    layer: str
    place: tuple[int, ...]
    augmentation: str
    parameters: tuple[float, ...]


def opened_design(run: RunResults) -> "tuple[Subject, InputLaw, bool]":
    """Return the network, the law of the design, and whether it stretches contrasts.

    Raises:
        ConfigError: If the network cannot run, or the design is not known.
    """
    from actsense.sampling.law import InputLaw

    subject = opened_subject(run)
    design = recorded_designs(run.indices.attrs).get(run.design)
    if design is None or not design.augmentations:
        raise ConfigError(f"{run.path}/indices.zarr: does not say what its augmentations were.")
    side = subject.images.image_size
    law = InputLaw.of_design(design, size=side, pool=subject.pool)
    return subject, law, bool(design.stretch)


def answer_of(
    shelf: Shelf[RunResults],
    layer: str,
    place: tuple[int, ...],
    pixels: NDArray[np.uint8],
    settings: Settings,
) -> tuple[NDArray[np.uint8], float]:
    """Return a picture under augmentations, and what a unit answers to it.

    Arguments:
        shelf: Network and design.
        layer: Name of the layer.
        place: Place of the unit.
        pixels: The picture, (3, side, side).
        settings: Parameters of each augmentation that is on.
    """
    chosen = tuple(settings.items())
    key = (shelf.stamp, layer, _digest(pixels))
    shown, found = _answered(*key, chosen, _run=shelf.held, _pixels=pixels)
    return shown, float(found[place])


def sweep_of_unit(
    shelf: Shelf[RunResults], asked: Asked, pixels: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the levels of an augmentation, and what a unit answers at each, (images, levels).

    Arguments:
        shelf: Network and design.
        asked: The unit, and what grows.
        pixels: Pictures, (images, 3, side, side).
    """
    units = prod(layer_dimensions(shelf.held, asked.layer).values())
    whole = 4 * units * len(pixels) * LEVELS <= LARGEST
    kept = replace(asked, place=()) if whole else asked
    key = (shelf.stamp, kept, _digest(pixels))
    levels, found = _swept(*key, _run=shelf.held, _pixels=pixels)
    at: tuple[Any, ...] = (slice(None), slice(None), *(asked.place if whole else ()))
    return levels, found[at].astype(np.float64)


def _digest(pixels: NDArray[np.uint8]) -> str:
    return sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


@st.cache_resource(max_entries=8, show_spinner=False)
def _answered(
    stamp: str,
    layer: str,
    picture: str,
    settings: tuple[tuple[str, tuple[float, ...]], ...],
    *,
    _run: RunResults,
    _pixels: NDArray[np.uint8],
) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Return a picture under augmentations, and what all units of a layer answer to it."""
    from actsense.data.pixels import unit_images
    from actsense.explorer.responses import applied, responses

    subject, law, stretched = opened_design(_run)
    shown = applied(unit_images(_pixels[None]), law, dict(settings), stretched=stretched)
    with RUNNING:
        found = responses(subject, layer, (), shown)[0]
    return (255 * shown[0]).round().byte().numpy(), found


@st.cache_resource(max_entries=4, show_spinner=False)
def _swept(
    stamp: str, asked: Asked, pictures: str, *, _run: RunResults, _pixels: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Return levels and what a unit, or all of its layer, answers to some pictures."""
    from actsense.data.pixels import unit_images
    from actsense.explorer.responses import sweep_of, swept

    subject, law, stretched = opened_design(_run)
    small = subject.images.image_size <= SMALL
    sweep = sweep_of(law, asked.augmentation, LEVELS if small else FEW_LEVELS)
    with RUNNING:
        found = swept(
            *(subject, asked.layer, asked.place, unit_images(_pixels), law),
            *(asked.augmentation, asked.parameters, sweep),
            stretched=stretched,
        )
    return np.array(sweep.levels), found
