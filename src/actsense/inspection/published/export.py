"""Indices and contrasts of a run in the layout of the published value files.

A program that reads published files reads these, with three differences that every file states:
image and content are factors here, in datasets of their own; a factor is one player, whose Shapley
effect stands in the first of its numbers, the others being zero; one input law is behind all.
"""

__all__ = ["export_hdf5"]

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.inspection.published.arrays import Scheme
from actsense.inspection.published.names import SETS, file_name, group_name
from actsense.inspection.published.writing import create_file
from actsense.inspection.run_results import RunResults
from actsense.sensitivity.samples import images_of

Arrays = Mapping[str, NDArray[Any]]

PARTS = {"train": "train", "validation": "valid"}  # partitions as published
PACKED = {"compression": "gzip", "compression_opts": 9, "shuffle": True, "fletcher32": True}
NOTES = {
    "si": "First-order and total indices of the factors in `slots`; those of image and content, "
    "which the layout has no place for, are in `image:si+sT` and `image:si2` (its pairs with the "
    "slots) and in `content:si+sT` and `content:si2`. Partition, class and image are the parts of "
    "content, a nested split that adds up to it. Not clipped. 0 for all factors of a dead unit; "
    "`rare` is 1 for units whose intervals could not be trusted.",
    "sitv": "Mean and variance under the one input law of all values.",
    "shpv": "Shapley effect of every factor, times the variance of the unit, in the first of the "
    "factor's numbers; the others are 0. That of the image is in `image:shpv`: without it the "
    "sums over a factor's numbers make up 1 - (its share) of the variance. `content:shpv` is that "
    "of class, image and partition together. Not clipped.",
    "shptv": "Mean and variance under the one input law of all values: the same as in sitv.",
    "cs": "The names of the layout are kept as they were published: `cs_rbscc` is the "
    "point-biserial, `cs_pbrcc` the magnitude of the rank-biserial correlation; `rank_biserial` "
    "is the latter with its sign. p-values are of images, draws averaged, and not corrected. "
    "Of the partition in the name of the file. NaN where nothing varied.",
}


@dataclass(frozen=True)
class Plan:
    """One file to write: its kind, and the augmentation and partition if it is a contrast.

    The partition is that of our store, None if both are together.
    """

    path: Path
    kind: str
    augmentation: str | None = None
    partition: str | None = None


def export_hdf5(run: RunResults, folder: Path | str) -> list[Path]:
    """Write the indices and contrasts of a run as published value files.

    `actsense.open_study` reads them back. What the layout has no place for is left out:
    intervals, channels, mean differences, adjusted p-values, masks, segments and top images.

    Arguments:
        run: One network under one design.
        folder: Where to, made if it is not there. Files of an earlier export are replaced.

    Returns:
        The files, `si`, `sitv`, `shpv`, `shptv` and, if there are contrasts, `cs` for every
        augmentation, and partition where they are apart.

    Raises:
        ConfigError: If the run has no indices, or a file of the same name is not one of ours.
    """
    indices = run.indices
    if "S1_ci" not in indices:
        raise ConfigError(f"{run.path}: already value files; only results of a run are exported.")
    plans = _plans(run, Path(folder))
    for plan in plans:
        _refuse_foreign(plan.path)
    attributes = _attributes(run)
    for plan in plans:
        with create_file(plan.path) as (file, written):
            file.attrs.update({**attributes, "note": NOTES[plan.kind]})
            for layer, shape, arrays in _layers(run, plan):
                group = file.create_group(group_name(run.network, layer))
                group.attrs["shape"] = shape
                for name, values in arrays.items():
                    group.create_dataset(name, data=values.astype(np.float32), **PACKED)
                    written.check()
    return [plan.path for plan in plans]


def _plans(run: RunResults, folder: Path) -> list[Plan]:
    dataset = run.settings["dataset"]["kind"]
    plans = [
        Plan(folder / file_name(kind, run.network, dataset, run.design), kind)
        for kind in ("si", "sitv", "shpv", "shptv")
    ]
    if run.has("contrast"):
        # The published sets share no augmentation; other designs may.
        published = run.design in [f"set{number}" for number in SETS]
        design = None if published else run.design
        held = run.contrast.children[run.layers[0]]
        apart: list[str | None] = [None]
        if "partition" in held.dims:
            apart = [str(name) for name in held["partition"].to_numpy()]
        for partition, name in product(apart, run.augmentations):
            images = PARTS[partition] if partition else "train+valid"
            own = file_name("cs", run.network, dataset, design, name, images)
            plans.append(Plan(folder / own, "cs", name, partition))
    return plans


def _refuse_foreign(path: Path) -> None:
    if not path.exists():
        return
    try:
        with h5py.File(path, "r") as file:
            ours = str(file.attrs.get("made_by", "")).startswith("actsense")
    except OSError:
        ours = False
    if not ours:
        raise ConfigError(
            f"{path}: is there, and no earlier export. Export into another folder, or move it."
        )


def _attributes(run: RunResults) -> dict[str, str]:
    """Return what every file says of where it comes from."""
    scheme = Scheme(run.factors)
    told = {
        str(name): value if isinstance(value, str) else json.dumps(value, default=str)
        for name, value in run.indices.attrs.items()
    }
    return told | {
        "made_by": f"actsense {version('actsense')}",
        "network": run.network,
        "design": run.design,
        "layers": json.dumps([group_name(run.network, name) for name in run.layers]),
        "factors": json.dumps(run.factors),
        "slots": json.dumps(scheme.slots),
        "boundaries": json.dumps(scheme.starts),
    }


def _layers(run: RunResults, plan: Plan) -> Iterator[tuple[str, tuple[int, ...], Arrays]]:
    """Yield name, shape and arrays of every layer, one in memory at a time."""
    scheme = Scheme(run.factors)
    for name in run.layers:
        units = run.layer(name)
        shape = units["dead"].shape
        if plan.kind == "cs":
            yield name, shape, _contrasts(run.contrast.children[name].to_dataset(), plan)
        elif plan.kind == "si":
            yield name, shape, _sobol(units, scheme)
        elif plan.kind == "shpv":
            yield name, shape, _effects(units, scheme)
        else:
            moments = {"mean": units["mean"], "var": units["variance"]}
            yield name, shape, {key: value.to_numpy().ravel() for key, value in moments.items()}


def _sobol(units: xr.Dataset, scheme: Scheme) -> Arrays:
    first, total, pairs = (_flat(units[name]) for name in ("S1", "ST", "S2"))
    held = [scheme.factors.index(name) for name in scheme.slots]
    j, k = np.triu_indices(len(held), 1)
    # A dead unit is 0 for every factor there, undefined here.
    arrays = {
        "si+sT": np.stack([first[held], total[held]]),
        "si2": pairs[np.take(held, j), np.take(held, k)][None],
    }
    for name in scheme.beside:
        row = scheme.factors.index(name)
        arrays[f"{name}:si+sT"] = np.stack([first[row], total[row]])
        arrays[f"{name}:si2"] = pairs[row, held]
    if "rare" in units:
        arrays["rare"] = units["rare"].to_numpy().ravel()
    return {name: np.nan_to_num(values, nan=0.0) for name, values in arrays.items()}


def _effects(units: xr.Dataset, scheme: Scheme) -> Arrays:
    shares, variance = _flat(units["shapley"]), units["variance"].to_numpy().ravel()
    effects = np.nan_to_num(shares * variance, nan=0.0)
    scalars = np.zeros((scheme.starts[-1], effects.shape[1]))
    scalars[scheme.starts[:-1]] = effects[[scheme.factors.index(name) for name in scheme.slots]]
    arrays = {"shpv": scalars}
    for name in scheme.beside:
        arrays[f"{name}:shpv"] = effects[scheme.factors.index(name)]
    return arrays


def _contrasts(data: xr.Dataset, plan: Plan) -> Arrays:
    count, which = images_of(data)[plan.partition or ""], {"augmentation": plan.augmentation}
    if "pairs" in data.attrs:
        names = data["augmentation"].to_numpy().tolist()
        count *= int(data.attrs["pairs"][names.index(plan.augmentation)])
    data = data.sel(which | ({"partition": plan.partition} if plan.partition else {}))
    rank = data["rank_biserial"].to_numpy().ravel()
    return {
        "cs_pvals": data["p_value"].to_numpy().ravel(),
        # Both sums of ranks make up n (n + 1) / 2; the correlation is their difference in it.
        "cs_stats": count * (count + 1) / 4 * (1 - np.abs(rank)),
        "cs_rbscc": data["point_biserial"].to_numpy().ravel(),
        "cs_pbrcc": np.abs(rank),
        "rank_biserial": rank,
    }


def _flat(values: xr.DataArray) -> NDArray[Any]:
    """Return values with all units in one axis, the last."""
    leading = sum(str(name).startswith("factor") for name in values.dims)
    return values.to_numpy().reshape(*values.shape[:leading], -1)
