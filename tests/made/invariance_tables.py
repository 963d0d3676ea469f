"""Tables of invariances with planted numbers, of any networks and layers, for tests of figures."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from invariance_study import STATES, make_cards, make_indices, make_invariances

from actsense.invariance.tables.comparison import TABLES, compare_invariances
from actsense.store import write_tables

Networks = Mapping[str, Sequence[str]]
Limited = Sequence[tuple[str, str]]  # states and layers
FIXED = {
    **{"anchors": 50, "samples": 8, "images": 500, "features": 64, "judge": "bag"},
    **{"judge_layer": "last", "pairs": 3, "index": "shapley", "design": "colour"},
}


def made_tables(
    networks: Networks,
    *,
    states: Sequence[str] = STATES,
    limited: Limited = (),
    augmentations: Sequence[str] = ("brightness", "rolling", "hue"),
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """Return the tables that figures read, with differences between states and layers.

    Arguments:
        networks: Layers of every network, by its name.
        states: States of every network.
        limited: What the autoencoder limits.
        augmentations: What samples are compared with.
        seed: Of all numbers.
    """
    draw = np.random.default_rng(seed)
    parts: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for network, layers in networks.items():
        for state, layer in _places(layers, states):
            where = {"network": network, "state": state, "layer": layer}
            where["limited"] = (state, layer) in limited
            for table, row in _rows(augmentations):
                value = draw.uniform(0.1, 0.9)
                numbers = {"value": value, "low": value - 0.06, "high": value + 0.04}
                both = {"low_both": value - 0.1, "high_both": value + 0.08}
                effect = {"effect": value / 2, "effect_low": value / 2 - 0.03}
                effect["effect_high"] = value / 2 + 0.02
                parts[table].append({**FIXED, **where, **numbers, **both, **effect, **row})
    return {name: pd.DataFrame(rows, columns=[*TABLES[name]]) for name, rows in parts.items()}


def _places(layers: Sequence[str], states: Sequence[str]) -> list[tuple[str, str]]:
    found = [*product(states, layers)]
    found += [("trained - random", layer) for layer in layers] if len(states) > 1 else []
    pairs = zip(layers[1:], layers, strict=False)
    return found + [(states[0], f"{later} - {before}") for later, before in pairs]


def _rows(augmentations: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    measures = ("explained_latent", "explained_pixel", "cosine", "cosine_floor", "cosine_ceiling")
    measures += ("agreement", "agreement_floor", "agreement_ceiling", "raw_cosine", "strength")
    rows: list[tuple[str, dict[str, Any]]] = [
        ("invariance_kept", {"measure": name}) for name in measures
    ]
    for kind, name in product(
        ("samples", "real halves"), ("frechet", "kernel", "precision", "coverage")
    ):
        rows.append(("invariance_quality", {"kind": kind, "measure": name}))
    rows.append(("invariance_quality", {"kind": "samples", "measure": "frechet_plain"}))
    for name, measure in product(augmentations, ("free", "length", "alone")):
        rows.append(("invariance_moved", {"augmentation": name, "measure": measure}))
    for name, measure in product((*augmentations, ""), ("fixed", "product")):
        rows.append(("invariance_effects", {"augmentation": name, "measure": measure}))
    return rows


def make_study(folder: Path, layers: Mapping[str, tuple[int, ...]], **made: Any) -> Path:
    """Write a study of one network `net`, with real tables of its made store, and return it.

    Arguments:
        folder: Folder of the study.
        layers: Layers with their shapes.
        made: What is made beside, see `invariance_groups`.
    """
    home = folder / "net/invariance"
    make_cards(home, "net", layers)
    (folder / "net/card.json").write_text('{"name": "net"}')
    make_invariances(home / "kept.zarr", layers=layers, **made)
    effects = {layer: (0.1, 0.3, 0.2, 0.3, 0.1) for layer in layers}
    tables = compare_invariances(
        {"net": home / "kept.zarr"},
        faithful={("net", state): home / f"autoencoder/{state}.json" for state in STATES},
        flows=[home / f"flows/{state}/{layer}.json" for state in STATES for layer in layers],
        indices={("net", "colour"): make_indices(folder / "net/colour/indices.zarr", effects)},
        bootstrap=100,
        seed=1,
    )
    write_tables(tables, {name: folder / f"invariance/tables/{name}.csv" for name in tables})
    return folder
