"""A study of invariances whose files are real and small: what demos and their page open.

Weights are drawn, not learned; what the store says of the gate is planted. There is no dataset.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from flows import SMALL, shaken
from numpy.typing import NDArray

from actsense.invariance.autoencoder.architectures import build_autoencoder
from actsense.invariance.autoencoder.opening import save_autoencoder
from actsense.invariance.autoencoder.settings import AutoencoderSettings
from actsense.invariance.flow.opening import save_flow
from actsense.networks.network import build_module
from actsense.networks.settings import read_network
from actsense.networks.state import save_state
from actsense.store import write_results

NETWORKS = ("net", "twin")
CLASSES = ("red", "green", "blue")
LAYERS = {"stage4": (8, 4, 4), "hidden_relu": (8,), "logits": (len(CLASSES),)}
PASSES = {"stage4": True, "hidden_relu": True, "logits": False}
SIDE, LATENT, ANCHORS, FIRST_ROW = 32, 6, 6, 100
DESCRIBED = {"kind": "trained", "width": 1}


def make_demos(folder: Path, *, networks: Sequence[str] = NETWORKS, seed: int = 0) -> Path:
    """Write the files that demos open, and return the folder of the study.

    Arguments:
        folder: Folder of the study.
        networks: Their names.
        seed: Seed of images and weights.
    """
    settings = AutoencoderSettings(latent=LATENT, width=2)
    (folder / "invariance").mkdir(parents=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        save_autoencoder(
            build_autoencoder(settings, SIDE), settings, folder / "invariance/autoencoder.pt"
        )
        for number, name in enumerate(networks):
            _network(folder / name, name, seed + number)
    return folder


def anchor_pixels(seed: int = 0) -> NDArray[np.uint8]:
    """Draw the anchors, (anchors, 3, side, side): their class is their strongest colour."""
    draw = np.random.default_rng(seed)
    pixels = draw.integers(0, 128, (ANCHORS, 3, SIDE, SIDE))
    for number in range(ANCHORS):
        pixels[number, number % len(CLASSES)] += 127
    return pixels.astype(np.uint8)


def _network(home: Path, name: str, seed: int) -> None:
    (home / "invariance/flows/trained").mkdir(parents=True)
    torch.manual_seed(seed)
    described = read_network(DESCRIBED)
    save_state(build_module(name, described, classes=len(CLASSES)), home / "weights.pt")
    for layer, shape in LAYERS.items():
        flow = shaken(LATENT, shape, SMALL, seed=seed).float()
        save_flow(flow, home / f"invariance/flows/trained/{layer}.pt")
    pixels = anchor_pixels()
    root = xr.Dataset(
        {
            "row": ("anchor", FIRST_ROW + 7 * np.arange(ANCHORS)),
            "label": ("anchor", np.arange(ANCHORS) % len(CLASSES)),
            "image": (("anchor", "colour", "y", "x"), pixels),
        }
    )
    groups = {"": root}
    for number, (state, layer) in enumerate(
        (state, layer) for state in ("trained", "random") for layer in LAYERS
    ):
        groups[f"kept_{number}"] = xr.Dataset(
            attrs={
                **{"state": state, "layer": layer, "shape": list(LAYERS[layer])},
                "passes": PASSES[layer] and state == "trained",
                **{"agreement_ceiling_all": 0.95, "cosine_ceiling_all": 0.9},
            }
        )
    configuration = {
        **{"seed": seed, "precision": "float32", "batch_size": 64},
        "networks": {name: DESCRIBED},
    }
    attributes: dict[str, Any] = {"network": name, "seed": seed, "configuration": configuration}
    attributes |= {"side": SIDE, "classes": list(CLASSES), "outputs": list(CLASSES)}
    write_results(home / "invariance/kept.zarr", groups, attributes=attributes)
