"""Published contrasts as a contrast store, one partition beside the other, and their table."""

__all__ = ["convert_contrasts", "published_contrast_table"]

from collections.abc import Sequence
from math import prod

import numpy as np
import pandas as pd
import xarray as xr

from actsense.inspection.published.datatrees import contrast_tree
from actsense.inspection.published.names import ValueFile
from actsense.layers import unit_dimensions
from actsense.progress import progress
from actsense.sensitivity.contrast_statistics import STATISTICS
from actsense.store import Results

PARTITIONS = {"train": "train", "valid": "validation", "train+valid": "both"}
NUMBERS = 2**22  # of all statistics that are in memory together
KNOWN = ("rank_biserial", "point_biserial", "p_value")


def convert_contrasts(
    files: Sequence[ValueFile], augmentations: Sequence[str], results: Results
) -> pd.DataFrame:
    """Write published contrasts into a store as a run writes its own.

    Statistics that were not published are undefined, and so is what has no file.

    Arguments:
        files: Contrast files of one network.
        augmentations: Those of the design.
        results: Takes the dataset of every layer.

    Returns:
        The table of the contrasts, a row per layer, augmentation and partition.
    """
    tree = contrast_tree(files, augmentations)
    rows: list[pd.DataFrame] = []
    for name, child in progress(tree.children.items(), desc="contrasts", unit="layer"):
        data = child.to_dataset()
        parts = [PARTITIONS[str(one)] for one in data["partition"].to_numpy()]
        data = data.assign_coords(partition=parts).reindex(augmentation=list(augmentations))
        shape = data[KNOWN[1]].shape[2:]
        first, *_ = unit_dimensions(shape)
        each = prod(data[KNOWN[1]].shape[:2]) * prod(shape[1:]) * len(STATISTICS)
        step = max(1, NUMBERS // each)
        tiles = []
        for low in range(0, shape[0], step):
            tile = _statistics(data.isel({first: slice(low, low + step)}).load())
            results.append(name, tile, axis=first)
            tiles.append(_summed(tile))
        rows.append(_averaged(sum(tiles[1:], tiles[0])).assign(layer=name))
    return published_contrast_table(pd.concat(rows, ignore_index=True))


def published_contrast_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of a table of contrasts in their order."""
    columns = ("layer", "augmentation", "partition", "units", "alive", "images")
    return rows[[*columns, *(name for name in rows.columns if name not in columns)]]


def _statistics(data: xr.Dataset) -> xr.Dataset:
    """Return all statistics of some channels, (augmentation, partition, ...)."""
    data = data.transpose("augmentation", "partition", ...)
    empty = xr.full_like(data[KNOWN[1]], np.nan)
    statistics = {}
    for name, description in STATISTICS.items():
        told = dict(data[name].attrs) if name in data else {}
        told.setdefault("description", f"not published: {description}")
        array = data.get(name, empty)
        statistics[name] = array.astype(np.float32).assign_attrs(told)
        statistics[name].attrs = told
    return xr.Dataset(statistics)


def _summed(data: xr.Dataset) -> xr.Dataset:
    """Return sums over units, (augmentation, partition)."""
    axes = [
        axis for axis in data["rank_biserial"].dims if axis not in ("augmentation", "partition")
    ]
    rank, point = data["rank_biserial"], data["point_biserial"]
    units = int(np.prod([data.sizes[axis] for axis in axes]))
    return xr.Dataset(
        {
            "units": xr.full_like(rank.isel(dict.fromkeys(axes, 0)), units, dtype=np.int64),
            "alive": point.notnull().sum(axes),
            "rank": abs(rank).sum(axes, dtype=np.float64),
            "ranked": rank.notnull().sum(axes),
            "point": point.sum(axes, dtype=np.float64),
        }
    )


def _averaged(sums: xr.Dataset) -> pd.DataFrame:
    """Return averages over units; NaN where there is no file, or nothing was published."""
    undefined = xr.full_like(sums["rank"], np.nan)
    means = xr.Dataset(
        {
            "units": sums["units"],
            "alive": sums["alive"],
            "images": undefined,
            "significant_share": undefined,
            "mean_abs_rank_biserial": sums["rank"] / sums["ranked"].where(sums["ranked"] > 0),
            "mean_rank_biserial": undefined,
            "mean_abs_standardized_difference": undefined,
            "mean_point_biserial": sums["point"] / sums["alive"].where(sums["alive"] > 0),
        }
    )
    return means.to_dataframe().reset_index()
