"""Ratios of merged sums, with intervals from independent replicates."""

__all__ = ["ratio_with_interval"]

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from actsense.statistics import CONFIDENCE

Floats = NDArray[np.float64]


def ratio_with_interval(
    numerator: Floats, denominator: Floats, *, confidence: float = CONFIDENCE
) -> tuple[Floats, Floats]:
    """Return pooled numerator over pooled denominator and the half-width of its interval.

    The interval is Student's t over replicates of the linearised ratio: the residuals
    ``numerator - ratio * denominator`` have mean zero, and their spread is the ratio's.

    Arguments:
        numerator: (replicates, ...).
        denominator: Broadcasts against `numerator`; not negative.
        confidence: Coverage of the interval.

    Returns:
        Ratio and half-width, each (...); NaN where the pooled denominator is zero.

    Raises:
        ValueError: If there are fewer than two replicates.

    Source:
        Cochran, Sampling Techniques (3rd ed., 1977), section 6.3 (ratio estimator).
    """
    replicates = len(numerator)
    if replicates < 2:
        raise ValueError(f"An interval needs at least 2 replicates; got {replicates}.")
    pooled = denominator.mean(axis=0)
    # Pool first, then divide: the mean of the replicates' own ratios is biased.
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(pooled > 0, numerator.mean(axis=0) / pooled, np.nan)
        residual = (numerator - ratio * denominator) / pooled
        error = np.sqrt(np.square(residual).sum(axis=0) / (replicates * (replicates - 1)))
    return ratio, error * stdtrit(replicates - 1, (1 + confidence) / 2)
