"""A study of invariances for the explorer: stores of planted numbers, and files that demos open.

Weights are drawn, not learned; layers, classes and images of stores and files fit each other.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch
from flows import SMALL, shaken
from invariance_study import (
    CLASSES,
    LATENT,
    STATES,
    invariance_groups,
    planted_free,
    planted_likeness,
)

from actsense.invariance.autoencoder.architectures import build_autoencoder
from actsense.invariance.autoencoder.opening import save_autoencoder
from actsense.invariance.autoencoder.settings import AutoencoderSettings
from actsense.invariance.flow.opening import save_flow
from actsense.networks.network import build_module
from actsense.networks.settings import read_network
from actsense.networks.state import save_state
from actsense.store import write_facts, write_results, write_tables

NETWORKS = ("net", "twin")
LAYERS: Mapping[str, tuple[int, ...]] = {
    "stage4": (8, 4, 4),
    "hidden_relu": (8,),
    "logits": (len(CLASSES),),
}
LIMITED = ("random", "stage4")  # as the made store has it
SIDE, ANCHORS, FIRST_ROW = 32, 30, 400
DESCRIBED = {"kind": "trained", "width": 1}
STRONG = 1.7  # times what weights are at the start of a training
HALF = 0.05  # half a width of every interval
MEASURES = {"cosine": "centred", "agreement": "agreement"}  # of the table, as planted


def make_page(folder: Path, *, networks: Sequence[str] = NETWORKS) -> Path:
    """Write the study and return its folder."""
    settings = AutoencoderSettings(latent=LATENT, width=2)
    (folder / "invariance").mkdir(parents=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        autoencoder = build_autoencoder(settings, SIDE)
        for weight in autoencoder.parameters():  # or all images would look alike
            weight.data.mul_(STRONG)
        save_autoencoder(autoencoder, settings, folder / "invariance/autoencoder.pt")
        for seed, name in enumerate(networks):
            _write_network(folder / name, name, seed)
    rows = [row for name in networks for row in _kept_rows(name)]
    tables = {"invariance_kept": pd.DataFrame(rows)}
    write_tables(tables, {"invariance_kept": folder / "invariance/tables/invariance_kept.csv"})
    return folder


def _write_network(home: Path, name: str, seed: int) -> None:
    (home / "invariance/flows/trained").mkdir(parents=True)
    torch.manual_seed(seed)
    module = build_module(name, read_network(DESCRIBED), classes=len(CLASSES))
    save_state(module, home / "weights.pt")
    write_facts(home / "card.json", {"name": name})
    for layer, shape in LAYERS.items():
        flow = shaken(LATENT, shape, SMALL, seed=seed).float()
        save_flow(flow, home / f"invariance/flows/trained/{layer}.pt")
    configuration = {
        **{"seed": seed, "precision": "float32", "batch_size": 64},
        "networks": {name: DESCRIBED},
    }
    groups, attributes = invariance_groups(
        network=name,
        anchors=ANCHORS,
        samples=6,
        layers=LAYERS,
        judge=False,
        side=SIDE,
        seed=seed,
    )
    attributes |= {"configuration": configuration}
    write_results(home / "invariance/kept.zarr", groups, attributes=attributes)


def _kept_rows(network: str) -> list[dict[str, object]]:
    """Return what the table says of a network, as planted."""
    rows: list[dict[str, object]] = []

    def add(state: str, layer: str, measure: str, value: float, *, limited: bool) -> None:
        span = {"value": value, "low": value - HALF, "high": value + HALF}
        about = {"network": network, "state": state, "layer": layer, "measure": measure}
        rows.append({**about, **span, "anchors": ANCHORS, "samples": 6, "limited": limited})

    free = {
        (state, layer): float(planted_free(state, number).mean())
        for state in STATES
        for number, layer in enumerate(LAYERS)
    }
    for (state, layer), share in free.items():
        limited = state == "random"
        add(state, layer, "explained_latent", share, limited=limited)
        likeness = planted_likeness(state, [*LAYERS].index(layer))
        for measure, name in MEASURES.items():
            add(state, layer, measure, likeness[name], limited=limited)
            add(state, layer, f"{measure}_floor", likeness[f"{measure}_floor"], limited=limited)
            ceiling = likeness[f"reconstructed_{name}"]
            add(state, layer, f"{measure}_ceiling", ceiling, limited=limited)
    for layer in LAYERS:
        difference = free["trained", layer] - free["random", layer]
        add("trained - random", layer, "explained_latent", difference, limited=True)
    for before, layer in zip([*LAYERS], [*LAYERS][1:], strict=False):
        difference = free["trained", layer] - free["trained", before]
        add("trained", f"{layer} - {before}", "explained_latent", difference, limited=False)
    return rows
