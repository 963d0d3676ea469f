"""Curves of masked cells and the areas under them, for all networks."""

__all__ = ["compare_cells"]

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from actsense.statistics.resampling import curve_area, image_draws, interval
from actsense.store import read_results

KEYS = ("source", "method", "fill", "direction")
CURVES = (
    *("network", *KEYS, "cells", "share", "images"),
    *("probability", "probability_low", "probability_high"),
)
SCORES = (
    *("network", *KEYS, "images", "area", "area_low", "area_high"),
    *("relative", "relative_low", "relative_high"),
)

Floats = NDArray[np.float64]
Key = tuple[str, ...]  # one of each of KEYS


@dataclass(frozen=True)
class _Curve:
    """Curves of some images; random orders of an image are averaged.

    Attributes:
        values: Probabilities, (images, budgets).
        images: Numbers of the images.
    """

    values: Floats
    images: NDArray[np.int64]


def compare_cells(
    stores: Mapping[str, Path], *, bootstrap: int, seed: int
) -> dict[str, pd.DataFrame]:
    """Put the curves of all networks, and the areas under them, into tables.

    Probabilities are means over images, and over draws of random orders. `area` is the area
    under the mean curve over the share of cells, divided by the mean probability of the intact
    images; `relative` is that area over the one of random orders on the same images, so 1 for
    random orders themselves. Intervals are 95 % of resampled images; the same are drawn for all
    curves of as many images, so `relative` is paired.

    The greedy search has its own, fewer images, and a curve as far as it went; it has an area
    only if it masked all cells.

    Arguments:
        stores: Results of `evaluate_cells` by network.
        bootstrap: Resamples of the images.
        seed: Seed of the study.

    Returns:
        `cell_curves`: one row per network, source, method, fill, direction and number of cells.
        `cell_scores`: one row for all numbers of cells.
    """
    resampled = cache(partial(_resampled, bootstrap=bootstrap, seed=seed))
    points: list[dict[str, Any]] = []
    scores: list[dict[str, Any]] = []
    for network, path in stores.items():
        data = read_results(path).to_dataset().load()
        curves = _curves(data)
        for key, curve in curves.items():
            named = {"network": network, **dict(zip(KEYS, key, strict=True))}
            draws = resampled(len(curve.images))
            points += [named | point for point in _points(data, curve, draws)]
            if curve.values.shape[1] == data.sizes["budget"]:
                random = curves["", "random", *key[2:]].values[curve.images]
                scores.append(named | _score(data, curve, random, draws))
    return {
        "cell_curves": pd.DataFrame(points, columns=CURVES),
        "cell_scores": pd.DataFrame(scores, columns=SCORES),
    }


def _curves(data: xr.Dataset) -> dict[Key, _Curve]:
    probability = data["probability"].to_numpy().astype(np.float64)
    names = zip(*(data[name].to_numpy().tolist() for name in KEYS), strict=True)
    groups: dict[Key, list[int]] = {}
    for number, key in enumerate(names):
        groups.setdefault(key, []).append(number)
    found = {}
    for key, numbers in groups.items():
        mean = probability[numbers].mean(axis=0)  # over draws
        images = np.flatnonzero(np.isfinite(mean[:, 0]))
        reached = np.isfinite(mean[images[0]])
        found[key] = _Curve(mean[images][:, reached], images)
    return found


def _resampled(images: int, *, bootstrap: int, seed: int) -> Floats:
    """Return the share of every image in every resample, (1 + bootstrap, images)."""
    return image_draws(images, bootstrap, seed=seed) / images


def _points(data: xr.Dataset, curve: _Curve, draws: Floats) -> Iterator[dict[str, Any]]:
    """Yield the mean of the images at every budget."""
    samples = draws @ curve.values  # (1 + draws, budgets)
    low, high = interval(samples)
    cells, share = (data[name].to_numpy().tolist() for name in ("cells", "share"))
    for number, probability in enumerate(samples[0]):
        yield {
            "cells": cells[number],
            "share": share[number],
            "images": len(curve.images),
            "probability": probability,
            "probability_low": low[number],
            "probability_high": high[number],
        }


def _score(data: xr.Dataset, curve: _Curve, random: Floats, draws: Floats) -> dict[str, Any]:
    """Return the area under a curve, by itself and relative to that of random orders."""
    share = data["share"].to_numpy()
    area, by_chance = (curve_area(share, draws @ values) for values in (curve.values, random))
    row: dict[str, Any] = {"images": len(curve.images)}
    intact = draws @ data["intact"].to_numpy()[curve.images]
    for name, samples in (("area", area / intact), ("relative", area / by_chance)):
        row[name] = samples[0]
        row[f"{name}_low"], row[f"{name}_high"] = interval(samples)
    return row
