r"""The moments of a pick-freeze design: what a shard of activations leaves behind.

For one unit and one base point, with the responses a, b at A, B, c_j at AB[j], e_j at BA[j] and
z_0 ... z_d along a walk, let

    gap = a - b        p_j = c_j - a        q_j = e_j - b.

With a group of factors in the place of the factor j they are p_g and q_g. Where the last of d
factors is nested, with q parts, let F be the groups of its first 1 ... q - 1 parts and L those of
its last 1 ... q - 1 parts. The moments are sums over base points (and walks), in this order of
rows:

    sum       a + b                              1 row
    gap       gap^2                              1
    total     p_g^2 + q_g^2, factors and L       d + q - 1    2 (V - V_~g) each: total effects
    swapped   (e_j - c_j)^2                      d            a second estimate of the variance
    walk      gap (z_before - z_after) of j      d            Shapley effects
              2 (end - middle)(z_far - z_near)   q - 1        the same for all parts but the last
    first     -2 p_g q_g, factors and F          d + q - 1    4 V_g each: first order
    cross     p_j q_k + p_k q_j, j < k           d (d - 1) / 2        2 V_jk: second order
              the same for F and j < d           (q - 1)(d - 1)
    spread    (gap^2 + mean_j (e_j - c_j)^2)^2   1            support of the variance
    spread_total   (p_j^2 + q_j^2)^2             d            support of the total effects
    spread_first   (2 p_j q_j)^2                 d            and of the first order

Only differences of responses enter (but for the mean), so that a unit's offset cancels exactly and
float32 responses are good enough. Sums are float64: the square of the smallest difference of two
float32 numbers fits into it, and that of the largest.
"""

__all__ = ["Moments", "TiledMoments", "layout", "row_count"]

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray


def layout(factors: int, parts: int = 0) -> dict[str, slice]:
    """Return the rows of every moment, by name.

    Arguments:
        factors: Factors of the design.
        parts: Parts of the last one.
    """
    groups = max(0, parts - 1)
    counts = {
        "sum": 1,
        "gap": 1,
        "total": factors + groups,
        "swapped": factors,
        "walk": factors + groups,
        "first": factors + groups,
        "cross": factors * (factors - 1) // 2 + groups * (factors - 1),
        "spread": 1,
        "spread_total": factors,
        "spread_first": factors,
    }
    stops = np.cumsum(list(counts.values())).tolist()
    return {
        name: slice(stop - count, stop)
        for (name, count), stop in zip(counts.items(), stops, strict=True)
    }


def row_count(factors: int, parts: int = 0) -> int:
    """Return how many rows the sums of a design have, see `layout`."""
    return int(max(rows.stop for rows in layout(factors, parts).values()))


@dataclass(frozen=True)
class Moments:
    """Sums over whole blocks, per unit; merge with `+`, in any grouping.

    Attributes:
        factors: Names of the factors.
        walks: Walks per base point.
        points: Base points summed.
        forwards: Distinct inputs that the network saw for them.
        sums: (rows of `layout`, units) float64.
        parts: Names of the parts of the last factor, the outermost first.
    """

    factors: tuple[str, ...]
    walks: int
    points: int
    forwards: int
    sums: NDArray[np.float64]
    parts: tuple[str, ...] = ()

    def __add__(self, other: Self) -> "Moments":
        mine = (self.factors, self.parts, self.walks, self.sums.shape)
        theirs = (other.factors, other.parts, other.walks, other.sums.shape)
        if mine != theirs:
            raise ValueError(f"Moments of different designs do not add: {mine} and {theirs}.")
        return replace(
            self,
            points=self.points + other.points,
            forwards=self.forwards + other.forwards,
            sums=self.sums + other.sums,
        )

    def units(self, chosen: slice) -> "Moments":
        """Return the moments of some units, without a copy."""
        return replace(self, sums=self.sums[:, chosen])

    @property
    def tiled(self) -> "TiledMoments":
        """The same as a single tile."""
        return TiledMoments(self.sums.shape[1], iter([self]))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the factors, then of the parts of the last one."""
        return self.factors + self.parts

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return self.sums[layout(len(self.factors), len(self.parts))[name]]


@dataclass(frozen=True)
class TiledMoments:
    """Moments that are made some units at a time, and can be gone through once.

    Attributes:
        units: Units of all tiles.
        tiles: Moments of consecutive units.
    """

    units: int
    tiles: Iterator[Moments]

    def joined(self) -> Moments:
        """Return the moments of all units."""
        first, *others = self.tiles
        if not others:
            return first
        return replace(first, sums=np.concatenate([m.sums for m in (first, *others)], axis=1))
