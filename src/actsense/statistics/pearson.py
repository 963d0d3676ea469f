"""Pearson's correlation of many pairs of variables, with resampled groups of observations."""

__all__ = ["reliability", "resampled_pearson"]

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from actsense.statistics import CONFIDENCE

Floats = NDArray[np.float64]


def resampled_pearson(
    first: NDArray[Any],
    second: NDArray[Any],
    *,
    groups: NDArray[np.int64],
    draws: Floats,
) -> Floats:
    """Correlate variables in turn, again and again over whole groups drawn with replacement.

    Arguments:
        first: Finite values, (variables, observations).
        second: As many others of the same observations.
        groups: Number of the group of every observation, from 0 on; groups may be empty.
        draws: How often each group is drawn, (draws, groups), as from `resample`.

    Returns:
        (draws, variables); NaN where a variable is constant.
    """
    if first.shape != second.shape or groups.shape != first.shape[1:]:
        raise ValueError(
            "first and second must be (variables, observations) and groups (observations,); "
            f"got {first.shape}, {second.shape} and {groups.shape}."
        )
    count, pairs = draws.shape[1], zip(first, second, strict=True)
    sums = np.stack([_sums(x, y, groups, count) for x, y in pairs], axis=1)
    n, x, y, xx, yy, xy = np.tensordot(sums, draws, axes=(-1, -1))  # (variables, draws) each
    spread = (n * xx - x**2) * (n * yy - y**2)
    # What is constant has a spread of 0, but for rounding.
    told = spread > 1e-18 * n**4
    return np.asarray(((n * xy - x * y) / np.sqrt(np.where(told, spread, np.nan))).T)


def reliability(values: NDArray[Any], half_widths: NDArray[Any], replicates: int) -> float:
    """Return which share of the spread of estimates over units is not noise, at most 1.

    One minus the mean squared standard error, over the variance of the estimates. Near 0 or
    below, they are noise, and correlations with them are near 0 whatever is true.

    Arguments:
        values: Estimates of all units that count.
        half_widths: Of their 95 % intervals, from Student's distribution.
        replicates: Replicates behind the intervals.

    Returns:
        NaN where there are fewer than two units, all are alike, or a half-width is not known.
    """
    if values.size < 2 or not values.var() > 0:
        return float("nan")
    errors = half_widths / stdtrit(replicates - 1, (1 + CONFIDENCE) / 2)
    return float(1 - np.mean(errors**2) / values.var(ddof=1))


def _sums(x: NDArray[Any], y: NDArray[Any], groups: NDArray[np.int64], count: int) -> Floats:
    """Return number, sums, squares and products in every group, (6, groups)."""
    x, y = (_standardized(one) for one in (x, y))
    terms = (None, x, y, x * x, y * y, x * y)
    return np.stack([np.bincount(groups, term, count) for term in terms]).astype(np.float64)


def _standardized(x: NDArray[Any]) -> Floats:
    """Centre values and scale them to a spread of one, so that sums lose no digits."""
    centred = x.astype(np.float64) - x.mean(dtype=np.float64)
    spread = centred.std()
    known = spread > 1e-12 * np.abs(x).max(initial=0)
    return np.asarray(centred / spread if known else np.zeros(x.shape))
