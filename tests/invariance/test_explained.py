"""Variance explained: a world with a closed form, NumPy on all samples, and averages of loops."""

import numpy as np
import pytest
import torch
from linear_world import VARIANCE, linear_world

from actsense.invariance.kept.estimates import Estimate, anchor_draws, anchor_mean
from actsense.invariance.kept.explained import Explained, Spread, explained_variance
from actsense.invariance.kept.sampling import invariance_noise


def explained(sampled: np.ndarray, draws: int = 1, seed: int = 0) -> Explained:
    spread = Spread.of(torch.from_numpy(sampled))
    return explained_variance(spread, anchor_draws(len(sampled), draws, seed=seed))


def planted(anchors: int, samples: int, *, seed: int, numbers: int = 3) -> np.ndarray:
    """Draw samples whose variances between and within anchors are 1 and 4 in every number."""
    generator = np.random.default_rng(seed)
    centre = generator.normal(size=(anchors, 1, numbers))
    return 1e6 + centre + 2 * generator.normal(size=(anchors, samples, numbers))


def test_the_share_is_that_of_the_closed_form() -> None:
    world = linear_world()
    anchors, samples = 600, 40
    said = world.said(world.latents(anchors))
    noise = invariance_noise(np.arange(anchors), samples, world.latent, seed=0).flatten(0, 1)
    means = world.embed(torch.from_numpy(said)).repeat_interleave(samples, dim=0)
    sampled = world.restore(noise, means).view(anchors, samples, -1)
    found = explained(sampled.numpy(), draws=400)
    remaining = np.trace(world.conditional)
    low, high = found.by_invariances.interval
    assert low < remaining / VARIANCE.sum() < high
    assert high - low < 0.04  # narrow enough to mean something
    np.testing.assert_allclose(found.within.value, remaining, rtol=0.01)
    np.testing.assert_allclose(found.total.value, VARIANCE.sum(), rtol=0.05)
    np.testing.assert_array_equal(found.by_layer.samples, 1 - found.by_invariances.samples)


@pytest.mark.parametrize("samples", [2, 5])
def test_variances_have_no_bias_however_few_samples_and_anchors(samples: int) -> None:
    found = [explained(planted(6, samples, seed=seed)) for seed in range(1500)]
    for name, truth in (("within", 12.0), ("total", 15.0)):
        values = np.array([getattr(one, name).value for one in found])
        error = values.std() / np.sqrt(len(values))
        assert error < 0.01 * truth
        assert abs(values.mean() - truth) < 4 * error


def test_a_resample_has_no_bias_either() -> None:
    found = explained(planted(6, 3, seed=1), draws=40_000)
    for name in ("within", "total"):
        value, *resampled = getattr(found, name).samples
        resampled = np.array(resampled)[np.isfinite(resampled)]
        # But for how many pairs there are in each, which is not weighted here.
        np.testing.assert_allclose(resampled.mean(), value, rtol=0.03)


def test_a_resample_is_the_mean_over_pairs_of_different_anchors() -> None:
    sampled = planted(7, 3, seed=2)
    draws = anchor_draws(7, 20, seed=5)
    found = explained_variance(Spread.of(torch.from_numpy(sampled)), draws)
    within = sampled.var(axis=1, ddof=1).sum(axis=1)
    mean = sampled.mean(axis=1)
    for drawn, total, share in zip(
        draws.astype(int), found.total.samples, found.by_invariances.samples, strict=True
    ):
        taken = np.repeat(np.arange(7), drawn)
        half = [0.5 * np.square(mean[i] - mean[j]).sum() for i in taken for j in taken if i != j]
        expected = np.mean(half) + (1 - 1 / 3) * within[taken].mean()
        np.testing.assert_allclose(total, expected, rtol=1e-9)
        np.testing.assert_allclose(share, within[taken].mean() / expected, rtol=1e-9)


def test_with_two_samples_the_total_is_that_of_pairs_of_single_samples() -> None:
    """One sample of each anchor has the variance of all: half the mean square of differences."""
    sampled = planted(9, 2, seed=3)
    half = [
        0.5 * np.square(sampled[i, s] - sampled[j, t]).sum()
        for i in range(9)
        for j in range(9)
        for s in range(2)
        for t in range(2)
        if i != j
    ]
    np.testing.assert_allclose(explained(sampled).total.value, np.mean(half), rtol=1e-9)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    hits = 0
    for seed in range(150):
        found = explained(planted(40, 4, seed=seed), draws=200, seed=seed)
        low, high = found.by_invariances.interval
        hits += low < 12 / 15 < high
    assert 0.88 < hits / 150 <= 0.99


def test_samples_that_are_their_anchors_explain_nothing() -> None:
    sampled = np.repeat(planted(10, 1, seed=0), 3, axis=1)
    assert explained(sampled).by_invariances.value == pytest.approx(0, abs=1e-20)


def test_samples_that_know_no_anchor_explain_all() -> None:
    sampled = np.random.default_rng(0).normal(size=(500, 20, 4))
    found = explained(sampled, draws=200)
    low, high = found.by_invariances.interval
    assert low < 1 < high
    assert high - low < 0.02


def test_where_nothing_varies_shares_are_undefined() -> None:
    found = explained(np.ones((4, 3, 2)), draws=100)
    assert np.isnan(found.by_invariances.value)
    assert np.isnan(found.by_invariances.interval).all()
    assert found.total.value == 0


def test_anchors_that_are_joined_are_those_of_one_look() -> None:
    sampled = torch.from_numpy(planted(8, 3, seed=0))
    parts = Spread.joined([Spread.of(sampled[:3]), Spread.of(sampled[3:])])
    draws = anchor_draws(8, 5, seed=0)
    np.testing.assert_array_equal(
        explained_variance(parts, draws).total.samples,
        explained_variance(Spread.of(sampled), draws).total.samples,
    )


def test_one_sample_or_one_anchor_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 samples of every anchor; got 1"):
        Spread.of(torch.zeros(4, 1, 3))
    spread = Spread.of(torch.zeros(1, 2, 3))
    with pytest.raises(ValueError, match="2 at least; got 1"):
        explained_variance(spread, anchor_draws(1, 3, seed=0))
    with pytest.raises(ValueError, match="5 anchors are drawn"):
        explained_variance(Spread.of(torch.zeros(4, 2, 3)), anchor_draws(5, 3, seed=0))


def test_means_are_those_of_anchors_taken_one_by_one() -> None:
    values = np.array([0.5, np.nan, 2.0, -1.0])
    draws = anchor_draws(4, 30, seed=2)
    found = anchor_mean(values, draws).samples
    for drawn, mean in zip(draws.astype(int), found, strict=True):
        taken = np.repeat(values, drawn)
        np.testing.assert_allclose(mean, np.nanmean(taken))
    assert np.isnan(anchor_mean(np.full(4, np.nan), draws).value)


def test_differences_of_estimates_are_paired() -> None:
    draws = anchor_draws(50, 300, seed=0)
    values = np.random.default_rng(0).normal(size=50)
    a, b = anchor_mean(values, draws), anchor_mean(values + 0.1, draws)
    np.testing.assert_allclose(Estimate(b.samples - a.samples).interval, 0.1)
    assert a.interval[0] < a.value < a.interval[1]
