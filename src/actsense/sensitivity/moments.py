r"""The moments of a pick-freeze design: what a shard of activations leaves behind.

For one unit and one base point, with the responses a, b at A, B, c_j at AB[j], e_j at BA[j] and
z_0 ... z_d along a walk, let

    gap = a - b        p_j = c_j - a        q_j = e_j - b.

The moments are sums over base points (and walks), in this order of rows:

    sum       a + b                              1 row
    gap       gap^2                              1
    total     p_j^2 + q_j^2                      d    2 (V - V_~j) each: total effects
    swapped   (e_j - c_j)^2                      d    a second estimate of the variance
    walk      gap (z_before - z_after) of j      d    Shapley effects
    cross     p_j q_k + p_k q_j, j <= k          d (d + 1) / 2    first and second order

Only differences of responses enter (but for the mean), so that a unit's offset cancels exactly and
float32 responses are good enough. Sums over one block are taken in the precision of the
responses, sums over blocks in float64.
"""

__all__ = ["Moments", "layout"]

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


def layout(factors: int) -> dict[str, slice]:
    """Return the rows of every moment, by name."""
    counts = {
        "sum": 1,
        "gap": 1,
        "total": factors,
        "swapped": factors,
        "walk": factors,
        "cross": factors * (factors + 1) // 2,
    }
    stops = np.cumsum(list(counts.values())).tolist()
    return {
        name: slice(stop - count, stop)
        for (name, count), stop in zip(counts.items(), stops, strict=True)
    }


@dataclass(frozen=True)
class Moments:
    """Sums over whole blocks, per unit; merge with `+`, in any grouping.

    Attributes:
        factors: Names of the factors.
        walks: Walks per base point.
        points: Base points summed.
        forwards: Distinct inputs that the network saw for them.
        sums: (rows of `layout`, units) float64.
    """

    factors: tuple[str, ...]
    walks: int
    points: int
    forwards: int
    sums: NDArray[np.float64]

    def __add__(self, other: Self) -> "Moments":
        mine = (self.factors, self.walks, self.sums.shape)
        theirs = (other.factors, other.walks, other.sums.shape)
        if mine != theirs:
            raise ValueError(f"Moments of different designs do not add: {mine} and {theirs}.")
        return Moments(
            self.factors,
            self.walks,
            self.points + other.points,
            self.forwards + other.forwards,
            self.sums + other.sums,
        )

    def units(self, chosen: slice) -> "Moments":
        """Return the moments of some units, without a copy."""
        sums = self.sums[:, chosen]
        return Moments(self.factors, self.walks, self.points, self.forwards, sums)

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return self.sums[layout(len(self.factors))[name]]
