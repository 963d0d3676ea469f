"""Ways of regions through an attack: planted ones are told apart, curves pass their points."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from patterns_world import AttackWorld, attack_world
from scipy.spatial.transform import Rotation

from actsense.patterns.knowledge import region_posterior
from actsense.patterns.trajectories import (
    TYPES,
    TypeThresholds,
    count_origins,
    mean_changes,
    origins,
    spline,
    trajectory_types,
    type_shares,
)
from actsense.statistics.resampling import image_draws

Floats = NDArray[np.float64]


def types_of(world: AttackWorld, **thresholds: float) -> NDArray[np.int8]:
    return trajectory_types(
        *(world.path, world.directions, world.original, world.adversarial),
        thresholds=TypeThresholds(**thresholds),
    )


@pytest.mark.parametrize("classes", [2, 3, 5, 8])
@pytest.mark.parametrize("seed", range(3))
def test_planted_ways_are_told_apart(classes: int, seed: int) -> None:
    world = attack_world(classes=classes, seed=seed)
    np.testing.assert_array_equal(types_of(world), world.types)


def test_images_whose_class_has_not_changed_go_no_way() -> None:
    world = attack_world()
    assert not types_of(replace(world, adversarial=world.original)).any()


def aside(strength: float, cosine: float = 1.0) -> list[float]:
    """Return a point so far out, at this cosine with the original class, away from the other."""
    return [strength * cosine, -strength * (1 - cosine**2) ** 0.5, 0.0]


@pytest.mark.parametrize(
    ("first", "middle", "last", "expected"),
    [
        (aside(1.3), [0.9, 0.9, 0], [0, 2.5, 0], 1),
        (aside(1.6), [0.9, 0.9, 0], [0, 2.5, 0], 0),  # starts too strong
        (aside(1.3), [0.8, 0.8, 0], [0, 2.5, 0], 0),  # between staying and dipping
        (aside(1.3), [0.9, 0.9, 0], [0, 1.1, 1.3], 0),  # arrives nowhere
        (aside(1.3), [0.6, 0.6, 0], [0, 2.5, 0], 2),
        (aside(1.6), [0.6, 0.6, 0], [0, 2.5, 0], 2),
        (aside(0.95), [0.6, 0.6, 0], [0, 2.5, 0], 0),  # starts neither strong nor weak
        (aside(1.3, 0.85), [0.6, 0.6, 0], [0, 2.5, 0], 0),  # starts elsewhere
        (aside(0.45, -0.5), [2.0, 0, 0], [0, 2.5, 0], 3),
        (aside(0.55, -0.5), [2.0, 0, 0], [0, 2.5, 0], 0),
        (aside(1.3, 0.95), [2.0, 0, 0], [0.9, 0, 0], 4),
        (aside(1.3, 0.95), [2.0, 0, 0], [1.1, 0, 0], 0),
        (aside(1.3, 0.85), [2.0, 0, 0], [0.9, 0, 0], 0),
    ],
)
def test_ways_end_where_their_definition_says(
    first: list[float], middle: list[float], last: list[float], expected: int
) -> None:
    path = np.array([first, middle, last])[:, None, None]
    found = trajectory_types(path, np.eye(3), [0], [1])
    assert found.item() == expected


def test_strengths_are_compared_in_the_unit_they_have() -> None:
    """Twice as strong, those that were weak or in between no longer are."""
    world = attack_world()
    found = types_of(replace(world, path=2 * world.path))
    assert (found[world.types == 3] == 0).all()
    assert (found[world.types == 1] == 0).all()  # starts at 2.8, above 1.5
    wider = types_of(replace(world, path=2 * world.path), strongest=3.0)
    assert (wider[world.types == 1] == 1).all()


def test_no_region_goes_two_of_the_first_three_ways() -> None:
    """By their definition: strong starts are no weak ones, and lows above 1.2 not below 1."""
    default = TypeThresholds()
    assert default.stays > default.dips
    assert default.strong > default.weak


def test_paths_that_do_not_fit_are_refused() -> None:
    world = attack_world()
    with pytest.raises(ValueError, match="with two classes for every image"):
        types_of(replace(world, original=world.original[1:]))
    with pytest.raises(ValueError, match=r"path must be \(steps, images, regions, axes\)"):
        types_of(replace(world, path=world.path[0]))


def test_shares_of_ways_are_means_over_images() -> None:
    world = attack_world(images=30, each=2)
    world.types[:10] = 0
    rows = type_shares(world.types, image_draws(30, 500, seed=0))
    assert [row["type"] for row in rows] == [*TYPES]
    for row in rows:
        assert row["regions"] == 40
        assert row["share"] == pytest.approx(40 / 300)
        assert row["low"] < row["share"] < row["high"]


def test_origins_are_those_of_loops() -> None:
    world = attack_world(images=12)
    adversarial = np.where(np.arange(12) < 3, world.original, world.adversarial)
    before, after = (
        region_posterior(world.path[step].numpy(), world.directions.numpy()) for step in (0, -1)
    )
    expected = [
        before[image, region, world.original[image]]
        for image in range(3, 12)
        for region in range(before.shape[1])
        if after[image, region, adversarial[image]] >= 0.4
    ]
    found = origins(before, after, world.original.numpy(), adversarial)
    np.testing.assert_array_equal(found, expected)
    rows = count_origins(found, bins=10)
    assert sum(row["regions"] for row in rows) == len(expected) > 50
    assert [row["bin_low"] for row in rows[1:]] == [row["bin_high"] for row in rows[:-1]]


def test_turned_and_stretched_embeddings_have_changed_by_as_much() -> None:
    h = np.random.default_rng(0).normal(size=(20, 6, 3))
    axis = np.cross(h, np.roll(h, 1, axis=2))
    axis /= np.linalg.norm(axis, axis=2, keepdims=True)
    turn = Rotation.from_rotvec(0.7 * axis.reshape(-1, 3))
    turned = 1.5 * turn.apply(h.reshape(-1, 3)).reshape(h.shape)
    row = mean_changes(h, turned, image_draws(20, 300, seed=0))
    strength = np.linalg.norm(h, axis=2)
    ends = [row["orientation_low"], row["orientation"], row["orientation_high"]]
    assert ends == pytest.approx([1 - np.cos(0.7)] * 3)
    assert row["strength"] == pytest.approx(0.5 * strength.mean())
    half = 1.96 * 0.5 * strength.mean(axis=1).std() / 20**0.5
    assert row["strength_high"] - row["strength_low"] == pytest.approx(2 * half, rel=0.2)


def test_regions_without_a_direction_have_not_turned() -> None:
    before, after = np.zeros((4, 2, 3)), np.zeros((4, 2, 3))
    before[:, 0], after[:, 0], after[:, 1] = [1, 0, 0], [0, 1, 0], [0, 0, 3]
    row = mean_changes(before, after, image_draws(4, 50, seed=0))
    assert row["orientation"] == pytest.approx(1)
    assert row["strength"] == pytest.approx(1.5)
    nowhere = mean_changes(before[:, 1:], after[:, 1:], image_draws(4, 50, seed=0))
    assert np.isnan(nowhere["orientation"])


def nearest(curve: Floats, point: Floats) -> float:
    return float(np.linalg.norm(curve - point, axis=1).min())


@pytest.mark.parametrize("count", [2, 3, 4, 12])
def test_splines_pass_through_their_points(count: int) -> None:
    points = np.random.default_rng(count).normal(size=(count, 3))
    curve = spline(points, 20_001)
    np.testing.assert_allclose(curve[[0, -1]], points[[0, -1]], atol=1e-12)
    step = np.linalg.norm(np.diff(curve, axis=0), axis=1).max()
    assert max(nearest(curve, point) for point in points) <= step
    assert step < 0.01


def test_a_spline_through_points_of_a_circle_stays_on_it() -> None:
    """Straight lines would cut its corners, by 8e-3."""
    turns = np.linspace(0, 2, 9)
    curve = spline(np.stack([np.cos(turns), np.sin(turns), 0 * turns], axis=1), 2001)
    assert np.abs(np.linalg.norm(curve, axis=1) - 1).max() < 2e-3


def test_repeated_points_are_passed_once() -> None:
    points = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_array_equal(spline(points.repeat(3, axis=0), 50), spline(points, 50))


def test_few_points_make_what_they_can() -> None:
    np.testing.assert_array_equal(spline(np.ones((4, 3)), 5), np.ones((5, 3)))
    line = spline([[0.0, 0.0], [2.0, 4.0]], 5)
    np.testing.assert_allclose(line, np.linspace(0, 1, 5)[:, None] * [2, 4])
    with pytest.raises(ValueError, match="one or more"):
        spline(np.ones((0, 3)), 5)
