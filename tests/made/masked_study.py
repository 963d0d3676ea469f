"""A small network, its images, and index stores of any values: what masks need, without files."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from opened import Images, opened
from torch import nn

from actsense.data.pool import ImagePool
from actsense.networks.network import Network
from actsense.sampling.designs import CONTEXT, PARTS, Design
from actsense.sampling.evaluator import Evaluator
from actsense.sampling.law import InputLaw
from actsense.sampling.opening import Sampling
from actsense.store import write_results

SIDE, CLASSES, IMAGES = 8, 4, 12  # validation images per class
AUGMENTATIONS = ("brightness", "contrast", "rolling")
FACTORS = (*AUGMENTATIONS, *CONTEXT, *PARTS)
SHAPES = {"1": (4, 8, 8), "3": (5, 4, 4)}  # layers with positions; "4" is a vector of 80
SETTINGS: dict[str, Any] = {
    "images": 40,
    "values": ["S1", "shapley"],
    "factors": "all",
    "fractions": [0.5, 0.2],
    "scales": [0.0, 1.5],
    "levels": ["activation"],
    "layers": ["together"],
    "random_masks": 2,
    "bootstrap": 200,
}


def images(count: int) -> Images:
    """Return images of noise."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, size=(count, 3, SIDE, SIDE), dtype=np.uint8)
    return Images(pixels, "ant", "bee", "cow", "dog")


def network(outputs: int = CLASSES, names: tuple[str, ...] | str = "auto") -> Network:
    """Return a network of two convolutions whose predictions differ from image to image."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.Sequential(
            *(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(4, 5, 3, padding=1, stride=2), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(80, outputs)),
        )
    module[-1].weight.data *= 20  # decided, not all alike
    module.eval().requires_grad_(False)
    return Network("net", module, (0.5,) * 3, (0.25,) * 3, None, None, names)


def sampling(
    own: Network | None = None, *, batch_size: int = 128, stretch: bool = False
) -> Sampling:
    """Open the study around a network, `network()` unless given."""
    rows = np.arange(2 * IMAGES * CLASSES)
    pool = ImagePool.shuffled(rows // CLASSES % 2, rows % CLASSES, seed=0)
    law = InputLaw(AUGMENTATIONS, "switched", (SIDE, SIDE), pool)
    subject = opened(own or network(), images(len(rows)), pool, batch_size=batch_size)
    evaluate = Evaluator(subject, subject.tap([*SHAPES, "4"]), AUGMENTATIONS, stretch)
    return Sampling(Design("small", law.factors, base_points=8, replicates=2), law, evaluate)


def values(layer: str, index: str) -> np.ndarray:
    """Return the index of every factor and unit that a store holds, (factors, *shape)."""
    seed = np.random.SeedSequence([int(layer), len(index)])
    shape = (len(FACTORS), *SHAPES[layer])
    return np.random.default_rng(seed).normal(0.2, 0.2, size=shape).astype(np.float32)


def store(
    folder: Path,
    *,
    change: Callable[[np.ndarray], np.ndarray] = np.asarray,
    dead: Sequence[tuple[int, int, int]] = (),
    rare: Sequence[tuple[int, int, int]] = (),
    layers: Sequence[str] = tuple(SHAPES),
) -> Path:
    """Write an index store.

    Arguments:
        folder: Where to.
        change: What to do with all values.
        dead: Units of layer "1" that are dead.
        rare: Units of layer "1" that are rare.
        layers: Layers with positions.
    """
    groups: dict[str, xr.Dataset] = {
        "": xr.Dataset(coords={"layer": [*layers, "4", "network"], "factor": list(FACTORS)})
    }
    for layer in layers:
        is_dead, is_rare = (np.zeros(SHAPES[layer], dtype=bool) for _ in range(2))
        for flag, units in ((is_dead, dead), (is_rare, rare)) if layer == "1" else ():
            flag[tuple(np.transpose(units or np.empty((0, 3), int)))] = True
        maps = {index: change(values(layer, index)) for index in ("S1", "ST", "shapley")}
        groups[layer] = _dataset(maps, is_dead, is_rare, ("channel", "row", "col"))
        channels = {index: each.mean(axis=(2, 3)) for index, each in maps.items()}
        groups[f"{layer}/by_channel"] = _dataset(
            channels, is_dead.all((1, 2)), is_rare.all((1, 2)), ("channel",)
        )
    groups["4"] = _dataset(
        {index: np.ones((len(FACTORS), 80)) for index in ("S1", "ST", "shapley")},
        np.zeros(80, dtype=bool),
        np.zeros(80, dtype=bool),
        ("unit",),
    )
    path = folder / "indices.zarr"
    write_results(path, groups, attributes={"replicates": 4})
    return path


def moments(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Return mean and variance of every unit that a store holds."""
    generator = np.random.default_rng(len(shape))
    return {name: generator.uniform(0.1, 1, size=shape) for name in ("mean", "variance")}


def _dataset(
    maps: dict[str, np.ndarray],
    dead: np.ndarray,
    rare: np.ndarray,
    dimensions: tuple[str, ...],
) -> xr.Dataset:
    data: dict[str, Any] = {name: (("factor", *dimensions), each) for name, each in maps.items()}
    data |= {
        f"{name}_ci": (("factor", *dimensions), np.full_like(each, 0.2))
        for name, each in maps.items()
    }
    data |= {name: (dimensions, each) for name, each in moments(dead.shape).items()}
    data |= {"dead": (dimensions, dead), "rare": (dimensions, rare)}
    return xr.Dataset(data, coords={"factor": list(FACTORS)})
