"""Designs: pure functions of their numbers, with the nodes they promise."""

import itertools

import numpy as np
import pytest
from scipy.stats import kstest

from actsense.sampling.designs import Design, Factor

FACTORS = (Factor("a", 2), Factor("b", 1), Factor("c", 3), Factor("d", 1), Factor("e", 1))


def design(**changes: object) -> Design:
    settings = {"base_points": 64, "replicates": 3, "walks": 2, "seed": 7} | changes
    return Design("test", FACTORS, **settings)  # type: ignore[arg-type]


def owner() -> np.ndarray:
    return np.repeat(np.arange(len(FACTORS)), [f.coordinates for f in FACTORS])


def from_b(block_coordinates: np.ndarray) -> np.ndarray:
    """Return for every node which factors agree with node B, (points, nodes, factors)."""
    same = block_coordinates == block_coordinates[:, 1:2]
    return np.stack([same[..., owner() == j].all(axis=-1) for j in range(len(FACTORS))], axis=-1)


def test_a_block_depends_on_its_numbers_alone() -> None:
    first, again = design(), design()
    again.block(0, 0), again.block(2, 1)
    for one, other in zip(
        vars(first.block(1, 3)).values(), vars(again.block(1, 3)).values(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_more_base_points_keep_the_first_ones() -> None:
    small, large = design(base_points=64), design(base_points=256)
    np.testing.assert_array_equal(small.block(0, 2).coordinates, large.block(0, 2).coordinates)


@pytest.mark.parametrize("change", [{"seed": 8}, {"name": "other"}])
def test_seed_and_name_change_the_points(change: dict[str, object]) -> None:
    settings = {"name": "test", "factors": FACTORS, "base_points": 64, "replicates": 3, "seed": 7}
    other = Design(**(settings | change))  # type: ignore[arg-type]
    assert (other.block(0, 0).coordinates != design().block(0, 0).coordinates).any()


def test_nodes_take_exactly_the_promised_factors_from_b() -> None:
    block = design().block(0, 1)
    mixed = from_b(block.coordinates)
    one = np.eye(len(FACTORS), dtype=bool)

    assert not mixed[:, 0].any()
    assert mixed[:, 1].all()
    assert (mixed[:, 2:7] == one).all()
    assert (mixed[:, 7:12] == ~one).all()


@pytest.mark.parametrize("walks", [1, 2, 5])
def test_every_walk_leads_from_a_to_b_by_one_factor_at_a_time(walks: int) -> None:
    block = design(walks=walks).block(1, 0)
    mixed = from_b(block.coordinates)
    for point, walk in itertools.product(range(len(mixed)), range(walks)):
        nodes = mixed[point, block.path[point, walk]]
        changes = nodes[1:] ^ nodes[:-1]
        assert not nodes[0].any()
        assert nodes[-1].all()
        assert (changes.sum(axis=1) == 1).all()
        np.testing.assert_array_equal(changes.argmax(axis=1), block.exchanged[point, walk])


def test_walks_share_their_ends_with_the_pick_freeze_nodes() -> None:
    d = len(FACTORS)
    assert design(walks=2).nodes == 2 + 2 * d + 2 * (d - 3)
    path = design(walks=2).block(0, 0).path
    assert (path[..., 1] < 2 + d).all()
    assert ((path[..., d - 1] >= 2 + d) & (path[..., d - 1] < 2 + 2 * d)).all()


def test_every_second_walk_reverses_the_one_before() -> None:
    exchanged = design(walks=2).block(0, 0).exchanged
    np.testing.assert_array_equal(exchanged[:, 0], exchanged[:, 1, ::-1])


@pytest.mark.parametrize("factors", [1, 2, 3])
def test_few_factors_walk_too(factors: int) -> None:
    few = Design("few", FACTORS[:factors], base_points=4, replicates=2, walks=2)
    block = few.block(0, 0)
    assert block.coordinates.shape[1] == few.nodes == 2 + 2 * factors
    assert block.path.max() < few.nodes


def test_a_replicate_is_balanced_and_uniform() -> None:
    """Each coordinate of a scrambled Sobol' sequence has one point in every stratum."""
    whole = design(base_points=256)
    points = np.concatenate([whole.block(0, b).coordinates[:, :2] for b in range(whole.blocks)])
    for coordinate in points.reshape(256, -1).T:
        counts = np.histogram(coordinate, bins=256, range=(0, 1))[0]
        np.testing.assert_array_equal(counts, 1)
        assert kstest(coordinate, "uniform").pvalue > 0.01


def test_a_and_b_are_unrelated() -> None:
    whole = design(base_points=1024)
    points = np.concatenate([whole.block(0, b).coordinates[:, :2] for b in range(whole.blocks)])
    correlation = np.corrcoef(points[:, 0].T, points[:, 1].T)[:8, 8:]

    assert np.abs(correlation).max() < 4 / np.sqrt(1024)


def test_scrambled_points_beat_random_ones_on_a_smooth_function() -> None:
    whole = Design("smooth", (Factor("x", 2),), base_points=256, replicates=30)
    means = [
        np.concatenate([whole.block(r, b).coordinates[:, 0] for b in range(whole.blocks)])
        .prod(axis=1)
        .mean()
        for r in range(30)
    ]
    random = np.random.default_rng(0).random((30, 256, 2)).prod(axis=2).mean(axis=1)
    assert np.var(means) < np.var(random) / 20


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base_points": 48}, "power of two, at least 2; got 48"),
        ({"replicates": 1}, "replicates must be at least 2; got 1"),
        ({"walks": 0}, "walks must be at least 1; got 0"),
    ],
)
def test_impossible_designs_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        design(**changes)


def test_an_absent_block_is_refused() -> None:
    with pytest.raises(ValueError, match="3 replicates of 4 blocks; got replicate 3, block 0"):
        design().block(3, 0)
