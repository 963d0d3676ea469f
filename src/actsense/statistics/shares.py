"""Shares of independent trials, such as images, with intervals that are never of no width."""

__all__ = ["no_narrower", "wilson"]

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from actsense.statistics import CONFIDENCE

Floats = NDArray[np.float64]


def wilson(
    hits: ArrayLike, trials: ArrayLike, confidence: float = CONFIDENCE
) -> tuple[Floats, Floats]:
    """Return the lower and upper end of Wilson's interval of a share.

    Arguments:
        hits: How often it happened, any shape.
        trials: How often it could have, of a shape that fits.
        confidence: How often the interval is to cover the true share.

    Returns:
        Both ends, in [0, 1], dimensionless; NaN where there are no trials.

    Raises:
        ValueError: If there are fewer than no or more hits than trials.

    Source:
        Wilson (1927), J. Am. Stat. Assoc. 22, 209-212.
    """
    k, n = np.broadcast_arrays(np.asarray(hits, np.float64), np.asarray(trials, np.float64))
    if (k < 0).any() or (k > n).any():
        raise ValueError("hits must be from 0 to trials.")
    z = float(ndtri((1 + confidence) / 2))
    # The upper end of the hits is the lower end of the misses: both ends are exact at 0 and 1.
    return _lower(k, n, z), 1 - _lower(n - k, n, z)


def no_narrower(
    low: ArrayLike, high: ArrayLike, hits: ArrayLike, trials: ArrayLike
) -> tuple[Floats, Floats]:
    """Widen an interval of resamples where it is narrower than Wilson's.

    Resamples of outcomes that are all alike are all alike, too: their interval has no width,
    however few the outcomes are.

    Arguments:
        low: Lower end from resamples, any shape.
        high: Upper end.
        hits: How often it happened; a mean over repeats need not be whole.
        trials: How often it could have.

    Returns:
        Both ends; NaN where there are no trials.
    """
    least, most = wilson(hits, trials)
    return np.minimum(low, least), np.maximum(high, most)


def _lower(hits: Floats, trials: Floats, z: float) -> Floats:
    trials = np.where(trials == 0, np.nan, trials)
    spread = np.sqrt(hits * (trials - hits) / trials + z * z / 4)
    return np.asarray((hits + z * z / 2 - z * spread) / (trials + z * z))
