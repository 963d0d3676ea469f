"""What came of pictures, against closed forms and slow versions."""

import numpy as np
import pytest
from scipy.stats import percentileofscore
from sklearn.metrics.pairwise import cosine_similarity

from actsense.featvis.outcome.measures import (
    contrast,
    cosine,
    grey_pictures,
    high_frequency,
    likeness,
    percentile,
    ratio_to_best,
    specificity,
)

SIDE = 64


def grating(frequency: float, *, down: bool = False, colour: bool = False) -> np.ndarray:
    """Return a wave of that many cycles per pixel, around a middle grey."""
    wave = 127.5 + 100 * np.sin(2 * np.pi * frequency * np.arange(SIDE) + 0.4)
    picture = np.tile(wave, (SIDE, 1))
    picture = picture.T if down else picture
    channels = [picture, 255 - picture, np.full_like(picture, 90)] if colour else [picture] * 3
    return np.stack(channels).round().astype(np.uint8)


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize(
    ("frequency", "share"), [(4 / 64, 0), (14 / 64, 0), (18 / 64, 1), (0.4, 1)]
)
def test_waves_are_slow_or_fast(frequency: float, share: float, *, down: bool) -> None:
    found = high_frequency(grating(frequency, down=down)[None])
    np.testing.assert_allclose(found, [share], atol=0.02)


def test_white_noise_has_as_much_as_the_plane_outside_a_circle() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 3, SIDE, SIDE)).astype(np.uint8)
    assert high_frequency(noise).mean() == pytest.approx(1 - np.pi / 16, abs=0.005)


def test_what_is_even_has_neither_contrast_nor_frequencies() -> None:
    even = np.full((1, 3, 16, 16), 200, np.uint8)
    assert high_frequency(even) == [0]
    np.testing.assert_allclose(contrast(even), [0], atol=1e-12)


def test_a_level_does_not_count_as_a_frequency() -> None:
    dark, bright = (np.clip(grating(0.1).astype(int) // 2 + k, 0, 255) for k in (0, 100))
    both = high_frequency(np.stack([dark, bright]).astype(np.uint8))
    assert both[0] == pytest.approx(both[1], rel=1e-9)


def test_contrast_is_that_of_the_luminance() -> None:
    black_and_white = np.zeros((1, 3, 8, 8), np.uint8)
    black_and_white[:, :, :4] = 255
    green = black_and_white * np.array([0, 1, 0], np.uint8)[:, None, None]
    np.testing.assert_allclose(contrast(black_and_white), [0.5])
    np.testing.assert_allclose(contrast(green), [0.5 * 0.587])


def test_grey_is_what_no_natural_image_is() -> None:
    natural = np.linspace(0.1, 0.3, 101)
    usual = np.quantile(natural, 0.05)
    found = grey_pictures(np.array([0, 0.49 * usual, 0.51 * usual, 0.3]), natural)
    assert found.tolist() == [True, True, False, False]


def test_percentiles_are_scipys_with_ties_by_half() -> None:
    rng = np.random.default_rng(1)
    natural, values = rng.integers(0, 9, (40, 6)).astype(float), np.arange(6.0)
    expected = [
        percentileofscore(own, value, kind="mean")
        for own, value in zip(natural.T, values, strict=True)
    ]
    np.testing.assert_allclose(percentile(values, natural), expected)


def test_the_best_image_is_one_and_none_is_nan() -> None:
    natural = np.array([[1.0, -1, -2], [3, 2, -1], [-4, -1, -3]])
    found = ratio_to_best(np.array([6.0, 1, 5]), natural)
    np.testing.assert_allclose(found, [2, 0.5, np.nan])


def test_cosines_are_scikit_learns() -> None:
    rows = np.random.default_rng(2).normal(size=(5, 7))
    expected = cosine_similarity(rows)
    np.testing.assert_allclose(cosine(rows, rows[::-1]), np.diagonal(expected[:, ::-1]))
    assert np.isnan(cosine(np.zeros((1, 3)), np.ones((1, 3)))).all()
    groups = np.array([0, 1, 0, 1, 1])
    pairs = [expected[i, j] for i in range(5) for j in range(i + 1, 5) if groups[i] == groups[j]]
    np.testing.assert_allclose(likeness(rows, groups), pairs)


def test_a_picture_is_specific_if_it_drives_its_own_target_most() -> None:
    natural = np.random.default_rng(3).normal(size=(200, 4))
    drive = np.array([[2.0, 0, 0, 0], [2, 0.5, 1, 0], [9, 9, 8.5, 9], [0, 1, 2, -3]])
    found = specificity(drive, natural, np.arange(4))
    # The third drives all beyond every image: what it drives least in terms of the best counts.
    best = natural.max(axis=0)
    third = np.sum(drive[2] / best < drive[2, 2] / best[2]) / 3
    np.testing.assert_allclose(found, [1, 1 / 3, third, 0])
    assert np.isnan(specificity(drive[:, :1], natural[:, :1], np.zeros(4, np.int64))).all()
