"""From the moments of all replicates to labelled indices and tidy tables."""

__all__ = [
    "IndexSummary",
    "estimate_results",
    "index_dataset",
    "index_tables",
    "unit_dataset",
    "write_indices",
]

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

from actsense.layers import Layer, read_layers, unit_dimensions
from actsense.progress import Progress
from actsense.sampling.designs import node_count
from actsense.sensitivity.cuts import ESTIMATED_BYTES
from actsense.sensitivity.indices import Indices, estimate_indices, total_over_units
from actsense.sensitivity.moments import Moments
from actsense.sensitivity.moments_file import StoredMoments, open_moments
from actsense.sensitivity.support import RARE
from actsense.store import Results, create_results

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
class IndexSummary:
    """What is known of one network and design beside the indices of its units.

    Attributes:
        channels: Indices per channel of every layer that is a map.
        totals: Per layer, with the whole network as the last entry.
        facts: What the root of the results store says about the sampling.
    """

    channels: dict[str, xr.Dataset]
    totals: xr.Dataset
    facts: dict[str, Any]


def write_indices(
    paths: Sequence[Path], store: Path, attributes: Mapping[str, Any]
) -> IndexSummary:
    """Estimate all indices and write them to a results store.

    Arguments:
        paths: Files of the moments of whole replicates, in their order.
        store: Folder of the store.
        attributes: Where the results come from.
    """
    with create_results(store, attributes) as results:
        summary = estimate_results(paths, results)
        results.attributes |= summary.facts
    return summary


def estimate_results(paths: Sequence[Path], results: Results) -> IndexSummary:
    """Estimate every index of every unit, channel, layer and of the network.

    Memory stays bounded whatever the network: units are read and handed over a tile at a time.

    Arguments:
        paths: Files of the moments of whole replicates, in their order.
        results: Takes the dataset of every layer, of its channels, and of all layers as the root.

    Raises:
        CorruptFileError: If a file is damaged.
    """
    with ExitStack() as stack:
        files = [file for path in paths for file in stack.enter_context(open_moments(path))]
        identity = files[0].identity
        heads = [file.read(slice(0, 0)) for file in files]
        names = list(heads[0].names)
        recorded = read_layers(identity["layers"])
        results.append("", xr.Dataset(coords={"factor": names, "factor_2": names}))
        bar = stack.enter_context(Progress(recorded[-1].stop, desc="indices", unit="unit"))
        estimated = [_estimate_layer(files, layer, results, bar) for layer in recorded]
    totals = [own.total for own in estimated]
    totals.append(_summed([_concatenated(r) for r in zip(*totals, strict=True)]))
    sizes = [layer.size for layer in recorded]
    root = _totals_dataset(totals, [layer.name for layer in recorded], sizes, names, estimated)
    results.append("", root)
    points = sum(head.points for head in heads)
    usual = node_count(len(heads[0].factors), len(heads[0].parts), heads[0].walks)
    nodes = identity.get("nodes", usual)
    return IndexSummary(
        {
            layer.name: own.channels
            for layer, own in zip(recorded, estimated, strict=True)
            if own.channels is not None
        },
        root,
        {
            "replicates": len(files),
            "base_points": points,
            "evaluations": points * nodes,
            "forward_passes": sum(head.forwards for head in heads),
            "seed": identity["seed"],
        },
    )


@dataclass(frozen=True)
class _Layer:
    """What is left of a layer: its channels, its moments per replicate, and flagged units."""

    channels: xr.Dataset | None
    total: list[Moments]
    flagged: dict[str, int]


def _estimate_layer(
    files: Sequence[StoredMoments], layer: Layer, results: Results, bar: Progress
) -> _Layer:
    """Hand over the indices of the units of a layer, and of its channels."""
    shape, names = layer.shape, list(files[0].read(slice(0, 0)).names)
    each, is_map = _channel_size(shape), len(shape) > 1
    flags: dict[str, list[NDArray[np.bool_]]] = {flag: [] for flag in FLAGS}
    sums: list[list[Moments]] = []  # of every tile: per channel, or of all units of a vector
    tiles = _tiles(layer.units, each, len(files) * files[0].shape[0])
    for tile in tiles:
        indices, by_channel = _estimate_tile(files, tile, each)
        part = unit_dataset(indices, names, (-1, *shape[1:]))
        results.append(layer.name, part, axis=layer.dimensions[0])
        sums.append(by_channel if is_map or len(tiles) == 1 else _summed(by_channel))
        for flag in FLAGS:
            flags[flag].append(part[flag].to_numpy().reshape(-1, each))
        bar.update(tile.stop - tile.start)
    joined = [_concatenated([tile[r] for tile in sums]) for r in range(len(files))]
    whole = {flag: np.concatenate(parts) for flag, parts in flags.items()}
    channels = _group_dataset(joined, whole, names) if is_map else None
    if channels is not None:
        results.append(f"{layer.name}/by_channel", channels)
    return _Layer(channels, _summed(joined), {flag: int(v.sum()) for flag, v in whole.items()})


def _channel_size(shape: tuple[int, ...]) -> int:
    return prod(shape[1:])


def _tiles(units: slice, channel: int, rows: int) -> list[slice]:
    """Cut a layer's units into ranges of whole channels, with so many sums per unit."""
    wide = max(1, ESTIMATED_BYTES // (8 * rows) // channel) * channel
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


def unit_dataset(indices: Indices, names: list[str], shape: tuple[int, ...]) -> xr.Dataset:
    """Label the indices of the units of a layer, or of some of its channels.

    Arguments:
        indices: The indices.
        names: Names of the factors.
        shape: Shape of the units; the first axis may be -1.
    """
    dimensions = unit_dimensions(shape)
    support = indices.support.astype(np.float32).reshape(len(indices.support), *shape)
    data = index_dataset(indices, names, dimensions, shape)
    data["support"] = ("factor", *dimensions), support, {"description": SUPPORT}
    for flag, values in (("dead", indices.dead), ("rare", indices.rare)):
        data[flag] = dimensions, values.reshape(shape), {"description": FLAGS[flag]}
    return data


def _group_dataset(
    replicates: list[Moments], flags: Mapping[str, NDArray[np.bool_]], names: list[str]
) -> xr.Dataset:
    """Return the channels of a layer; one is rare if all its units are, but for dead ones.

    Flags are those of its units, (channels, units of a channel).
    """
    dead, rare = flags["dead"], flags["rare"]
    channels, units = dead.shape
    indices = _per_unit(estimate_indices(replicates), np.array(units))
    data = index_dataset(indices, names, ("channel",), (channels,))
    whole = dead.all(axis=1)
    found = {"dead": whole, "rare": ~whole & ~(~(dead | rare)).any(axis=1)}
    return data.assign(
        {flag: ("channel", v, {"description": FLAGS[flag]}) for flag, v in found.items()}
    )


def _totals_dataset(
    totals: Sequence[list[Moments]],
    layers: Sequence[str],
    sizes: Sequence[int],
    names: list[str],
    estimated: Sequence[_Layer],
) -> xr.Dataset:
    units = [*sizes, sum(sizes)]
    replicates = [_concatenated(parts) for parts in zip(*totals, strict=True)]
    indices = _per_unit(estimate_indices(replicates), np.array(units))
    data = index_dataset(indices, names, ("layer",), (len(units),))
    data["units"] = "layer", units
    for flag in FLAGS:
        counts = [own.flagged[flag] for own in estimated]
        data[f"{flag}_units"] = "layer", [*counts, sum(counts)]
    return data.assign_coords(layer=[*layers, "network"])


def _per_unit(indices: Indices, units: NDArray[np.int64]) -> Indices:
    """Turn a group's summed mean and variance into averages over its units."""
    for estimates in (indices.values, indices.half_widths):
        for name in ("mean", "variance"):
            estimates[name] = estimates[name] / units
    return indices


def index_dataset(
    indices: Indices, names: list[str], dimensions: tuple[str, ...], shape: tuple[int, ...]
) -> xr.Dataset:
    """Label indices, half-widths beside them.

    Arguments:
        indices: The indices.
        names: Names of the factors.
        dimensions: Names of the axes behind those of the factors.
        shape: Their sizes.
    """
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


def index_tables(results: IndexSummary) -> dict[str, pd.DataFrame]:
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
