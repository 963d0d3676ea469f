"""Runs made by hand, to be set beside each other: indices and contrasts of two small layers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from actsense.layers import unit_dimensions
from actsense.store import write_results

SHAPES = {"maps": (30, 2, 3), "vector": (60,)}
AUGMENTATIONS = ["hue", "rolling"]
NESTED = ["order", "content", "partition", "class", "image"]
HALF = 0.02  # of intervals
Floats = NDArray[np.float64]


def noise(*key: int, size: Sequence[int]) -> Floats:
    return np.random.default_rng([*key]).normal(size=size)


def planted(rho: float, common: int, own: int, size: Sequence[int]) -> Floats:
    """Return normal values that correlate by rho with others of the same common part."""
    return np.sqrt(rho) * noise(common, size=size) + np.sqrt(1 - rho) * noise(own, size=size)


def write_study(
    folder: Path,
    own: int,
    *,
    rho: float = 1.0,
    factors: Sequence[str] = (*AUGMENTATIONS, *NESTED),
    shapes: Mapping[str, tuple[int, ...]] = SHAPES,
    network: str = "net",
    design: str = "all",
    signs: Mapping[str, float] | None = None,
    intervals: bool = True,
    partitions: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    drop: Sequence[str] = (),
) -> Path:
    """Write a study of one run, whose maps correlate by rho with those of others like it.

    Arguments:
        folder: Of the study.
        own: Seed of what it does not share with others.
        rho: Correlation with others, before ranking.
        factors: Names; those of the same place in any study correlate.
        shapes: Of the layers.
        network: Its name.
        design: Its name.
        signs: Of the maps of some factors, 1 otherwise.
        intervals: Whether half-widths are known; NaN otherwise.
        partitions: That contrasts are of, each; none for both together.
        settings: Of the design.
        drop: Arrays to leave out.
    """
    called = [name.replace("permutation", "order") for name in factors]
    children, contrasts = {}, {}
    for layer, shape in shapes.items():
        number = sum(map(ord, layer)) % 8
        dims = unit_dimensions(shape)
        data: dict[str, Any] = {}
        for kind, value in enumerate(("S1", "ST", "shapley")):
            maps = [
                (signs or {}).get(name, 1.0)
                * planted(rho, 1000 * kind + 10 * number + place, own * 7919 + kind, shape)
                for place, name in enumerate(called)
            ]
            data[value] = (("factor", *dims), np.stack(maps))
            data[f"{value}_ci"] = (("factor", *dims), np.full((len(maps), *shape), HALF))
        square = planted(rho, 77 + number, own, (len(factors), len(factors), *shape))
        square = square + square.swapaxes(0, 1)
        data["S2"] = (("factor", "factor_2", *dims), square)
        data["S2_ci"] = (("factor", "factor_2", *dims), np.full_like(square, HALF))
        data["variance"] = (dims, np.exp(planted(rho, 5 + number, own, shape)))
        data["variance_ci"] = (dims, np.full(shape, HALF))
        dead, rare = (np.zeros(shape, dtype=bool) for _ in range(2))
        dead.flat[own], rare.flat[own + 5] = True, True
        for name in ("S1", "ST", "shapley", "S2"):
            data[name][1][..., dead] = np.nan
        data |= {"dead": (dims, dead), "rare": (dims, rare)}
        if not intervals:
            data = {n: (d, v * np.nan if n.endswith("_ci") else v) for n, (d, v) in data.items()}
        kept = {name: array for name, array in data.items() if name not in drop}
        children[layer] = xr.Dataset(kept)
        lead = {"partition": len(partitions)} if partitions else {}
        size = (*lead.values(), len(AUGMENTATIONS), *shape)
        effects = np.tanh(planted(rho, 300 + number, own, size))
        held = xr.Dataset({"rank_biserial": ((*lead, "augmentation", *dims), effects)})
        contrasts[layer] = held.assign_coords(
            augmentation=AUGMENTATIONS, **({"partition": list(partitions)} if partitions else {})
        )
    layers = [*shapes, "network"]
    steps = np.arange(len(layers)) / 10 + own
    values = np.add.outer(np.arange(len(factors)), steps)
    half = HALF * (1 if intervals else np.nan)
    root = {name: (("factor", "layer"), values) for name in ("S1", "ST", "shapley")}
    root |= {f"{n}_ci": (("factor", "layer"), values * 0 + half) for n in [*root]}
    root["variance"] = (("layer",), steps)
    root["units"] = (("layer",), np.zeros(len(layers)))
    coordinates = {"factor": list(factors), "factor_2": list(factors), "layer": layers}
    whole = xr.Dataset(root, coords=coordinates)
    described = {"law": "switched", "augmentations": AUGMENTATIONS, **(settings or {})}
    configuration = {"seed": own, "designs": {design: described}, "dataset": {"kind": "made"}}
    attributes = {"configuration": configuration, "replicates": 8, "weights_sha256": "0" * 64}
    run = folder / network / design
    write_results(run / "indices.zarr", {"": whole, **children}, attributes=attributes)
    write_results(run / "contrast.zarr", contrasts, attributes={})
    return folder
