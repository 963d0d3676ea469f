"""Indices of whole layers from published values of their units."""

__all__ = ["Totals"]

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from actsense.inspection.published.arrays import LayerFiles

Floats = NDArray[np.float64]

VALUES_AT_ONCE = 2**23


class Totals:
    """Sums over the units of every layer, computed once when they are asked for.

    Every unit weighs in with its variance under the law of the index. The last entry is the
    network, the sum over all layers.

    Arguments:
        layers: The files of every layer, in network order.
    """

    def __init__(self, layers: Sequence[LayerFiles]) -> None:
        self.units = [prod(layer.shape) for layer in layers]
        self._layers = layers
        self._sums: dict[tuple[str, int], tuple[Floats, Floats]] = {}

    def index(self, name: str, *where: NDArray[np.int64] | slice) -> Floats:
        """Return S1, ST, S2 or shapley, (factors, layers) or (factors, factors, layers).

        Arguments:
            name: The index.
            where: Positions along every axis but the last, and a slice of the layers.
        """
        *picks, entries = where
        assert isinstance(entries, slice)
        columns = [self._ratio(name, k) for k in range(entries.start, entries.stop)]
        return np.asarray(np.stack(columns, axis=-1)[np.ix_(*picks)])

    def moment(self, name: str, entries: slice) -> Floats:
        """Return the average `mean` or `variance` over units, (layers,)."""
        return np.array([self._ratio(name, k) for k in range(entries.start, entries.stop)])

    def count(self, flag: str, entries: slice) -> NDArray[np.int64]:
        """Return how many units are `dead` or `rare`, (layers,)."""
        counts = [self._summed(flag, k)[0] for k in range(entries.start, entries.stop)]
        return np.array(counts, dtype=np.int64)

    def _ratio(self, name: str, entry: int) -> Floats:
        numerator, denominator = self._summed(name, entry)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(numerator / denominator)

    def _summed(self, name: str, entry: int) -> tuple[Floats, Floats]:
        """Return numerator and denominator of one entry."""
        if (name, entry) not in self._sums:
            parts = (
                [self._summed(name, k) for k in range(entry)]
                if entry == len(self._layers)
                else [
                    _sums(self._layers[entry], name, units)
                    for units in _tiles(self._layers[entry])
                ]
            )
            numerators, denominators = zip(*parts, strict=True)
            self._sums[name, entry] = np.sum(numerators, axis=0), np.sum(denominators, axis=0)
        return self._sums[name, entry]


def _tiles(layer: LayerFiles) -> Iterator[slice]:
    units = prod(layer.shape)
    wide = max(1, VALUES_AT_ONCE // len(layer.scheme.factors) ** 2)
    return (slice(low, min(low + wide, units)) for low in range(0, units, wide))


def _sums(layer: LayerFiles, name: str, units: slice) -> tuple[Floats, Floats]:
    """Return numerator and denominator of an index or average over some units."""
    every = np.arange(len(layer.scheme.factors))
    if name == "shapley":
        effects = layer.raw_effects(units)
        whole = layer.scheme.disjoint(effects)
        return effects.sum(axis=1), np.asarray(whole.sum())
    if name in ("dead", "rare"):
        flagged = layer.dead(units) if name == "dead" else layer.rare(units)
        return np.asarray(flagged.sum()), np.zeros(())
    if name in ("mean", "variance"):
        kind = "sitv" if "sitv" in layer.paths else "shptv"
        held = layer.moment(kind, {"mean": "mean", "variance": "var"}[name], units)
        return np.asarray(held.sum(dtype=np.float64)), np.asarray(float(len(held)))
    values = (
        layer.second_order(every, every, units)
        if name == "S2"
        else layer.sobol(("S1", "ST").index(name), every, units)
    )
    alive = ~layer.dead(units)
    variance = layer.moment("sitv", "var", units)[alive].astype(np.float64)
    return values[..., alive] @ variance, np.asarray(variance.sum())
