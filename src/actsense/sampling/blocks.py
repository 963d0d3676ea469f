"""Blocks of a design, evaluated: whole, or some of their base points at a time."""

__all__ = ["Piece", "cut_block", "evaluate_blocks", "write_shard"]

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from actsense.progress import progress
from actsense.sampling.decoding import decode_block
from actsense.sampling.designs import Block
from actsense.sampling.opening import Sampling
from actsense.sampling.plan import stored_rows
from actsense.sampling.sharding import Shard
from actsense.store import create_shard


@dataclass(frozen=True)
class Piece:
    """Some base points of a block with the activations that they need.

    Attributes:
        number: Number of the block.
        block: The block, all of it.
        responses: Activations of different inputs, (rows, units); valid until the next piece.
        place: Row of every node of every base point of the piece, (points, nodes).
        fresh: How many of the rows are in no earlier piece of the block.
    """

    number: int
    block: Block
    responses: Tensor
    place: NDArray[np.int64]
    fresh: int


def evaluate_blocks(
    sampling: Sampling,
    replicate: int,
    numbers: range,
    units: slice | None = None,
    *,
    most: float = inf,
) -> Iterator[Piece]:
    """Yield blocks of a replicate in pieces: base points in their order.

    Nodes that make the same image (an augmentation that is off in both its versions, say) go
    through the network once. Batches are those of the whole block, however it is cut.

    Arguments:
        sampling: Images, network and design.
        replicate: The replicate.
        numbers: The blocks.
        units: Which units are recorded, all by default.
        most: Rows of a piece, but for one base point and one batch at least.
    """
    design, chosen = sampling.design, units or slice(0, sampling.layers[-1].stop)
    desc, size = f"{design.name}, replicate {replicate}", design.points_per_block * design.nodes
    held = sampling.subject.memory.empty(0, chosen.stop - chosen.start)
    for number in progress(numbers, desc=desc, unit="evaluation", each=size):
        block, evaluations, place = decode_block(sampling.design, sampling.law, replicate, number)
        index = np.empty(len(evaluations), dtype=np.int64)
        turns = cut_block(place, sampling.subject.batch_size, most)
        room = max(len(turn.kept) + turn.fresh for turn in turns)
        if len(held) < room:
            del held  # makes room for the next one
            held = sampling.subject.memory.empty(room, chosen.stop - chosen.start)
        for turn in turns:
            before, now = len(turn.kept), len(turn.kept) + turn.fresh
            # One after the other: each comes from its place or from one behind it.
            for row, earlier in enumerate(index[turn.kept]):
                held[row] = held[earlier]
            sampling.evaluate(evaluations[turn.rows], units, held[before:now])
            index[turn.kept], index[turn.rows] = np.arange(before), np.arange(before, now)
            yield Piece(number, block, held[:now], index[place[turn.points]], turn.fresh)


@dataclass(frozen=True)
class Turn:
    """What is evaluated for some base points.

    Attributes:
        points: The base points.
        rows: Rows of the block that are evaluated.
        kept: Earlier rows that the points, or later ones, need.
    """

    points: slice
    rows: slice
    kept: NDArray[np.int64]

    @property
    def fresh(self) -> int:
        """Count the rows that are evaluated."""
        return int(self.rows.stop - self.rows.start)


def cut_block(place: NDArray[np.int64], batch: int, most: float) -> list[Turn]:
    """Cut a block into turns of whole batches, after each of which some base points are complete.

    Arguments:
        place: Row of every node of every base point, (points, nodes); rows are in order of first
            appearance.
        batch: Rows of a batch.
        most: Rows that are held at a time; more where one base point needs them.
    """
    total, last = int(place.max()) + 1, np.maximum.accumulate(place.max(axis=1))
    kept = np.empty(0, dtype=np.int64)
    turns: list[Turn] = []
    done = start = 0
    while start < total:
        stop = start
        while stop < total and (last[done] >= stop or len(kept) + stop + batch - start <= most):
            stop = min(stop + batch, total)
        complete = int(np.searchsorted(last, stop))
        turns.append(Turn(slice(done, complete), slice(start, stop), kept))
        there = np.concatenate([kept, np.arange(start, stop)])
        kept = there[np.isin(there, place[complete:])]
        done, start = complete, stop
    return turns


def write_shard(sampling: Sampling, shard: Shard, path: Path) -> None:
    """Evaluate the blocks of a shard and write their activations to one file."""
    layers, design, law = sampling.layers, sampling.design, sampling.law
    step = stored_rows(layers[-1].stop, sampling.subject.batch_size, sampling.room)
    size = design.points_per_block * design.nodes
    with create_shard(path, {"layers": [layer.described for layer in layers]}) as writer:
        for replicate in shard.replicates:
            desc = f"{design.name}, replicate {replicate}"
            for number in progress(shard.blocks, desc=desc, unit="evaluation", each=size):
                _, evaluations, place = decode_block(design, law, replicate, number)
                rows = min(step, len(evaluations))
                shape = len(evaluations), layers[-1].stop
                writer.begin(replicate, number, place, shape, step=rows)
                for row in range(0, len(evaluations), rows):
                    responses = sampling.evaluate(evaluations[row : row + rows])
                    writer.append(responses.cpu().numpy())
                    del responses  # makes room for the next ones
