r"""Pick-freeze designs: which evaluations a block of base points asks for.

A design knows factors only as groups of coordinates in the unit cube. The last factor may be
*nested*: made of parts, each of which has a meaning only inside the ones before it, as an image
has inside its class. Every base point is a pair (a, b) of independent uniform vectors, one row of
a scrambled Sobol' sequence split in two. Around it stand the *nodes* of the block, each a mixture
of a and b:

    A             every coordinate from a            B             every coordinate from b
    AB[g]         a, with group g from b             BA[g]         b, with group g from a
    walk          from A to B in a random order of the factors, one exchanged per step

The groups are the factors, then the first 1, 2, ... parts of the nested one, then its last 1, 2,
... parts. A walk exchanges the parts of the nested factor one after the other, the first part
first; every second walk is the one before it backwards. Steps that end on a node that AB or BA
hold already cost nothing: with `w` walks over `d` factors, and `q` parts, a base point takes at
most ``2 + 2 (d + 2 (q - 1)) + w (d - 3 + q - 1)`` evaluations.
"""

__all__ = [
    "CONTEXT",
    "ORIGINAL",
    "PARTS",
    "Block",
    "Design",
    "Factor",
    "design_factors",
    "node_count",
]

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from actsense.draws import stream

ORIGINAL = "original"  # in results, the input without augmentation
CONTEXT = ("order", "content")  # factors of every design, behind its augmentations
PARTS = ("partition", "class", "image")  # of the content, each inside those before it
POINTS_PER_BLOCK = 16  # enough to amortise the float64 update, few enough to hold in memory


@dataclass(frozen=True)
class Factor:
    """One player of the decomposition, or one part of it.

    Attributes:
        name: Its name.
        coordinates: How many uniform coordinates it owns; those of all parts, if it has some.
        parts: Its parts, the outermost first.
    """

    name: str
    coordinates: int
    parts: tuple["Factor", ...] = ()

    @classmethod
    def nested(cls, name: str, parts: Sequence["Factor"]) -> "Factor":
        """Join parts, the outermost first, to one factor."""
        return cls(name, sum(part.coordinates for part in parts), tuple(parts))


def design_factors(own: Sequence[Factor], keys: int) -> tuple[Factor, ...]:
    """Return the factors of a design from those of its augmentations.

    Arguments:
        own: The augmentations.
        keys: Coordinates of their order.
    """
    order, content = CONTEXT
    return (*own, Factor(order, keys), Factor.nested(content, [Factor(p, 1) for p in PARTS]))


def node_count(factors: int, parts: int, walks: int) -> int:
    """Return the most evaluations that a base point takes.

    Arguments:
        factors: Factors of the design.
        parts: Parts of the last one.
        walks: Walks per base point.
    """
    inner = max(0, parts - 1)
    between = factors - 3 + inner if factors > 2 else 0  # nodes of a walk that no group has
    return 2 + 2 * (factors + 2 * inner) + walks * between


@dataclass(frozen=True)
class Block:
    """The evaluations of a few base points.

    Attributes:
        coordinates: Uniform coordinates of every node, (points, nodes, coordinates) in [0, 1).
        path: Node at every position of every walk, (points, walks, steps + 1).
        exchanged: What every step exchanges, (points, walks, steps): a factor by its number, or a
            part of the last one, numbered from there on.
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
        factors: The players, in the order of every result; the last one may have parts.
        base_points: Base points per replicate; a power of two, for the balance of the sequence.
        replicates: Independent scrambles, from which the intervals come; at least two.
        walks: Walks per base point; every second one reverses the one before it.
        seed: Seed of the whole study.

    Raises:
        ValueError: If `base_points` is no power of two, a count is too small, or a factor
            before the last has parts.
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
        if any(factor.parts for factor in self.factors[:-1]):
            raise ValueError("Only the last factor of a design can have parts.")

    @property
    def points_per_block(self) -> int:
        """Base points in one block."""
        return min(POINTS_PER_BLOCK, self.base_points)

    @property
    def blocks(self) -> int:
        """Blocks in one replicate."""
        return self.base_points // self.points_per_block

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts of the last factor."""
        return tuple(part.name for part in self.factors[-1].parts)

    @property
    def nodes(self) -> int:
        """Evaluations per base point, before equal ones are recognised."""
        return node_count(len(self.factors), len(self.parts), self.walks)

    @property
    def evaluations(self) -> int:
        """Evaluations of the whole design, before equal ones are recognised."""
        return self.replicates * self.base_points * self.nodes

    @cached_property
    def _atoms(self) -> tuple[Factor, ...]:
        """What is exchanged as a whole: the factors, the last one part by part."""
        *others, last = self.factors
        return (*others, *(last.parts or (last,)))

    @cached_property
    def _groups(self) -> NDArray[np.bool_]:
        """Atoms of every group, (groups, atoms)."""
        atoms, plain, parts = len(self._atoms), len(self.factors) - 1, len(self.parts)
        numbers = np.arange(atoms)
        factors = [numbers == j for j in range(plain)] + [numbers >= plain]
        first = [(numbers >= plain) & (numbers < plain + count) for count in range(1, parts)]
        last = [numbers >= atoms - count for count in range(1, parts)]
        return np.stack([*factors, *first, *last])

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
        path, inner = self._walk_nodes(exchanged)

        groups, atoms = self._groups.shape
        from_b = np.zeros((len(a), self.nodes, atoms), dtype=bool)
        from_b[:, 1] = True
        from_b[:, 2 : 2 + groups] = self._groups
        from_b[:, 2 + groups : 2 + 2 * groups] = ~self._groups
        from_b[:, 2 + 2 * groups :] = inner
        owner = np.repeat(np.arange(atoms), [atom.coordinates for atom in self._atoms])
        coordinates = np.where(from_b[..., owner], b[:, None], a[:, None])
        return Block(coordinates, path, exchanged)

    def _base_points(
        self, replicate: int, number: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        width = sum(factor.coordinates for factor in self.factors)
        from scipy.stats import qmc  # who only counts evaluations need not wait for SciPy

        sequence = qmc.Sobol(2 * width, scramble=True, rng=stream(self.seed, self.name, replicate))
        if number:
            sequence.fast_forward(number * self.points_per_block)
        points = sequence.random(self.points_per_block)
        return points[:, :width], points[:, width:]

    def _factor_orders(self, replicate: int, number: int) -> NDArray[np.int64]:
        """Return what every step of every walk exchanges, (points, walks, steps)."""
        factor = np.minimum(np.arange(len(self._atoms)), len(self.factors) - 1)
        turns = self._turns(replicate, number)[..., factor]
        orders = turns.argsort(axis=-1, kind="stable")  # parts share a turn and keep their order
        pairs = np.stack([orders, orders[..., ::-1]], axis=2)
        return pairs.reshape(len(orders), -1, orders.shape[2])[:, : self.walks]

    def _turns(self, replicate: int, number: int) -> NDArray[np.int64]:
        """Return when every factor is exchanged, (points, pairs of walks, factors)."""
        shape = (self.points_per_block, (self.walks + 1) // 2, len(self.factors))
        return stream(self.seed, self.name, replicate, number).random(shape).argsort(axis=-1)

    def _walk_nodes(
        self, exchanged: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the node at each position of each walk, and the mixtures of the inner nodes."""
        points, walks, steps = exchanged.shape
        position = exchanged.argsort(axis=-1)  # step at which each atom is exchanged
        from_b = position[:, :, None, :] < np.arange(steps + 1)[:, None]  # (.., positions, atoms)
        held = np.concatenate(
            [np.zeros((1, steps), bool), np.ones((1, steps), bool), self._groups, ~self._groups]
        )
        bits = 1 << np.arange(steps)
        codes, first = np.unique(held @ bits, return_index=True)
        mixtures = (from_b @ bits).reshape(points, -1)
        found = np.searchsorted(codes, mixtures).clip(max=len(codes) - 1)
        inner = codes[found] != mixtures
        number = inner.cumsum(axis=1) - 1  # of an inner node, within its base point
        path = np.where(inner, len(held) + number, first[found])
        nodes = np.zeros((points, self.nodes - len(held), steps), dtype=bool)
        rows, places = np.nonzero(inner)
        nodes[rows, number[rows, places]] = from_b.reshape(points, -1, steps)[rows, places]
        return path.reshape(points, walks, steps + 1), nodes
