"""The input law: every input is a function of declared factors alone."""

import itertools

import numpy as np
import pytest
import torch
from scipy.stats import chisquare, kstest

from actsense.augment import AUGMENTATIONS, DIVISIONS, augment
from actsense.data.pool import ImagePool
from actsense.errors import ConfigError
from actsense.sampling.law import Evaluations, InputLaw
from actsense.sampling.settings import DesignSettings

NAMES = ("brightness", "grayscaling", "rolling")


def pool(images: int = 60, classes: int = 3, seed: int = 0) -> ImagePool:
    label = np.arange(images) % classes
    partition = (np.arange(images) // classes) % 2
    return ImagePool.shuffled(partition, label, seed=seed)


def law(kind: str = "switched") -> InputLaw:
    return InputLaw(NAMES, kind, (32, 32), pool())


def patched(*divisions: int, side: int = 32) -> InputLaw:
    """The law of a design whose augmentations cut images into cells."""
    names = ("patch_mask", "hue", "patch_shuffle")
    settings = DesignSettings(augmentations=names, base_points=8)
    if divisions:
        settings = settings.model_copy(update={"divisions": divisions})  # too many cells, too
    return InputLaw.of_design(settings, size=side, pool=pool())


def uniforms(rows: int, seed: int = 0, kind: str = "switched") -> np.ndarray:
    width = sum(factor.coordinates for factor in law(kind).factors)
    return np.random.default_rng(seed).random((rows, width))


def test_factors_are_the_augmentations_and_their_context() -> None:
    assert [(f.name, f.coordinates) for f in law().factors] == [
        ("brightness", 2),
        ("grayscaling", 1),
        ("rolling", 3),
        ("order", 3),
        ("content", 3),
    ]
    assert [part.name for part in law().factors[-1].parts] == ["partition", "class", "image"]
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
    np.testing.assert_array_equal(found % 3, (3 * u[:, -2]).astype(int))
    np.testing.assert_array_equal((found // 3) % 2, (2 * u[:, -3]).astype(int))


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


def test_divisions_are_drawn_equally_often_and_stand_in_the_values() -> None:
    found = patched(6, 2, 5, 3).decode(np.random.default_rng(0).random((8000, 15)))

    for column, on in ((0, (found.sequence == 0)), (4, (found.sequence == 2))):
        used, values = on.any(axis=1), found.values[:, column]
        divisions, counts = np.unique(values[used], return_counts=True)
        assert divisions.tolist() == [2, 3, 5, 6]
        assert chisquare(counts).pvalue > 1e-3
        assert (values[~used] == 0).all()


def test_every_parameter_follows_a_coordinate_of_its_own() -> None:
    own = patched()
    u = np.random.default_rng(0).random((50, 15))
    u[:, [0, 4, 6]] = 0.1  # all three on
    values = own.decode(u).values

    parameters = [parameter for each in own.parameters for parameter in each]
    for column, parameter, coordinate in zip(
        values.T, parameters, [1, 2, 3, 5, 7, 8], strict=True
    ):
        np.testing.assert_array_equal(column, parameter.at(u[:, coordinate]).astype(np.float32))


def test_seeds_are_exact_and_cover_their_range() -> None:
    seeds = patched().decode(np.random.default_rng(0).random((8000, 15))).values[:, 5]

    used = seeds[seeds > 0]
    assert len(np.unique(used.astype(np.int64))) > 0.99 * len(used)
    assert kstest(used / 2**24, "uniform").pvalue > 1e-3


def test_the_order_of_divisions_in_a_configuration_does_not_matter() -> None:
    assert patched(6, 2, 5, 3).parameters == patched(2, 3, 5, 6).parameters


def test_usual_divisions_are_those_of_the_catalog() -> None:
    assert patched().divisions == DIVISIONS == (2, 4, 8)
    assert patched().factors == patched(3).factors


def test_patches_that_are_off_leave_no_trace() -> None:
    u = np.random.default_rng(0).random((2, 15))
    u[1] = u[0]
    u[:, [0, 6]] = 0.9  # both off
    u[1, [1, 2, 3, 7, 8]] = u[0, [1, 2, 3, 7, 8]] / 2  # with other cells, shares and seeds
    distinct, _ = patched().decode(u).distinct()

    assert len(distinct) == 1
    u[:, 6] = 0.1
    distinct, place = patched().decode(np.concatenate([u, u])).distinct()
    assert len(distinct) == 2
    np.testing.assert_array_equal(place, [0, 1, 0, 1])


def test_equal_rows_make_the_same_image_to_the_bit() -> None:
    found = patched(2, 3, 7).decode(np.random.default_rng(0).random((60, 15)))
    images = torch.rand(60, 3, 32, 32, generator=torch.Generator().manual_seed(0))[found.image]
    names = ["patch_mask", "hue", "patch_shuffle"]

    def augmented(rows: np.ndarray) -> torch.Tensor:
        part = found[rows]
        sequence, values = torch.from_numpy(part.sequence), torch.from_numpy(part.values)
        return augment(images[rows], sequence, values, names)

    whole = augmented(np.arange(60))
    backwards = torch.cat([augmented(np.array([i])) for i in reversed(range(60))])
    assert torch.equal(backwards.flip(0), whole)
    assert len(whole.flatten(1).unique(dim=0)) == len(found.distinct()[0])


@pytest.mark.parametrize(
    ("divisions", "side", "most"),
    [((2, 9), 8, 8), ((2, 17), 64, 16), ((0, 2), 32, 16), ((), 7, 7)],
)
def test_divisions_that_do_not_fit_are_refused(
    divisions: tuple[int, ...], side: int, most: int
) -> None:
    message = (
        f"designs, divisions: .* between 1 and {most}, .* patch_mask, patch_shuffle .* {side}"
    )
    with pytest.raises(ConfigError, match=message):
        patched(*divisions, side=side)


def test_divisions_matter_to_patches_alone() -> None:
    assert InputLaw(NAMES, "switched", (4, 4), pool()).divisions == DIVISIONS


def test_balanced_rows_are_different_and_even() -> None:
    rows = pool().balanced(24)
    assert len(set(rows.tolist())) == 24
    assert (np.bincount(rows % 3) == 8).all()
    assert (np.bincount((rows // 3) % 2) == 12).all()
    assert len(pool().balanced(1000)) == 60


def test_a_class_without_images_is_refused() -> None:
    with pytest.raises(ConfigError, match="validation has no image of class number 1"):
        ImagePool.shuffled(np.array([0, 0, 1]), np.array([0, 1, 0]), seed=0)
