r"""Sobol' indices and Shapley effects from merged moments.

With the sums of `actsense.sensitivity.moments`, n base points and w walks each, per replicate,

    variance   (gap + mean_j swapped_j) / 4 n
    S1_j       -cross_jj / (gap + swapped_j)                              Azzini, Mara and Rosati
    ST_j       total_j / (gap + swapped_j)                                Azzini, Mara and Rosati
    S2_jk      2 cross_jk / (gap + (swapped_j + swapped_k) / 2)           symmetrised Saltelli
    Shapley_j  g_j + (walk_j / w - g_j gap) / ((gap + mean_j swapped_j) / 2)  symmetrised Goda

with g_j the middle of S1_j and ST_j, scaled so that all sum to one: a control variate, without
which the effects were walk_j / w gap. Parts of the last factor by differences, see `Nesting`.

All are shares of the unit's variance; the Shapley effects sum to one exactly. Sums over several
units give, by the same formulas, the indices of their channel, layer or network: each unit weighs
in with its variance.
"""

__all__ = ["INDICES", "Indices", "estimate_indices", "join", "total_over_units"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from actsense.sensitivity.moments import Moments, layout
from actsense.sensitivity.nesting import Nesting
from actsense.sensitivity.support import RARE, find_support
from actsense.statistics import CONFIDENCE
from actsense.statistics.ratios import ratio_with_interval

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
        support: Effective number of differences behind every total effect, (factors, units);
            infinite for sums over units, whose support is not known.
        dead: Units that no factor moves, (units,).
        rare: Other units so seldom moved that their indices must not be relied on, (units,).
    """

    values: dict[str, Floats]
    half_widths: dict[str, Floats]
    support: Floats
    dead: NDArray[np.bool_]
    rare: NDArray[np.bool_]


def estimate_indices(replicates: Sequence[Moments], *, confidence: float = CONFIDENCE) -> Indices:
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
        np.concatenate([part.support for part in parts], axis=-1),
        np.concatenate([part.dead for part in parts]),
        np.concatenate([part.rare for part in parts]),
    )


def _estimate_tile(replicates: Sequence[Moments], confidence: float) -> Indices:
    nesting = Nesting(len(replicates[0].factors), len(replicates[0].parts))
    sums = {
        name: np.stack([moments[name] for moments in replicates])
        for name in layout(nesting.factors, nesting.parts)
    }
    points = np.array([[m.points] for m in replicates], dtype=np.float64)
    variance = (sums["gap"][:, 0] + sums["swapped"].mean(axis=1)) / 4
    ratios = _shares(sums, nesting)
    ratios |= {"mean": (sums["sum"][:, 0], 2 * points), "variance": (variance, points)}
    estimates = {
        name: ratio_with_interval(*ratio, confidence=confidence) for name, ratio in ratios.items()
    }
    estimates["shapley"] = _effects(sums, nesting, replicates[0].walks, estimates, confidence)
    values, half_widths = ({n: e[k] for n, e in estimates.items()} for k in (0, 1))

    support = find_support(sums, nesting, int(points.sum()))
    pooled = {name: denominator.sum(axis=0) for name, (_, denominator) in ratios.items()}
    pooled["shapley"] = pooled["ST"] / 2
    for name, (least, unmet) in support.widths(nesting, pooled, confidence).items():
        half_widths[name] = np.hypot(np.maximum(half_widths[name], least), unmet)
    for kind in (values, half_widths):
        kind["S2"] = _square(kind["S2"], nesting)
    differences = np.concatenate([sums[name] for name in ("gap", "swapped", "total")], axis=1)
    dead = np.asarray(~differences.any(axis=(0, 1)))
    rare = ~dead & (support.variance < RARE)
    return Indices(values, half_widths, support.total, dead, rare)


def _shares(sums: Mapping[str, Floats], nesting: Nesting) -> dict[str, tuple[Floats, Floats]]:
    """Return numerators and denominators of S1, ST, S2, (replicates, names or pairs, units)."""
    gap, swapped = sums["gap"], sums["swapped"]
    # Where no pair of one factor moved a rare unit, those of the others say how much it varies.
    unmoved = ~(gap + swapped).any(axis=0)
    swapped = np.where(unmoved, swapped.mean(axis=1, keepdims=True), swapped)[:, nesting.owners]
    j, k = nesting.pairs
    return {
        "S1": (nesting.first_order @ sums["first"], gap + swapped),
        "ST": (nesting.total @ sums["total"], gap + swapped),
        "S2": (
            2 * nesting.second_order @ sums["cross"],
            gap + (swapped[:, j] + swapped[:, k]) / 2,
        ),
    }


def _effects(
    sums: Mapping[str, Floats],
    nesting: Nesting,
    walks: int,
    sobol: Mapping[str, tuple[Floats, Floats]],
    confidence: float,
) -> tuple[Floats, Floats]:
    """Return Shapley effects and half-widths, both (names, units).

    The sum of `gap` alone is a poor denominator where a unit answers to few images. So the walks
    correct a guess, the middle of S1 and ST, by what they differ from it, over the whole variance.
    """
    guess = (sobol["S1"][0] + sobol["ST"][0]) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        guess = guess / guess[: nesting.factors].sum(axis=0)
    both = (sums["gap"] + sums["swapped"].mean(axis=1, keepdims=True)) / 2
    apart = nesting.shapley @ sums["walk"] / walks - guess * sums["gap"]
    correction, half_width = ratio_with_interval(apart, both, confidence=confidence)
    return guess + correction, half_width


def total_over_units(
    moments: Moments, start: NDArray[np.int64], dead: NDArray[np.bool_]
) -> Moments:
    """Sum the moments of consecutive units, dead ones in the mean only.

    What says how much stands behind a unit does not add over units, and is left out.

    Arguments:
        moments: Moments of all units.
        start: First unit of every group, ascending; a group ends where the next begins.
        dead: Units to leave out, (units,).
    """
    alive = np.where(dead, 0.0, moments.sums)
    mean = layout(len(moments.factors), len(moments.parts))["sum"]
    alive[mean] = moments.sums[mean]  # a constant unit has no variance, but it has a mean
    sums = np.add.reduceat(alive, start, axis=1)
    sums[layout(len(moments.factors), len(moments.parts))["spread"].start :] = 0
    return replace(moments, sums=sums)


def _square(pairs: Floats, nesting: Nesting) -> Floats:
    square = np.full((nesting.names, nesting.names, *pairs.shape[1:]), np.nan)
    j, k = nesting.pairs
    square[j, k] = square[k, j] = pairs
    return square
