"""Intervals of shares against SciPy and the outcomes that are possible."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from actsense.statistics.shares import no_narrower, wilson


@pytest.mark.parametrize("trials", [1, 7, 1000])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_wilson_agrees_with_scipy(trials: int, confidence: float) -> None:
    hits = np.unique(np.linspace(0, trials, 30).astype(int))
    found = np.stack(wilson(hits, trials, confidence), axis=1)
    expected = [binomtest(int(k), trials).proportion_ci(confidence, method="wilson") for k in hits]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("trials", [20, 100, 1000])
def test_wilson_covers_the_share_as_often_as_it_says(trials: int) -> None:
    """Summed over all outcomes: single shares oscillate, their mean is nominal."""
    shares = np.linspace(0.1, 0.9, 161)
    hits = np.arange(trials + 1)
    low, high = wilson(hits, trials)
    chances = binom.pmf(hits, trials, shares[:, None])
    covered = ((low <= shares[:, None]) & (shares[:, None] <= high)) * chances
    coverage = covered.sum(axis=1)
    assert coverage.mean() == pytest.approx(0.95, abs=0.005)
    assert coverage.min() > 0.9


def test_wilson_ends_exactly_at_no_and_all() -> None:
    trials = np.arange(1, 2000)
    assert (wilson(0, trials)[0] == 0).all()
    assert (wilson(trials, trials)[1] == 1).all()


def test_wilson_of_no_trials_is_undefined() -> None:
    low, high = wilson([0, 1], [0, 2])
    np.testing.assert_array_equal(np.isnan(low), [True, False])
    np.testing.assert_array_equal(np.isnan(high), [True, False])


@pytest.mark.parametrize(("hits", "trials"), [(-1, 3), (4, 3), ([1, 2], [1, 1])])
def test_impossible_hits_are_refused(hits: list[int], trials: list[int]) -> None:
    with pytest.raises(ValueError, match="hits must be from 0 to trials"):
        wilson(hits, trials)


def test_an_interval_is_widened_where_it_is_narrower_than_wilsons() -> None:
    hits, trials = np.array([0, 4, 8]), 8
    least, most = wilson(hits, trials)
    low, high = no_narrower(hits / trials, hits / trials, hits, trials)  # no width at all
    np.testing.assert_array_equal(low, least)
    np.testing.assert_array_equal(high, most)
    low, high = no_narrower(np.zeros(3), np.ones(3), hits, trials)
    np.testing.assert_array_equal([low, high], [[0, 0, 0], [1, 1, 1]])
