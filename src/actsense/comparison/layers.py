"""Values of whole layers in two runs beside each other, with their intervals and difference."""

__all__ = ["compare_layers"]

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from actsense.comparison.pairing import VALUES, Pair
from actsense.comparison.sides import Key, Side
from actsense.store.tables import joined

Floats = NDArray[np.float64]

NETWORK = "network"  # the entry of all layers together
COLUMNS = (
    *("layer", "value", "factor", "factor_2", "partition", "partition_b"),
    *("a", "a_low", "a_high", "b", "b_low", "b_high"),
    *("difference", "difference_low", "difference_high", "intervals", "meaning"),
)


def compare_layers(pair: Pair, maps: pd.DataFrame) -> pd.DataFrame:
    """Set the values of layers beside each other.

    Units weigh in with their variance. The entry of the whole network is left out where the two
    recorded different layers; so is a value that a side cannot sum up. Contrasts have no such
    value: theirs are means over the units that were compared, from `maps`.

    Arguments:
        pair: The runs.
        maps: Of the same pair, from `correlate_layer`.

    Returns:
        Ends of 95 % intervals are empty where a side has none. That of the difference, b - a,
        takes the errors of both for independent, and needs both.
    """
    roots = [side.run.indices.to_dataset() for side in (pair.a, pair.b)]
    layers = _layers(pair)
    parts: list[pd.DataFrame] = []
    for value in VALUES:
        if value == "contrast" or any(value not in root for root in roots):
            continue
        held = [_loaded(root, value, layers) for root in roots]
        for key in _keys(pair, value):
            sides = zip((pair.a, pair.b), held, strict=True)
            (a, wide), (b, other) = (_chosen(side, of_side, key) for side, of_side in sides)
            columns = {"layer": layers, **_columns(a, wide, b, other)}
            meanings = pair.meanings(key)
            named = {"value": value, "factor": key.factor, "factor_2": key.factor_2}
            parts.append(pd.DataFrame(columns).assign(**named, meaning=meanings))
    contrasts = maps[maps["value"] == "contrast"]
    a, b = (contrasts[name].to_numpy(np.float64) for name in ("mean_a", "mean_b"))
    nothing = np.full(len(contrasts), np.nan)
    named_columns = contrasts[["layer", "value", "factor", "partition", "partition_b"]]
    parts.append(named_columns.assign(**_columns(a, nothing, b, nothing)))
    table = joined(parts, COLUMNS)
    texts = ["factor", "factor_2", "partition", "partition_b", "meaning"]
    return table.assign(**{name: table[name].fillna("") for name in texts})


def _layers(pair: Pair) -> list[str]:
    """Return the layers both know, of whatever shape, and the network if they are the same."""
    first, second = pair.a.run.layers, pair.b.run.layers
    common = [name for name in first if name in second]
    whole = set(first) == set(second) and set(pair.layers) == set(first)
    return [*common, NETWORK] if whole else common


def _keys(pair: Pair, value: str) -> list[Key]:
    if value == "variance":
        return [Key()]
    if value == "S2":
        return [first for first, _ in pair.keys(pair.layers[0], value)] if pair.layers else []
    return [Key(name) for name in pair.factors]


def _loaded(root: xr.Dataset, value: str, layers: list[str]) -> tuple[xr.DataArray, xr.DataArray]:
    """Read a value of layers, and its half-widths; NaN where there are none."""
    values = root[value].sel(layer=layers).load().astype(np.float64)
    if f"{value}_ci" not in root:
        return values, xr.full_like(values, np.nan)
    return values, root[f"{value}_ci"].sel(layer=layers).load().astype(np.float64)


def _chosen(
    side: Side, held: tuple[xr.DataArray, xr.DataArray], key: Key
) -> tuple[Floats, Floats]:
    """Return values and half-widths of a factor, or of a pair of them."""
    named = (("factor", key.factor), ("factor_2", key.factor_2))
    chosen = {axis: side.factors[name] for axis, name in named if name}
    values, widths = (array.sel(chosen).to_numpy() for array in held)
    return values, widths


def _columns(a: Floats, wide: Floats, b: Floats, other: Floats) -> dict[str, NDArray[Any]]:
    difference, together = b - a, np.hypot(wide, other)
    known = np.isfinite(wide).astype(int) + 2 * np.isfinite(other)
    return {
        "a": a,
        "a_low": a - wide,
        "a_high": a + wide,
        "b": b,
        "b_low": b - other,
        "b_high": b + other,
        "difference": difference,
        "difference_low": difference - together,
        "difference_high": difference + together,
        "intervals": np.array(["none", "A", "B", "both"])[known],
    }
