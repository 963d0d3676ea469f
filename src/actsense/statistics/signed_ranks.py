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

Floats = NDArray[np.floating]
Integers = NDArray[np.int64]

EXACT = 20  # nonzero differences, up to which the distribution is enumerated
LONGEST = 256  # differences that are sorted all units at once, and summed up in float32


def rank_sums(
    codes: NDArray[np.unsignedinteger], *, units: int, images: int, counted: bool
) -> tuple[Integers, Floats, Integers, Integers]:
    """Sum up the signed ranks of every unit.

    Arguments:
        codes: Codes of all differences, or counts per bin, as `Differences` holds them,
            (groups, columns, units of a group).
        units: How many units there are; others fill up the last group.
        images: Differences of every unit.
        counted: Whether these are counts.

    Returns:
        2 (R+ - R-); 4 times the null variance of R+ - R-; nonzero differences; and for up to
        `EXACT` of these their ties: bits from high to low, one per difference in the order of
        magnitude, set where it is larger than the one before. Each (units,).
    """
    groups, columns, lanes = codes.shape
    sums = np.empty((4, groups, lanes), np.int64)
    if counted:
        _count_kernel(codes, images, sums)
    else:
        few = columns <= LONGEST
        zero: Floats = np.zeros(lanes, np.float32) if few else np.zeros(lanes)
        _rank_kernel(codes if few else np.sort(codes, axis=1), few, zero, sums)
    difference, square, moved, ties = sums.reshape(4, -1)[:, :units]
    return difference, square.astype(np.float64), moved, ties


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
    codes: NDArray[np.unsignedinteger], unordered: bool, zero: Floats, sums: Integers
) -> None:  # pragma: no cover (compiled)
    """Sum up ranks from codes, for all units of a group at once."""
    groups, columns, lanes = codes.shape
    ordered = np.empty((columns, lanes), codes.dtype)
    signed, squares, moved = zero.copy(), zero.copy(), zero.copy()
    for g in range(groups):
        ordered[:] = codes[g]
        if unordered:
            _sort(ordered)
        signed[:], squares[:], moved[:] = zero, zero, zero
        last = np.zeros(lanes, codes.dtype)
        _add_ranks(ordered, last, zero.copy(), zero.copy(), signed, squares, moved)
        _finish(ordered, signed, squares, moved, sums[:, g])


@numba.njit(cache=True)
def _add_ranks(
    ordered: NDArray[np.unsignedinteger],
    last: NDArray[np.unsignedinteger],
    before: Floats,
    balance: Floats,
    signed: Floats,
    squares: Floats,
    moved: Floats,
) -> None:  # pragma: no cover (compiled)
    """Take ties one by one: all numbers are integers that floats of their width hold exactly.

    With k differences before it in its tie, the one at place i of all adds 2 i - k + 2 of its own
    sign, and moves each of those before it by half a rank.
    """
    one, zero = before.dtype.type(1), before.dtype.type(0)
    for i in range(len(ordered)):
        place = before.dtype.type(2 * i + 2)
        for u in range(ordered.shape[1]):
            code = ordered[i, u]
            same = code >> 1 == last[u]
            last[u] = code >> 1
            k = before[u] + one if same else zero
            held = balance[u] if same else zero
            sign = -one if code & 1 else one
            counts = one if code else zero
            before[u] = k
            balance[u] = held + sign
            signed[u] += counts * (sign * (place - k) + held)
            squares[u] += counts * k * (k + one)
            moved[u] += counts


@numba.njit(cache=True)
def _finish(
    ordered: NDArray[np.unsignedinteger],
    signed: Floats,
    squares: Floats,
    moved: Floats,
    sums: Integers,
) -> None:  # pragma: no cover (compiled)
    """Write the sums of a group; the squares lack those of ranks that would not be tied."""
    n = len(ordered)
    for u in range(ordered.shape[1]):
        zeros = n - int(moved[u])
        sums[0, u] = np.int64(signed[u])
        sums[1, u] = 4 * (_squares(n) - _squares(zeros)) - np.int64(squares[u])
        sums[2, u] = np.int64(moved[u])
        ties = 0
        if moved[u] <= EXACT:
            for i in range(zeros, n):
                first = i == zeros or ordered[i, u] >> 1 != ordered[i - 1, u] >> 1
                ties = (ties << 1) | first
        sums[3, u] = ties


@numba.njit(cache=True)
def _squares(n: int) -> int:  # pragma: no cover (compiled)
    return n * (n + 1) * (2 * n + 1) // 6


@numba.njit(cache=True)
def _sort(codes: NDArray[np.unsignedinteger]) -> None:  # pragma: no cover (compiled)
    """Sort every column by comparisons that do not depend on what is sorted.

    Source:
        Batcher's odd-even merge sort; Knuth, The Art of Computer Programming 3, algorithm 5.2.2M.
    """
    n, lanes = codes.shape
    p = 1
    while p < n:
        k = p
        while k:
            for j in range(k % p, n - k, 2 * k):
                for i in range(j, min(j + k, n - k)):
                    if i // (2 * p) == (i + k) // (2 * p):
                        for u in range(lanes):
                            low, high = codes[i, u], codes[i + k, u]
                            codes[i, u] = min(low, high)
                            codes[i + k, u] = max(low, high)
            k //= 2
        p *= 2


@numba.njit(cache=True, nogil=True)
def _count_kernel(
    counts: NDArray[np.unsignedinteger], images: int, sums: Integers
) -> None:  # pragma: no cover (compiled)
    """Sum up ranks from counts, for all units of a group at once."""
    groups, _, lanes = counts.shape
    for g in range(groups):
        moved, signed, squares = np.zeros(lanes), np.zeros(lanes), np.zeros(lanes)
        _add_counts(counts[g], moved)
        below = images - moved
        _add_count_ranks(counts[g], below, signed, squares)
        for u in range(lanes):
            sums[0, g, u], sums[1, g, u] = np.int64(signed[u]), np.int64(squares[u])
            sums[2, g, u] = np.int64(moved[u])
            sums[3, g, u] = _count_ties(counts[g, :, u]) if moved[u] <= EXACT else 0


@numba.njit(cache=True)
def _add_counts(
    counts: NDArray[np.unsignedinteger], moved: Floats
) -> None:  # pragma: no cover (compiled)
    for i in range(len(counts)):
        for u in range(len(moved)):
            moved[u] += counts[i, u]


@numba.njit(cache=True)
def _add_count_ranks(
    counts: NDArray[np.unsignedinteger], below: Floats, signed: Floats, squares: Floats
) -> None:  # pragma: no cover (compiled)
    """Take two bins at a time: rising and falling differences of one magnitude, which are tied."""
    for i in range(0, len(counts), 2):
        for u in range(len(below)):
            positive, negative = np.float64(counts[i, u]), np.float64(counts[i + 1, u])
            tied = positive + negative
            rank = 2 * below[u] + tied + 1  # twice the mid-rank
            signed[u] += (positive - negative) * rank
            squares[u] += tied * rank * rank
            below[u] += tied


@numba.njit(cache=True)
def _count_ties(counts: NDArray[np.unsignedinteger]) -> int:  # pragma: no cover (compiled)
    ties = 0
    for i in range(0, len(counts), 2):
        tied = int(counts[i]) + int(counts[i + 1])
        if tied:
            ties = (ties << tied) | (1 << (tied - 1))
    return ties


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
