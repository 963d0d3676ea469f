"""Published indices of units, layer by layer, with those of their channels, layers and network.

A unit weighs in with its variance under the law of the index, as in a run: indices of groups of
units are ratios of sums. There are no intervals: half-widths and support are undefined.
"""

__all__ = ["convert_indices"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from actsense.inspection.published.arrays import LayerFiles
from actsense.inspection.published.datatrees import DESCRIPTIONS, IndexFiles, described
from actsense.progress import Progress
from actsense.sensitivity.estimation import IndexSummary, index_dataset, unit_dataset
from actsense.sensitivity.indices import Indices
from actsense.store import Results

Floats = NDArray[np.float64]

SHARES = ("S1", "ST", "S2")  # weighed with `variance`; Shapley effects are in its units
NUMBERS = 2**23  # of pairs of factors and units that are in memory together


@dataclass(frozen=True)
class Sums:
    """Sums over the units of every one of some groups.

    Attributes:
        shares: S1, ST (factors, groups) and S2 (factors, factors, groups), times variance.
        variance: Of units that are alive, under the law of S1 and ST, (groups,).
        effects: Shapley effects, (factors, groups).
        effect: Those of all factors together, (groups,).
        moments: `mean` and `variance` of all units, (groups,).
        dead: How many units are dead, (groups,).
        rare: How many are rare, (groups,).
        units: How many there are, (groups,).
    """

    shares: dict[str, Floats]
    variance: Floats
    effects: Floats
    effect: Floats
    moments: dict[str, Floats]
    dead: Floats
    rare: Floats
    units: Floats

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Put groups side by side."""
        return cls(
            {n: np.concatenate([part.shares[n] for part in parts], axis=-1) for n in SHARES},
            np.concatenate([part.variance for part in parts]),
            np.concatenate([part.effects for part in parts], axis=-1),
            np.concatenate([part.effect for part in parts]),
            {n: np.concatenate([part.moments[n] for part in parts]) for n in ("mean", "variance")},
            np.concatenate([part.dead for part in parts]),
            np.concatenate([part.rare for part in parts]),
            np.concatenate([part.units for part in parts]),
        )

    @property
    def total(self) -> "Sums":
        """All groups as one; what is unknown of one is unknown of all."""

        def summed(values: Floats) -> Floats:
            return np.asarray(values.sum(axis=-1, keepdims=True))

        return Sums(
            {name: summed(values) for name, values in self.shares.items()},
            summed(self.variance),
            summed(self.effects),
            summed(self.effect),
            {name: summed(values) for name, values in self.moments.items()},
            summed(self.dead),
            summed(self.rare),
            summed(self.units),
        )

    @property
    def indices(self) -> Indices:
        """The indices of every group."""
        with np.errstate(invalid="ignore", divide="ignore"):
            values = {name: sums / self.variance for name, sums in self.shares.items()}
            values["shapley"] = self.effects / self.effect
        values |= {name: sums / self.units for name, sums in self.moments.items()}
        dead = self.dead == self.units
        rare = ~dead & (self.dead + self.rare == self.units)
        return _indices(values, dead, rare)


def convert_indices(
    files: IndexFiles,
    results: Results,
    *,
    channels: Mapping[str, Sequence[int]] | None = None,
) -> IndexSummary:
    """Write published indices into a store as a run writes its own.

    Arguments:
        files: The value files.
        results: Takes the dataset of every layer, of its channels, and of all layers as the root.
        channels: By layer, the numbers of its channels in the network, where it has but some.

    Returns:
        What the tables are made of; nothing is known of the sampling.
    """
    names = list(files.scheme.factors)
    results.append("", xr.Dataset(coords={"factor": names, "factor_2": names}))
    summaries, totals = {}, []
    units = [prod(layer.shape) for layer in files.layers.values()]
    with Progress(sum(units), desc="importing", unit="unit") as bar:
        for name, layer in files.layers.items():
            numbers = (channels or {}).get(name)
            sums = _convert_layer(files, name, results, numbers, bar)
            totals.append(sums.total)
            if len(layer.shape) > 1:
                summaries[name] = _group_dataset(sums, names, numbers, ours=files.ours)
                results.append(f"{name}/by_channel", summaries[name])
    every = Sums.joined(totals)
    every = Sums.joined([every, every.total])
    root = index_dataset(every.indices, names, ("layer",), (len(every.units),))
    for name, counts in {
        "units": every.units,
        "dead_units": every.dead,
        "rare_units": every.rare,
    }.items():
        root[name] = "layer", counts.astype(np.int64)
    root = _explained(root, ours=files.ours).assign_coords(layer=[*files.layers, "network"])
    results.append("", root)
    return IndexSummary(summaries, root, {})


def _convert_layer(
    files: IndexFiles,
    name: str,
    results: Results,
    numbers: Sequence[int] | None,
    bar: Progress,
) -> Sums:
    """Write the units of a layer, some channels at a time; return sums over every channel."""
    layer, names = files.layers[name], list(files.scheme.factors)
    each = prod(layer.shape[1:])
    step = max(1, NUMBERS // len(names) ** 2 // each)
    sums = []
    for low in range(0, layer.shape[0], step):
        high = min(low + step, layer.shape[0])
        indices, own = _read(layer, slice(low * each, high * each), each)
        data = unit_dataset(indices, names, (-1, *layer.shape[1:]))
        if numbers is not None:
            data = data.assign_coords(channel=list(numbers[low:high]))
        results.append(name, _explained(data, ours=files.ours), axis=str(data["dead"].dims[0]))
        sums.append(own)
        bar.update((high - low) * each)
    return Sums.joined(sums)


def _read(layer: LayerFiles, units: slice, each: int) -> tuple[Indices, Sums]:
    """Read some whole channels: the indices of their units, and the sums over every channel."""
    factors, count = len(layer.scheme.factors), units.stop - units.start
    every, starts = np.arange(factors), np.arange(0, count, each)
    dead, rare = layer.dead(units), layer.rare(units)
    values = dict.fromkeys(("S1", "ST", "shapley"), np.full((factors, count), np.nan))
    values["S2"] = np.full((factors, factors, count), np.nan)
    values |= dict.fromkeys(("mean", "variance"), np.full(count, np.nan))
    if "si" in layer.paths:
        values["S1"], values["ST"] = (layer.sobol(k, every, units) for k in (0, 1))
    if layer.pairs:
        values["S2"] = layer.second_order(every, every, units)
    effects = np.full((factors, count), np.nan)
    whole = np.full(count, np.nan)
    if "shpv" in layer.paths:
        values["shapley"], effects = layer.shapley(every, units), layer.raw_effects(units)
        whole = layer.scheme.disjoint(effects).sum(axis=0)
    if kind := next((one for one in ("sitv", "shptv") if one in layer.paths), None):
        values["mean"] = layer.moment(kind, "mean", units)
        values["variance"] = layer.moment(kind, "var", units)
    # S1 and ST belong to one law, Shapley effects to another: each to its own variance.
    weight = (
        layer.moment("sitv", "var", units) if "sitv" in layer.paths else np.full(count, np.nan)
    )
    weight = np.where(dead, 0, weight.astype(np.float64))

    def summed(numbers: NDArray[np.generic]) -> Floats:
        return np.add.reduceat(numbers, starts, axis=-1, dtype=np.float64)

    def weighed(shares: NDArray[np.floating]) -> Floats:
        return summed(np.where(dead, 0, shares) * weight)

    own = Sums(
        {name: weighed(values[name]) for name in SHARES},
        summed(weight),
        summed(effects),
        summed(whole),
        {name: summed(values[name]) for name in ("mean", "variance")},
        summed(dead),
        summed(rare),
        np.full(len(starts), float(each)),
    )
    return _indices(values, dead, rare), own


def _indices(
    values: Mapping[str, NDArray[np.floating]], dead: NDArray[np.bool_], rare: NDArray[np.bool_]
) -> Indices:
    """Return indices without intervals."""
    estimates = {name: np.asarray(array) for name, array in values.items()}
    unknown = {name: np.full(array.shape, np.nan) for name, array in estimates.items()}
    return Indices(estimates, unknown, unknown["ST"], dead, rare)


def _group_dataset(
    sums: Sums, names: list[str], numbers: Sequence[int] | None, *, ours: bool
) -> xr.Dataset:
    """Return the channels of a layer."""
    indices = sums.indices
    data = index_dataset(indices, names, ("channel",), (len(sums.units),))
    data["dead"], data["rare"] = ("channel", indices.dead), ("channel", indices.rare)
    if numbers is not None:
        data = data.assign_coords(channel=list(numbers))
    return _explained(data, ours=ours)


def _explained(data: xr.Dataset, *, ours: bool) -> xr.Dataset:
    """Describe values as they were published, with what is known to be wrong with them."""
    for name, array in data.data_vars.items():
        if str(name).endswith("_ci") or name == "support":
            array.attrs["description"] = f"not published: {array.attrs['description']}"
        elif name in DESCRIPTIONS:
            array.attrs = described(str(name), ours=ours)
    return data
