"""From the moments of all replicates to labelled indices and tidy tables."""

__all__ = ["IndexResults", "estimate_results", "index_tables"]

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from actsense.layers import read_layers, unit_dimensions
from actsense.progress import Progress
from actsense.sampling.designs import node_count
from actsense.sensitivity.indices import Indices, estimate_indices, join, total_over_units
from actsense.sensitivity.moments import Moments
from actsense.sensitivity.moments_file import StoredMoments, open_moments
from actsense.sensitivity.support import RARE

TILE_BYTES = 2**30  # of moments held at once, all replicates together
DIMENSIONS = {
    "S1": ("factor",),
    "ST": ("factor",),
    "shapley": ("factor",),
    "S2": ("factor", "factor_2"),
    "mean": (),
    "variance": (),
}
DESCRIPTIONS = {
    "S1": "first-order Sobol' index, share of the unit's variance",
    "ST": "total Sobol' index, share of the unit's variance",
    "S2": "second-order Sobol' index of two factors, share of the unit's variance",
    "shapley": "Shapley effect, share of the unit's variance; sums to 1 over the factors",
    "mean": "mean response under the input law, in the unit's own scale",
    "variance": "variance of the response under the input law, in the unit's own scale squared",
}
FLAGS = {
    "dead": "no factor moves this unit: its indices are undefined",
    "rare": f"fewer than {RARE} differences, in effect, are behind this unit's variance: its "
    "indices and their intervals must not be relied on",
}
SUPPORT = "effective number of differences behind a total index; parts have that of their factor"


@dataclass(frozen=True)
class IndexResults:
    """Datasets of one network and design.

    Attributes:
        layers: Per layer and unit, in network order.
        channels: Per channel of every layer that is a map.
        totals: Per layer, with the whole network as the last entry.
        identity: What the moments say they are.
        replicates: Independent replicates behind the intervals.
        points: Base points of all replicates.
        evaluations: Nodes of all base points.
        forwards: Different inputs among them, which the network saw.
    """

    layers: dict[str, xr.Dataset]
    channels: dict[str, xr.Dataset]
    totals: xr.Dataset
    identity: dict[str, Any]
    replicates: int
    points: int
    evaluations: int
    forwards: int

    def groups(self) -> dict[str, xr.Dataset]:
        """Return every dataset under its path in the results store."""
        groups = {"": self.totals}
        for name, data in self.layers.items():
            groups[name] = data
            if name in self.channels:
                groups[f"{name}/by_channel"] = self.channels[name]
        return groups

    def facts(self) -> dict[str, Any]:
        """Return what the root of the results store says about the sampling."""
        return {
            "replicates": self.replicates,
            "base_points": self.points,
            "evaluations": self.evaluations,
            "forward_passes": self.forwards,
            "seed": self.identity["seed"],
        }


def estimate_results(paths: Sequence[Path]) -> IndexResults:
    """Estimate every index of every unit, channel, layer and of the network.

    Memory stays bounded whatever the network: units are read a tile at a time.

    Arguments:
        paths: Files of the moments of whole replicates, in their order.

    Raises:
        CorruptFileError: If a file is damaged.
    """
    layers, channels, totals = {}, {}, []
    with ExitStack() as stack:
        files = [file for path in paths for file in stack.enter_context(open_moments(path))]
        identity = files[0].identity
        heads = [file.read(slice(0, 0)) for file in files]
        names = list(heads[0].names)
        recorded = read_layers(identity["layers"])
        bar = stack.enter_context(Progress(recorded[-1].stop, desc="indices", unit="unit"))
        for layer in recorded:
            name, shape = layer.name, layer.shape
            tiles = []
            for tile in _tiles(layer.units, _channel_size(shape), len(files) * len(heads[0].sums)):
                tiles.append(_estimate_tile(files, tile, _channel_size(shape)))
                bar.update(tile.stop - tile.start)
            indices = join([t[0] for t in tiles])
            layers[name] = _unit_dataset(indices, names, shape)
            by_channel = [
                _concatenated([t[1][r] for t in tiles]) for r in range(len(files))
            ]  # moments per channel, one per replicate
            if len(shape) > 1:
                channels[name] = _group_dataset(by_channel, layers[name], names)
            totals.append(_summed(by_channel))
    totals.append(_summed([_concatenated(r) for r in zip(*totals, strict=True)]))
    flagged = {
        flag: [int(data[flag].sum()) for data in layers.values()] for flag in ("dead", "rare")
    }
    points = sum(head.points for head in heads)
    return IndexResults(
        layers,
        channels,
        _totals_dataset(totals, layers, names, flagged),
        identity,
        len(files),
        points,
        points * node_count(len(heads[0].factors), len(heads[0].parts), heads[0].walks),
        sum(head.forwards for head in heads),
    )


def _channel_size(shape: tuple[int, ...]) -> int:
    return prod(shape[1:])


def _tiles(units: slice, channel: int, rows: int) -> list[slice]:
    """Cut a layer's units into ranges of whole channels, with so many sums per unit."""
    wide = max(1, TILE_BYTES // (8 * rows) // channel) * channel
    return [
        slice(low, min(low + wide, units.stop)) for low in range(units.start, units.stop, wide)
    ]


def _estimate_tile(
    files: Sequence[StoredMoments], tile: slice, channel: int
) -> tuple[Indices, list[Moments]]:
    """Return the indices of some units and the moments of their channels per replicate."""
    replicates = [file.read(tile) for file in files]
    indices = estimate_indices(replicates)
    starts = np.arange(0, tile.stop - tile.start, channel)
    return indices, [total_over_units(moments, starts, indices.dead) for moments in replicates]


def _concatenated(parts: Sequence[Moments]) -> Moments:
    first = parts[0]
    return replace(first, sums=np.concatenate([part.sums for part in parts], axis=1))


def _summed(replicates: Sequence[Moments]) -> list[Moments]:
    """Sum the moments of all units of every replicate into one."""
    return [
        total_over_units(m, np.array([0]), np.zeros(m.sums.shape[1], dtype=bool))
        for m in replicates
    ]


def _unit_dataset(indices: Indices, names: list[str], shape: tuple[int, ...]) -> xr.Dataset:
    dimensions = unit_dimensions(shape)
    support = indices.support.astype(np.float32).reshape(-1, *shape)
    data = _dataset(indices, names, dimensions, shape)
    data["support"] = ("factor", *dimensions), support, {"description": SUPPORT}
    for flag, values in (("dead", indices.dead), ("rare", indices.rare)):
        data[flag] = dimensions, values.reshape(shape), {"description": FLAGS[flag]}
    return data


def _group_dataset(replicates: list[Moments], units: xr.Dataset, names: list[str]) -> xr.Dataset:
    """Return the channels of a layer; one is rare if all its units are, but for dead ones."""
    channels = units.sizes["channel"]
    indices = _per_unit(estimate_indices(replicates), np.array(units["dead"].size // channels))
    data = _dataset(indices, names, ("channel",), (channels,))
    inside = [axis for axis in units["dead"].dims if axis != "channel"]
    dead, alive = units["dead"].all(inside), ~(units["dead"] | units["rare"])
    return data.assign(dead=dead, rare=~dead & ~alive.any(inside))


def _totals_dataset(
    totals: Sequence[list[Moments]],
    layers: Mapping[str, xr.Dataset],
    names: list[str],
    flagged: Mapping[str, Sequence[int]],
) -> xr.Dataset:
    sizes = [int(data["dead"].size) for data in layers.values()]
    sizes.append(sum(sizes))
    replicates = [_concatenated(parts) for parts in zip(*totals, strict=True)]
    indices = _per_unit(estimate_indices(replicates), np.array(sizes))
    data = _dataset(indices, names, ("layer",), (len(sizes),))
    data["units"] = "layer", sizes
    for flag, counts in flagged.items():
        data[f"{flag}_units"] = "layer", [*counts, sum(counts)]
    return data.assign_coords(layer=[*layers, "network"])


def _per_unit(indices: Indices, units: NDArray[np.int64]) -> Indices:
    """Turn a group's summed mean and variance into averages over its units."""
    for estimates in (indices.values, indices.half_widths):
        for name in ("mean", "variance"):
            estimates[name] = estimates[name] / units
    return indices


def _dataset(
    indices: Indices, names: list[str], dimensions: tuple[str, ...], shape: tuple[int, ...]
) -> xr.Dataset:
    data: dict[str, Any] = {}
    for suffix, estimates in (("", indices.values), ("_ci", indices.half_widths)):
        for name, leading in DIMENSIONS.items():
            array = estimates[name].astype(np.float32 if leading else np.float64)
            described = DESCRIPTIONS[name]
            data[name + suffix] = (
                (*leading, *dimensions),
                array.reshape(*array.shape[: len(leading)], *shape),
                {
                    "description": f"half-width of the 95 % interval: {described}"
                    if suffix
                    else described
                },
            )
    return xr.Dataset(data, coords={"factor": names, "factor_2": names})


def index_tables(results: IndexResults) -> dict[str, pd.DataFrame]:
    """Return the aggregates as tidy tables: layers, channels, pairs, units."""
    single = ("S1", "ST", "shapley")
    columns = ["layer", "channel", "factor", "index", "value", "ci"]
    channels = [
        _tidy(data, single).assign(layer=name)[columns] for name, data in results.channels.items()
    ]
    pairs = _tidy(results.totals, ("S2",)).dropna(subset="value")
    rank = {name: k for k, name in enumerate(results.totals["factor"].to_numpy())}
    upper = pairs["factor"].map(rank) < pairs["factor_2"].map(rank)
    summary = ["mean", "mean_ci", "variance", "variance_ci", "units", "dead_units", "rare_units"]
    return {
        "layers": _tidy(results.totals, single),
        "pairs": pairs[upper],
        "units": results.totals[summary].to_dataframe().reset_index(),
        "channels": pd.concat(channels) if channels else pd.DataFrame(columns=columns),
    }


def _tidy(data: xr.Dataset, names: Sequence[str]) -> pd.DataFrame:
    parts = []
    for name in names:
        both = xr.Dataset({"value": data[name], "ci": data[f"{name}_ci"]})
        parts.append(both.to_dataframe().reset_index().assign(index=name))
    table = pd.concat(parts, ignore_index=True)
    order = ("layer", "channel", "factor", "factor_2", "index", "value", "ci")
    return table[[column for column in order if column in table.columns]]
