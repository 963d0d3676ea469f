"""Correlations over resampled groups against SciPy, given every observation as often as drawn."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr, t

from actsense.statistics.pearson import reliability, resampled_pearson
from actsense.statistics.resampling import resample
from actsense.statistics.spearman import resampled_pairs, resampled_spearman

RNG = np.random.default_rng(0)
FIRST = RNG.normal(size=(3, 12)).round(1)
SECOND = (FIRST + RNG.normal(size=FIRST.shape)).round(1)
GROUPS = np.array([0, 0, 1, 1, 1, 3, 3, 3, 3, 4, 4, 4])  # the third of five is empty
DRAWS = resample(5, 6, 0, "groups")


def test_groups_that_are_drawn_count_as_often_with_all_they_hold() -> None:
    # Far from zero and small: sums of squares must not lose their digits.
    moved = 1e6 + 1e-2 * SECOND
    found = resampled_pearson(FIRST, moved, groups=GROUPS, draws=DRAWS)
    assert found.shape == (7, 3)
    for draw, row in zip(DRAWS, found, strict=True):
        times = draw[GROUPS].astype(int)
        expected = [
            pearsonr(np.repeat(a, times), np.repeat(b, times)).statistic
            for a, b in zip(FIRST, SECOND, strict=True)
        ]
        np.testing.assert_allclose(row, expected, rtol=1e-6)
    assert len({*found[:, 0].round(9)}) > 4  # draws differ


def test_a_constant_has_no_correlation() -> None:
    flat = np.full_like(FIRST, 0.1)
    assert np.isnan(resampled_pearson(FIRST, flat, groups=GROUPS, draws=DRAWS)).all()


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"groups \(observations,\)"):
        resampled_pearson(FIRST, SECOND[:2], groups=GROUPS, draws=DRAWS)


def test_pairs_in_turn_are_those_of_all_pairs() -> None:
    draws = resample(12, 30, 4, "resampled observations")
    found = resampled_pairs(FIRST, SECOND, draws=draws)
    every = resampled_spearman(np.concatenate([FIRST, SECOND]), resamples=30, seed=4)
    np.testing.assert_allclose(found, every[:, [0, 1, 2], [3, 4, 5]], atol=1e-12)
    times = draws[17].astype(int)
    expected = spearmanr(np.repeat(FIRST[1], times), np.repeat(SECOND[1], times)).statistic
    assert found[17, 1] == pytest.approx(expected, rel=1e-10)


def test_reliability_is_the_share_of_the_spread_that_is_true() -> None:
    rng = np.random.default_rng(1)
    truth, error = rng.normal(0, 2, 4000), 0.5
    estimates = truth + rng.normal(0, error, truth.size)
    half = np.full(truth.size, error * t(7).ppf(0.975))
    found = reliability(estimates, half, 8)
    assert found == pytest.approx(4 / 4.25, abs=0.01)
    again = truth + rng.normal(0, error, truth.size)
    assert pearsonr(estimates, again).statistic == pytest.approx(found, abs=0.01)
    assert np.isnan(reliability(estimates, half * np.nan, 8))
    assert np.isnan(reliability(np.ones(5), np.ones(5), 8))
