"""A spatial study of random numbers: stores in the layout of real ones, and the tables of them."""

__all__ = ["write_spatial"]

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import xarray as xr

from actsense.layout import Place, places
from actsense.spatial.cells.tables import compare_cells
from actsense.spatial.interaction.tables import compare_interactions
from actsense.spatial.transforms.tables import compare_transforms
from actsense.store import write_results, write_tables

CLASSES, IMAGES, BOOTSTRAP = 8, 24, 20
DIVISIONS, LEVELS = (2, 4), (0.5, 1024.0)
CELLS = np.array([0, 1, 4, 16])


def write_spatial(folder: Path, networks: Sequence[str], *, side: int, seed: int = 0) -> None:
    """Write the spatial study of some networks; the last one is a bag of local features.

    Arguments:
        folder: Folder of the study.
        networks: Their names.
        side: Side of the images, pixels.
        seed: Seed of all numbers.
    """
    stored, compared = (_place(level) for level in ("network", "study"))
    paths: dict[str, dict[str, Path]] = {name: {} for name in stored.stores}
    for number, network in enumerate(networks):
        rng = np.random.default_rng((seed, number))
        bag = network == networks[-1]
        made = {
            "transforms": _transforms(rng),
            "cells": _cells(rng, network, bag=bag),
            "interaction": _interaction(rng),
            "saliency": _saliency(rng, side, bag=bag),
        }
        (folder / network).mkdir(parents=True, exist_ok=True)
        (folder / network / "card.json").write_text(json.dumps({"name": network}))
        for name, data in made.items():
            path = paths[name][network] = folder / network / stored.store_path(name)
            write_results(path, {"": data}, attributes=data.attrs)
    tables = {
        **compare_transforms(paths["transforms"], bootstrap=BOOTSTRAP, seed=seed),
        **compare_cells(paths["cells"], bootstrap=BOOTSTRAP, seed=seed),
        **compare_interactions(paths["interaction"], bootstrap=BOOTSTRAP, seed=seed),
    }
    write_tables(tables, {name: folder / compared.table_path(name) for name in tables})


def _place(level: str) -> Place:
    return next(place for place in places(level) if place.target == "spatial")  # type: ignore[arg-type]


def _transforms(rng: np.random.Generator) -> xr.Dataset:
    shuffles = [("shuffle", mode, float(k)) for mode, k in product(("grid", "bands"), DIVISIONS)]
    saturations = [("saturation", "", level) for level in LEVELS]
    transform, mode, level = zip(("none", "", 1.0), *shuffles, *saturations, strict=True)
    shape = (len(mode), IMAGES)
    axes = ("condition", "image")
    return xr.Dataset(
        {
            "rank": (axes, rng.integers(0, 3, shape)),
            "predicted": (axes, rng.integers(0, CLASSES, shape)),
            "probability": (axes, rng.random(shape)),
            "moved": (axes, np.ones(shape)),
            "area": ("condition", np.ones(len(mode))),
        },
        coords={
            "transform": ("condition", list(transform)),
            "mode": ("condition", list(mode)),
            "level": ("condition", list(level)),
            "repeat": ("condition", [0] * len(mode)),
            "row": ("image", np.arange(IMAGES)),
        },
        attrs={"images": IMAGES, "label": "class", "classes": CLASSES, "seed": 0},
    )


def _cells(rng: np.random.Generator, network: str, *, bag: bool) -> xr.Dataset:
    orders = [("", "random"), (network, "gradient"), (network, "occlusion")]
    orders.append((network, "evidence") if bag else ("bag", "evidence"))
    curves = list(product(orders, ("mean", "zero"), ("deletion", "insertion")))
    curves.append(((network, "greedy"), "mean", "deletion"))
    falling = np.sort(rng.random((len(curves), IMAGES, len(CELLS))), axis=-1)[..., ::-1]
    return xr.Dataset(
        {
            "probability": (("curve", "image", "budget"), falling),
            "intact": ("image", falling[0, :, 0]),
        },
        coords={
            "source": ("curve", [order[0] for order, _, _ in curves]),
            "method": ("curve", [order[1] for order, _, _ in curves]),
            "fill": ("curve", [fill for _, fill, _ in curves]),
            "direction": ("curve", [direction for *_, direction in curves]),
            "draw": ("curve", [0] * len(curves)),
            "cells": ("budget", CELLS),
            "share": ("budget", CELLS / CELLS[-1]),
        },
        attrs={"size": 4},
    )


def _interaction(rng: np.random.Generator) -> xr.Dataset:
    sizes = [2, 3, 4]
    apart = rng.normal(2, 1, (len(sizes), IMAGES))
    axes = ("size", "image")
    return xr.Dataset(
        {"apart": (axes, apart), "together": (axes, apart + rng.normal(0, 0.3, apart.shape))},
        coords={"size": sizes, "gap": ("size", sizes), "patches": ("size", [9, 4, 4])},
    )


def _saliency(rng: np.random.Generator, side: int, *, bag: bool) -> xr.Dataset:
    shape = (2, 2, side, side)
    axes = ("level", "image", "row", "col")
    methods = ("gradient", "smoothgrad", "evidence") if bag else ("gradient", "smoothgrad")
    maps = {name: (axes, rng.normal(size=shape)) for name in methods}
    pixels = rng.integers(0, 256, (2, 2, 3, side, side), dtype=np.uint8)
    return xr.Dataset(
        maps | {"pixels": (("level", "image", "rgb", "row", "col"), pixels)},
        coords={
            "level": [2.0, 1024.0],
            "rgb": ["red", "green", "blue"],
            "label": ("image", ["class <0>", "class 1"]),
            "prediction": (
                ("level", "image"),
                np.array([["class <0>", "class 1"]] * 2, dtype=object),
            ),
        },
    )
