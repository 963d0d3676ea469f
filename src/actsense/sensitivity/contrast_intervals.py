r"""How far a layer's contrasts would be elsewhere on other images, from images drawn again.

The numbers of a layer are means over its units, all of which saw the same images: their errors go
together, and no test of single units says how much. So images are drawn again, all units at once.
Responses of some units to some images stand for all; those that are not looked at would make a
mean surer, so that intervals are rather too wide. Nothing is computed anew for a draw: with d the
difference of an image, r the rank-biserial correlation, s the standardized mean difference, v and
m variances and means of the untouched (x) and the augmented (y) response, V = (v_x + v_y) / 2,

    h_r(i) = 2 (mean over j of sign(d_i + d_j) - r)
    h_s(i) = (d_i - mean d) / V^(1/2) - s / (4 V) [(x_i - m_x)^2 - v_x + (y_i - m_y)^2 - v_y]

are how much an image moves r and s (their influence functions), and a draw in which image i comes
w_i times has r + sum_i (w_i - 1) h_r(i) / n. Magnitudes, and the count of significant units, are
taken after that, so that they bend as they do. The bound of significance stays where it was.

Magnitudes are above zero by chance alone. With the sign of every d_i a toss of a coin, r and the
mean of d are close to normal, and a normal number of deviation t has the mean magnitude
(2 / pi)^(1/2) t: that is what an augmentation without effect would give.

Source:
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapters 6 and 22; the influence
    of a rank statistic: Hoeffding (1948), Ann. Math. Statist. 19, 293.
"""

__all__ = ["FEWEST", "Spread", "significance_bound", "spread_of_layer"]

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, ndtri, stdtrit
from scipy.stats import rankdata

from actsense.statistics import CONFIDENCE
from actsense.statistics.resampling import resample

Floats = NDArray[np.float64]

RESAMPLES = 300
FEWEST = 10  # images that intervals take
UNKNOWN = float("nan")
MEAN_MAGNITUDE = np.sqrt(2 / np.pi)  # of a normal number of deviation 1


@dataclass(frozen=True)
class Spread:
    """What other images would change of the means over a layer's units.

    Attributes:
        rank_size: Half-width of the 95 % interval of the mean |rank-biserial correlation|.
        rank: Of the mean rank-biserial correlation.
        standardized_size: Of the mean |standardized difference|.
        rank_by_chance: Mean |rank-biserial correlation| of an augmentation without effect.
        standardized_by_chance: Mean |standardized difference| of one.
        z: Signed ranks in standard deviations of the null hypothesis, (draws, units).
        images: Images of the contrast.
    """

    rank_size: float
    rank: float
    standardized_size: float
    rank_by_chance: float
    standardized_by_chance: float
    z: NDArray[np.float32]
    images: int

    def significant_share(self, bound: float) -> float:
        """Return the half-width for the share of units with a p-value of at most the bound."""
        if not self.z.size:
            return UNKNOWN
        return _half_width((np.abs(self.z) >= -ndtri(bound / 2)).mean(axis=1), self.images)


def spread_of_layer(
    untouched: NDArray[np.floating],
    difference: NDArray[np.floating],
    *,
    rank: Floats,
    standardized: Floats,
    p_value: Floats,
    images: int,
) -> Spread:
    """Draw images again, and return how far the means over a layer's units spread.

    All is NaN where images are fewer than `FEWEST`, or all units undefined.

    Arguments:
        untouched: Responses of some units to some images, (images, units).
        difference: Augmented minus untouched ones, (images, draws, units).
        rank: Rank-biserial correlations of these units from all images, NaN where undefined.
        standardized: Their standardized mean differences.
        p_value: Their p-values, not adjusted.
        images: How many all images are; intervals are as wide as they make them.
    """
    alive = np.isfinite(p_value)
    if len(untouched) < FEWEST or not alive.any():
        nothing: NDArray[np.float32] = np.empty((0, 0), np.float32)
        return Spread(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, nothing, images)
    x, d = (values[..., alive].astype(np.float64) for values in (untouched, difference))
    rank, standardized, p_value = rank[alive], standardized[alive], p_value[alive]
    fewer = np.sqrt(len(x) / images)  # errors of all images are so much smaller
    weights = fewer * _drawn(len(x)) / len(x)

    influence, null, chance = _rank_influence(d)
    moved = weights @ influence
    z = -np.sign(rank) * ndtri(np.maximum(p_value, np.finfo(np.float64).tiny) / 2)
    z = z + np.divide(moved, fewer * null, out=np.zeros_like(moved), where=null > 0)

    influence, deviation = _standardized_influence(x, d, standardized)
    known = np.isfinite(standardized)
    sizes = np.abs(standardized + weights @ influence)[:, known]
    return Spread(
        _half_width(np.abs(rank + moved).mean(axis=1), images),
        _half_width(moved.mean(axis=1), images),
        _half_width(sizes.mean(axis=1), images) if known.any() else UNKNOWN,
        float(MEAN_MAGNITUDE * fewer * chance.mean()),
        float(MEAN_MAGNITUDE * fewer * deviation[known].mean()) if known.any() else UNKNOWN,
        z.astype(np.float32),
        images,
    )


def significance_bound(tests: int, found: int, level: float) -> float:
    """Return the largest p-value that is significant by Benjamini and Yekutieli.

    Arguments:
        tests: All that are corrected together.
        found: Significant ones; with none, the bound of the first.
        level: Share of false discoveries.
    """
    harmonic = float(digamma(tests + 1) + np.euler_gamma)
    return level * max(found, 1) / (tests * harmonic)


@cache
def _drawn(images: int) -> Floats:
    """Return how much oftener than once images are drawn, (draws, images): the same for all."""
    return resample(images, RESAMPLES, 0, "images of contrasts")[1:] - 1


def _rank_influence(d: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the influence of every image on rank-biserial correlations, (images, units).

    Further, their deviations if every difference has either sign by chance, (units,): where
    differences are independent, as the test has it, and where all draws of an image share a sign.
    """
    images, draws, units = d.shape
    pairs = d.reshape(images * draws, units)
    pulled = np.empty_like(pairs)
    for unit, own in enumerate(pairs.T):
        ordered = np.sort(own)
        below, up_to = (np.searchsorted(ordered, -own, side) for side in ("left", "right"))
        pulled[:, unit] = 1 - (below + up_to) / len(own)  # mean sign of d_i + d_j over all j
    influence = 2 * (pulled - pulled.mean(axis=0))
    signed = np.sign(pairs) * rankdata(np.abs(pairs), axis=0)
    total = len(pairs) * (len(pairs) + 1) / 2
    by_image = signed.reshape(d.shape).sum(axis=1)
    return (
        influence.reshape(d.shape).mean(axis=1),
        np.sqrt((signed**2).sum(axis=0)) / total,
        np.sqrt((by_image**2).sum(axis=0)) / total,
    )


def _standardized_influence(x: Floats, d: Floats, standardized: Floats) -> tuple[Floats, Floats]:
    """Return the influence of every image on standardized differences, (images, units).

    Further, their deviations if every image has either sign by chance, (units,).
    """
    y = x[:, None] + d
    all_y = y.reshape(-1, d.shape[2])
    far_x, far_y = ((values - values.mean(axis=0)) ** 2 for values in (x, all_y))
    square = (far_x.mean(axis=0) + far_y.mean(axis=0)) / 2
    square = np.where(square > 0, square, np.inf)  # nothing varies among these images
    spread = far_x + far_y.reshape(d.shape).mean(axis=1) - far_x.mean(axis=0) - far_y.mean(axis=0)
    mean = d.mean(axis=1)
    influence = (mean - mean.mean(axis=0)) / np.sqrt(square) - standardized * spread / (4 * square)
    return influence, np.sqrt((mean**2).mean(axis=0) / len(x) / square)


def _half_width(samples: Floats, images: int) -> float:
    """Return the half-width of an interval from an estimate's values in all draws."""
    widened = np.sqrt(images / (images - 1))
    return float(stdtrit(images - 1, (1 + CONFIDENCE) / 2) * widened * samples.std(ddof=1))
