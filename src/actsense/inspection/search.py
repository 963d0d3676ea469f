"""The units or channels of all layers that feel a factor most."""

__all__ = ["AXES", "INDICES", "find_strongest", "strongest_of_run"]

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from actsense.errors import ConfigError, choose
from actsense.inspection.output_names import output_names
from actsense.inspection.run_results import RunResults
from actsense.inspection.study_results import StudyResults
from actsense.store import CorruptFileError

INDICES = ("shapley", "S1", "ST")
AXES = ("channel", "row", "col", "unit", "axis_0", "axis_1")
FLAGS = ("dead", "rare")
SMALL = 2**22  # bytes


def find_strongest(
    study: StudyResults,
    factor: str,
    *,
    index: str = "shapley",
    level: Literal["unit", "channel"] = "unit",
    top: int = 20,
    networks: Iterable[str] = (),
    designs: Iterable[str] = (),
    layers: Iterable[str] = (),
) -> pd.DataFrame:
    """Return the units of all layers with the largest index, the surest first.

    They are ranked by the lower bound of their 95 % interval, so that noise does not lead the
    list; by the index itself where there are no intervals. Dead and rare units are left out.

    Arguments:
        study: The study.
        factor: A factor of its designs.
        index: One of `INDICES`.
        level: Single units, or channels with all their positions.
        top: How many rows.
        networks: Names of networks; all unless given.
        designs: Names of designs; all that have the factor unless given.
        layers: Names of layers; all unless given.

    Returns:
        A row each with network, design, layer, place in it, the index, its half-width and the
        variance; and the class, where units of outputs are among them.

    Raises:
        ConfigError: If no design has the factor, or a name is unknown.
    """
    choose("index", index, INDICES)
    if top < 1:
        raise ConfigError(f"top must be at least 1; got {top}.")
    runs = [*_runs(study, factor, [*networks], [*designs])]
    wanted, known = [*layers], {name for run in runs for name in run.layers}
    for name in wanted:
        choose("layer", name, known)
    tables = [
        _strongest(run, layer, factor, index, level, top)
        for run in runs
        for layer in run.layers
        if not wanted or layer in wanted
    ]
    return _with_classes(_first(tables, top), study, runs)


def strongest_of_run(
    run: RunResults,
    factor: str,
    *,
    index: str = "shapley",
    level: Literal["unit", "channel"] = "unit",
    top: int = 20,
) -> pd.DataFrame:
    """Return the units or channels of all layers of one run, as `find_strongest` does.

    Arguments:
        run: One network under one design.
        factor: One of its factors.
        index: One of `INDICES`.
        level: Single units, or channels with all their positions.
        top: How many rows.

    Raises:
        ConfigError: If a store is damaged.
    """
    return _first([_strongest(run, layer, factor, index, level, top) for layer in run.layers], top)


def _first(tables: list[pd.DataFrame], top: int) -> pd.DataFrame:
    """Return the surest rows of several tables."""
    found = pd.concat(tables, ignore_index=True)
    order = found["bound"].sort_values(ascending=False, kind="stable").index[:top]
    kept = found.loc[order].drop(columns="bound").reset_index(drop=True)
    return kept.dropna(axis=1, how="all") if len(kept) else kept


def _with_classes(
    table: pd.DataFrame, study: StudyResults, runs: Iterable[RunResults]
) -> pd.DataFrame:
    """Add the classes of those units that are outputs, if there are any."""
    for run in runs:
        last = (table["layer"] == run.layers[-1]) & (table["network"] == run.network)
        last &= table["design"] == run.design
        if last.any() and (names := output_names(study, run, run.layers[-1])):
            table.loc[last, "class"] = [names[unit] for unit in table.loc[last, "unit"]]
    return table


def _runs(
    study: StudyResults, factor: str, networks: list[str], designs: list[str]
) -> Iterable[RunResults]:
    """Yield the runs whose design has a factor."""
    for network in networks:
        choose(f"network of {study.path}", network, study.networks)
    runs = [
        study[network, design]
        for network in networks or study.networks
        for design in study.designs(network)
        if study[network, design].has("indices")
    ]
    for design in designs:
        choose(f"design of {study.path}", design, {run.design for run in runs})
    chosen = [run for run in runs if not designs or run.design in designs]
    choose("factor", factor, {name for run in chosen for name in run.factors})
    return [run for run in chosen if factor in run.factors]


def _strongest(
    run: RunResults, layer: str, factor: str, index: str, level: str, top: int
) -> pd.DataFrame:
    """Return the surest units of one layer, with the bound that they are ranked by."""
    node = run.indices.children[layer]
    if level == "channel" and "by_channel" in node.children:
        node = node.children["by_channel"]
    data, place = node.to_dataset(inherit=False), run.factors.index(factor)
    value = _of_factor(data, index, place)
    if value is None:
        raise CorruptFileError(run.path / "indices.zarr", f"{layer} has no {index}")
    nothing = np.full(value.shape, np.nan)
    variance, width = (  # not in published values
        nothing if array is None else array
        for array in (_of_factor(data, name, place) for name in ("variance", f"{index}_ci"))
    )
    left_out = [_of_factor(data, flag, place) for flag in FLAGS if flag in data]
    bound = value.astype(np.float64) - np.nan_to_num(width)
    bound[np.logical_or.reduce([np.isnan(bound), *left_out])] = -np.inf
    places = np.argsort(-bound, axis=None, kind="stable")[:top]
    places = places[bound.reshape(-1)[places] > -np.inf]
    axes = (str(axis) for axis in data[index].dims if axis != "factor")
    where = dict(zip(axes, np.unravel_index(places, bound.shape), strict=True))
    return pd.DataFrame(
        {
            "network": run.network,
            "design": run.design,
            "layer": layer,
            **{axis: pd.array(where[axis], "Int64") if axis in where else pd.NA for axis in AXES},
            index: value.reshape(-1)[places],
            "half-width": width.reshape(-1)[places],
            "variance": variance.reshape(-1)[places],
            "bound": bound.reshape(-1)[places],
        }
    )


def _of_factor(data: xr.Dataset, name: str, place: int) -> NDArray[Any] | None:
    """Return an array, of one factor if it has factors; nothing if it is not there."""
    if name not in data.variables:
        return None
    variable = data.variables[name]
    if variable.nbytes <= SMALL:
        variable.load()  # its run remembers it: the next factor is in the same chunks
    if "factor" in variable.dims:
        variable = variable.isel(factor=place)
    return np.asarray(variable.to_numpy())
