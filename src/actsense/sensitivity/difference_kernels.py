"""Compiled sums and codes of paired differences; see `differences` for what they mean.

All of it is in one module: the compiler looks here for changes, and not in what is imported.
"""

__all__ = [
    "DROPPED",
    "LANES",
    "MAGNITUDE",
    "RAISED",
    "SPANS",
    "SPAN_BITS",
    "UNITS_PER_TILE",
    "add_control",
    "add_pairs",
]

import numba
import numpy as np
from numpy.typing import NDArray

SPANS, SPAN_BITS = 64, 9  # the short magnitudes are cut into so many spans of 2^9 codes each
DROPPED = 16  # bits of a float32 that a short code does without
RAISED = 2.0**23  # before a short code is made, so that numbers below the normal ones keep order
MAGNITUDE = 2**31 - 1  # all bits but the sign
LANES = 128  # units that lie side by side, image by image: processors take many of them at once
UNITS_PER_TILE = 8 * LANES
IMAGES_PER_BLOCK = 128  # whose codes of a tile stay in a core's second-level cache
ZEROS = 8  # places that zeros take in turn: the processor waits for one that it has just written


# No fast mathematics: fused operations would make the last bit depend on how this was compiled.
@numba.njit(cache=True, nogil=True)
def add_pairs(
    first_tile: int,
    end: int,
    sums: NDArray[np.float64],
    kept: NDArray[np.unsignedinteger],
    spans: NDArray[np.uint16],
    dropped: int,
    seen: int,
    start: int,
    origin: NDArray[np.float32],
    control: NDArray[np.float32],
    treated: NDArray[np.float32],
) -> None:  # pragma: no cover (compiled)
    """Add some images to `Differences`: arithmetic image by image, then codes unit by unit."""
    images, units = len(control), sums.shape[1]
    rounded = np.empty(UNITS_PER_TILE, control.dtype)
    codes = np.empty((IMAGES_PER_BLOCK, UNITS_PER_TILE), kept.dtype)
    y = np.empty(UNITS_PER_TILE, sums.dtype)
    scale = RAISED if dropped else 1.0
    for tile in range(first_tile, end):
        low = tile * UNITS_PER_TILE
        stop = min(low + UNITS_PER_TILE, units)
        there, end_there = start + low, start + stop
        for begin in range(0, images, IMAGES_PER_BLOCK):
            size = min(IMAGES_PER_BLOCK, images - begin)
            for i in range(size):
                x, o = control[begin + i, there:end_there], origin[there:end_there]
                d, dd, yy = sums[0, low:stop], sums[1, low:stop], sums[2, low:stop]
                if treated.shape[1] == 1:
                    single = treated[begin + i, 0, there:end_there]
                    _pair(x, single, o, d, dd, yy, scale, rounded)
                else:
                    _mean(treated[begin + i], there, stop - low, y)
                    _pair(x, y, o, d, dd, yy, scale, rounded)
                _encode(rounded.view(np.uint32), codes[i], dropped, stop - low)
            for group in range(low // LANES, -(-stop // LANES)):
                left = group * LANES - low
                width = min(LANES, stop - low - left)
                _spread(codes[:size], left, width, kept[group], spans[low + left :], seen + begin)


@numba.njit(cache=True)
def _spread(
    codes: NDArray[np.unsignedinteger],
    left: int,
    width: int,
    kept: NDArray[np.unsignedinteger],
    spans: NDArray[np.uint16],
    seen: int,
) -> None:  # pragma: no cover (compiled)
    """Keep the codes of some images, or count them; all in one group stays in cache."""
    images, columns = len(codes), len(kept)
    first = max(0, min(columns - seen, images))
    for i in range(first):
        for u in range(width):
            kept[seen + i, u] = codes[i, left + u]
    if first < images:
        if seen + first == columns:
            earlier = np.empty(columns, kept.dtype)
            counts = np.empty(SPANS + ZEROS, np.int64)
            for u in range(width):
                for i in range(columns):
                    earlier[i] = kept[i, u]
                    kept[i, u] = 0
                _share_out(earlier, spans[u], counts)
                for i in range(columns):
                    kept[_place(spans[u], earlier[i], i), u] += earlier[i] != 0
        for i in range(first, images):
            for u in range(width):
                code = codes[i, left + u]
                kept[_place(spans[u], code, i), u] += code != 0


@numba.njit(cache=True)
def _mean(
    treated: NDArray[np.float32], start: int, width: int, y: NDArray[np.float64]
) -> None:  # pragma: no cover (compiled)
    """Average the draws of some units."""
    draws = len(treated)
    for u in range(width):
        y[u] = treated[0, start + u]
    for k in range(1, draws):
        for u in range(width):
            y[u] += treated[k, start + u]
    for u in range(width):
        y[u] /= draws


@numba.njit(cache=True)
def _pair(
    x: NDArray[np.float32],
    y: NDArray[np.floating],
    origin: NDArray[np.float32],
    sum_d: NDArray[np.float64],
    sum_dd: NDArray[np.float64],
    sum_yy: NDArray[np.float64],
    scale: float,
    rounded: NDArray[np.float32],
) -> None:  # pragma: no cover (compiled)
    """Add the differences of one image to the sums, and round them: away from 0 if need be."""
    least = np.float32(1e-45)
    zero = np.float32(0)
    for u in range(len(x)):
        d = np.float64(y[u]) - x[u]
        shifted = np.float64(y[u]) - origin[u]
        sum_d[u] += d
        sum_dd[u] += d * d
        sum_yy[u] += shifted * shifted
        near = np.float32(d * scale)
        tiny = least if d > 0 else (-least if d < 0 else zero)
        rounded[u] = tiny if near == 0 else near


@numba.njit(cache=True)
def _encode(
    bits: NDArray[np.uint32], codes: NDArray[np.unsignedinteger], dropped: int, width: int
) -> None:  # pragma: no cover (compiled)
    for u in range(width):
        magnitude = bits[u] & np.uint32(MAGNITUDE)
        short = max(magnitude >> np.uint32(dropped), np.uint32(magnitude != 0))
        code = (short << np.uint32(1)) | (bits[u] >> np.uint32(31))
        codes[u] = code if magnitude else np.uint32(0)


@numba.njit(cache=True)
def _place(
    spans: NDArray[np.uint16], code: int, image: int
) -> np.uint64:  # pragma: no cover (compiled)
    """Return the bin of a code; any one for a zero, which is not counted.

    It has no branches, which the processor could not foresee.
    """
    magnitude = np.uint64(code) >> np.uint64(1)
    span = np.uint64(spans[magnitude >> np.uint64(SPAN_BITS)])
    within = (magnitude & np.uint64((1 << SPAN_BITS) - 1)) * (span & np.uint64(255))
    within >>= np.uint64(SPAN_BITS)
    place = np.uint64(2) * ((span >> np.uint64(8)) + within) + np.uint64(code & 1)
    return place if code else np.uint64(image & (ZEROS - 1))


@numba.njit(cache=True)
def _share_out(
    codes: NDArray[np.unsignedinteger], spans: NDArray[np.uint16], counts: NDArray[np.int64]
) -> None:  # pragma: no cover (compiled)
    """Share out the bins of one unit among the spans."""
    counts[:] = 0
    for i in range(len(codes)):
        code = codes[i]
        span = np.uint64(code) >> np.uint64(SPAN_BITS + 1)
        counts[span if code else np.uint64(SPANS + (i & (ZEROS - 1)))] += 1
    total = counts[:SPANS].sum()
    if not total:  # nothing is known of where they will be
        counts[:SPANS] = 1
        total = SPANS
    free = len(codes) // 2
    for j in range(SPANS):
        free -= counts[j] > 0 or j == 0 or counts[j - 1] > 0
    first = 0
    for j in range(SPANS):
        if counts[j]:
            bins = 1 + free * counts[j] // total
            spans[j] = first << 8 | bins
            first += bins
        else:
            first += j == 0 or counts[j - 1] > 0
            spans[j] = (first - 1) << 8 | 1


@numba.njit(cache=True, nogil=True)
def add_control(
    first_tile: int,
    end: int,
    sums: NDArray[np.float64],
    origin: NDArray[np.float32],
    control: NDArray[np.float32],
) -> None:  # pragma: no cover (compiled)
    """Add some images to `Responses`."""
    images, units = control.shape
    for tile in range(first_tile, end):
        low = tile * UNITS_PER_TILE
        stop = min(low + UNITS_PER_TILE, units)
        o, sum_x, sum_xx = origin[low:stop], sums[0, low:stop], sums[1, low:stop]
        for i in range(images):
            row = control[i, low:stop]
            for u in range(stop - low):
                x = np.float64(row[u]) - o[u]
                sum_x[u] += x
                sum_xx[u] += x * x
