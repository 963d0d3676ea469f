"""Measures of quality: closed forms of normal features, SciPy's root of a matrix, and loops."""

from collections import OrderedDict
from math import comb

import numpy as np
import pytest
import torch
from opened import Images, opened
from scipy.linalg import sqrtm
from scipy.special import stdtrit
from scipy.stats import t as student
from torch import nn

from actsense.errors import ConfigError
from actsense.invariance.kept.features import image_features, real_features
from actsense.invariance.kept.quality import (
    coverage,
    frechet_distance,
    image_quality,
    kernel_distance,
    leave_blocks_out,
    precision,
)
from actsense.networks.network import Network
from actsense.networks.subject import Subject
from actsense.statistics.shares import wilson


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def exactly(count: int, mean: np.ndarray, variance: np.ndarray, seed: int) -> np.ndarray:
    """Return features of exactly this mean and diagonal covariance."""
    drawn = normal(count, len(mean), seed=seed)
    drawn -= drawn.mean(axis=0)
    whitened = drawn @ np.linalg.inv(np.linalg.cholesky(np.cov(drawn, rowvar=False))).T
    return mean + whitened * np.sqrt(variance)


# Frechet distance.


def test_frechet_distance_of_normal_features_is_the_closed_form() -> None:
    means, variances = normal(2, 5, seed=1), normal(2, 5, seed=2) ** 2
    a, b = (exactly(50 + k, means[k], variances[k], seed=k) for k in range(2))
    roots = np.sqrt(variances)
    expected = np.square(means[0] - means[1]).sum() + np.square(roots[0] - roots[1]).sum()
    np.testing.assert_allclose(frechet_distance(a, b), expected, rtol=1e-9)


def test_frechet_distance_is_that_by_scipys_root_of_a_matrix() -> None:
    a, b = normal(40, 6) @ normal(6, 6, seed=1), 1 + normal(60, 6, seed=2) @ normal(6, 6, seed=3)
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.trace(sqrtm(first @ second).real)
    expected = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    expected += np.trace(first) + np.trace(second) - 2 * root
    np.testing.assert_allclose(frechet_distance(a, b), expected, rtol=1e-9)
    np.testing.assert_allclose(frechet_distance(b, a), expected, rtol=1e-9)


def test_frechet_distance_of_a_set_to_itself_is_nothing_even_without_full_rank() -> None:
    a = 100 + normal(12, 30)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-5)
    moved = a + np.r_[2.0, np.zeros(29)]
    np.testing.assert_allclose(frechet_distance(a, moved), 4, atol=1e-5)


def test_frechet_distance_of_one_number_needs_no_matrix() -> None:
    a, b = normal(30, 1), 3 * normal(30, 1, seed=1)
    spread = a.std(ddof=1) - b.std(ddof=1)
    np.testing.assert_allclose(
        frechet_distance(a, b), (a.mean() - b.mean()) ** 2 + spread**2, rtol=1e-9
    )


# Kernel distance.


def test_kernel_distance_is_that_of_loops_over_pairs() -> None:
    a, b = normal(7, 3), 0.5 + normal(9, 3, seed=1)

    def mean_kernel(first: np.ndarray, second: np.ndarray, *, others: bool) -> float:
        pairs = [
            (x @ y / 3 + 1) ** 3
            for i, x in enumerate(first)
            for j, y in enumerate(second)
            if not (others and i == j)
        ]
        return float(np.mean(pairs))

    expected = mean_kernel(a, a, others=True) + mean_kernel(b, b, others=True)
    expected -= 2 * mean_kernel(a, b, others=False)
    np.testing.assert_allclose(kernel_distance(a, b), expected, rtol=1e-10)


def test_kernel_distance_has_no_bias_however_few_images() -> None:
    """With one feature it is a sum over moments m_j: of comb(3, j) (m_j - m'_j)^2."""
    moments = (np.array([0, 1, 0]), np.array([0.5, 1 + 0.25, 0.125 + 1.5]))  # N(0, 1), N(1/2, 1)
    gaps = np.square(moments[0] - moments[1])
    expected = sum(comb(3, j + 1) * gap for j, gap in enumerate(gaps))
    generator = np.random.default_rng(0)
    values = np.array(
        [
            kernel_distance(generator.normal(size=(6, 1)), 0.5 + generator.normal(size=(4, 1)))
            for _ in range(6000)
        ]
    )
    error = values.std() / np.sqrt(len(values))
    assert error < 0.2 * expected
    assert abs(values.mean() - expected) < 4 * error


# Precision and coverage.


def loops(real: np.ndarray, generated: np.ndarray) -> tuple[float, float]:
    """Return precision and coverage."""
    radius = [
        sorted(np.linalg.norm(x - y) for j, y in enumerate(real) if j != i)[4]
        for i, x in enumerate(real)
    ]
    near = [
        [bool(np.linalg.norm(g - x) <= r) for x, r in zip(real, radius, strict=True)]
        for g in generated
    ]
    return float(np.any(near, axis=1).mean()), float(np.any(near, axis=0).mean())


def test_precision_and_coverage_are_those_of_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actsense.invariance.kept.quality.ROWS", 7)  # several parts
    real, generated = normal(30, 3), 1.2 + normal(24, 3, seed=1)
    found = precision(real, generated), coverage(real, generated)
    np.testing.assert_allclose(found, loops(real, generated))
    assert 0.1 < found[1] < found[0] < 1


def test_coverage_of_the_same_distribution_is_the_closed_form() -> None:
    """A real image is left out if its five nearest among all the others are real, too."""
    real, generated = 20, 12
    expected = 1 - comb(real - 1, 5) / comb(real - 1 + generated, 5)
    values = [
        coverage(normal(real, 4, seed=2 * seed), normal(generated, 4, seed=2 * seed + 1))
        for seed in range(1000)
    ]
    error = np.std(values) / np.sqrt(len(values))
    assert error < 0.01
    assert abs(np.mean(values) - expected) < 4 * error


def test_images_far_away_are_not_precise_and_cover_nothing() -> None:
    real, generated = normal(40, 3), 100 + normal(40, 3, seed=1)
    assert precision(real, generated) == coverage(real, generated) == 0
    assert precision(real, real) == coverage(real, real) == 1
    # The same image again and again is precise, and covers little.
    again = np.repeat(real[:1], 40, axis=0)
    assert precision(real, again) == 1
    assert coverage(real, again) < 0.5


# Bias and intervals.


def test_the_error_of_a_mean_is_the_textbook_one() -> None:
    a, b = normal(25, 1), normal(25, 1, seed=1)
    value, unbiased, error = leave_blocks_out(
        lambda x, y: float(x.mean() - y.mean()), a, b, blocks=25
    )
    assert unbiased == pytest.approx(value)
    assert error == pytest.approx((a - b).std(ddof=1) / 5)


def test_a_bias_that_goes_with_one_over_n_is_taken_off_to_the_last_bit() -> None:
    a, b = normal(40, 1), normal(40, 1, seed=1)
    found = leave_blocks_out(lambda x, y: float(x.var()), a, b, blocks=40)
    np.testing.assert_allclose(found[1], a.var(ddof=1), rtol=1e-9)


def test_the_floor_of_halves_is_nothing_without_bias_and_something_with_it() -> None:
    numbers, count = 6, 25
    floors = [
        image_quality(normal(160, numbers, seed=seed), normal(80, numbers), seed=seed)[1]
        for seed in range(count)
    ]
    plain, corrected, kernel = (
        np.array(values)
        for values in (
            [floor.frechet_plain for floor in floors],
            [floor.frechet.value for floor in floors],
            [floor.kernel.value for floor in floors],
        )
    )
    # Means alone differ by 2 / n in every number.
    assert plain.mean() > 2 * numbers / 80
    for values in (corrected, kernel):
        assert abs(values.mean()) < 4 * values.std() / np.sqrt(count)
    assert abs(corrected.mean()) < 0.2 * plain.mean()


def test_the_interval_of_the_frechet_distance_holds_the_truth_about_as_often_as_it_says() -> None:
    hits, generator = 0, np.random.default_rng(0)
    for _ in range(100):
        a, b = generator.normal(size=(2, 200, 4))
        _, unbiased, error = leave_blocks_out(frechet_distance, a, 0.5 + 1.2 * b)
        truth = 4 * (0.25 + 0.2**2)
        hits += abs(unbiased - truth) < stdtrit(9, 0.975) * error
    assert 87 <= hits <= 100


def test_intervals_tell_moved_images_from_the_floor() -> None:
    moved, floor = image_quality(normal(400, 4), 0.5 + normal(250, 4, seed=1), seed=0)
    assert moved.images == floor.images == 200
    assert moved.numbers == floor.numbers == 4
    assert moved.frechet.low > max(floor.frechet.high, 0)
    assert moved.kernel.low > max(floor.kernel.high, 0)


def test_intervals_of_shares_are_as_wide_as_those_of_trials_and_stay_between_0_and_1() -> None:
    real, generated = normal(400, 4), 1 + normal(200, 4, seed=1)
    moved, floor = image_quality(real, generated, seed=0)
    for measure in (moved.precision, moved.coverage, floor.precision, floor.coverage):
        assert 0 <= measure.low < measure.value < measure.high <= 1
    assert moved.precision.high - moved.precision.low > 0.1
    assert moved.coverage.high < floor.coverage.low
    far, _ = image_quality(real, 100 + generated, seed=0)
    low, high = wilson(0, 200)
    for measure in (far.precision, far.coverage):
        assert (measure.low, measure.value, measure.high) == (low, 0, high)


def test_the_same_number_of_images_is_on_every_side() -> None:
    samples, floor = image_quality(normal(90, 3), normal(30, 3, seed=1), seed=0)
    assert samples.images == floor.images == 30
    again, _ = image_quality(normal(90, 3), normal(30, 3, seed=1), seed=0)
    assert again == samples
    other, _ = image_quality(normal(90, 3), normal(30, 3, seed=1), seed=1)
    assert other != samples


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return what is compared when `image_quality` runs: generated images, and the floor."""
    pairs: list[tuple[np.ndarray, np.ndarray]] = []

    def watched(a: np.ndarray, b: np.ndarray) -> float:
        if len(a) == 50:  # without blocks left out
            pairs.append((a, b))
        return 0.0

    monkeypatch.setattr("actsense.invariance.kept.quality.precision", watched)
    return pairs


def test_halves_of_real_images_share_none(compared: list[tuple[np.ndarray, np.ndarray]]) -> None:
    real, generated = normal(101, 3), 50 + normal(80, 3, seed=1)
    image_quality(real, generated, seed=0)
    (reference, drawn), (again, others) = compared
    assert len(np.unique(np.concatenate([again, others]), axis=0)) == 100
    np.testing.assert_array_equal(again, reference)
    assert not {*map(tuple, np.concatenate([again, others]))} - {*map(tuple, real)}
    assert {*map(tuple, drawn)} <= {*map(tuple, generated)}
    assert len(np.unique(drawn, axis=0)) == 50
    for chosen, among in ((reference, real), (drawn, generated)):
        assert not (chosen == among[:50]).all()  # in random order


def test_intervals_are_students_over_blocks(
    compared: list[tuple[np.ndarray, np.ndarray]],
) -> None:
    found, _ = image_quality(normal(100, 3), 1 + normal(50, 3, seed=1), seed=0)
    plain, unbiased, error = leave_blocks_out(frechet_distance, *compared[0])
    kernel, _, kernel_error = leave_blocks_out(kernel_distance, *compared[0])
    assert found.frechet_plain == plain
    for measure, value, spread in (
        (found.frechet, unbiased, error),
        (found.kernel, kernel, kernel_error),
    ):
        low, high = student.interval(0.95, 9, loc=value, scale=spread)
        np.testing.assert_allclose((measure.low, measure.value, measure.high), (low, value, high))


def test_too_few_images_are_refused() -> None:
    for real, generated in ((39, 40), (40, 19)):
        with pytest.raises(ConfigError, match=f"40 real and 20 generated.*{real} and {generated}"):
            image_quality(normal(real, 3), normal(generated, 3), seed=0)
    with pytest.raises(ValueError, match="3 features of real images, 4 of others"):
        image_quality(normal(40, 3), normal(40, 4), seed=0)


# Features.


@pytest.fixture
def subject() -> Subject:
    pixels = np.random.default_rng(0).integers(0, 256, (11, 3, 6, 6)).astype(np.uint8)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.Sequential(
            OrderedDict(conv=nn.Conv2d(3, 4, 3), flat=nn.Flatten(), last=nn.Linear(64, 2))
        )
    network = Network("net", module.eval(), (0.5,) * 3, (0.25,) * 3, 6, None)
    return opened(network, Images(pixels, "a", "b"), batch_size=4)


def test_features_of_maps_are_means_over_places(subject: Subject) -> None:
    rows = np.array([3, 0, 10, 7, 1, 2])
    said = subject.tap(["conv", "last"])(subject.read(rows))
    found = real_features(subject, "conv", rows)
    np.testing.assert_allclose(found, said["conv"].detach().mean(dim=(2, 3)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        real_features(subject, "last", rows), said["last"].detach(), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        image_features(subject, "conv", subject.read(rows)), found, rtol=1e-5, atol=1e-6
    )
