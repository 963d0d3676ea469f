"""The compiled kernel behind the sums of a block: one pass over the responses of a tile of units.

Indices of rows are looked up before the loop over units, or the compiler would not vectorize it.
"""

__all__ = ["SPLIT", "UNITS_PER_TILE", "add_block"]

import numba
import numpy as np
from numpy.typing import NDArray

UNITS_PER_TILE = 1024  # all sums of a tile stay in a core's second-level cache
# Sums of a block are rounded to the 24 bits of a float32 response (Veltkamp, see Dekker 1971):
# float64 sums of them are exact unless they differ too much, and no cut into shards changes a bit.
SPLIT = 2.0**29 + 1


# No fast mathematics: fused operations would make the last bit depend on how this was compiled.
@numba.njit(cache=True, nogil=True)
def add_block(
    first: int,
    end: int,
    sums: NDArray[np.float64],
    carried: NDArray[np.float64],
    begins: bool,
    ends: bool,
    start: int,
    responses: NDArray[np.float32],
    place: NDArray[np.int64],
    steps: NDArray[np.int64],
    exchanged: NDArray[np.int64],
    factors: int,
    parts: int,
) -> None:  # pragma: no cover (compiled)
    """Add a block to the sums of some tiles: every row is read once and stays in cache.

    Sums of a tile are float64: squares of the smallest and of the largest responses fit into it.
    Those of a block whose base points come in turn are carried from one call to the next; `sums`
    themselves carry those of the first block.
    """
    units = responses.shape[1]
    split = SPLIT if responses.itemsize == 4 else 1.0
    part = np.empty((sums.shape[0], UNITS_PER_TILE), np.float64)
    for tile in range(first, end):
        low = tile * UNITS_PER_TILE
        width = min(UNITS_PER_TILE, units - low)
        part[:] = 0
        if not begins:
            for row in range(sums.shape[0]):
                for u in range(width):
                    part[row, u] = carried[row, start + low + u]
                    carried[row, start + low + u] = 0
        _sum_tile(low, width, part, responses, place, steps, exchanged, factors, parts)
        for row in range(sums.shape[0]):
            for u in range(width):
                if ends:
                    high = split * part[row, u]
                    sums[row, start + low + u] += high - (high - part[row, u])
                else:
                    carried[row, start + low + u] = part[row, u]


@numba.njit(cache=True, nogil=True)
def _sum_tile(
    low: int,
    width: int,
    part: NDArray[np.float64],
    responses: NDArray[np.float32],
    place: NDArray[np.int64],
    steps: NDArray[np.int64],
    exchanged: NDArray[np.int64],
    factors: int,
    parts: int,
) -> None:  # pragma: no cover (compiled)
    inner = max(0, parts - 1)
    p = np.empty((factors + 2 * inner, UNITS_PER_TILE), np.float64)
    q = np.empty((factors + 2 * inner, UNITS_PER_TILE), np.float64)
    gap = np.empty(UNITS_PER_TILE, np.float64)
    for i in range(len(place)):
        at_a, at_b = place[i, 0], place[i, 1]
        for u in range(width):
            a, b = np.float64(responses[at_a, low + u]), np.float64(responses[at_b, low + u])
            gap[u] = a - b
            part[0, u] += a + b
            part[1, u] += gap[u] * gap[u]
        _add_groups(low, width, part, p, q, gap, responses, place[i], factors, inner)
        _add_pairs(width, part, p, q, factors, inner)
        for w in range(exchanged.shape[1]):
            # A part is worth what it adds to the nodes that share the parts before it with an end.
            end, sign = (at_b, -1.0) if w % 2 == 0 else (at_a, 1.0)
            path, atoms = steps[i, w], exchanged[i, w]
            _add_walk(low, width, part, gap, responses, end, sign, path, atoms, factors, inner)


@numba.njit(cache=True, nogil=True)
def _add_groups(
    low: int,
    width: int,
    part: NDArray[np.float64],
    p: NDArray[np.float64],
    q: NDArray[np.float64],
    gap: NDArray[np.float64],
    responses: NDArray[np.float32],
    nodes: NDArray[np.int64],
    factors: int,
    inner: int,
) -> None:  # pragma: no cover (compiled)
    """Add all sums of single groups; leave the differences in p and q."""
    at_a, at_b = nodes[0], nodes[1]
    swapped = 2 + factors + inner
    spread = len(part) - 2 * factors - 1
    swaps = np.zeros(width, np.float64)
    own = swapped + 2 * factors + inner
    for g in range(len(p)):
        at_c, at_e = (
            nodes[2 + g],
            nodes[2 + len(p) + g],
        )
        for u in range(width):
            p[g, u] = np.float64(responses[at_c, low + u]) - np.float64(responses[at_a, low + u])
            q[g, u] = np.float64(responses[at_e, low + u]) - np.float64(responses[at_b, low + u])
        if g < factors:
            for u in range(width):
                swap = q[g, u] - p[g, u] - gap[u]
                part[swapped + g, u] += swap * swap
                swaps[u] += swap * swap
                total = p[g, u] * p[g, u] + q[g, u] * q[g, u]
                both = 2 * p[g, u] * q[g, u]
                part[spread + 1 + g, u] += total * total
                part[spread + 1 + factors + g, u] += both * both
        if g < factors + inner:
            for u in range(width):
                part[own + g, u] -= 2 * p[g, u] * q[g, u]
        if g < factors or g >= factors + inner:
            total = 2 + g - (inner if g >= factors else 0)
            for u in range(width):
                part[total, u] += p[g, u] * p[g, u] + q[g, u] * q[g, u]
    for u in range(width):
        both = gap[u] * gap[u] + swaps[u] / factors
        part[spread, u] += both * both


@numba.njit(cache=True, nogil=True)
def _add_pairs(
    width: int,
    part: NDArray[np.float64],
    p: NDArray[np.float64],
    q: NDArray[np.float64],
    factors: int,
    inner: int,
) -> None:  # pragma: no cover (compiled)
    row = 2 + 4 * factors + 3 * inner
    for j in range(factors):
        for k in range(j + 1, factors):
            for u in range(width):
                part[row, u] += p[j, u] * q[k, u] + p[k, u] * q[j, u]
            row += 1
    for g in range(factors, factors + inner):
        for j in range(factors - 1):
            for u in range(width):
                part[row, u] += p[j, u] * q[g, u] + p[g, u] * q[j, u]
            row += 1


@numba.njit(cache=True, nogil=True)
def _add_walk(
    low: int,
    width: int,
    part: NDArray[np.float64],
    gap: NDArray[np.float64],
    responses: NDArray[np.float32],
    end: int,
    sign: float,
    path: NDArray[np.int64],
    atoms: NDArray[np.int64],
    factors: int,
    inner: int,
) -> None:  # pragma: no cover (compiled)
    walk = 2 + 2 * factors + inner
    for s in range(len(atoms)):
        from_row, to_row = path[s], path[s + 1]
        row = walk + min(atoms[s], factors - 1)
        for u in range(width):
            before = np.float64(responses[from_row, low + u])
            after = np.float64(responses[to_row, low + u])
            part[row, u] += gap[u] * (before - after)
        if factors - 1 <= atoms[s] < factors - 1 + inner:
            row = walk + 1 + atoms[s]
            for u in range(width):
                before = np.float64(responses[from_row, low + u])
                after = np.float64(responses[to_row, low + u])
                near = np.float64(responses[end, low + u])
                part[row, u] += sign * ((near - before) + (near - after)) * (before - after)
