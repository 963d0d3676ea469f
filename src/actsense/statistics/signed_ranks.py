"""Signed ranks of paired differences, and the test of their balance.

The differences d of a unit over n images are ranked by magnitude: ties share their mid-rank, zeros
rank lowest and count half for each sign. With R+ and R- the sums of the ranks of either sign,

    rank-biserial        (R+ - R-) / (R+ + R-)
    null hypothesis      each nonzero difference has either sign, with probability 1/2
    null variance        Var(R+ - R-) = sum of rank^2 over the nonzero differences

Zeros stay what they are under the null hypothesis, so their ranks are not in the variance. With
few nonzero differences the p-value is exact, with ties; with many it is the normal approximation.
"""

__all__ = ["EXACT", "rank_sums", "signed_rank_p"]

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

EXACT = 20  # nonzero differences, up to which the distribution is enumerated


def rank_sums(
    codes: NDArray[np.unsignedinteger], *, images: int, counted: bool
) -> tuple[Integers, Floats, Integers, Integers]:
    """Sum up the signed ranks of every unit.

    Arguments:
        codes: Codes of all differences, or counts per bin, as `Differences` holds them,
            (units, columns). Codes are sorted in place.
        images: Differences of every unit.
        counted: Whether these are counts.

    Returns:
        2 (R+ - R-); 4 times the null variance of R+ - R-; nonzero differences; and for up to
        `EXACT` of these their ties: bits from high to low, one per difference in the order of
        magnitude, set where it is larger than the one before. Each (units,).
    """
    units = len(codes)
    sums = np.zeros(units, np.int64), np.zeros(units), np.zeros((2, units), np.int64)
    if not counted:
        codes.sort(axis=1)
    _rank_kernel(codes, images, counted, *sums)
    return sums[0], sums[1], *sums[2]


def signed_rank_p(
    difference: Integers, square: Floats, moved: Integers, ties: Integers, *, images: int
) -> Floats:
    """Return two-sided p-values of the signed-rank test, (units,).

    Arguments:
        difference: What `rank_sums` returns, each (units,).
        square: Likewise.
        moved: Likewise.
        ties: Likewise.
        images: Differences of every unit.

    Source:
        Pratt (1959), J. Am. Stat. Assoc. 54, 655; the exact distribution by adding up ranks one
        by one, for a given number of positive ones, since zeros raise all ranks alike.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(difference == 0, 0.0, difference / np.sqrt(square))
    p_value = np.asarray(2 * ndtr(-np.abs(z)))
    few = np.flatnonzero((moved > 0) & (moved <= EXACT))
    few = few[np.argsort(ties[few], kind="stable")]
    exact = np.empty(len(few))
    _exact_kernel(np.abs(difference[few]), moved[few], ties[few], images, exact)
    p_value[few] = exact
    return p_value


@numba.njit(cache=True, nogil=True)
def _rank_kernel(
    codes: NDArray[np.unsignedinteger],
    images: int,
    counted: bool,
    difference: Integers,
    square: Floats,
    moved_ties: Integers,
) -> None:  # pragma: no cover (compiled)
    columns = codes.shape[1]
    for u in range(len(codes)):
        row = codes[u]
        nonzero = 0
        for i in range(columns):
            nonzero += int(row[i]) if counted else int(row[i] > 0)
        below, ties = images - nonzero, 0
        i = 0 if counted else columns - nonzero
        while i < columns:
            if counted:
                positive, negative = int(row[i]), int(row[i + 1])
                i += 2
                if positive + negative == 0:
                    continue
            else:
                positive, negative, magnitude = 0, 0, int(row[i] >> 1)
                while i < columns and row[i] >> 1 == magnitude:
                    negative += int(row[i] & 1)
                    i += 1
                    positive += 1
                positive -= negative
            tied = positive + negative
            rank = 2 * below + tied + 1  # twice the mid-rank
            difference[u] += (positive - negative) * rank
            square[u] += tied * np.float64(rank) * rank
            if nonzero <= EXACT:
                ties = (ties << tied) | (1 << (tied - 1))
            below += tied
        moved_ties[0, u] = nonzero
        moved_ties[1, u] = ties


@numba.njit(cache=True, nogil=True)
def _exact_kernel(
    difference: Integers, moved: Integers, ties: Integers, images: int, p_value: Floats
) -> None:  # pragma: no cover (compiled)
    """Units with the same ties follow each other and share one distribution."""
    ways = np.empty((EXACT + 1, EXACT * (EXACT + 1) + 1))
    last = 0
    for u in range(len(ties)):
        m = moved[u]
        zeros, most = images - m, m * (m + 1)
        if ties[u] != last:
            _tail(ties[u], m, ways)
            last = ties[u]
        # Doubled ranks of k differences of one sign add up to 2 zeros k + s.
        larger = (2 * zeros * m + most + difference[u]) // 2
        tail = 0.0
        for k in range(m + 1):
            least = max(0, larger - 2 * zeros * k)
            if least <= most:
                tail += ways[k, least]
        p_value[u] = min(1.0, 2 * tail / 2.0**m)


@numba.njit(cache=True)
def _tail(ties: int, m: int, ways: Floats) -> None:  # pragma: no cover (compiled)
    """Count the ways to choose k of m ranks, zeros left aside, with a doubled sum of s or more."""
    most = m * (m + 1)
    ways[: m + 1, : most + 1] = 0
    ways[0, 0] = 1
    done = total = 0
    while done < m:
        tied = 1
        while done + tied < m and not (ties >> (m - 1 - done - tied)) & 1:
            tied += 1
        rank = 2 * done + tied + 1
        for _ in range(tied):
            for k in range(done, -1, -1):
                for s in range(total + 1):
                    ways[k + 1, s + rank] += ways[k, s]
            done += 1
            total += rank
    for k in range(m + 1):
        for s in range(most - 1, -1, -1):
            ways[k, s] += ways[k, s + 1]
