"""Blocks in pieces: the same evaluations in the same batches, and moments of the same bits."""

from dataclasses import replace
from itertools import pairwise
from math import inf
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from small_study import build

from actsense.sampling.blocks import cut_block, evaluate_blocks, write_shard
from actsense.sampling.sharding import Shard
from actsense.sensitivity.cuts import cut_moments
from actsense.sensitivity.summing import accumulate_replicate, stream_replicate

BATCH = 7


def first_appearances(place: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number rows in the order in which they appear."""
    _, first, index = np.unique(place, return_index=True, return_inverse=True)
    return first.argsort().argsort()[index].reshape(place.shape)


@given(
    points=st.integers(1, 9),
    nodes=st.integers(1, 6),
    rows=st.integers(1, 60),
    most=st.one_of(st.just(inf), st.integers(1, 60)),
    seed=st.integers(0, 1000),
)
def test_every_row_is_evaluated_once_and_is_there_when_a_base_point_needs_it(
    points: int, nodes: int, rows: int, most: float, seed: int
) -> None:
    place = np.random.default_rng(seed).integers(0, rows, size=(points, nodes))
    place = first_appearances(place)
    turns = cut_block(place, BATCH, most)
    evaluated = np.concatenate([np.r_[turn.rows] for turn in turns])
    np.testing.assert_array_equal(evaluated, np.arange(place.max() + 1))
    assert [turn.points.start for turn in turns] == [0, *(t.points.stop for t in turns[:-1])]
    assert turns[-1].points.stop == points
    held: set[int] = set()
    for turn in turns:
        assert set(turn.kept) <= held
        held = {*turn.kept, *np.r_[turn.rows]}
        assert set(place[turn.points].ravel()) <= held
        assert turn.rows.start % BATCH == 0  # batches are those of the whole block
    assert len(turns) == 1 or most < inf


@pytest.mark.parametrize("rows", [1, 40, 10_000])
def test_pieces_hold_what_the_whole_block_holds(rows: int) -> None:
    sampling = build(batch_size=16)
    (whole,) = evaluate_blocks(sampling, 0, range(1))
    answers = whole.responses.numpy()[whole.place]
    found, fresh = [], 0
    for piece in evaluate_blocks(sampling, 0, range(1), slice(3, 250), most=rows):
        found.append(piece.responses.numpy()[piece.place])
        fresh += piece.fresh
    np.testing.assert_array_equal(np.concatenate(found), answers[:, :, 3:250])
    assert fresh == len(whole.responses)
    assert (len(found) > 1) == (rows < 100)


@pytest.mark.parametrize("tiles", [1, 3])
def test_moments_keep_their_bits_whatever_memory_there_is(tmp_path: Path, tiles: int) -> None:
    """Tiles of units, and pieces of blocks; streamed, and stored some rows at a time."""
    sampling = build(batch_size=16)
    whole = stream_replicate(sampling, 1, range(4)).joined()
    room = room_for(tiles)
    small = replace(sampling, room=room)
    streamed = stream_replicate(small, 1, range(4))
    found = list(streamed.tiles)
    assert len(found) == tiles
    np.testing.assert_array_equal(np.hstack([tile.sums for tile in found]), whole.sums)
    assert {(tile.points, tile.forwards) for tile in found} == {(whole.points, whole.forwards)}

    write_shard(small, Shard(range(1, 2), range(4)), tmp_path / "shard")
    stored = accumulate_replicate(sampling.design, 1, range(4), tmp_path / "shard").joined()
    np.testing.assert_array_equal(stored.sums, whole.sums)


def room_for(tiles: int) -> int:
    """Return a room that needs pieces of blocks, and so many tiles of units."""
    sampling = build(batch_size=16)
    for room in range(10**5, 10**7, 10**5):
        cut = cut_moments(sampling.layers, sampling.design, blocks=4, batch=16, room=room)
        whole = sampling.design.points_per_block * sampling.design.nodes
        if len(cut.tiles) == tiles and cut.rows < whole:
            assert cut.holds <= room
            return room
    raise AssertionError(tiles)


def test_tiles_are_consecutive() -> None:
    sampling = build()
    cut = cut_moments(sampling.layers, sampling.design, blocks=4, batch=16, room=1)
    assert cut.tiles[0].start == 0
    assert cut.tiles[-1].stop == sampling.layers[-1].stop
    assert all(one.stop == other.start for one, other in pairwise(cut.tiles))
