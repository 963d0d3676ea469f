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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from actsense.sensitivity.intervals import ratio_with_interval
from actsense.sensitivity.moments import Moments, layout
from actsense.sensitivity.nesting import Nesting

Floats = NDArray[np.float64]

INDICES = ("S1", "ST", "S2", "shapley", "mean", "variance")
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


def estimate_indices(replicates: Sequence[Moments], *, confidence: float = 0.95) -> Indices:
    """Estimate every index of every unit from the moments of all replicates.

    Arguments:
        replicates: Moments of independent replicates of one design, at least two.
        confidence: Coverage of the intervals.

    Source:
        Azzini, Mara and Rosati (2021), Environ. Model. Softw. 144, 105167 (S1, ST);
        Saltelli (2002), Comput. Phys. Commun. 145, 280 (S2); Goda (2021), Reliab. Eng. Syst.
        Saf. 213, 107747 (Shapley effects). The symmetrised forms are derived in docs/method.md.
    """
    units = replicates[0].sums.shape[1]
    tiles = [
        _estimate_tile([m.units(slice(low, low + UNITS_PER_TILE)) for m in replicates], confidence)
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


def _estimate_tile(replicates: Sequence[Moments], confidence: float) -> Indices:
    nesting = Nesting(len(replicates[0].factors), len(replicates[0].parts))
    sums = {
        name: np.stack([moments[name] for moments in replicates])
        for name in layout(nesting.factors, nesting.parts)
    }
    points = np.array([[m.points] for m in replicates], dtype=np.float64)
    variance = (sums["gap"][:, 0] + sums["swapped"].mean(axis=1)) / 4
    ratios = _shares(sums, nesting, replicates[0].walks)
    ratios |= {"mean": (sums["sum"][:, 0], 2 * points), "variance": (variance, points)}
    values, half_widths = {}, {}
    for name, (numerator, denominator) in ratios.items():
        values[name], half_widths[name] = ratio_with_interval(
            numerator, denominator, confidence=confidence
        )
    differences = np.concatenate([sums[name] for name in ("gap", "swapped", "total")], axis=1)
    dead = np.asarray(~differences.any(axis=(0, 1)))
    for estimates in (values, half_widths):
        estimates["S2"] = _square(estimates["S2"], nesting)
    return Indices(values, half_widths, dead)


def _shares(
    sums: Mapping[str, Floats], nesting: Nesting, walks: int
) -> dict[str, tuple[Floats, Floats]]:
    """Return numerators and denominators of all indices, (replicates, names or pairs, units)."""
    gap, swapped = sums["gap"], sums["swapped"][:, nesting.owners]
    j, k = nesting.pairs
    return {
        "S1": (nesting.first_order @ sums["first"], gap + swapped),
        "ST": (nesting.total @ sums["total"], gap + swapped),
        "shapley": (nesting.shapley @ sums["walk"], walks * gap),
        "S2": (
            2 * nesting.second_order @ sums["cross"],
            gap + (swapped[:, j] + swapped[:, k]) / 2,
        ),
    }


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
    mean = layout(len(moments.factors), len(moments.parts))["sum"]
    alive[mean] = moments.sums[mean]  # a constant unit has no variance, but it has a mean
    sums = np.add.reduceat(alive, start, axis=1)
    return replace(moments, sums=sums)


def _square(pairs: Floats, nesting: Nesting) -> Floats:
    square = np.full((nesting.names, nesting.names, *pairs.shape[1:]), np.nan)
    j, k = nesting.pairs
    square[j, k] = square[k, j] = pairs
    return square
