"""The one-pass kernels against a direct evaluation of every sum."""

from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from actsense.sampling.designs import Block, Design, Factor
from actsense.sampling.memory import Memory
from actsense.sensitivity import accumulator as accumulator_module
from actsense.sensitivity.accumulator import Accumulator, _add_block_on_device
from actsense.sensitivity.moments import Moments, layout

FACTORS = tuple(Factor(f"x{j}", 1) for j in range(4))
NAMES = tuple(factor.name for factor in FACTORS)
UNITS = 1100  # more than two tiles


def design(walks: int = 2) -> Design:
    return Design("kernel", FACTORS, base_points=16, replicates=2, walks=walks)


def responses(
    block: Block, seed: int = 0, dtype: torch.dtype = torch.float64
) -> tuple[torch.Tensor, NDArray[np.int64]]:
    """Random activations of fewer rows than nodes, as when some nodes share an image."""
    points, nodes, _ = block.coordinates.shape
    generator = np.random.default_rng(seed)
    rows = points * nodes // 2
    place = generator.integers(0, rows, size=(points, nodes))
    return torch.from_numpy(generator.normal(size=(rows, UNITS))).to(dtype), place


def brute_force(y: NDArray[np.float64], place: NDArray[np.int64], block: Block) -> Moments:
    """Every sum by its definition, one base point after another."""
    d = len(FACTORS)
    rows = layout(d)
    sums = np.zeros((rows["cross"].stop, y.shape[1]))
    for i, nodes in enumerate(place):
        a, b = y[nodes[0]], y[nodes[1]]
        c = [y[nodes[2 + j]] for j in range(d)]
        e = [y[nodes[2 + d + j]] for j in range(d)]
        sums[rows["sum"]] += a + b
        sums[rows["gap"]] += (a - b) ** 2
        sums[rows["total"]] += [(c[j] - a) ** 2 + (e[j] - b) ** 2 for j in range(d)]
        sums[rows["swapped"]] += [(e[j] - c[j]) ** 2 for j in range(d)]
        pairs = [(j, k) for j in range(d) for k in range(j, d)]
        sums[rows["cross"]] += [
            (c[j] - a) * (e[k] - b) + (c[k] - a) * (e[j] - b) for j, k in pairs
        ]
        for path, exchanged in zip(block.path[i], block.exchanged[i], strict=True):
            for step, factor in enumerate(exchanged):
                change = y[nodes[path[step]]] - y[nodes[path[step + 1]]]
                sums[rows["walk"].start + factor] += (a - b) * change
    return Moments(NAMES, block.path.shape[1], len(place), len(y), sums)


@pytest.mark.parametrize("walks", [1, 3])
def test_the_kernel_sums_what_the_definitions_say(walks: int) -> None:
    block = design(walks).block(0, 0)
    y, place = responses(block)
    accumulator = Accumulator(NAMES, walks, UNITS)
    accumulator.add(y, place, block)
    expected = brute_force(y.numpy(), place, block)

    np.testing.assert_allclose(accumulator.moments().sums, expected.sums, rtol=1e-10, atol=1e-10)
    assert accumulator.moments().forwards == len(y)


def test_the_device_path_gives_the_same_sums() -> None:
    block = design().block(0, 0)
    y, place = responses(block)
    sums = torch.zeros(layout(len(NAMES))["cross"].stop, UNITS, dtype=torch.float64)
    _add_block_on_device(sums, y, place, block, Memory(sums.device, 5, "units"))

    expected = brute_force(y.numpy(), place, block).sums
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
    sums = torch.zeros(layout(len(NAMES))["cross"].stop, UNITS, dtype=torch.float64)
    memory = Memory(sums.device, 1000, "units")
    _add_block_on_device(sums, y, place, block, memory)

    expected = brute_force(y.numpy(), place, block).sums
    np.testing.assert_allclose(sums.numpy(), expected, rtol=1e-10, atol=1e-10)
    assert memory.size == 125


def test_units_in_parts_give_the_same_bits() -> None:
    block = design().block(0, 0)
    y, place = responses(block, dtype=torch.float32)
    whole, parts = (Accumulator(NAMES, 2, UNITS) for _ in range(2))
    for _ in range(2):
        whole.add(y, place, block)
        for start, stop in pairwise([0, 1, 700, UNITS]):
            parts.add(y[:, start:stop].contiguous(), place, block, start=start)

    np.testing.assert_array_equal(parts.moments().sums, whole.moments().sums)
    assert parts.moments().points == whole.moments().points == 32
    assert parts.moments().forwards == whole.moments().forwards == 2 * len(y)


def test_a_part_that_is_missing_is_noticed() -> None:
    block = design().block(0, 0)
    y, place = responses(block)
    accumulator = Accumulator(NAMES, 2, UNITS)
    accumulator.add(y[:, :700].contiguous(), place, block)
    with pytest.raises(ValueError, match="Expected units 700 to 1100; got 300 from 800"):
        accumulator.add(y[:, 800:].contiguous(), place, block, start=800)
    with pytest.raises(ValueError, match="ended at unit 700"):
        accumulator.moments()


def test_float32_responses_lose_less_than_a_millionth() -> None:
    """Even on an offset a thousand times the spread, because only differences enter."""
    block = design().block(0, 0)
    y, place = responses(block, dtype=torch.float32)
    accumulators = [Accumulator(NAMES, 2, UNITS) for _ in range(2)]
    accumulators[0].add(y, place, block)
    accumulators[1].add(y.double(), place, block)
    single, double = (a.moments() for a in accumulators)
    for name in ("gap", "total", "swapped"):
        np.testing.assert_allclose(single[name], double[name], rtol=1e-6)


def test_the_number_of_threads_changes_no_bit() -> None:
    block = design().block(0, 0)
    y, place = responses(block, dtype=torch.float32)
    before, found = torch.get_num_threads(), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        accumulator = Accumulator(NAMES, 2, UNITS)
        accumulator.add(y, place, block)
        found.append(accumulator.moments().sums)
    torch.set_num_threads(before)

    np.testing.assert_array_equal(*found)


@given(cuts=st.sets(st.integers(1, 9)), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_any_partition_and_order_merge_to_the_whole(cuts: set[int], seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows = layout(4)["cross"].stop
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
    d = len(FACTORS)
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
        accumulator = Accumulator(NAMES, 1, UNITS)
        accumulator.add(y, at, block)
        found.append(accumulator.moments())
    for name in ("sum", "gap", "total", "swapped", "cross"):
        np.testing.assert_allclose(found[0][name], found[1][name], rtol=1e-9, atol=1e-9)


def test_moments_of_other_designs_do_not_add() -> None:
    sums = np.zeros((layout(4)["cross"].stop, 2))
    with pytest.raises(ValueError, match="different designs do not add"):
        Moments(NAMES, 1, 1, 1, sums) + Moments(NAMES, 2, 1, 1, sums)


def test_responses_of_other_units_are_refused() -> None:
    block = design().block(0, 0)
    y, place = responses(block)
    with pytest.raises(ValueError, match=r"Expected units 0 to 7; got 1100 from 0"):
        Accumulator(NAMES, 2, 7).add(y, place, block)
