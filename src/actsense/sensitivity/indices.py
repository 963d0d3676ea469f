r"""Sobol' indices and Shapley effects from merged moments.

With the sums of `actsense.sensitivity.moments`, n base points and w walks each, per replicate,

    variance   (gap + mean_j swapped_j) / 4 n
    S1_j       -cross_jj / (gap + swapped_j)                              Azzini, Mara and Rosati
    ST_j       total_j / (gap + swapped_j)                                Azzini, Mara and Rosati
    S2_jk      2 cross_jk / (gap + (swapped_j + swapped_k) / 2)           symmetrised Saltelli
    Shapley_j  walk_j / w gap                                             symmetrised Goda

All are shares of the unit's variance; the Shapley effects sum to one exactly. Sums over several
units give, by the same formulas, the indices of their channel, layer or network: each unit weighs
in with its variance.
"""

__all__ = ["INDICES", "Indices", "estimate_indices", "join", "total_over_units"]

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actsense.sensitivity.intervals import ratio_with_interval
from actsense.sensitivity.moments import Moments, layout

Floats = NDArray[np.float64]

INDICES = ("S1", "ST", "S2", "shapley", "mean", "variance")
# A standard deviation below this share of the mean is float32 rounding, not a response.
ROUNDING = 1e-6
UNITS_PER_TILE = 2048  # all replicates of a tile stay in cache while they are combined


@dataclass(frozen=True)
class Indices:
    """Estimates with half-widths of their 95 % intervals, per unit.

    Attributes:
        values: By name in `INDICES`: S1, ST and shapley (factors, units), S2 (factors, factors,
            units) symmetric with an undefined diagonal, mean and variance (units,) in the unit's
            own scale. NaN where the unit is dead. Not clipped: noise may leave [0, 1].
        half_widths: The same names and shapes.
        dead: Units that no factor moves, (units,).
    """

    values: dict[str, Floats]
    half_widths: dict[str, Floats]
    dead: NDArray[np.bool_]


def estimate_indices(
    replicates: Sequence[Moments], *, confidence: float = 0.95, rounding: float = ROUNDING
) -> Indices:
    """Estimate every index of every unit from the moments of all replicates.

    Arguments:
        replicates: Moments of independent replicates of one design, at least two.
        confidence: Coverage of the intervals.
        rounding: A unit is dead whose standard deviation is below this share of its mean; 0 for
            sums over groups, which are dead only if nothing in them varies.

    Source:
        Azzini, Mara and Rosati (2021), Environ. Model. Softw. 144, 105167 (S1, ST);
        Saltelli (2002), Comput. Phys. Commun. 145, 280 (S2); Goda (2021), Reliab. Eng. Syst.
        Saf. 213, 107747 (Shapley effects). The symmetrised forms are derived in docs/method.md.
    """
    units = replicates[0].sums.shape[1]
    tiles = [
        _estimate_tile(
            [m.units(slice(low, low + UNITS_PER_TILE)) for m in replicates], confidence, rounding
        )
        for low in range(0, units, UNITS_PER_TILE)
    ]
    return join(tiles)


def join(parts: Sequence[Indices]) -> Indices:
    """Put the indices of consecutive units side by side."""
    return Indices(
        {n: np.concatenate([part.values[n] for part in parts], axis=-1) for n in INDICES},
        {n: np.concatenate([part.half_widths[n] for part in parts], axis=-1) for n in INDICES},
        np.concatenate([part.dead for part in parts]),
    )


def _estimate_tile(replicates: Sequence[Moments], confidence: float, rounding: float) -> Indices:
    first = replicates[0]
    factors = len(first.factors)
    gap, total, swapped, walk, cross, total_sum = (
        np.stack([moments[name] for moments in replicates])
        for name in ("gap", "total", "swapped", "walk", "cross", "sum")
    )
    points = np.array([[m.points] for m in replicates], dtype=np.float64)
    j, k = np.triu_indices(factors)
    variance = (gap[:, 0] + swapped.mean(axis=1)) / 4
    first_order = -cross[:, j == k]
    pair = j != k

    ratios = {
        "S1": (first_order, gap + swapped),
        "ST": (total, gap + swapped),
        "shapley": (walk, first.walks * gap),
        "mean": (total_sum[:, 0], 2 * points),
        "variance": (variance, points),
        "S2": (2 * cross[:, pair], gap + (swapped[:, j[pair]] + swapped[:, k[pair]]) / 2),
    }
    values, half_widths = {}, {}
    for name, (numerator, denominator) in ratios.items():
        values[name], half_widths[name] = ratio_with_interval(
            numerator, denominator, confidence=confidence
        )
    dead = values["variance"] <= np.square(rounding * values["mean"])
    for estimates in (values, half_widths):
        estimates["S2"] = _square(estimates["S2"], j[pair], k[pair], factors)
        for name in ("S1", "ST", "S2", "shapley"):
            estimates[name][..., dead] = np.nan
    return Indices(values, half_widths, dead)


def total_over_units(
    moments: Moments, start: NDArray[np.int64], dead: NDArray[np.bool_]
) -> Moments:
    """Sum the moments of consecutive units, dead ones in the mean only.

    Arguments:
        moments: Moments of all units.
        start: First unit of every group, ascending; a group ends where the next begins.
        dead: Units to leave out, (units,).
    """
    alive = np.where(dead, 0.0, moments.sums)
    mean = layout(len(moments.factors))["sum"]
    alive[mean] = moments.sums[mean]  # a constant unit has no variance, but it has a mean
    sums = np.add.reduceat(alive, start, axis=1)
    return Moments(moments.factors, moments.walks, moments.points, moments.forwards, sums)


def _square(pairs: Floats, j: NDArray[np.int64], k: NDArray[np.int64], factors: int) -> Floats:
    square = np.full((factors, factors, *pairs.shape[1:]), np.nan)
    square[j, k] = square[k, j] = pairs
    return square
