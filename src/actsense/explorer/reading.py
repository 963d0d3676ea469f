"""What the page shows of one network under one design, read piece by piece from its stores."""

__all__ = [
    "CONTRAST",
    "INDICES",
    "NAMES",
    "contrasts",
    "depth_profile",
    "layer_dimensions",
    "left_out",
    "maps",
    "pairs",
    "profile",
    "ranking",
    "rare_map",
    "strongest_position",
    "unit_facts",
]

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.inspection import RunResults
from actsense.store import CorruptFileError, LeftOut, reading

INDICES = ("S1", "ST", "shapley")
CONTRAST = "contrast"
FLAGS = ("dead", "rare")
NAMES = {
    "S1": "S1, first order",
    "ST": "ST, total",
    "shapley": "Shapley effect",
    CONTRAST: "contrast, rank-biserial",
}
CONTRASTS = (
    "mean_difference",
    "mean_difference_ci",
    "standardized_mean_difference",
    "rank_biserial",
    "point_biserial",
    "p_adjusted",
)
SMALL = 2**22  # bytes
Floats = NDArray[np.float64]
At = Mapping[str, int]
Where = Mapping[str, int | str]


def layer_dimensions(run: RunResults, layer: str) -> dict[str, int]:
    """Return the axes of a layer's units with their lengths, the channel or unit first."""
    data = run.layer(layer)
    return {axis: data.sizes[axis] for axis in _axes(run, data)}


def ranking(run: RunResults, layer: str, factor: str) -> pd.DataFrame:
    """Return the indices of every channel of a layer, or of every unit of a vector.

    Returns:
        One row per channel or unit: `number`, `S1`, `S1_ci` and so on for the factor, `variance`
        in the units' own scale squared, and `left_out`: `dead`, `rare` or nothing. Shares of
        what is left out are NaN. With contrasts of the factor, `contrast` is
        the rank-biserial correlation, for channels its mean over positions.

    Raises:
        ConfigError: If the store is damaged.
    """
    data = run.layer(layer)
    axis, *positions = _axes(run, data)
    grouped = run.indices.children[layer].children.get("by_channel")
    if positions and grouped is not None:
        data = grouped.to_dataset()
    at = {"factor": factor}
    columns = {
        name: _values(run, data, name, at) for index in INDICES for name in (index, f"{index}_ci")
    }
    columns["variance"] = _values(run, data, "variance", {})
    dead, rare = (_values(run, data, flag, {}) == 1 for flag in FLAGS)
    if positions and grouped is None:  # values published elsewhere have no channels
        columns = {name: _of_channels(value, columns) for name, value in columns.items()}
        dead, rare = (one.reshape(len(one), -1).all(axis=1) for one in (dead, dead | rare))
    for index in INDICES:
        columns[index][rare] = columns[f"{index}_ci"][rare] = np.nan
    if not (dead | rare).all() and all(np.isnan(columns[index]).all() for index in INDICES):
        raise CorruptFileError(run.path / "indices.zarr", f"{layer} has no values")
    if factor in _contrasted(run, layer):
        at = {"augmentation": factor}
        contrast = _values(run, _contrast(run, layer), "rank_biserial", at, store=CONTRAST)
        columns[CONTRAST] = _known_mean(contrast, np.ones_like(contrast))
    table = pd.DataFrame(columns)
    table.insert(0, "number", np.arange(len(table)))
    table["left_out"] = np.select([dead, rare], FLAGS, "")
    return table.rename_axis(axis)


def maps(
    run: RunResults, layer: str, factor: str, number: int
) -> dict[str, tuple[Floats, Floats]]:
    """Return the maps of a channel: values and half-widths of their intervals, (row, col) each.

    Returns:
        By index, and under the name of the statistic for the contrast of an augmentation: its
        mean difference, in the units' own scale, or what is known instead.
    """
    data = run.layer(layer)
    axis = _axes(run, data)[0]
    place: Where = {"factor": factor, axis: number}
    found = {index: _pair(run, data, index, place) for index in INDICES}
    if factor in _contrasted(run, layer):
        contrast = _contrast(run, layer)
        name = "mean_difference" if "mean_difference" in contrast else "rank_biserial"
        place = {"augmentation": factor, axis: number}
        found[name] = _pair(run, contrast, name, place, store=CONTRAST)
    # A layer with one axis of positions is shown as a map of one row.
    return {name: (np.atleast_2d(v), np.atleast_2d(half)) for name, (v, half) in found.items()}


def strongest_position(
    run: RunResults, layer: str, factor: str, index: str, number: int
) -> dict[str, int]:
    """Return the position in a channel with the largest variance due to a factor.

    By variance, not by share: nearly dead units must not win by noise, and rare ones not at all.
    A contrast is taken by its magnitude.
    """
    data = run.layer(layer)
    axis, *positions = _axes(run, data)
    if not positions:
        return {}
    if index == CONTRAST and factor in _contrasted(run, layer):
        place: Where = {"augmentation": factor, axis: number}
        values = _values(run, _contrast(run, layer), "rank_biserial", place, store=CONTRAST)
        strength: Floats = np.abs(values)
    else:
        name = index if index in INDICES else "S1"
        share = _values(run, data, name, {"factor": factor, axis: number})
        share[_values(run, data, "rare", {axis: number}) == 1] = np.nan
        variance = _values(run, data, "variance", {axis: number})
        strength = share * (1.0 if np.isnan(variance).all() else variance)
    where = np.argmax(np.where(np.isfinite(strength), strength, -np.inf))
    found = np.unravel_index(where, strength.shape)
    return dict(zip(positions, map(int, found), strict=True))


def profile(run: RunResults, layer: str, at: At) -> pd.DataFrame:
    """Return the indices of one unit for all factors: `factor`, `index`, `value`, `half`."""
    data = run.layer(layer)
    parts = []
    for index in INDICES:
        value, half = _pair(run, data, index, at)
        parts.append(
            pd.DataFrame({"factor": run.factors, "index": index, "value": value, "half": half})
        )
    return pd.concat(parts, ignore_index=True)


def unit_facts(run: RunResults, layer: str, at: At) -> dict[str, float]:
    """Return `mean` and `variance` of one unit with their half-widths, and what is wrong with it.

    Returns:
        Also `dead` and `rare`, 1 where it is; `rare` is NaN where an earlier version did not say.
        `support` is the least over factors: the effective number of differences.
    """
    data = run.layer(layer)
    names = ("mean", "mean_ci", "variance", "variance_ci", *FLAGS)
    facts = {name: float(_values(run, data, name, at)) for name in names}
    support = _values(run, data, "support", at) if "support" in data else np.full(1, np.nan)
    return facts | {"support": float(support.min())}


def rare_map(run: RunResults, layer: str, number: int) -> NDArray[np.bool_]:
    """Return which units of a channel are rare, (row, col)."""
    data = run.layer(layer)
    return np.atleast_2d(_values(run, data, "rare", {_axes(run, data)[0]: number}) == 1)


def left_out(run: RunResults, layer: str) -> LeftOut:
    """Count the dead and rare units of a layer."""
    data = run.layer(layer)
    return LeftOut.of_flags(*(_values(run, data, flag, {}) == 1 for flag in FLAGS))


def pairs(run: RunResults, layer: str, factor: str, at: At) -> pd.DataFrame:
    """Return the second-order indices of one unit with a factor: `factor`, `value`, `half`."""
    data = run.layer(layer)
    if "S2" not in data:
        raise CorruptFileError(run.path / "indices.zarr", f"{layer} has no S2")
    value, half = _pair(run, data, "S2", {"factor": factor, **at})
    table = pd.DataFrame({"factor": run.factors, "value": value, "half": half})
    return table[table["factor"] != factor].reset_index(drop=True)


def contrasts(run: RunResults, layer: str, at: At) -> pd.DataFrame:
    """Return the contrasts of one unit: a row per augmentation, a column per statistic.

    Where partitions are apart every one has a row, and `partition` says which it is.

    Raises:
        ConfigError: If they have not been made, are damaged, or lack this layer.
    """
    if layer not in run.contrast.children:
        raise CorruptFileError(run.path / "contrast.zarr", f"it does not hold {layer}")
    data, names = run.contrast.children[layer].to_dataset(), _contrasted(run, layer)
    if "partition" not in data.dims:
        columns = {name: _values(run, data, name, at, store=CONTRAST) for name in CONTRASTS}
        return pd.DataFrame({"augmentation": names, **columns})
    tables = []
    for partition in map(str, data["partition"].to_numpy()):
        place: Where = {**at, "partition": partition}
        columns = {name: _values(run, data, name, place, store=CONTRAST) for name in CONTRASTS}
        tables.append(pd.DataFrame({"augmentation": names, "partition": partition, **columns}))
    return pd.concat(tables).sort_index(kind="stable", ignore_index=True)


def depth_profile(run: RunResults, index: str) -> pd.DataFrame:
    """Return an index of every layer and factor: `layer`, `factor`, `value`, `half`."""
    root = run.indices.to_dataset().sel(layer=list(run.layers))
    names = {"layer": list(run.layers), "factor": list(run.factors)}
    both = [
        pd.DataFrame(values.T, index=names["layer"], columns=names["factor"]).stack()
        for values in _pair(run, root.transpose("factor", "factor_2", "layer"), index, {})
    ]
    table = pd.concat(both, axis=1, keys=("value", "half")).rename_axis(("layer", "factor"))
    return table.reset_index()


def _axes(run: RunResults, data: xr.Dataset) -> list[str]:
    known = next((name for name in (*INDICES, "mean") if name in data), None)
    if known is None:
        raise CorruptFileError(run.path / "indices.zarr", "a layer without indices")
    return [str(axis) for axis in data[known].dims if axis != "factor"]


def _contrasted(run: RunResults, layer: str) -> tuple[str, ...]:
    """Return the augmentations whose contrasts of a layer are there and readable."""
    if not run.has(CONTRAST):
        return ()
    try:
        tree = run.contrast
    except ConfigError:  # the view of contrasts says what is wrong
        return ()
    if layer not in tree.children:
        return ()
    return tuple(map(str, tree.children[layer]["augmentation"].to_numpy()))


def _contrast(run: RunResults, layer: str) -> xr.Dataset:
    data = run.contrast.children[layer].to_dataset()
    # Where partitions are apart, the last one: images that the network has not learned.
    return data.isel(partition=-1) if "partition" in data.dims else data


def _pair(
    run: RunResults, data: xr.Dataset, name: str, at: Where, *, store: str = "indices"
) -> tuple[Floats, Floats]:
    value = _values(run, data, name, at, store=store)
    return value, _values(run, data, f"{name}_ci", at, store=store)


def _values(
    run: RunResults, data: xr.Dataset, name: str, at: Where, *, store: str = "indices"
) -> Floats:
    """Read one array at some labels and places, and nothing beyond.

    What values published elsewhere lack, such as intervals, is unknown, not an error.
    """
    places = {axis: place for axis, place in at.items() if isinstance(place, int)}
    labels = {axis: label for axis, label in at.items() if isinstance(label, str)}
    with reading(run.path / f"{store}.zarr"):
        if name not in data:
            shape = _alike(data, name).sel(labels).isel(places).shape
            return np.full(shape, 0.0 if name == "dead" else np.nan)
        read = _at_hand(data[name]).sel(labels).isel(places).to_numpy()
        return np.asarray(read, dtype=np.float64)


def _at_hand(array: xr.DataArray) -> xr.DataArray:
    """Return an array, a small one read whole, which its run then remembers: it is one chunk."""
    return array.load() if array.nbytes <= SMALL else array


def _alike(data: xr.Dataset, name: str) -> xr.DataArray:
    """Return an array with the axes that a missing one would have."""
    of = name.removesuffix("_ci")
    if of in data:
        return data[of]
    if of in CONTRASTS:
        return data["rank_biserial"]
    index = next((known for known in INDICES if known in data), name)
    return data[index] if of in INDICES else data[index].isel(factor=0, drop=True)


def _of_channels(values: Floats, columns: Mapping[str, Floats]) -> Floats:
    """Return what the units of every channel have together: shares weigh by variance."""
    variance = columns["variance"]
    weights = np.ones_like(values) if np.isnan(variance).all() else variance
    return _known_mean(values, np.ones_like(values) if values is variance else weights)


def _known_mean(values: Floats, weights: Floats) -> Floats:
    """Return the weighted mean over all axes but the first, of what is known."""
    known = np.isfinite(values) & np.isfinite(weights)
    axes = tuple(range(1, values.ndim))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = np.where(known, values * weights, 0).sum(axis=axes) / np.where(
            known, weights, 0
        ).sum(axis=axes)
    return mean
