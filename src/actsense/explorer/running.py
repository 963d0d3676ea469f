"""Networks that run while one looks: opened once, one visitor at a time."""

__all__ = ["fields_of", "opened_subject"]

import json
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import streamlit as st

from actsense.errors import ConfigError, MissingResultError
from actsense.explorer.shelf import Shelf
from actsense.inspection import RunResults
from actsense.layout import make_command

if TYPE_CHECKING:
    from actsense.networks.receptive_field import Box
    from actsense.networks.subject import Subject

RUNNING = RLock()  # a network is watched by hooks
BATCH = 32  # images per forward pass, at most


def opened_subject(run: RunResults) -> "Subject":
    """Open the network of a run on the CPU; one that was opened before is used again.

    Raises:
        ConfigError: If images or weights are not there, or are not those of the results.
    """
    study = run.path.parents[1]
    weights = study / run.network / "weights.pt"
    if not weights.is_file():
        command = make_command("networks", study)
        raise MissingResultError(weights, "weights", f"not there. Make it with: {command}")
    known = json.loads(run.indices.attrs.get("configuration", "{}"))
    network = known.get("networks", {}).get(run.network)
    if network is None:
        raise ConfigError(f"{run.path}/indices.zarr: does not say how {run.network} was opened.")
    settings = {
        "network": (run.network, network),
        "seed": known.get("seed", 0),
        "precision": known.get("precision", "float32"),
    }
    return _opened(str(study), weights.stat().st_mtime_ns, settings)


def fields_of(
    shelf: Shelf[RunResults], layer: str, positions: tuple[tuple[int, ...], ...]
) -> "list[Box]":
    """Return what part of an image the units at some positions of a layer see.

    Raises:
        ConfigError: If the network cannot run.
    """
    from actsense.networks.receptive_field import receptive_fields

    subject = opened_subject(shelf.held)
    with RUNNING:
        return receptive_fields(subject, layer, positions)


@st.cache_resource(max_entries=2, show_spinner="Opening the network ...")
def _opened(study: str, stamp: int, settings: dict[str, Any]) -> "Subject":
    import torch

    from actsense.networks.opening import open_subject

    folder = Path(study)
    with RUNNING:
        return open_subject(
            folder / "data/images.zarr",
            folder / "data/manifest.csv",
            folder / settings["network"][0] / "weights.pt",
            settings,
            batch_size=BATCH,
            device=torch.device("cpu"),
        )
