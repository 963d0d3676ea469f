"""Rank correlations between sensitivity maps, and with the coefficient of variation.

At every position the channels of a layer are the observations, and correlations are averaged over
positions; a layer without positions has one, and its units are the observations. Units count if
they are neither dead nor rare in any design and all their maps are finite, so all correlations of
a layer are over the same units.

An interval says how much a correlation depends on where one looks, or, at one position, on which
units; a p-value, whether exchanged units would correlate as much.
"""

__all__ = ["Correlations", "correlate"]

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import prod
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from actsense.progress import Progress
from actsense.sensitivity.maps import INDICES, SensitivityMaps
from actsense.statistics.discoveries import adjusted_table
from actsense.statistics.resampling import defined_interval
from actsense.statistics.spearman import (
    Floats,
    exchange_p_value,
    exchange_variance,
    fisher_mean,
    resampled_spearman,
    tiles,
    unit_ranks,
)
from actsense.store.tables import joined

VARIATION = "coefficient of variation"
FEWEST_UNITS = 3  # two ranks correlate one or minus one, whatever they are
FEW = f"fewer than {FEWEST_UNITS} units count, at every position"
CONSTANT = "the same for all units that count, at every position"
FOUND = (
    *("rho", "low", "high", "spread", "n_units", "left_out", "dead_units", "rare_units"),
    *("n_positions", "undefined", "n_tiles"),
    *("reliability", "effective_units", "p_value", "p_adjusted"),
)
COLUMNS = {
    "within": ("layer", "value", "variable_1", "variable_2", *FOUND),
    "across": ("layer", "value_1", "value_2", "variable_1", "variable_2", *FOUND),
    "variation": ("layer", "value", "variable", *FOUND),
    "skipped": (
        *("layer", "value", "variable", "n_units", "left_out", "dead_units", "rare_units"),
        "reason",
    ),
}

Columns = dict[str, NDArray[Any]]
Row = tuple[str, str]  # a value and the label of a variable, or VARIATION and a design


@dataclass(frozen=True)
class Correlations:
    """All correlations of a network.

    Attributes:
        tables: `within` a value, `across` values, with the `variation`, and what was `skipped`.
        variation: Correlations with the coefficient of variation at every position, by layer.
    """

    tables: dict[str, pd.DataFrame]
    variation: dict[str, xr.Dataset]


@dataclass(frozen=True)
class _Layer:
    """The ranks of all maps of a layer, and what its correlations share.

    Attributes:
        rows: Row of every value and variable.
        ranks: (positions, rows, units), NaN where undefined.
        tiles: Tile of every position.
        variance: Of mean correlations if units were exchanged, (rows, rows).
        ends: Intervals over resampled units, (rows, rows) each, if there is one position alone.
        reliability: Of every row, NaN where it is not known.
        facts: Columns that are the same for all correlations of the layer.
        resamples: Resamples of tiles behind the intervals.
        seed: Of the resamples.
    """

    rows: Mapping[Row, int]
    ranks: Floats
    tiles: NDArray[np.int64]
    variance: Floats
    ends: tuple[Floats, Floats] | None
    reliability: Floats
    facts: Mapping[str, Any]

    resamples: int
    seed: int

    def find(self, value: str) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
        """Return the variables that have a value, and their rows."""
        found = {name: row for (kind, name), row in self.rows.items() if kind == value}
        return np.array(list(found), dtype=object), np.array(list(found.values()))

    def all_pairs(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> Columns:
        """Correlate every one of some rows with every one of others, (first, second) each."""
        rho = np.moveaxis(self.ranks[:, first] @ self.ranks[:, second].swapaxes(1, 2), 0, -1)
        return self._summarize(rho, first[:, None], second)

    def in_turn(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> Columns:
        """Correlate rows with as many others, one by one."""
        return self._summarize(self.positions(first, second), first, second)

    def positions(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> Floats:
        """Return the correlations of rows with as many others, (rows, positions)."""
        return np.asarray((self.ranks[:, first] * self.ranks[:, second]).sum(axis=-1).T)

    def _summarize(
        self, rho: Floats, first: NDArray[np.int64], second: NDArray[np.int64]
    ) -> Columns:
        means = fisher_mean(rho, resamples=self.resamples, seed=self.seed, groups=self.tiles)
        low, high = means.low, means.high
        if self.ends is not None:
            low, high = (end[first, second] for end in self.ends)
        variance = self.variance[first, second]
        plain = np.nansum(rho, axis=-1) / np.where(means.n > 0, means.n, np.nan)
        return {
            "rho": means.mean,
            "low": low,
            "high": high,
            "spread": _spread(rho),
            "n_positions": means.n,
            "undefined": means.undefined,
            "reliability": np.fmin(self.reliability[first], self.reliability[second]),
            "effective_units": 1 + 1 / variance,
            "p_value": exchange_p_value(plain, variance),
        }


def correlate(maps: SensitivityMaps, *, resamples: int, seed: int) -> Correlations:
    """Correlate the maps of all variables within a value, across values and with the variation.

    Arguments:
        maps: Maps of one network, with contrasts.
        resamples: Resamples of tiles or units behind the intervals.
        seed: Of the resamples.
    """
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in COLUMNS}
    variation = {}
    units = {name: prod(maps.shape(name)) for name in maps.layers}
    with Progress(sum(units.values()), desc="correlations", unit="unit") as known:
        for name in maps.layers:
            layer = _rank(maps, name, resamples, seed)
            parts["skipped"].append(_skipped(layer))
            if np.isfinite(layer.ranks).any():
                parts["within"] += [_within(layer, value) for value in maps.values]
                parts["across"] += [_across(layer, *two) for two in combinations(maps.values, 2)]
                parts["variation"] += [_varied(maps, layer, value) for value in maps.values]
                variation[name] = _variation_maps(maps, layer)
            known.update(units[name])
    tables = {
        name: adjusted_table(joined(parts[name], columns)) for name, columns in COLUMNS.items()
    }
    return Correlations(tables, variation)


def _spread(rho: Floats) -> Floats:
    """Return the standard deviation over positions, (...); NaN where fewer than two have one."""
    count = np.isfinite(rho).sum(axis=-1)
    mean = np.nansum(rho, axis=-1) / np.maximum(count, 1)
    squares = np.nansum((rho - mean[..., None]) ** 2, axis=-1)
    return np.asarray(np.sqrt(np.where(count > 1, squares / np.maximum(count - 1, 1), np.nan)))


def _rank(maps: SensitivityMaps, name: str, resamples: int, seed: int) -> _Layer:
    """Read and rank everything known of a layer."""
    rows, values, counted = _read(maps, name)
    units = counted.sum(axis=0)
    enough = units >= FEWEST_UNITS
    ranks = unit_ranks(values, observed=counted)
    ranks[~enough] = np.nan
    ends = None
    if values.shape[-1] == 1 and enough[0]:
        samples = resampled_spearman(values[:, counted[:, 0], 0], resamples=resamples, seed=seed)
        ends = defined_interval(samples)
    numbered = tiles(maps.shape(name)[1:]) if maps.is_map(name) else np.zeros(1, dtype=np.int64)
    known = {
        (index, variable.label): maps.reliability(name, index, variable)
        for index in INDICES
        for variable in maps.variables
    }
    return _Layer(
        rows,
        ranks,
        numbered,
        exchange_variance(ranks, units),
        ends,
        np.array([known.get(row, np.nan) for row in rows]),
        {
            "layer": name,
            "n_units": float(units[enough].mean()) if enough.any() else float(units.max()),
            "left_out": int((~counted).sum()),
            **maps.left_out(name).columns,
            "n_tiles": int(numbered.max()) + 1,
        },
        resamples,
        seed,
    )


def _read(maps: SensitivityMaps, name: str) -> tuple[dict[Row, int], Floats, NDArray[np.bool_]]:
    """Return all maps of a layer, (rows, units, positions), and which units count."""
    rows: list[Row] = []
    parts: list[NDArray[Any]] = []
    for value in maps.values:
        variables = maps.variables if value in INDICES else maps.augmentations
        rows += [(value, variable.label) for variable in variables]
        parts.append(maps.read(name, value, variables))
    for design in dict.fromkeys(variable.design for variable in maps.variables):
        variance, mean = (maps.read_moment(name, m, design) for m in ("variance", "mean"))
        rows.append((VARIATION, design))
        with np.errstate(divide="ignore", invalid="ignore"):
            parts.append((np.sqrt(variance) / np.abs(mean))[None])
    positions = prod(maps.shape(name)[1:]) if maps.is_map(name) else 1
    values = np.concatenate(parts).reshape(len(rows), -1, positions).astype(np.float64)
    counted = np.asarray(np.isfinite(values).all(axis=0))  # maps of dead and rare units are not
    return {row: number for number, row in enumerate(rows)}, values, counted


def _within(layer: _Layer, value: str) -> pd.DataFrame:
    """Correlate every two variables under one value."""
    names, rows = layer.find(value)
    found = layer.all_pairs(rows, rows)
    first, second = np.triu_indices(len(rows), 1)
    keys: Columns = {"variable_1": names[first], "variable_2": names[second]}
    chosen = keys | {column: array[first, second] for column, array in found.items()}
    return pd.DataFrame(chosen).assign(value=value, **layer.facts)


def _across(layer: _Layer, value: str, other: str) -> pd.DataFrame:
    """Correlate every variable under one value with every variable under another."""
    (names, rows), (others, other_rows) = layer.find(value), layer.find(other)
    found = layer.all_pairs(rows, other_rows)
    first, second = (place.ravel() for place in np.indices((len(rows), len(other_rows))))
    keys: Columns = {"variable_1": names[first], "variable_2": others[second]}
    chosen = keys | {column: array.ravel() for column, array in found.items()}
    return pd.DataFrame(chosen).assign(value_1=value, value_2=other, **layer.facts)


def _varied(maps: SensitivityMaps, layer: _Layer, value: str) -> pd.DataFrame:
    """Correlate every variable with the coefficient of variation under its own design."""
    names, rows, varied = _with_variation(maps, layer, value)
    keys: Columns = {"variable": names}
    found = keys | layer.in_turn(rows, varied)
    return pd.DataFrame(found).assign(value=value, **layer.facts)


def _variation_maps(maps: SensitivityMaps, layer: _Layer) -> xr.Dataset:
    """Keep the correlations with the coefficient of variation of every position."""
    name = layer.facts["layer"]
    places = {"row": maps.shape(name)[1], "col": maps.shape(name)[2]} if maps.is_map(name) else {}
    labels = [variable.label for variable in maps.variables]
    rho = np.full((len(maps.values), len(labels), len(layer.tiles)), np.nan, dtype=np.float32)
    for number, value in enumerate(maps.values):
        names, rows, varied = _with_variation(maps, layer, value)
        own = [labels.index(name) for name in names]
        rho[number, own] = layer.positions(rows, varied)
    attributes = {"description": "Spearman correlation over units of a map with the variation"}
    shaped = rho.reshape(*rho.shape[:2], *places.values())
    return xr.Dataset(
        {"rho": (("value", "variable", *places), shaped, attributes)},
        coords={"value": list(maps.values), "variable": labels},
    )


def _with_variation(
    maps: SensitivityMaps, layer: _Layer, value: str
) -> tuple[NDArray[np.object_], NDArray[np.int64], NDArray[np.int64]]:
    """Return variables that have a value, their rows and those of their designs' variation."""
    names, rows = layer.find(value)
    designs = {variable.label: variable.design for variable in maps.variables}
    return names, rows, np.array([layer.rows[VARIATION, designs[name]] for name in names])


def _skipped(layer: _Layer) -> pd.DataFrame:
    """List what has no correlation anywhere: the layer, or single variables."""
    columns = ("layer", "n_units", "left_out", "dead_units", "rare_units")
    facts = {column: layer.facts[column] for column in columns}
    defined = np.asarray(np.isfinite(layer.ranks[..., 0]).any(axis=0))
    if layer.facts["n_units"] < FEWEST_UNITS:
        return pd.DataFrame([facts | {"value": "all", "variable": "all", "reason": FEW}])
    missing = [row for row, number in layer.rows.items() if not defined[number]]
    rows = [facts | {"value": value, "variable": name} for value, name in missing]
    return pd.DataFrame(rows).assign(reason=CONSTANT)
