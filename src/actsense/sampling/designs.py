r"""Pick-freeze designs: which evaluations a block of base points asks for.

A design knows factors only as groups of coordinates in the unit cube. Every base point is a
pair (a, b) of independent uniform vectors, one row of a scrambled Sobol' sequence split in two.
Around it stand the *nodes* of the block, each a mixture of a and b, one choice per factor:

    A             every factor from a                B             every factor from b
    AB[j]         a, with factor j from b            BA[j]         b, with factor j from a
    walk          from A to B in a random order of the factors, one factor exchanged per step

The first and the last step of a walk end on nodes that AB and BA hold already, so `walks` walks
over `d` factors cost ``2 + 2 d + walks (d - 3)`` evaluations per base point.
"""

__all__ = ["CONTEXT", "Block", "Design", "Factor"]

import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

CONTEXT = ("order", "class", "image", "partition")  # factors of every design, behind its own
POINTS_PER_BLOCK = 16  # enough to amortise the float64 update, few enough to hold in memory


@dataclass(frozen=True)
class Factor:
    """One player of the decomposition: a name and how many uniform coordinates it owns."""

    name: str
    coordinates: int


@dataclass(frozen=True)
class Block:
    """The evaluations of a few base points.

    Attributes:
        coordinates: Uniform coordinates of every node, (points, nodes, coordinates) in [0, 1).
        path: Node at every position of every walk, (points, walks, factors + 1).
        exchanged: Factor exchanged by every step of every walk, (points, walks, factors).
    """

    coordinates: NDArray[np.float64]
    path: NDArray[np.int64]
    exchanged: NDArray[np.int64]


@dataclass(frozen=True)
class Design:
    """Replicated scrambled Sobol' points with their pick-freeze nodes and Shapley walks.

    Block `b` of replicate `r` depends on (seed, name, factors, r, b) alone: it is the same on
    every machine, whatever was asked for before.

    Arguments:
        name: Tells designs of one seed apart.
        factors: The players, in the order of every result.
        base_points: Base points per replicate; a power of two, for the balance of the sequence.
        replicates: Independent scrambles, from which the intervals come; at least two.
        walks: Walks per base point; every second one reverses the one before it.
        seed: Seed of the whole study.

    Raises:
        ValueError: If `base_points` is no power of two, or a count is too small.
    """

    name: str
    factors: tuple[Factor, ...]
    base_points: int
    replicates: int
    walks: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.base_points < 2 or self.base_points & (self.base_points - 1):
            raise ValueError(
                f"base_points must be a power of two, at least 2; got {self.base_points}."
            )
        if self.replicates < 2:
            raise ValueError(f"replicates must be at least 2; got {self.replicates}.")
        if self.walks < 1:
            raise ValueError(f"walks must be at least 1; got {self.walks}.")
        if not self.factors:
            raise ValueError("A design needs at least one factor.")

    @property
    def points_per_block(self) -> int:
        """Base points in one block."""
        return min(POINTS_PER_BLOCK, self.base_points)

    @property
    def blocks(self) -> int:
        """Blocks in one replicate."""
        return self.base_points // self.points_per_block

    @property
    def nodes(self) -> int:
        """Evaluations per base point, before equal ones are recognised."""
        return 2 + 2 * len(self.factors) + self.walks * self._inner_nodes

    @property
    def evaluations(self) -> int:
        """Evaluations of the whole design, before equal ones are recognised."""
        return self.replicates * self.base_points * self.nodes

    @property
    def _inner_nodes(self) -> int:
        return max(0, len(self.factors) - 3)

    @cached_property
    def _owner(self) -> NDArray[np.int64]:
        """Factor that owns each coordinate, (coordinates,)."""
        return np.repeat(np.arange(len(self.factors)), [f.coordinates for f in self.factors])

    def block(self, replicate: int, number: int) -> Block:
        """Build one block.

        Arguments:
            replicate: Which scramble, from 0.
            number: Which block of it, from 0.

        Raises:
            ValueError: If the design has no such replicate or block.
        """
        if not (0 <= replicate < self.replicates and 0 <= number < self.blocks):
            raise ValueError(
                f"Design {self.name!r} has {self.replicates} replicates of {self.blocks} blocks; "
                f"got replicate {replicate}, block {number}."
            )
        a, b = self._base_points(replicate, number)
        exchanged = self._factor_orders(replicate, number)
        path, inner_from_b = self._walk_nodes(exchanged)

        from_b = np.zeros((len(a), self.nodes, len(self.factors)), dtype=bool)
        factors = len(self.factors)
        one = np.eye(factors, dtype=bool)
        from_b[:, 1] = True
        from_b[:, 2 : 2 + factors] = one
        from_b[:, 2 + factors : 2 + 2 * factors] = ~one
        from_b[:, 2 + 2 * factors :] = inner_from_b
        coordinates = np.where(from_b[..., self._owner], b[:, None], a[:, None])
        return Block(coordinates, path, exchanged)

    def _base_points(
        self, replicate: int, number: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        width = len(self._owner)
        from scipy.stats import qmc  # who only counts evaluations need not wait for SciPy

        sequence = qmc.Sobol(2 * width, scramble=True, rng=self._generator(replicate))
        if number:
            sequence.fast_forward(number * self.points_per_block)
        points = sequence.random(self.points_per_block)
        return points[:, :width], points[:, width:]

    def _factor_orders(self, replicate: int, number: int) -> NDArray[np.int64]:
        generator = self._generator(replicate, number)
        shape = (self.points_per_block, (self.walks + 1) // 2, len(self.factors))
        orders = generator.random(shape).argsort(axis=-1)
        pairs = np.stack([orders, orders[..., ::-1]], axis=2)
        return pairs.reshape(shape[0], -1, shape[2])[:, : self.walks]

    def _walk_nodes(
        self, exchanged: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the node at each position of each walk, and the mixtures of the inner nodes."""
        points, walks, factors = exchanged.shape
        path = np.empty((points, walks, factors + 1), dtype=np.int64)
        path[..., 0] = 0
        path[..., 1] = 2 + exchanged[..., 0]
        if factors > 2:
            path[..., factors - 1] = 2 + factors + exchanged[..., -1]
        path[..., factors] = 1
        inner = 2 + 2 * factors + np.arange(walks * self._inner_nodes).reshape(walks, -1)
        path[..., 2 : 2 + self._inner_nodes] = inner

        position = exchanged.argsort(axis=-1)  # step at which each factor is exchanged
        after = np.arange(2, 2 + self._inner_nodes)[:, None]
        inner_from_b = position[:, :, None, :] < after  # (points, walks, inner, factors)
        return path, inner_from_b.reshape(points, walks * self._inner_nodes, factors)

    def _generator(self, *key: int) -> np.random.Generator:
        name = zlib.crc32(self.name.encode())
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(name, *key)))
