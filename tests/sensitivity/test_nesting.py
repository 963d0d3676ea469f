"""The nested factor: what its parts are worth, by enumeration of every pair of base points."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from actsense.sampling.designs import Design, Factor
from actsense.sensitivity.accumulator import Accumulator
from actsense.sensitivity.indices import Indices, estimate_indices

Floats = NDArray[np.float64]
LEVELS = (2, 3, 2, 2, 3)  # of two factors, then of partition, class and image
PLAIN = 2
NAMES = ("switch", "shift", "content", "partition", "class", "image")
PARTS = tuple(Factor(name, 1) for name in NAMES[3:])
FACTORS = (Factor("switch", 1), Factor("shift", 1), Factor.nested("content", PARTS))


@dataclass(frozen=True)
class Enumerated(Design):
    """A design whose only block holds every pair of base points, once for every order."""

    @property
    def points_per_block(self) -> int:
        """All pairs, six times."""
        return int(np.prod(LEVELS)) ** 2 * 6

    def _base_points(self, replicate: int, number: int) -> tuple[Floats, Floats]:
        grid = np.array(list(itertools.product(*(range(n) for n in LEVELS)))) / LEVELS
        one, other = np.meshgrid(np.arange(len(grid)), np.arange(len(grid)), indexing="ij")
        return np.tile(grid[one.ravel()], (6, 1)), np.tile(grid[other.ravel()], (6, 1))

    def _turns(self, replicate: int, number: int) -> NDArray[np.int64]:
        orders = np.array(list(itertools.permutations(range(3))))
        return np.repeat(orders, self.points_per_block // 6, axis=0)[:, None]


def estimated(table: Floats, *, order: NDArray[np.int64] | None = None) -> Indices:
    """Return the indices of units that are tables over all levels, (*LEVELS, units).

    Arguments:
        table: The responses.
        order: Places of the images of every partition and class, (partitions, classes, images).
    """
    design = Enumerated("all", FACTORS, base_points=2**20, replicates=2)
    block = design.block(0, 0)
    accumulator = Accumulator(NAMES[:3], design.walks, table.shape[-1], parts=NAMES[3:])
    points, nodes, width = block.coordinates.shape
    cell = (block.coordinates.reshape(-1, width) * LEVELS).round().astype(np.int64)
    if order is not None:
        cell[:, 4] = order[cell[:, 2], cell[:, 3], cell[:, 4]]
    place = np.ravel_multi_index(tuple(cell.T), LEVELS).reshape(points, nodes)
    accumulator.add(torch.from_numpy(table.reshape(-1, table.shape[-1])), place, block)
    return estimate_indices([accumulator.moments()] * 2)


def worth(table: Floats, known: tuple[int, ...]) -> Floats:
    """Return the variance of the mean response given some axes, (units,)."""
    others = tuple(axis for axis in range(len(LEVELS)) if axis not in known)
    mean = table.mean(axis=others).reshape(-1, table.shape[-1]) if known else table[:1, 0, 0, 0, 0]
    return np.asarray(mean.var(axis=0))


def exact(table: Floats) -> dict[str, Floats]:
    """Return every index by its definition: a part joins the parts before it only."""
    variance = worth(table, tuple(range(5)))
    chain = [(), (2,), (2, 3), (2, 3, 4)]
    blocks = [(0,), (1,), chain[3]]

    def gained(given: tuple[int, ...], new: tuple[int, ...]) -> Floats:
        return worth(table, given + new) - worth(table, given)

    def joined(given: tuple[int, ...]) -> list[Floats]:
        """What every part adds to some factors and the parts before it."""
        return [gained(given + chain[m], chain[m + 1][m:]) for m in range(3)]

    shapley = np.zeros((6, table.shape[-1]))
    for order in itertools.permutations(range(3)):
        given: tuple[int, ...] = ()
        for block in order:
            shapley[block] += gained(given, blocks[block]) / 6
            if block == 2:
                shapley[3:] += np.array(joined(given)) / 6
            given += blocks[block]
    single = [gained((), block) for block in blocks] + joined(())
    rest = [tuple(a for a in range(5) if a not in block) for block in blocks]
    total = [gained(r, block) for r, block in zip(rest, blocks, strict=True)] + joined(rest[2])
    second = np.full((6, 6, table.shape[-1]), np.nan)
    for j in (0, 1):
        interaction = [w - o for w, o in zip(joined((j,)), joined(()), strict=True)]
        for name, value in zip((3, 4, 5), interaction, strict=True):
            second[j, name] = second[name, j] = value
    for j, k in ((0, 1), (0, 2), (1, 2)):
        value = gained(blocks[j], blocks[k]) - gained((), blocks[k])
        second[j, k] = second[k, j] = value
    found = {"S1": np.array(single), "ST": np.array(total), "shapley": shapley, "S2": second}
    return {name: value / variance for name, value in found.items()} | {"variance": variance}


@pytest.fixture(scope="module")
def table() -> Floats:
    """Two units with every interaction, and one of a class and a factor that act together."""
    generator = np.random.default_rng(5)
    both = generator.normal(size=(*LEVELS, 2))
    label = np.array([1.0, -1.0])[None, None, None, :, None, None]
    shift = np.arange(3.0)[None, :, None, None, None, None]
    return np.concatenate([both, np.broadcast_to(label * shift, (*LEVELS, 1))], axis=-1)


@pytest.fixture(scope="module")
def found(table: Floats) -> Indices:
    return estimated(table)


@pytest.mark.parametrize("name", ["S1", "ST", "shapley", "S2", "variance"])
def test_every_index_is_its_definition(name: str, table: Floats, found: Indices) -> None:
    np.testing.assert_allclose(found.values[name], exact(table)[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["S1", "ST", "shapley"])
def test_parts_sum_to_their_factor_and_effects_to_one(name: str, found: Indices) -> None:
    values = found.values[name]
    np.testing.assert_allclose(values[3:].sum(axis=0), values[2], rtol=1e-12)
    if name == "shapley":
        np.testing.assert_allclose(values[:3].sum(axis=0), 1, rtol=1e-12)


def test_the_order_of_the_images_changes_nothing(table: Floats, found: Indices) -> None:
    order = np.random.default_rng(1).permuted(np.tile(np.arange(3), (2, 2, 1)), axis=2)
    other = estimated(table, order=order)
    for name in ("S1", "ST", "shapley", "S2"):
        np.testing.assert_allclose(other.values[name], found.values[name], rtol=1e-9, atol=1e-12)


def test_images_that_differ_by_noise_alone_leave_class_and_partition_with_nothing() -> None:
    """Noise of mean zero in every class of every partition: all of it is the image's."""
    noise = np.random.default_rng(2).normal(size=(1, 1, *LEVELS[2:], 1))
    noise -= noise.mean(axis=4, keepdims=True)
    dimmed = noise * np.array([1.0, 0.5])[:, None, None, None, None, None]
    found = estimated(np.broadcast_to(dimmed, (*LEVELS, 1)))
    for name in ("S1", "ST", "shapley"):
        value = found.values[name][:, 0]
        np.testing.assert_allclose(value[3:5], 0, atol=1e-12)
        assert value[5] == pytest.approx(value[2], rel=1e-12)
        assert value[5] > 0.8
