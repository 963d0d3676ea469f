"""Masking stores whose accuracies are chosen by hand."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from actsense.masking.plan import conditions
from actsense.masking.settings import Masking
from actsense.store import write_results

Accuracy = Callable[..., float]


def listed(
    augmentations: Sequence[str],
    factors: Sequence[str],
    *,
    map_layers: Sequence[str] = ("conv1", "conv2"),
    **settings: Any,
) -> pd.DataFrame:
    """Return the coordinates of all conditions of a small study."""
    study = Masking(
        values=("S1",),
        scales=(0.0, 1.5),
        fractions=(0.5, 0.3, 0.1),
        levels=("activation",),
        layers=("together",),
        random_masks=3,
    ).model_copy(update=settings)  # less than users may ask for
    found = conditions(study, augmentations=augmentations, factors=factors, map_layers=map_layers)
    return pd.DataFrame([one.coordinates for one in found])


def masking(
    table: pd.DataFrame,
    accuracy: Accuracy,
    *,
    images: int = 200,
    resamples: int = 100,
    classes: int = 4,
    seed: int = 0,
) -> xr.Dataset:
    """Return the root of a masking store.

    The first images of an order that is the same everywhere are the correct ones, so that an
    accuracy is met to half an image and harder conditions lose images that easier ones keep.
    """
    rng = np.random.default_rng(seed)
    wanted = np.array([accuracy(**row) for row in table.to_dict("records")])
    place = rng.permutation(images)[:, None]
    hits = (place < np.rint(wanted * images)).astype(np.float32)
    weights = rng.multinomial(images, np.full(images, 1 / images), size=resamples)
    boot = (weights.astype(np.float32) @ hits / images).astype(np.float32)
    low, high = np.percentile(boot, [2.5, 97.5], axis=0)
    top1 = hits.mean(axis=0)
    tilt = np.linspace(-0.1, 0.1, classes)
    each = np.clip(top1[:, None] + tilt * np.sin(np.arange(len(top1)))[:, None], 0, 1)
    scalars = {
        "top1": (top1, low, high),
        "top5": (np.sqrt(top1), np.sqrt(low), np.sqrt(high)),
        "kl": (1 - top1, 1 - high, 1 - low),
        "entropy": (np.log(classes) * top1, np.log(classes) * low, np.log(classes) * high),
    }
    data = {
        name + suffix: ("condition", part)
        for name, parts in scalars.items()
        for suffix, part in zip(("", "_low", "_high"), parts, strict=True)
    }
    data |= {
        "recall" + suffix: (("condition", "class"), np.clip(each + shift, 0, 1))
        for suffix, shift in (("", 0.0), ("_low", -0.05), ("_high", 0.05))
    }
    data["top1_bootstrap"] = (("bootstrap", "condition"), boot)
    texts = {name: ("condition", column.to_numpy()) for name, column in table.items()}
    names = [f"class {number}" for number in range(classes)]
    return xr.Dataset(data, {**texts, "class": names}, {"images": images, "label": "class"})


def stored(folder: Path, data: xr.Dataset) -> Path:
    """Write a masking store and return its path."""
    write_results(folder / "masking.zarr", {"": data}, attributes=data.attrs)
    return folder / "masking.zarr"
