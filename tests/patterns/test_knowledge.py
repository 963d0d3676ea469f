"""Knowledge points: what follows from their definition, and intervals against other ways."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from patterns_world import region_world, spread_directions
from scipy.stats import binomtest

from actsense.patterns.knowledge import (
    QUANTITIES,
    THRESHOLDS,
    class_counts,
    class_points,
    count_points,
    exchange_regions,
    knowledge_points,
    mean_strength,
    paired_differences,
    region_posterior,
    threshold_counts,
)
from actsense.patterns.radial import concentration
from actsense.statistics.resampling import image_draws

IMAGES, REGIONS, CLASSES = 40, 9, 4
Floats = NDArray[np.float64]
DRAWS = image_draws(IMAGES, 400, seed=0)


def probabilities(seed: int = 0, images: int = IMAGES) -> tuple[Floats, NDArray[np.int64]]:
    """Return posteriors of which some are clear, and labels that are often those of the best."""
    generator = np.random.default_rng(seed)
    found = generator.dirichlet(np.full(CLASSES, 0.7), size=(images, REGIONS))
    labels = found.sum(axis=1).argmax(axis=1)
    return found, labels


def counted(seed: int = 0) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    return knowledge_points(*probabilities(seed))


def test_embeddings_over_their_mean_strength_have_the_mean_length_one() -> None:
    h = torch.randn(5, REGIONS, 3, generator=torch.Generator().manual_seed(0))
    lengths = (h / mean_strength(h)).norm(dim=2)
    assert float(lengths.mean()) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_embeddings_without_a_scale_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="a finite mean length above 0"):
        mean_strength(np.full((3, REGIONS, 3), value))


def test_posteriors_are_softmaxes_of_concentration_times_cosine() -> None:
    h = np.random.default_rng(0).normal(size=(3, REGIONS, 3))
    directions = spread_directions(CLASSES).numpy()
    strength = np.linalg.norm(h, axis=2, keepdims=True)
    kappa = concentration(torch.from_numpy(strength)).numpy()
    expected = np.exp(kappa * (h / strength) @ directions.T)
    expected /= expected.sum(axis=2, keepdims=True)
    np.testing.assert_allclose(region_posterior(h, directions), expected, rtol=1e-9)


def test_higher_thresholds_leave_no_more_points() -> None:
    found, labels = probabilities()
    rows = [*threshold_counts(found, labels, DRAWS)]
    assert [row["threshold"] for row in rows] == [*THRESHOLDS]
    points = np.array([row["points"] for row in rows])
    assert (np.diff(points) <= 0).all()
    assert points[0] > points[-1] > 0


def test_a_threshold_below_even_shares_takes_all_regions() -> None:
    found, labels = probabilities()
    assert knowledge_points(found, labels, threshold=1 / CLASSES)[0].all()


@pytest.mark.parametrize("threshold", [0.5, np.nextafter(0.5, 1)])
def test_a_region_at_the_threshold_is_a_point(threshold: float) -> None:
    points, _ = knowledge_points(np.array([[[0.5, 0.25, 0.25]]]), [1], threshold=threshold)
    assert points.item() == (threshold == 0.5)


def test_reliable_points_are_points_that_name_the_label() -> None:
    found, labels = probabilities()
    points, reliable = knowledge_points(found, labels)
    for image, region in np.ndindex(points.shape):
        best = max(range(CLASSES), key=lambda y: found[image, region, y])
        assert points[image, region] == (found[image, region, best] >= 0.4)
        assert reliable[image, region] == (points[image, region] and best == labels[image])


def test_classes_in_another_order_leave_counts() -> None:
    found, labels = probabilities()
    order = np.array([2, 0, 3, 1])  # of the new classes among the old
    moved = knowledge_points(found[:, :, order], np.argsort(order)[labels])
    for one, other in zip(moved, knowledge_points(found, labels), strict=True):
        np.testing.assert_array_equal(one, other)


def test_points_of_a_class_above_one_half_are_the_reliable_ones() -> None:
    found, labels = probabilities()
    _, reliable = knowledge_points(found, labels, threshold=0.6)
    np.testing.assert_array_equal(class_points(found, labels, threshold=0.6), reliable)


def test_labels_that_do_not_fit_are_refused() -> None:
    found, labels = probabilities()
    for function in (knowledge_points, class_points):
        with pytest.raises(ValueError, match="with a class for every image"):
            function(found, labels[1:])


def test_counts_are_means_and_wilson_that_of_scipy() -> None:
    points, reliable = counted()
    row = count_points(points, reliable, DRAWS)
    hits, trials = int(reliable.sum()), int(points.sum())
    wilson = binomtest(hits, trials).proportion_ci(method="wilson")
    assert row["points"] == pytest.approx(trials / IMAGES)
    assert row["reliable"] == pytest.approx(hits / IMAGES)
    assert row["ratio"] == pytest.approx(hits / trials)
    assert (row["ratio_low"], row["ratio_high"]) == pytest.approx((wilson.low, wilson.high))
    assert (row["images"], row["regions"]) == (IMAGES, REGIONS)


def test_intervals_over_images_are_those_of_normal_means() -> None:
    """Of the mean, and of the ratio by its linearisation, both to a tenth of their width."""
    points, reliable = counted()
    row = count_points(points, reliable, image_draws(IMAGES, 20_000, seed=0))
    counts, right = points.sum(axis=1), reliable.sum(axis=1)
    residual = (right - row["ratio"] * counts) / counts.mean()
    for middle, spread, low, high in (
        (counts.mean(), counts.std(), row["points_low"], row["points_high"]),
        (row["ratio"], residual.std(), row["ratio_boot_low"], row["ratio_boot_high"]),
    ):
        half = 1.96 * spread / IMAGES**0.5
        assert (low, high) == pytest.approx((middle - half, middle + half), abs=0.2 * half)


def test_images_that_hang_together_widen_the_interval_over_images_alone() -> None:
    """Regions of an image that are all alike tell no more than one of them."""
    points = np.ones((IMAGES, REGIONS), bool)
    reliable = np.repeat(np.arange(IMAGES)[:, None] % 2 == 0, REGIONS, axis=1)
    row = count_points(points, reliable, image_draws(IMAGES, 2000, seed=0))
    wilson = row["ratio_high"] - row["ratio_low"]
    images = row["ratio_boot_high"] - row["ratio_boot_low"]
    assert images / wilson == pytest.approx(REGIONS**0.5, rel=0.15)


def test_a_ratio_of_no_points_is_undefined() -> None:
    none = np.zeros((IMAGES, REGIONS), bool)
    row = count_points(none, none, DRAWS)
    assert (row["points"], row["points_low"], row["points_high"]) == (0, 0, 0)
    assert np.isnan([row[name] for name in row if name.startswith("ratio")]).all()


def test_classes_add_up_to_all_images() -> None:
    found, labels = probabilities()
    points, reliable = knowledge_points(found, labels)
    rows = class_counts(points, reliable, labels, CLASSES + 1)
    total = count_points(points, reliable, DRAWS)
    assert sum(row["images"] for row in rows) == IMAGES
    for name in ("points", "reliable"):
        added = sum(row[name] * row["images"] for row in rows[:-1])
        assert added / IMAGES == pytest.approx(total[name])
    for row in rows[:-1]:
        assert row["ratio"] == pytest.approx(row["reliable"] / row["points"])
        assert row["ratio_low"] < row["ratio"] < row["ratio_high"] or row["ratio"] in (0, 1)
    assert rows[-1]["images"] == 0
    assert np.isnan([rows[-1][name] for name in (*QUANTITIES, "ratio_low")]).all()


def test_a_network_does_not_differ_from_itself() -> None:
    found = paired_differences(counted(), counted(), DRAWS)
    assert found == dict.fromkeys(QUANTITIES, (0.0, 0.0, 0.0))


def test_differences_are_those_of_the_counts_and_turn_their_sign() -> None:
    first, second = counted(0), counted(1)
    rows = [count_points(*one, DRAWS) for one in (first, second)]
    forth, back = (
        paired_differences(first, second, DRAWS),
        paired_differences(second, first, DRAWS),
    )
    for name in QUANTITIES:
        difference, low, high = forth[name]
        assert difference == pytest.approx(rows[0][name] - rows[1][name])
        assert low <= difference <= high
        assert back[name] == pytest.approx((-difference, -high, -low))


def test_differences_on_the_same_images_are_surer_than_on_others() -> None:
    """Two networks that differ in one region only, while images differ in many."""
    points, reliable = counted()
    fewer = points.copy()
    fewer[:, 0] = False
    _, low, high = paired_differences((points, reliable), (fewer, reliable & fewer), DRAWS)[
        "points"
    ]
    alone = count_points(points, reliable, DRAWS)
    assert high - low < 0.5 * (alone["points_high"] - alone["points_low"])
    assert low > 0


def test_networks_that_saw_other_images_are_not_compared() -> None:
    points, reliable = counted()
    with pytest.raises(ValueError, match="the same images; got 40 and 39"):
        paired_differences((points, reliable), (points[1:], reliable[1:]), DRAWS)


def test_exchanged_regions_keep_their_place_and_lose_their_image() -> None:
    """The reliable ratio falls to how often a random image has the class that is named."""
    world = region_world(200)
    probabilities = 0.1 + 0.6 * np.eye(5)[world.shown][:, None].repeat(16, axis=1)
    moved = exchange_regions(probabilities, seed=0)
    for region in range(16):
        before, after = (np.sort(one[:, region].argmax(axis=1)) for one in (probabilities, moved))
        np.testing.assert_array_equal(before, after)
    intact, lost = (knowledge_points(one, world.labels) for one in (probabilities, moved))
    assert intact[1].sum() == intact[0].sum() == lost[0].sum()
    assert lost[1].sum() / lost[0].sum() == pytest.approx(1 / 5, abs=0.03)
    assert np.array_equal(moved, exchange_regions(probabilities, seed=0))
    assert not np.array_equal(moved, exchange_regions(probabilities, seed=1))
