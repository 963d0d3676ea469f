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

Two things are for the law of the published study alone. The coordinates of a factor may be players
of their own: walks exchange them one at a time, each where chance puts it. And some coordinates
may be *hidden*: no factor has them, and every evaluation draws its own. A walk keeps those of A
for as long as the factors around them are all those of A, and those of B once they are all those
of B; its nodes are then its own, and it takes one evaluation less than it has steps.
"""

__all__ = [
    "CONTEXT",
    "ORIGINAL",
    "PARTS",
    "Block",
    "Design",
    "Factor",
    "Hidden",
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
        apart: Whether walks exchange its coordinates one at a time.
    """

    name: str
    coordinates: int
    parts: tuple["Factor", ...] = ()
    apart: bool = False

    @classmethod
    def nested(cls, name: str, parts: Sequence["Factor"]) -> "Factor":
        """Join parts, the outermost first, to one factor."""
        return cls(name, sum(part.coordinates for part in parts), tuple(parts))


@dataclass(frozen=True)
class Hidden:
    """Coordinates behind those of all factors, which every evaluation draws anew.

    Attributes:
        coordinates: How many there are.
        within: Names of the factors around them: a walk keeps the draw of the end that it shares
            all of these with.
    """

    coordinates: int
    within: tuple[str, ...]


def node_count(factors: int, parts: int, walks: int) -> int:
    """Return the most evaluations that a base point takes, if walks exchange whole factors.

    Arguments:
        factors: Factors of the design.
        parts: Parts of the last one.
        walks: Walks per base point.
    """
    inner = max(0, parts - 1)
    between = factors - 3 + inner if factors > 2 else 0  # nodes of a walk that no group has
    return 2 + 2 * (factors + 2 * inner) + walks * between


@dataclass(frozen=True)
class _Atom:
    """Coordinates that are exchanged as a whole.

    Attributes:
        coordinates: How many.
        factor: Number of their factor.
        exchanged: What a block calls them.
        player: Which turn of a walk is theirs; atoms of one player follow one another.
    """

    coordinates: int
    factor: int
    exchanged: int
    player: int


@dataclass(frozen=True)
class Block:
    """The evaluations of a few base points.

    Attributes:
        coordinates: Uniform coordinates of every node, those of the factors and then hidden ones,
            (points, nodes, coordinates) in [0, 1).
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
        hidden: Coordinates that no factor has, if there are some.

    Raises:
        ValueError: If `base_points` is no power of two, a count is too small, a factor before the
            last has parts, or one has none of the coordinates, or hidden ones are within none.
    """

    name: str
    factors: tuple[Factor, ...]
    base_points: int
    replicates: int
    walks: int = 2
    seed: int = 0
    hidden: Hidden | None = None

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
        if still := [factor.name for factor in self.factors if not factor.coordinates]:
            raise ValueError(f"A factor needs coordinates; {', '.join(still)} has none.")
        names = {factor.name for factor in self.factors}
        if self.hidden and not 0 < len({*self.hidden.within} & names) == len(self.hidden.within):
            raise ValueError(
                f"Hidden coordinates must be within some of {', '.join(names)}; got "
                f"{', '.join(self.hidden.within) or 'none'}."
            )

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
        steps = len(self._atoms)
        if steps == len(self.factors) + max(0, len(self.parts) - 1) and not self.hidden:
            return node_count(len(self.factors), len(self.parts), self.walks)
        return 2 + 2 * len(self._groups) + self.walks * (steps - 1)

    @property
    def evaluations(self) -> int:
        """Evaluations of the whole design, before equal ones are recognised."""
        return self.replicates * self.base_points * self.nodes

    @cached_property
    def _atoms(self) -> tuple["_Atom", ...]:
        """What is exchanged as a whole, in the order of the coordinates.

        Factors are, but for the last one part by part, and others one coordinate at a time.
        """
        atoms: list[_Atom] = []
        for number, factor in enumerate(self.factors):
            player = atoms[-1].player + 1 if atoms else 0
            if factor.parts:
                atoms += [
                    _Atom(part.coordinates, number, number + place, player)
                    for place, part in enumerate(factor.parts)
                ]
            elif factor.apart:
                atoms += [_Atom(1, number, number, player + k) for k in range(factor.coordinates)]
            else:
                atoms.append(_Atom(factor.coordinates, number, number, player))
        return tuple(atoms)

    @cached_property
    def _groups(self) -> NDArray[np.bool_]:
        """Atoms of every group, (groups, atoms)."""
        atoms, plain, parts = len(self._atoms), len(self.factors) - 1, len(self.parts)
        numbers, owners = np.arange(atoms), np.array([atom.factor for atom in self._atoms])
        factors = [owners == j for j in range(plain + 1)]
        start = atoms - parts
        first = [(numbers >= start) & (numbers < start + count) for count in range(1, parts)]
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
        orders = self._atom_orders(replicate, number)
        path, inner = self._walk_nodes(orders)

        groups, atoms = self._groups.shape
        from_b = np.zeros((len(a), self.nodes, atoms), dtype=bool)
        from_b[:, 1] = True
        from_b[:, 2 : 2 + groups] = self._groups
        from_b[:, 2 + groups : 2 + 2 * groups] = ~self._groups
        from_b[:, 2 + 2 * groups :] = inner
        owner = np.repeat(np.arange(atoms), [atom.coordinates for atom in self._atoms])
        coordinates = np.where(from_b[..., owner], b[:, None], a[:, None])
        if self.hidden:
            drawn = self._hidden(self.hidden, from_b, replicate, number)
            coordinates = np.concatenate([coordinates, drawn], axis=2)
        exchanged = np.array([atom.exchanged for atom in self._atoms])[orders]
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

    def _hidden(
        self, hidden: Hidden, from_b: NDArray[np.bool_], replicate: int, number: int
    ) -> NDArray[np.float64]:
        """Return the hidden coordinates of every node, (points, nodes, hidden coordinates).

        Arguments:
            hidden: What is hidden.
            from_b: Which atoms of every node are those of B, (points, nodes, atoms).
            replicate: Which scramble.
            number: Which block of it.
        """
        generator = stream(self.seed, self.name, replicate, number, "hidden")
        drawn = generator.random((*from_b.shape[:2], hidden.coordinates))
        names = [self.factors[atom.factor].name for atom in self._atoms]
        around = from_b[..., [name in hidden.within for name in names]]
        walked = np.arange(from_b.shape[1])[:, None] >= 2 + 2 * len(self._groups)
        of_a, of_b = ~around.any(axis=2, keepdims=True), around.all(axis=2, keepdims=True)
        drawn = np.where(walked & of_a, drawn[:, :1], drawn)
        return np.where(walked & of_b, drawn[:, 1:2], drawn)

    def _atom_orders(self, replicate: int, number: int) -> NDArray[np.int64]:
        """Return which atom every step of every walk exchanges, (points, walks, steps)."""
        player = np.array([atom.player for atom in self._atoms])
        turns = self._turns(replicate, number)[..., player]
        orders = turns.argsort(axis=-1, kind="stable")  # parts share a turn and keep their order
        pairs = np.stack([orders, orders[..., ::-1]], axis=2)
        return pairs.reshape(len(orders), -1, orders.shape[2])[:, : self.walks]

    def _turns(self, replicate: int, number: int) -> NDArray[np.int64]:
        """Return when every player is exchanged, (points, pairs of walks, players)."""
        shape = (self.points_per_block, (self.walks + 1) // 2, self._atoms[-1].player + 1)
        return stream(self.seed, self.name, replicate, number).random(shape).argsort(axis=-1)

    def _walk_nodes(
        self, orders: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the node at each position of each walk, and the mixtures of the inner nodes."""
        points, walks, steps = orders.shape
        position = orders.argsort(axis=-1)  # step at which each atom is exchanged
        from_b = position[:, :, None, :] < np.arange(steps + 1)[:, None]  # (.., positions, atoms)
        held = np.concatenate(
            [np.zeros((1, steps), bool), np.ones((1, steps), bool), self._groups, ~self._groups]
        )
        bits = 1 << np.arange(steps)
        shared = held[:2] if self.hidden else held  # hidden coordinates of the others are fresh
        codes, first = np.unique(shared @ bits, return_index=True)
        mixtures = (from_b @ bits).reshape(points, -1)
        found = np.searchsorted(codes, mixtures).clip(max=len(codes) - 1)
        inner = codes[found] != mixtures
        number = inner.cumsum(axis=1) - 1  # of an inner node, within its base point
        path = np.where(inner, len(held) + number, first[found])
        nodes = np.zeros((points, self.nodes - len(held), steps), dtype=bool)
        rows, places = np.nonzero(inner)
        nodes[rows, number[rows, places]] = from_b.reshape(points, -1, steps)[rows, places]
        return path.reshape(points, walks, steps + 1), nodes
