"""The input law: every input is a function of declared factors alone."""

import itertools

import numpy as np
import pytest

from actsense.augment import AUGMENTATIONS
from actsense.errors import ConfigError
from actsense.sampling.law import Evaluations, ImagePool, InputLaw

NAMES = ("brightness", "grayscaling", "rolling")


def pool(images: int = 60, classes: int = 3, seed: int = 0) -> ImagePool:
    label = np.arange(images) % classes
    partition = (np.arange(images) // classes) % 2
    return ImagePool.shuffled(partition, label, seed=seed)


def law(kind: str = "switched") -> InputLaw:
    return InputLaw(NAMES, kind, (32, 32), pool())


def uniforms(rows: int, seed: int = 0, kind: str = "switched") -> np.ndarray:
    width = sum(factor.coordinates for factor in law(kind).factors)
    return np.random.default_rng(seed).random((rows, width))


def test_factors_are_the_augmentations_and_their_context() -> None:
    assert [(f.name, f.coordinates) for f in law().factors] == [
        ("brightness", 2),
        ("grayscaling", 1),
        ("rolling", 3),
        ("order", 3),
        ("class", 1),
        ("image", 1),
        ("partition", 1),
    ]
    assert [f.coordinates for f in law("always").factors[:3]] == [1, 1, 2]


def test_marginals_follow_the_law() -> None:
    rows = 40_000
    found = law().decode(uniforms(rows))
    used = [(found.sequence == j).any(axis=1) for j in range(3)]
    for on in used:
        assert abs(on.mean() - 0.5) < 0.01
    brightness = AUGMENTATIONS["brightness"].parameters(32, 32)[0]
    drawn = found.values[used[0], 0]
    assert brightness.low <= drawn.min() <= drawn.max() <= brightness.high
    assert abs(drawn.mean() - (brightness.low + brightness.high) / 2) < 0.02
    assert (found.values[~used[0], 0] == 0).all()
    counts = np.bincount(found.image, minlength=60)
    assert counts.min() > 0.8 * rows / 60
    assert counts.max() < 1.2 * rows / 60


def test_all_orders_are_equally_likely() -> None:
    found = law("always").decode(uniforms(30_000, kind="always"))
    full = found.sequence[(found.sequence >= 0).all(axis=1)]
    for order in itertools.permutations(range(3)):
        share = (full == order).all(axis=1).mean()
        assert abs(share - 1 / 6) < 0.015


def test_always_switches_only_what_has_no_parameters() -> None:
    found = law("always").decode(uniforms(4000, kind="always"))
    on = [(found.sequence == j).any(axis=1).mean() for j in range(3)]
    assert on[0] == on[2] == 1
    assert abs(on[1] - 0.5) < 0.03


def test_the_image_depends_on_its_three_factors_alone() -> None:
    u = uniforms(500)
    changed = uniforms(500, seed=1)
    changed[:, -3:] = u[:, -3:]
    np.testing.assert_array_equal(law().decode(u).image, law().decode(changed).image)


def test_class_and_partition_pick_what_they_say() -> None:
    u = uniforms(2000)
    found = law().decode(u).image
    np.testing.assert_array_equal(found % 3, (3 * u[:, -3]).astype(int))
    np.testing.assert_array_equal((found // 3) % 2, (2 * u[:, -1]).astype(int))


def test_what_is_off_leaves_no_trace_and_is_evaluated_once() -> None:
    u = uniforms(2, seed=3)
    u[1] = u[0]
    u[:, 0] = 0.9  # brightness off
    u[1, 1] = 1 - u[0, 1]  # with another factor that nobody sees
    both = law().decode(u)
    distinct, place = both.distinct()

    assert len(distinct) == 1
    np.testing.assert_array_equal(place, [0, 0])


def test_distinct_rows_rebuild_all_rows() -> None:
    found = law().decode(np.round(uniforms(3000) * 4) / 4.001)
    distinct, place = found.distinct()
    again = distinct[place]

    assert len(distinct) < len(found)
    for name in ("image", "sequence", "values"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    assert list(dict.fromkeys(place.tolist())) == list(range(len(distinct)))


def test_an_augmentation_alone_is_on_and_nothing_else() -> None:
    rows = np.arange(5)
    found = law().alone(rows, 2, np.random.default_rng(0).random((5, 2)))
    plain = law().alone(rows, -1, np.empty((5, 0)))

    assert isinstance(found, Evaluations)
    np.testing.assert_array_equal(found.sequence, [[2, -1, -1]] * 5)
    assert (found.values[:, 0] == 0).all()
    assert (abs(found.values[:, 1:]) > 0).all()
    assert (plain.sequence == -1).all()


def test_balanced_rows_are_different_and_even() -> None:
    rows = pool().balanced(24)
    assert len(set(rows.tolist())) == 24
    assert (np.bincount(rows % 3) == 8).all()
    assert (np.bincount((rows // 3) % 2) == 12).all()
    assert len(pool().balanced(1000)) == 60


def test_a_class_without_images_is_refused() -> None:
    with pytest.raises(ConfigError, match="validation has no image of class number 1"):
        ImagePool.shuffled(np.array([0, 0, 1]), np.array([0, 1, 0]), seed=0)
