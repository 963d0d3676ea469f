r"""Rank correlations of many variables at many places at once, and their averages.

With r the average ranks of a variable over n observations, centred and scaled to length one,

    rho(a, b) = r_a . r_b                 Spearman's correlation, ties included
    mean rho  = tanh(mean(atanh rho))     over places, Fisher's transform

Maps resemble themselves from one position to the next. So intervals of means over positions come
from resampled tiles, not positions. And whether units that are exchanged at random, alike at all
positions, would correlate as much as they do is answered with K, the rank correlations between
positions over n units: the mean over P positions then has

    variance(a, b) = sum(K_a * K_b) / (P^2 (n - 1))

which is 1 / (n - 1) if there is one position or if all are alike, and less if they differ. The
p-value is that of a correlation over 1 + 1 / variance effective units.

A resample that takes observation i w_i times changes no order: with C(i) the summed w of the
observations up to the value of i, and B(i) of those below it, the rank of i is (B + C + 1) / 2.
So resampled ranks need no sorting.
"""

__all__ = [
    "FisherMean",
    "exchange_p_value",
    "exchange_variance",
    "fisher_mean",
    "resampled_pairs",
    "resampled_spearman",
    "spearman",
    "tiles",
    "unit_ranks",
]

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from actsense.statistics.resampling import defined_interval, resample

Floats = NDArray[np.float64]

LARGEST = 1 - 1e-7  # atanh of an exact 1 is infinite and would take over every mean
CHUNK = 2**18  # numbers ranked at a time: more leave the cache, and were slower by half
POSITIONS = 512  # of larger maps so many count in K, evenly spread
ROWS = 32  # of K at a time: 10 MB for 80 variables


@dataclass(frozen=True)
class FisherMean:
    """Mean correlations with their intervals.

    Attributes:
        mean: Back-transformed mean of the defined entries, NaN where there is none.
        low: Lower end of the 95 % interval, NaN where it cannot be told.
        high: Upper end of the 95 % interval.
        n: Entries that are defined.
        undefined: Entries that are not, and do not count.
    """

    mean: Floats
    low: Floats
    high: Floats
    n: NDArray[np.int64]
    undefined: NDArray[np.int64]


def spearman(
    a: NDArray[Any], b: NDArray[Any] | None = None, *, observed: NDArray[np.bool_] | None = None
) -> Floats:
    """Correlate the ranks of all variables, in every entry of the batch by itself.

    Arguments:
        a: Values, (variables, observations, *batch).
        b: Others of the same observations and batch; `a` by default.
        observed: Observations that count, (observations, *batch); all of them by default.

    Returns:
        (variables of a, variables of b, *batch), float64. NaN where a variable is constant, holds
        a number that is not finite, or where fewer than two observations count.

    Raises:
        ValueError: If the shapes do not fit together.
    """
    if b is not None and a.shape[1:] != b.shape[1:]:
        raise ValueError(
            "a and b must share their observations and batch; "
            f"got a {a.shape} and b {b.shape}, (variables, observations, *batch)."
        )
    first = unit_ranks(a, observed=observed)
    second = first if b is None else unit_ranks(b, observed=observed)
    rho = np.moveaxis(first @ second.swapaxes(-1, -2), 0, -1)
    return rho.reshape(*rho.shape[:2], *a.shape[2:])


def unit_ranks(values: NDArray[Any], *, observed: NDArray[np.bool_] | None = None) -> Floats:
    """Rank every variable, centred and scaled to length one.

    Arguments:
        values: (variables, observations, *batch).
        observed: Observations that count, (observations, *batch); all of them by default.

    Returns:
        (entries of the batch, variables, observations), float64; 0 for observations that do not
        count, NaN for variables that have no correlation.
    """
    if observed is not None and observed.shape != values.shape[1:]:
        raise ValueError(
            f"observed must be {values.shape[1:]}, (observations, *batch); got {observed.shape}."
        )
    variables, observations = values.shape[:2]
    flat = values.reshape(variables, observations, -1)
    counted = np.broadcast_to(True, flat.shape[1:]) if observed is None else observed
    counted = counted.reshape(flat.shape[1:]).T[:, None]  # (batch, 1, observations)
    ranks = np.empty((flat.shape[2], variables, observations))
    for part in _parts(flat.shape[2], variables * observations):
        x = np.ascontiguousarray(flat[..., part].transpose(2, 0, 1))
        ranks[part] = _unit_ranks(x, counted[part])
    return ranks


def resampled_spearman(values: NDArray[Any], *, resamples: int, seed: int) -> Floats:
    """Correlate again and again over observations drawn with replacement, ranked anew.

    Arguments:
        values: (variables, observations).
        resamples: How often.
        seed: Of the draws.

    Returns:
        (1 + resamples, variables, variables), as drawn once each in the first, NaN where a
        resample leaves a variable constant.
    """
    variables, observations = values.shape
    every = resample(observations, resamples, seed, "resampled observations")
    rho = np.empty((len(every), variables, variables))
    for part, ranks in _resampled_ranks(values, every):
        by_draw = np.ascontiguousarray(ranks.transpose(2, 0, 1))
        rho[part] = by_draw @ by_draw.swapaxes(-1, -2)
    return rho


def resampled_pairs(first: NDArray[Any], second: NDArray[Any], *, draws: Floats) -> Floats:
    """Correlate variables with as many others in turn, as `resampled_spearman` does all pairs.

    Arguments:
        first: (variables, observations).
        second: Others of the same observations.
        draws: How often each observation is drawn, (draws, observations), as from `resample`.

    Returns:
        (draws, variables), NaN where a resample leaves a variable constant.
    """
    rho = np.empty((len(draws), len(first)))
    for part, ranks in _resampled_ranks(np.concatenate([first, second]), draws):
        rho[part] = np.einsum("vnk,vnk->kv", *np.split(ranks, 2))
    return rho


def fisher_mean(
    rho: NDArray[Any],
    *,
    resamples: int,
    seed: int,
    axis: int = -1,
    groups: NDArray[np.int64] | None = None,
) -> FisherMean:
    """Average correlations over one axis, with a percentile interval by bootstrap.

    All means share the same resamples. The interval is NaN if there is one entry or group alone,
    and where a resample holds no defined entry.

    Arguments:
        rho: Correlations, NaN where undefined.
        resamples: Resamples behind the interval.
        seed: Of the resamples.
        axis: Axis to average over.
        groups: Number of each entry's group, from 0 on; whole groups are drawn, for entries that
            resemble their neighbours. Each its own by default.
    """
    rho = np.moveaxis(np.asarray(rho, dtype=np.float64), axis, -1)
    entries = rho.shape[-1]
    if groups is not None and groups.shape != (entries,):
        raise ValueError(f"groups must number all {entries} entries; got shape {groups.shape}.")
    defined = np.isfinite(rho)
    z = np.arctanh(np.clip(np.where(defined, rho, 0), -LARGEST, LARGEST))
    n = defined.sum(axis=-1)
    if groups is None:
        sums, counts = z, defined.astype(np.float64)
    else:
        member = groups[:, None] == np.arange(groups.max() + 1)
        sums, counts = z @ member.astype(np.float64), defined @ member.astype(np.float64)
    blocks = sums.shape[-1]
    low = high = np.full(n.shape, np.nan)
    if blocks > 1:
        weights = resample(blocks, resamples, seed, "resampled correlations").T
        samples = np.moveaxis(_quotient(sums @ weights, counts @ weights), -1, 0)
        low, high = map(np.tanh, defined_interval(samples))
    mean = np.tanh(_quotient(z.sum(axis=-1), n))
    return FisherMean(mean, low, high, n, entries - n)


def tiles(shape: Sequence[int]) -> NDArray[np.int64]:
    """Number the square tile that every position of a map lies in, row by row.

    The side of a tile is the fourth root of the number of positions, the rate at which estimated
    variances of means over a plane are best.

    Arguments:
        shape: Rows and columns.

    Source:
        Nordman & Lahiri (2004), Ann. Statist. 32, 1981-2027.
    """
    side = np.prod(shape) ** 0.25
    counts = [ceil(length / side) for length in shape]
    rows, columns = (
        np.arange(length) * count // length for length, count in zip(shape, counts, strict=True)
    )
    return np.asarray(rows[:, None] * counts[1] + columns).ravel()


def exchange_variance(ranks: Floats, units: NDArray[np.int64]) -> Floats:
    """Return the variance of mean correlations if the units of one variable were exchanged.

    Arguments:
        ranks: From `unit_ranks`, (positions, variables, units).
        units: Units that count at every position, (positions,).

    Returns:
        (variables, variables), NaN for those that are nowhere defined together.
    """
    chosen = np.linspace(0, len(ranks) - 1, min(len(ranks), POSITIONS)).astype(int)
    defined = np.isfinite(ranks[chosen, :, 0])
    by_variable = np.where(defined[..., None], ranks[chosen], 0).swapaxes(0, 1)
    weights = 1 / np.sqrt(np.maximum(units[chosen] - 1, 1))
    summed = np.zeros((ranks.shape[1], ranks.shape[1]))
    for start in range(0, len(chosen), ROWS):
        rows = slice(start, start + ROWS)
        alike = by_variable[:, rows] @ by_variable.swapaxes(1, 2)
        weighted = alike * weights[rows, None] * weights
        summed += weighted.reshape(len(summed), -1) @ alike.reshape(len(summed), -1).T
    both = defined.T.astype(np.float64) @ defined
    return _quotient(summed, both**2)


def exchange_p_value(rho: Floats, variance: Floats) -> Floats:
    """Return the two-sided p-value of mean correlations, given `exchange_variance`."""
    freedom = 1 / variance - 1
    with np.errstate(divide="ignore"):  # an exact 1 is infinitely far out
        far = np.abs(rho) * np.sqrt(freedom / np.maximum(1 - rho**2, 0))
    return np.asarray(2 * stdtr(freedom, -far))


def _resampled_ranks(values: NDArray[Any], draws: Floats) -> Iterator[tuple[slice, Floats]]:
    """Yield some draws at a time, and their ranks, centred, scaled and weighted.

    Draws are the last axis, (variables, observations, draws): what moves together lies together.
    """
    variables, observations = values.shape
    if not np.isfinite(values).all():
        raise ValueError("Resampling needs finite values; leave out the others first.")
    order, below, upto = _order(values)
    for part in _parts(len(draws), 4 * observations):  # several such arrays in the cache
        weights = np.ascontiguousarray(draws[part].T)
        roots, summed = np.sqrt(weights), np.zeros((observations + 1, weights.shape[1]))
        ranks = np.empty((variables, *weights.shape))
        for one, *where in zip(ranks, order, below, upto, strict=True):
            np.cumsum(weights[where[0]], axis=0, out=summed[1:])
            one[:] = (summed[where[1]] + summed[where[2]] - observations) / 2 * roots
            length = np.sqrt(np.square(one).sum(axis=0))
            one /= np.where(length > 0, length, np.nan)
        yield part, ranks


def _unit_ranks(x: NDArray[Any], counted: NDArray[np.bool_]) -> Floats:
    defined = (np.isfinite(x) | ~counted).all(axis=-1)
    # What does not count sorts last, so it changes no rank of the others.
    _, below, upto = _order(np.where(counted & np.isfinite(x), x, np.inf))
    n = counted.sum(axis=-1, keepdims=True)
    ranks = np.where(counted, (below + upto - n) / 2, 0)
    length = np.sqrt(np.square(ranks).sum(axis=-1))
    ranks /= np.where(defined & (length > 0), length, np.nan)[..., None]
    return ranks


def _order(x: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the sorting order of the last axis, and how many are below and up to each entry."""
    order = np.argsort(x, axis=-1)
    ordered = np.take_along_axis(x, order, axis=-1)
    starts = np.ones(x.shape, dtype=bool)
    np.not_equal(ordered[..., 1:], ordered[..., :-1], out=starts[..., 1:])
    place = np.arange(x.shape[-1])
    first = np.maximum.accumulate(np.where(starts, place, 0), axis=-1)
    ends = np.ones(x.shape, dtype=bool)
    ends[..., :-1] = starts[..., 1:]
    beyond = np.where(ends, place + 1, x.shape[-1])
    last = np.minimum.accumulate(beyond[..., ::-1], axis=-1)[..., ::-1]
    below, upto = np.empty_like(order), np.empty_like(order)
    np.put_along_axis(below, order, first, axis=-1)
    np.put_along_axis(upto, order, last, axis=-1)
    return order, below, upto


def _parts(count: int, size: int) -> Iterator[slice]:
    step = max(1, CHUNK // max(1, size))
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def _quotient(numerator: Floats, denominator: NDArray[Any]) -> Floats:
    return np.asarray(numerator / np.where(denominator > 0, denominator, np.nan))
