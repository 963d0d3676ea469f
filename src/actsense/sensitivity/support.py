r"""How much stands behind an estimate: effective numbers of differences, and what they allow.

For contributions x to a numerator, one per base point,

    support   (sum x)^2 / sum x^2      as many equal contributions would err as much
    event     sum x^2 / sum x          the size of one of them

A unit that answers to few images has few of them, quasi-random points gain nothing for it, and the
spread of its replicates says little: if one replicate alone met the answer, or all met it equally
often, all agree. There the sum is that of a Poisson number of events. The interval is at least the
upper half of the score interval of that number, z^2 / 2 + z sqrt(n + z^2 / 4) events, where n is
small; and where the support is a small share of the base points, events that nobody met are added:
z^2 of them, as many as may be there if none was.
"""

__all__ = ["RARE", "Support", "find_support"]

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from actsense.sensitivity.nesting import Nesting

Floats = NDArray[np.float64]

RARE = 30  # a unit is rare whose variance has less support; chosen by coverage, docs/coverage.md
FEW = 20  # events below which an interval is at least Poisson's
SPARSE = 1 / 8  # share of the base points; below half of it all of the unmet events are added


@dataclass(frozen=True)
class Support:
    """Effective numbers and sizes of the contributions to every numerator, of all replicates.

    Arguments:
        total: Support of the total effects, (names, units); infinite where it is not known.
        joint: Support of the first order: events that moved both versions, (names, units).
        event: Size of an event of every name, in the scale of the sums, (names, units).
        variance: Support of the variance, (units,).
        spread: Size of an event of the variance, (units,).
        points: Base points of all replicates.
    """

    total: Floats
    joint: Floats
    event: Floats
    variance: Floats
    spread: Floats
    points: int

    def widths(
        self, nesting: Nesting, pooled: Mapping[str, Floats], confidence: float
    ) -> dict[str, tuple[Floats, Floats]]:
        """Return by index what a half-width must not fall below, and what to add in quadrature.

        Both are 0 where nothing is rare.

        Arguments:
            nesting: The names behind the first axis.
            pooled: Denominators summed over replicates, by index, (names or pairs, units).
            confidence: Coverage of the intervals.
        """
        j, k = nesting.pairs
        both = np.minimum(self.joint[j], self.joint[k])
        sparse = self._sparse(self.total)
        events = {  # size, how many were met, whether they are sparse
            "S1": (self.event, self.joint, sparse),
            "ST": (self.event, self.total, sparse),
            "shapley": (self.event / 2, self.total, sparse),  # its denominator is half as large
            "S2": (
                np.sqrt(self.event[j] * self.event[k]),
                both,
                np.maximum(sparse[j], sparse[k]),
            ),
            "mean": (np.sqrt(self.spread / 2), self.variance, self._sparse(self.variance)),
            "variance": (self.spread / 4, self.variance, self._sparse(self.variance)),
        }
        unmet = _upper_half(np.zeros(1), confidence)
        with np.errstate(invalid="ignore", divide="ignore"):
            return {
                name: (
                    _upper_half(met, confidence) * size / pooled[name],
                    unmet * share * size / pooled[name],
                )
                for name, (size, met, share) in events.items()
            }

    def _sparse(self, support: Floats) -> Floats:
        """Return 1 where support is a small share of the base points, 0 where it is not."""
        with np.errstate(divide="ignore"):
            return np.clip(np.log2(SPARSE * self.points / support), 0, 1)


def find_support(sums: Mapping[str, Floats], nesting: Nesting, points: int) -> Support:
    """Find the support of every name; parts have that of their factor.

    Arguments:
        sums: Moments by name, (replicates, rows, units).
        nesting: What the rows mean.
        points: Base points of all replicates.
    """
    pooled = {name: rows.sum(axis=0) for name, rows in sums.items()}
    total, squares = pooled["total"][: nesting.factors], pooled["spread_total"]
    unit = pooled["gap"][0] + pooled["swapped"].mean(axis=0)
    support, event = _support(total, squares)
    variance, spread = _support(unit, pooled["spread"][0])
    # Where few events were met, one may be as large as those of the variance, twice two of them.
    event = np.where(support < FEW, np.maximum(event, spread / 2), event)
    with np.errstate(invalid="ignore", divide="ignore"):
        joint = np.where(event > 0, pooled["spread_first"] / np.square(event), 0)
    of = nesting.owners
    return Support(support[of], joint[of], event[of], variance, spread, points)


def _support(total: Floats, squares: Floats) -> tuple[Floats, Floats]:
    """Return effective number and size of the contributions to a sum."""
    unknown = np.where(total > 0, np.inf, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        support = np.where(squares > 0, np.square(total) / squares, unknown)
        event = np.where(total > 0, squares / total, 0.0)
    return support, event


def _upper_half(count: Floats, confidence: float) -> Floats:
    """Return the upper half of the score interval of a Poisson number; 0 where it is not small."""
    z = ndtri((1 + confidence) / 2)
    few = np.minimum(count, FEW)
    return np.where(count < FEW, z * z / 2 + z * np.sqrt(few + z * z / 4), 0.0)
