"""Correlations of the maps of one layer in two runs, map by map.

As in `actsense.correlation`: at every position the channels are the observations of Spearman's
correlation, which is averaged over positions; a layer without positions has one, and its units
are the observations. Pearson's is over all units at once. Intervals come from resampled tiles of
the map, or, at one position, units. Units count that are neither dead nor rare on either side and
whose two values are finite.

Noise alone keeps the correlation of two estimates of the same map below the root of the product
of their reliabilities, `actsense.statistics.pearson.reliability`: the ceiling of Pearson's, if the
errors of both are independent. Where one side has no intervals, it is taken for exact.
"""

__all__ = ["CORRELATED", "correlate_layer"]

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from actsense.comparison.pairing import VALUES, Pair
from actsense.comparison.sides import Key, Side
from actsense.statistics.pearson import reliability, resampled_pearson
from actsense.statistics.resampling import defined_interval, resample
from actsense.statistics.spearman import (
    Floats,
    exchange_p_value,
    exchange_variance,
    fisher_mean,
    resampled_pairs,
    tiles,
    unit_ranks,
)

FEWEST_UNITS = 3  # two ranks correlate one or minus one, whatever they are
AT_ONCE = 2**22  # values of a side that are read at once
MAPS_AT_ONCE = 16  # whose resampled ranks are held: 70 MB for layers of 4096 units
SHARES = ("S1", "ST", "S2", "shapley")  # whose scale both sides have in common
CORRELATED = (
    *("value", "factor", "factor_2", "partition", "partition_b", "rho", "low", "high"),
    *("p_value", "p_adjusted", "pearson", "pearson_low", "pearson_high"),
    *("reliability_a", "reliability_b", "ceiling", "mean_a", "mean_b", "distance"),
    *("n_units", "left_out", "dead_units", "rare_units", "n_positions", "n_tiles", "meaning"),
)


@dataclass(frozen=True)
class _Layer:
    """What the maps of a layer share.

    Attributes:
        name: Name of the layer.
        kept: Units that are neither dead nor rare, (channels, positions).
        tiles: Tile of every position.
        facts: Columns that are the same for all maps of the layer.
        resamples: Behind every interval.
        seed: Of the resamples.
    """

    name: str
    kept: NDArray[np.bool_]
    tiles: NDArray[np.int64]
    facts: dict[str, Any]
    resamples: int
    seed: int

    @cached_property
    def draws(self) -> Floats:
        """How often tiles are drawn for every interval."""
        return resample(
            int(self.tiles.max()) + 1,
            self.resamples,
            self.seed,
            "resampled correlations of two studies",
        )

    @property
    def positions(self) -> int:
        """Count the positions."""
        return len(self.tiles)


def correlate_layer(pair: Pair, name: str, *, resamples: int, seed: int) -> pd.DataFrame:
    """Correlate all maps that both runs have of a layer.

    Arguments:
        pair: The runs.
        name: One of their layers.
        resamples: Resamples behind the intervals.
        seed: Of the resamples.

    Returns:
        Columns `CORRELATED`; `distance` is that of Kolmogorov and Smirnov between the values of
        all units, which does not ask which unit is which.
    """
    layer = _open(pair, name, resamples, seed)
    rows: list[dict[str, Any]] = []
    for value in VALUES:
        for keys in _blocks(pair.keys(name, value), layer.kept.size):
            rows += _correlate(pair, layer, value, keys)
    return pd.DataFrame(rows, columns=["layer", *CORRELATED]).assign(layer=name)


def _open(pair: Pair, name: str, resamples: int, seed: int) -> _Layer:
    shape = pair.a.shape(name)
    mapped = len(shape) == 3 and prod(shape[1:]) > 1
    positions = prod(shape[1:]) if mapped else 1
    (dead, rare), (dead_b, rare_b) = pair.a.flags(name), pair.b.flags(name)
    dead, rare = dead | dead_b, rare | rare_b
    numbered = tiles(shape[1:]) if mapped else np.zeros(1, dtype=np.int64)
    facts = {
        "dead_units": int(dead.sum()),
        "rare_units": int((rare & ~dead).sum()),
        "n_tiles": int(numbered.max()) + 1,
    }
    kept = ~(dead | rare).reshape(-1, positions)
    return _Layer(name, kept, numbered, facts, resamples, seed)


def _blocks(keys: Sequence[tuple[Key, Key]], units: int) -> Iterator[Sequence[tuple[Key, Key]]]:
    """Cut the maps of a value into what may be in memory at once."""
    most = max(1, min(MAPS_AT_ONCE, AT_ONCE // max(1, units)))
    return (keys[start : start + most] for start in range(0, len(keys), most))


def _correlate(
    pair: Pair, layer: _Layer, value: str, keys: Sequence[tuple[Key, Key]]
) -> list[dict[str, Any]]:
    own, others = zip(*keys, strict=True)
    a = pair.a.read(layer.name, value, own).reshape(len(keys), *layer.kept.shape)
    b = pair.b.read(layer.name, value, others).reshape(a.shape)
    counted = np.isfinite(a) & np.isfinite(b) & layer.kept
    measured = _over_positions if layer.positions > 1 else _over_units
    found = measured(layer, a, b, counted)
    if value not in SHARES:  # of a scale of its own, or bent towards 1
        for name in ("pearson", "pearson_low", "pearson_high"):
            found[name] = np.full(len(keys), np.nan)
    reliable = {"a": _reliabilities(pair.a, layer.name, value, own, a, counted),
                "b": _reliabilities(pair.b, layer.name, value, others, b, counted)}  # fmt: skip
    rows = []
    for k, (key, other) in enumerate(keys):
        of_a, of_b, units = a[k][counted[k]], b[k][counted[k]], int(counted[k].sum())
        one: dict[str, Any] = {name: column[k] for name, column in found.items()}
        one |= {f"reliability_{side}": told[k] for side, told in reliable.items()}
        one["ceiling"] = _ceiling(*(told[k] for told in reliable.values()))
        if units:
            one["mean_a"], one["mean_b"] = (float(x.mean(dtype=float)) for x in (of_a, of_b))
            one["distance"] = float(ks_2samp(of_a, of_b, method="asymp").statistic)
        named = {"value": value, "factor": key.factor, "factor_2": key.factor_2}
        named |= {"partition": key.partition, "partition_b": other.partition}
        named["meaning"] = pair.meanings(key)
        counts = {"n_units": units, "left_out": counted[k].size - units}
        rows.append(named | one | counts | layer.facts)
    return rows


def _over_positions(
    layer: _Layer, a: NDArray[Any], b: NDArray[Any], counted: NDArray[np.bool_]
) -> dict[str, NDArray[Any]]:
    """Correlate maps that have positions, each by itself."""
    rho, variance = np.empty((len(a), layer.positions)), np.empty(len(a))
    pearson = np.full((3, len(a)), np.nan)
    groups = np.broadcast_to(layer.tiles, layer.kept.shape)
    for k, used in enumerate(counted):
        both = np.stack([a[k], b[k]])
        ranks, units = unit_ranks(both, observed=used), used.sum(axis=0)
        ranks[units < FEWEST_UNITS] = np.nan
        rho[k] = (ranks[:, 0] * ranks[:, 1]).sum(axis=-1)
        variance[k] = exchange_variance(ranks, units)[0, 1]
        if used.sum() >= FEWEST_UNITS:
            x, y = (one[None, used] for one in both)
            samples = resampled_pearson(x, y, groups=groups[used], draws=layer.draws)
            pearson[:, k] = samples[0, 0], *(end[0] for end in defined_interval(samples))
    means = fisher_mean(rho, resamples=layer.resamples, seed=layer.seed, groups=layer.tiles)
    plain = np.nansum(rho, axis=-1) / np.where(means.n > 0, means.n, np.nan)
    found = {"rho": means.mean, "low": means.low, "high": means.high, "n_positions": means.n}
    return _together(found, exchange_p_value(plain, variance), pearson)


def _over_units(
    layer: _Layer, a: NDArray[Any], b: NDArray[Any], counted: NDArray[np.bool_]
) -> dict[str, NDArray[Any]]:
    """Correlate vectors, those of which the same units count side by side."""
    spearman, pearson = (np.full((3, len(a)), np.nan) for _ in range(2))
    flat, counts = counted[..., 0], counted.sum(axis=(1, 2))
    for used in np.unique(flat, axis=0):
        (same,) = np.nonzero((flat == used).all(axis=1))
        if used.sum() < FEWEST_UNITS:
            continue
        x, y = a[same][:, used, 0], b[same][:, used, 0]
        draws = resample(
            x.shape[1], layer.resamples, layer.seed, "resampled observations of two studies"
        )
        ranked = resampled_pairs(x, y, draws=draws)
        plain = resampled_pearson(x, y, groups=np.arange(x.shape[1]), draws=draws)
        for into, samples in ((spearman, ranked), (pearson, plain)):
            into[:, same] = samples[0], *defined_interval(samples)
    rho, low, high = spearman
    found = {"rho": rho, "low": low, "high": high, "n_positions": np.isfinite(rho).astype(int)}
    with np.errstate(divide="ignore"):
        variance = np.where(counts >= FEWEST_UNITS, 1 / np.maximum(counts - 1, 1), np.nan)
    return _together(found, exchange_p_value(rho, variance), pearson)


def _together(
    found: dict[str, NDArray[Any]], p_value: Floats, pearson: Floats
) -> dict[str, NDArray[Any]]:
    names = ("pearson", "pearson_low", "pearson_high")
    return found | {"p_value": p_value} | dict(zip(names, pearson, strict=True))


def _reliabilities(
    side: Side,
    layer: str,
    value: str,
    keys: Sequence[Key],
    maps: NDArray[Any],
    counted: NDArray[np.bool_],
) -> Floats:
    widths = side.read_half_widths(layer, value, keys) if value in SHARES else None
    if widths is None or side.replicates < 2:
        return np.full(len(keys), np.nan)
    pairs = zip(maps, widths.reshape(maps.shape), counted, strict=True)
    return np.array([reliability(x[u], w[u], side.replicates) for x, w, u in pairs])


def _ceiling(first: float, second: float) -> float:
    """Return the largest correlation that noise allows; a side that does not know it is exact."""
    known = [max(0.0, one) for one in (first, second) if np.isfinite(one)]
    return float(np.sqrt(np.prod(known))) if known else float("nan")
