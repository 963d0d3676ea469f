"""Intervals and curves against closed forms, SciPy and loops."""

import numpy as np
import pytest
from scipy.stats import bootstrap

from actsense.draws import stream
from actsense.statistics.resampling import (
    curve_area,
    defined_interval,
    half_way,
    image_draws,
    interval,
    middle,
    resample,
    sample_ratio,
)


def test_draws_begin_with_the_images_themselves_and_hold_as_many() -> None:
    draws = image_draws(30, 200, seed=1)
    assert draws.shape == (201, 30)
    assert (draws[0] == 1).all()
    assert (draws.sum(axis=1) == 30).all()
    np.testing.assert_allclose(draws[1:].mean(), 1)
    np.testing.assert_allclose(draws[1:].var(), 1 - 1 / 30, rtol=0.05)


def test_draws_are_those_of_their_seed() -> None:
    np.testing.assert_array_equal(image_draws(9, 5, seed=1), image_draws(9, 5, seed=1))
    assert (image_draws(9, 5, seed=1) != image_draws(9, 5, seed=2)).any()


def test_what_is_drawn_is_numpys_multinomial_of_the_stream() -> None:
    found = resample(7, 40, 3, "resampled things", 2)
    even = np.full(7, 1 / 7)
    expected = stream(3, "resampled things", 2).multinomial(7, even, size=40)
    np.testing.assert_array_equal(found[1:], expected)


def test_ratios_are_those_of_images_taken_one_by_one() -> None:
    generator = np.random.default_rng(0)
    above, below = generator.random((12, 3)), (generator.random(12) < 0.6).astype(float)
    draws = image_draws(12, 20, seed=0)
    found = sample_ratio(above, below, draws)
    for counts, ratios in zip(draws.astype(int), found, strict=True):
        taken = np.repeat(np.arange(12), counts)
        np.testing.assert_allclose(ratios, above[taken].sum(axis=0) / below[taken].sum())


def test_a_ratio_without_a_denominator_is_undefined() -> None:
    assert np.isnan(sample_ratio(np.ones((3, 2)), np.zeros(3), image_draws(3, 2, seed=0))).all()


def test_the_interval_of_a_share_is_about_the_normal_one() -> None:
    hits = (np.arange(400) < 120).astype(float)[:, None]
    samples = sample_ratio(hits, np.ones(400), image_draws(400, 4000, seed=0))
    low, high = interval(samples)
    half = 1.96 * np.sqrt(0.3 * 0.7 / 400)
    np.testing.assert_allclose([low[0], high[0]], [0.3 - half, 0.3 + half], atol=0.1 * half)


def test_an_interval_leaves_out_a_fortieth_of_the_resamples_on_either_side() -> None:
    samples = np.array([-5.0, *np.random.default_rng(0).permutation(1001)])
    assert interval(samples) == (25, 975)


def test_the_middle_is_scipys_percentile_interval_but_for_one_value() -> None:
    x = np.random.default_rng(2).exponential(size=200)
    found = bootstrap((x,), np.mean, n_resamples=999, method="percentile", rng=3)
    drawn = np.sort(found.bootstrap_distribution)
    low, high = middle(drawn)
    ends = found.confidence_interval
    assert low <= ends.low <= drawn[np.searchsorted(drawn, low) + 1]
    assert drawn[np.searchsorted(drawn, high) - 1] <= ends.high <= high


def test_an_interval_without_its_estimate_is_the_middle() -> None:
    values = np.random.default_rng(0).normal(size=(50, 3))
    expected = np.array([middle(column) for column in values.T]).T
    np.testing.assert_array_equal(interval(np.vstack([np.zeros(3), values])), expected)


def test_one_undefined_resample_makes_a_defined_interval_undefined() -> None:
    samples = np.arange(300.0).reshape(100, 3)
    samples[7, 1] = np.nan
    low, high = defined_interval(samples)
    assert np.isnan([low[1], high[1]]).all()
    defined = np.stack(interval(samples))[:, [0, 2]]
    np.testing.assert_array_equal(np.stack([low, high])[:, [0, 2]], defined)


def test_an_interval_reaches_the_undefined_if_a_fortieth_of_the_resamples_is() -> None:
    samples = np.arange(101.0)
    samples[-2:] = np.nan
    assert interval(samples) == (3, 98)
    samples[-3:] = np.nan
    low, high = interval(samples)
    assert low == 3
    assert np.isnan(high)


def test_area_is_the_mean_height_of_a_straight_curve_wherever_its_points_are() -> None:
    places = np.array([1.0, 2.0, 3.0, 7.0, 10.0])
    curves = np.stack([np.full(5, 0.4), 1 - places / 10])
    np.testing.assert_allclose(curve_area(places, curves), [0.4, 0.45])


def test_half_way_down_a_straight_line_is_its_middle() -> None:
    places = np.array([1.0, 2.0, 4.0, 9.0])
    line = 0.9 - 0.1 * (places - 1)  # from 0.9 to 0.1
    np.testing.assert_allclose(half_way(places, line, 0.1), 5.0)
    np.testing.assert_allclose(half_way(places, line, 0.5), 3.0)


def test_half_way_is_where_the_curve_first_falls_there() -> None:
    curve = np.array([1.0, 0.4, 1.0, 0.0])
    assert half_way(np.arange(4.0), curve, 0.0) == pytest.approx(0.5 / 0.6)


def test_a_point_exactly_half_way_counts() -> None:
    assert half_way(np.arange(3.0), np.array([1.0, 0.9, 0.5]), 0.0) == 2


def test_half_way_agrees_with_a_search_along_the_curve() -> None:
    places = np.array([1.0, 2.0, 3.0, 4.0, 6.0, 10.0])
    curves = np.random.default_rng(0).random((50, 6)) * np.linspace(1, 0.2, 6)
    dense = np.linspace(1, 10, 90_001)
    for curve, found in zip(curves, half_way(places, curves, 0.1), strict=True):
        target = (curve[0] + 0.1) / 2
        reached = np.interp(dense, places, curve) <= target
        if curve[0] > 0.1 and reached.any():
            assert found == pytest.approx(dense[reached.argmax()], abs=2e-4)
        else:
            assert np.isnan(found)


@pytest.mark.parametrize("curve", [[0.9, 0.8, 0.7], [0.25, 0.1, 0.1], [0.2, 0.1, 0.1]])
def test_half_way_is_undefined_for_curves_that_stay_up_or_never_were(curve: list[float]) -> None:
    assert np.isnan(half_way(np.arange(3.0), np.array(curve), 0.25))
