"""The one-pass kernels against a direct evaluation of every sum."""

from functools import reduce
from itertools import combinations, pairwise
from operator import add

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from actsense.device.memory import Memory
from actsense.sampling.designs import Block, Design, Factor
from actsense.sensitivity import accumulator as accumulator_module
from actsense.sensitivity.accumulator import Accumulator, _add_on_device
from actsense.sensitivity.moments import Moments, layout, row_count

PARTS = tuple(Factor(f"part {m}", 1) for m in range(3))
FACTORS = (*(Factor(f"x{j}", 1) for j in range(3)), Factor.nested("x3", PARTS))
NAMES, INSIDE = tuple(f.name for f in FACTORS), tuple(f.name for f in PARTS)
PLAIN = (*FACTORS[:3], Factor("x3", 1))
UNITS = 1100  # more than two tiles


def design(walks: int = 2, factors: tuple[Factor, ...] = FACTORS) -> Design:
    return Design("kernel", factors, base_points=16, replicates=2, walks=walks)


def accumulator_of(
    walks: int = 2, units: int = UNITS, parts: tuple[str, ...] = INSIDE
) -> Accumulator:
    return Accumulator(NAMES, walks, units, parts=parts)


def responses(
    block: Block, seed: int = 0, dtype: torch.dtype = torch.float64
) -> tuple[torch.Tensor, NDArray[np.int64]]:
    """Random activations of fewer rows than nodes, as when some nodes share an image."""
    points, nodes, _ = block.coordinates.shape
    generator = np.random.default_rng(seed)
    rows = points * nodes // 2
    place = generator.integers(0, rows, size=(points, nodes))
    return torch.from_numpy(generator.normal(size=(rows, UNITS))).to(dtype), place


def brute_force(
    y: NDArray[np.float64], place: NDArray[np.int64], block: Block, parts: int = len(PARTS)
) -> NDArray[np.float64]:
    """Every sum by its definition, one base point after another."""
    d, inner = len(FACTORS), max(0, parts - 1)
    groups = d + 2 * inner
    first, last = range(d + inner), [*range(d), *range(d + inner, groups)]
    pairs = [*combinations(range(d), 2), *((j, d + m) for m in range(inner) for j in range(d - 1))]
    rows = layout(d, parts)
    sums = np.zeros((row_count(d, parts), y.shape[1]))
    for i, nodes in enumerate(place):
        a, b = y[nodes[0]], y[nodes[1]]
        p = y[nodes[2 : 2 + groups]] - a
        q = y[nodes[2 + groups : 2 + 2 * groups]] - b
        sums[rows["sum"]] += a + b
        sums[rows["gap"]] += (a - b) ** 2
        sums[rows["total"]] += [p[g] ** 2 + q[g] ** 2 for g in last]
        sums[rows["swapped"]] += [(q[j] + b - p[j] - a) ** 2 for j in range(d)]
        sums[rows["first"]] += [-2 * p[g] * q[g] for g in first]
        sums[rows["cross"]] += [p[j] * q[k] + p[k] * q[j] for j, k in pairs]
        swaps = [(q[j] + b - p[j] - a) ** 2 for j in range(d)]
        sums[rows["spread"]] += ((a - b) ** 2 + np.mean(swaps, axis=0)) ** 2
        sums[rows["spread_total"]] += [(p[j] ** 2 + q[j] ** 2) ** 2 for j in range(d)]
        sums[rows["spread_first"]] += [(2 * p[j] * q[j]) ** 2 for j in range(d)]
        walks = zip(block.path[i], block.exchanged[i], strict=True)
        for walk, (path, exchanged) in enumerate(walks):
            for step, atom in enumerate(exchanged):
                before, after = y[nodes[path[step]]], y[nodes[path[step + 1]]]
                middle = (before + after) / 2
                sums[rows["walk"].start + min(atom, d - 1)] += (a - b) * (before - after)
                if d - 1 <= atom < d - 1 + inner:
                    joined = (b - middle) * (after - before), (a - middle) * (before - after)
                    sums[rows["walk"].start + 1 + atom] += 2 * joined[walk % 2]
    return sums


@pytest.mark.parametrize("walks", [1, 3])
@pytest.mark.parametrize("factors", [FACTORS, PLAIN], ids=["nested", "plain"])
def test_the_kernel_sums_what_the_definitions_say(walks: int, factors: tuple[Factor, ...]) -> None:
    sampled = design(walks, factors)
    block = sampled.block(0, 0)
    y, place = responses(block)
    accumulator = accumulator_of(walks, parts=sampled.parts)
    accumulator.add(y, place, block)
    expected = brute_force(y.numpy(), place, block, len(sampled.parts))

    np.testing.assert_allclose(accumulator.moments().sums, expected, rtol=1e-10, atol=1e-10)
    assert accumulator.moments().forwards == len(y)


def on_device(
    sums: torch.Tensor,
    y: torch.Tensor,
    place: NDArray[np.int64],
    block: Block,
    memory: Memory,
    ends: tuple[int, ...] = (0, 16),
) -> None:
    """Add a block with array operations, some base points at a time."""
    for points in (slice(*pair) for pair in pairwise(ends)):
        steps = np.take_along_axis(place[points, None], block.path[points], axis=2)
        turn = points.start == 0, points.stop == len(place)
        walks = place[points], steps, block.exchanged[points]
        _add_on_device(sums, sums, turn, y, *walks, len(NAMES), len(INSIDE), memory)


def test_the_device_path_gives_the_same_sums() -> None:
    block = design().block(0, 0)
    y, place = responses(block)
    sums = torch.zeros(row_count(len(NAMES), len(INSIDE)), UNITS, dtype=torch.float64)
    on_device(sums, y, place, block, Memory(sums.device, 5, "units"))

    expected = brute_force(y.numpy(), place, block)
    np.testing.assert_allclose(sums.numpy(), expected, rtol=1e-10, atol=1e-10)


def test_tiles_that_do_not_fit_are_added_in_parts_and_none_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    genuine = accumulator_module._tile_sums

    def limited(part: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        added = genuine(part, *rest)
        if part.shape[1] > 150:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return added

    monkeypatch.setattr(accumulator_module, "_tile_sums", limited)
    block = design().block(0, 0)
    y, place = responses(block)
    sums = torch.zeros(row_count(len(NAMES), len(INSIDE)), UNITS, dtype=torch.float64)
    memory = Memory(sums.device, 1000, "units")
    on_device(sums, y, place, block, memory)

    expected = brute_force(y.numpy(), place, block)
    np.testing.assert_allclose(sums.numpy(), expected, rtol=1e-10, atol=1e-10)
    assert memory.size == 125


def test_units_in_parts_give_the_same_bits() -> None:
    block = design().block(0, 0)
    y, place = responses(block, dtype=torch.float32)
    whole, parts = (accumulator_of() for _ in range(2))
    for _ in range(2):
        whole.add(y, place, block)
        for start, stop in pairwise([0, 1, 700, UNITS]):
            parts.add(y[:, start:stop].contiguous(), place, block, start=start)

    np.testing.assert_array_equal(parts.moments().sums, whole.moments().sums)
    assert parts.moments().points == whole.moments().points == 32
    assert parts.moments().forwards == whole.moments().forwards == 2 * len(y)


@pytest.mark.parametrize("ends", [(0, 16), (0, 1, 9, 16), tuple(range(17))])
def test_base_points_in_parts_give_the_same_bits(ends: tuple[int, ...]) -> None:
    """Also in the second block, where sums and what they carry are no longer one array."""
    blocks = [design().block(replicate, 0) for replicate in (0, 1)]
    whole, parts = (accumulator_of() for _ in range(2))
    for seed, block in enumerate(blocks):
        y, place = responses(block, seed, dtype=torch.float32)
        whole.add(y, place, block)
        for first, last in pairwise(ends):
            rows, own = np.unique(place[first:last], return_inverse=True)
            fresh = len(set(rows) - set(place[:first].ravel()))
            at = own.reshape(last - first, -1)
            parts.add(y[torch.from_numpy(rows)], at, block, fresh=fresh)

    np.testing.assert_array_equal(parts.moments().sums, whole.moments().sums)
    assert parts.moments().points == whole.moments().points == 32
    assert parts.forwards == sum(len(np.unique(responses(b, k)[1])) for k, b in enumerate(blocks))


def test_base_points_in_parts_are_summed_up_on_devices() -> None:
    block = design().block(0, 0)
    y, place = responses(block)
    sums = torch.zeros(row_count(len(NAMES), len(INSIDE)), UNITS, dtype=torch.float64)
    on_device(sums, y, place, block, Memory(sums.device, 500, "units"), (0, 3, 11, 16))
    expected = brute_force(y.numpy(), place, block)
    np.testing.assert_allclose(sums.numpy(), expected, rtol=1e-10, atol=1e-10)


def test_a_part_that_is_missing_is_noticed() -> None:
    block = design().block(0, 0)
    y, place = responses(block)
    accumulator = accumulator_of()
    accumulator.add(y[:, :700].contiguous(), place, block)
    with pytest.raises(ValueError, match="Expected units 700 to 1100; got 300 from 800"):
        accumulator.add(y[:, 800:].contiguous(), place, block, start=800)
    with pytest.raises(ValueError, match="ended at unit 700"):
        accumulator.moments()
    accumulator = accumulator_of()
    accumulator.add(y, place[:5], block)
    with pytest.raises(ValueError, match="ended at base point 5"):
        accumulator.moments()


def test_float32_responses_lose_less_than_a_millionth() -> None:
    """Even on an offset a thousand times the spread, because only differences enter."""
    block = design().block(0, 0)
    y, place = responses(block, dtype=torch.float32)
    accumulators = [accumulator_of() for _ in range(2)]
    accumulators[0].add(y, place, block)
    accumulators[1].add(y.double(), place, block)
    single, double = (a.moments() for a in accumulators)
    for name in ("gap", "total", "swapped"):
        np.testing.assert_allclose(single[name], double[name], rtol=1e-6)


@pytest.mark.parametrize("power", [-149, -126, -75, 64, 127])
def test_sums_scale_with_the_smallest_and_the_largest_responses(power: int) -> None:
    """Whole numbers times a power of two are exact in float32, down to the last bit of all."""
    block = design().block(0, 0)
    y, place = responses(block)
    whole = (y * 0.4).round().clamp(-1, 1)
    found = []
    for factor in (1.0, 2.0**power):
        accumulator = accumulator_of()
        accumulator.add((whole * factor).float(), place, block)
        found.append(accumulator.moments().sums[1:])
    squares = row_count(len(NAMES), len(INSIDE)) - 2 * len(NAMES) - 2
    np.testing.assert_array_equal(found[1][:squares], found[0][:squares] * 4.0**power)
    np.testing.assert_array_equal(found[1][squares:], found[0][squares:] * 16.0**power)


def test_the_number_of_threads_changes_no_bit() -> None:
    block = design().block(0, 0)
    y, place = responses(block, dtype=torch.float32)
    before, found = torch.get_num_threads(), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        accumulator = accumulator_of()
        accumulator.add(y, place, block)
        found.append(accumulator.moments().sums)
    torch.set_num_threads(before)

    np.testing.assert_array_equal(*found)


@given(cuts=st.sets(st.integers(1, 9)), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_any_partition_and_order_merge_to_the_whole(cuts: set[int], seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows = row_count(4)
    blocks = [
        Moments(NAMES, 1, 16, 100 + k, generator.normal(loc=1e3, size=(rows, 3)))
        for k in range(10)
    ]
    whole = reduce(add, blocks)
    ends = [0, *sorted(cuts), 10]
    parts = [reduce(add, blocks[i:j]) for i, j in pairwise(ends)]
    generator.shuffle(parts)  # type: ignore[arg-type]
    merged = reduce(add, parts)

    assert (merged.points, merged.forwards) == (whole.points, whole.forwards)
    np.testing.assert_allclose(merged.sums, whole.sums, rtol=1e-12)


def test_swapping_a_and_b_changes_nothing() -> None:
    d = len(FACTORS) + 2 * (len(PARTS) - 1)
    block = design(1).block(0, 0)
    y, place = responses(block)
    swapped = place.copy()
    swapped[:, [0, 1]] = place[:, [1, 0]]
    swapped[:, 2 : 2 + d], swapped[:, 2 + d : 2 + 2 * d] = (
        place[:, 2 + d : 2 + 2 * d],
        place[:, 2 : 2 + d],
    )
    found = []
    for at in (place, swapped):
        accumulator = accumulator_of(1)
        accumulator.add(y, at, block)
        found.append(accumulator.moments())
    for name in ("sum", "gap", "total", "swapped", "first", "cross"):
        np.testing.assert_allclose(found[0][name], found[1][name], rtol=1e-9, atol=1e-9)


def test_moments_of_other_designs_do_not_add() -> None:
    sums = np.zeros((row_count(4), 2))
    with pytest.raises(ValueError, match="different designs do not add"):
        Moments(NAMES, 1, 1, 1, sums) + Moments(NAMES, 2, 1, 1, sums)


def test_responses_of_other_units_are_refused() -> None:
    block = design().block(0, 0)
    y, place = responses(block)
    with pytest.raises(ValueError, match=r"Expected units 0 to 7; got 1100 from 0"):
        accumulator_of(units=7).add(y, place, block)
