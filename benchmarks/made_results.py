"""A study of random numbers in the layout of a real one, written by the real writers."""

__all__ = ["FACTORS", "LAYERS", "make_study"]

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from PIL import Image

from actsense.augment import parameter_columns
from actsense.data.build import build_cache
from actsense.data.settings import ImageFolder
from actsense.layers import unit_dimensions
from actsense.masking.plan import COORDINATES, conditions
from actsense.masking.settings import Masking
from actsense.sampling.designs import CONTEXT, PARTS
from actsense.sensitivity.contrast_statistics import STATISTICS
from actsense.sensitivity.estimation import DIMENSIONS
from actsense.store import LeftOut, provenance, write_results
from benchmarks.made_spatial import write_spatial

LAYERS = {  # AlexNet's published ones at 224 pixels: 205,672 units
    "conv1": (64, 27, 27),
    "conv2": (192, 13, 13),
    "conv3": (384, 13, 13),
    "conv4": (256, 13, 13),
    "conv5": (256, 6, 6),
    "fc6": (4096,),
    "fc7": (4096,),
    "logits": (1000,),
}
AUGMENTATIONS = (
    "brightness",
    "contrast",
    "saturation",
    "hue",
    "hflip",
    "rotation",
    "elliptic_local_blur",
)
FACTORS = (*AUGMENTATIONS, *CONTEXT, *PARTS)
CONTENT = FACTORS.index("content")  # its parts stand behind it
MASKING = Masking(factors="augmentations", levels=("activation",), layers=("together",))
METRICS = ("top1", "top5", "kl", "entropy")
FLAGS = ("dead", "rare")
CLASSES, IMAGES, DRAWS, RANKS = 8, 12, 4, 9


def make_study(
    folder: Path,
    *,
    layers: Mapping[str, tuple[int, ...]] = LAYERS,
    designs: Sequence[str] = ("mixed", "other"),
    network: str = "made",
    side: int = 224,
    seed: int = 0,
) -> Path:
    """Write a study with all that the explorer shows, and return its folder."""
    rng = np.random.default_rng(seed)
    _write_images(folder, side, rng)
    (folder / network).mkdir(parents=True, exist_ok=True)
    (folder / network / "card.json").write_text(json.dumps({"name": network}))
    attributes = provenance(configuration={"study": folder.name, "designs": {}})
    first, *others = designs
    place = folder / network / first
    write_results(place / "indices.zarr", _indices(layers, rng), attributes=attributes)
    write_results(place / "contrast.zarr", _contrasts(layers, rng), attributes=attributes)
    write_results(place / "top_images.zarr", _top_images(layers, rng), attributes=attributes)
    write_results(place / "masking.zarr", {"": _masks(rng)}, attributes=attributes)
    for other in others:
        shutil.copytree(place, folder / network / other)
    write_spatial(folder, (network, "bag"), side=side, seed=seed)
    return folder


def _write_images(folder: Path, side: int, rng: np.random.Generator) -> None:
    for label in range(CLASSES):
        made = folder / "pictures" / f"class_{label}"
        made.mkdir(parents=True)
        for number in range(IMAGES):
            coarse = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(coarse).resize((side, side)).save(made / f"{number}.png")
    settings = ImageFolder(
        path=str(folder / "pictures"), image_size=side, resize=round(side * 256 / 224)
    )
    build_cache(settings, 0, folder / "data/images.zarr", folder / "data/manifest.csv")


def _indices(
    layers: Mapping[str, tuple[int, ...]], rng: np.random.Generator
) -> dict[str, xr.Dataset]:
    """Make indices of every unit, and of channels and layers as means that weigh by variance."""
    groups, totals = {}, []
    for name, shape in layers.items():
        data = _units(shape, rng)
        axes = unit_dimensions(shape)
        groups[name] = data
        if len(axes) > 1:
            groups[f"{name}/by_channel"] = _together(data, axes[1:])
        totals.append(_together(data, axes).drop_vars([*FLAGS, "support"]))
        counts = LeftOut.count(data)
        totals[-1] = totals[-1].assign(units=counts.of, **counts.columns)
    whole = xr.concat([*totals, totals[-1]], "layer")
    return {"": whole.assign_coords(layer=[*layers, "network"]), **groups}


def _units(shape: tuple[int, ...], rng: np.random.Generator) -> xr.Dataset:
    axes, count = unit_dimensions(shape), len(FACTORS)
    # Every unit feels a few factors, and its neighbours feel them, too.
    strength = (
        rng.gamma(0.3, size=(count, *shape))
        + rng.gamma(1.0, size=(count, shape[0]))[(..., *[None] * (len(shape) - 1))]
    )
    strength[CONTENT] = strength[CONTENT + 1 :].sum(axis=0)
    share = strength / strength[: CONTENT + 1].sum(axis=0)
    values: dict[str, Any] = {
        "S1": 0.6 * share,
        "ST": np.minimum(1.3 * share, 1),
        "shapley": share,
        "S2": rng.normal(0, 0.02, (count, count, *shape)),
        "mean": rng.gamma(1.0, size=shape),
        "variance": rng.gamma(1.0, size=shape),
    }
    values["S2"][np.arange(count), np.arange(count)] = np.nan
    values["S2"][CONTENT:, CONTENT:] = np.nan  # of no pair
    dead, rare = (rng.random(shape) < often for often in (0.01, 0.05))
    support = rng.gamma(1.0, 100.0, (count, *shape)).astype(np.float32)
    data: dict[str, Any] = {
        "dead": (axes, dead),
        "rare": (axes, rare & ~dead),
        "support": (("factor", *axes), np.where(rare, np.float32(3), support)),
    }
    for name, leading in DIMENSIONS.items():
        kind = np.float32 if leading else np.float64
        value = np.where(dead, np.nan, values[name])
        half = np.abs(rng.normal(0, 0.02, value.shape))
        data[name] = ((*leading, *axes), value.astype(kind))
        data[f"{name}_ci"] = ((*leading, *axes), np.where(dead, np.nan, half).astype(kind))
    return xr.Dataset(data, coords={"factor": list(FACTORS), "factor_2": list(FACTORS)})


def _together(data: xr.Dataset, axes: Sequence[str]) -> xr.Dataset:
    weights = data["variance"].fillna(0)
    shares = [name for name in data.data_vars if str(name).removesuffix("_ci") in DIMENSIONS]
    mean = data[shares].weighted(weights).mean(axes)
    flags = {flag: data[flag].all(axes) for flag in FLAGS}
    support = data["support"].sum(axes)
    return mean.astype("float32").assign(flags).assign(support=support)


def _contrasts(
    layers: Mapping[str, tuple[int, ...]], rng: np.random.Generator
) -> dict[str, xr.Dataset]:
    groups = {}
    for name, shape in layers.items():
        axes = ("augmentation", *unit_dimensions(shape))
        full = (len(AUGMENTATIONS), *shape)
        data = {s: (axes, rng.uniform(-1, 1, full).astype(np.float32)) for s in STATISTICS}
        data["mean_difference_ci"] = (axes, rng.uniform(0, 0.3, full).astype(np.float32))
        coords = {"augmentation": list(AUGMENTATIONS)}
        groups[name] = xr.Dataset(data, coords=coords, attrs={"images": IMAGES * CLASSES})
    return groups


def _top_images(
    layers: Mapping[str, tuple[int, ...]], rng: np.random.Generator
) -> dict[str, xr.Dataset]:
    stop = max(columns.stop for columns in parameter_columns(AUGMENTATIONS).values())
    rows = np.arange(CLASSES * IMAGES)
    drawn = rng.uniform(0, 0.3, (len(rows), DRAWS, stop)).astype(np.float32)
    root = xr.Dataset(
        {"rows": ("picture", rows), "parameters": (("picture", "drawn", "parameter"), drawn)},
        coords={"condition": ["original", *AUGMENTATIONS]},
        attrs={"stretch": 0},
    )
    groups = {"": root}
    for name, shape in layers.items():
        axes = ("condition", "rank", *unit_dimensions(shape))
        full = (1 + len(AUGMENTATIONS), RANKS, *shape)
        response = -np.sort(-rng.gamma(1.0, size=full), axis=1)
        draw = rng.integers(0, DRAWS, full)
        draw[0] = 0
        groups[name] = xr.Dataset(
            {
                "image": (axes, rng.integers(0, len(rows), full).astype(np.int32)),
                "draw": (axes, draw.astype(np.int16)),
                "response": (axes, response.astype(np.float32)),
            }
        )
    return groups


def _masks(rng: np.random.Generator) -> xr.Dataset:
    listed = list(conditions(MASKING, augmentations=AUGMENTATIONS, factors=FACTORS, map_layers=()))
    rows = [condition.coordinates for condition in listed]
    coords = {name: ("condition", [row[name] for row in rows]) for name in COORDINATES}
    data = {}
    for metric in METRICS:
        value = rng.uniform(0.1, 0.9, len(listed))
        for end, moved in (("", 0.0), ("_low", -0.05), ("_high", 0.05)):
            data[metric + end] = ("condition", value + moved)
    facts = {"images": IMAGES * CLASSES, "label": "class"}
    return xr.Dataset(data, coords=coords, attrs=facts)
