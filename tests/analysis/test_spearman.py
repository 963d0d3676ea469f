"""Laws of the rank-correlation kernel and of averaged correlations."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr

from actsense.analysis import spearman as module
from actsense.analysis.spearman import fisher_mean, resampled_spearman, spearman, unit_ranks

SHAPE = (4, 25, 3, 5)  # variables, observations, rows, columns
Floats = NDArray[np.float64]


@pytest.fixture
def values() -> Floats:
    """Return values of which many are tied."""
    return np.random.default_rng(0).normal(size=SHAPE).round(1)


def naive(a: Floats, b: Floats) -> Floats:
    """Correlate every pair at every position with SciPy."""
    rho = np.empty((len(a), len(b), *a.shape[2:]))
    for j, k, row, col in np.ndindex(rho.shape):
        rho[j, k, row, col] = spearmanr(a[j, :, row, col], b[k, :, row, col]).statistic
    return rho


def test_every_position_agrees_with_scipy_with_ties(values: Floats) -> None:
    assert len(np.unique(values[0, :, 0, 0])) < SHAPE[1]  # there are ties
    np.testing.assert_allclose(spearman(values), naive(values, values), atol=1e-12)


def test_two_sets_of_variables_agree_with_scipy(values: Floats) -> None:
    np.testing.assert_allclose(
        spearman(values[:3], values[1:]), naive(values[:3], values[1:]), atol=1e-12
    )


def test_small_chunks_change_nothing(values: Floats, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = spearman(values)
    monkeypatch.setattr(module, "CHUNK", 2 * SHAPE[0] * SHAPE[1])
    np.testing.assert_array_equal(spearman(values), whole)


def test_increasing_transforms_change_nothing(values: Floats) -> None:
    moved = np.stack([np.exp(values[0]), values[1] ** 3, 5 * values[2] - 9, np.sinh(values[3])])
    np.testing.assert_allclose(spearman(moved), spearman(values), atol=1e-13)


def test_the_order_of_observations_does_not_matter(values: Floats) -> None:
    shuffled = values[:, np.random.default_rng(1).permutation(SHAPE[1])]
    np.testing.assert_allclose(spearman(shuffled), spearman(values), atol=1e-13)


def test_a_copy_correlates_one_and_a_negative_minus_one(values: Floats) -> None:
    x = values[0]
    rho = spearman(np.stack([x, x, -x]))
    np.testing.assert_allclose(rho[0, 1], 1, atol=1e-13)
    np.testing.assert_allclose(rho[0, 2], -1, atol=1e-13)


@pytest.mark.parametrize("wrong", [0.5, np.nan, np.inf])
def test_constants_and_numbers_not_finite_are_undefined_where_they_are(
    values: Floats, wrong: float
) -> None:
    expected = spearman(values)
    values[2, :, 1, 4] = wrong
    expected[2, :, 1, 4] = expected[:, 2, 1, 4] = np.nan
    np.testing.assert_array_equal(spearman(values), expected)


def test_one_number_not_finite_is_enough(values: Floats) -> None:
    values[2, 7, 1, 4] = -np.inf
    assert np.isnan(spearman(values)[2, :, 1, 4]).all()


def test_crossing_is_transposed_when_sides_change(values: Floats) -> None:
    a, b = values[:1], values[1:]
    np.testing.assert_allclose(
        spearman(a, b), spearman(b, a).swapaxes(0, 1), rtol=1e-13, atol=1e-15
    )


def test_crossing_with_itself_is_within_with_unit_diagonal(values: Floats) -> None:
    crossed = spearman(values, values.copy())
    np.testing.assert_allclose(crossed, spearman(values), atol=1e-14)
    np.testing.assert_allclose(np.einsum("jj...->j...", crossed), 1, atol=1e-14)


def test_means_of_matrices_are_symmetric_without_negative_eigenvalues(values: Floats) -> None:
    mean = spearman(values).mean(axis=(2, 3))
    np.testing.assert_allclose(mean, mean.T, atol=1e-14)
    assert np.linalg.eigvalsh(mean).min() > -1e-9


def test_independent_maps_scatter_like_one_over_the_root_of_the_units() -> None:
    units, positions = 50, 4000
    rho = spearman(np.random.default_rng(2).normal(size=(2, units, positions)))[0, 1]
    deviation = 1 / np.sqrt(units - 1)
    assert abs(rho.mean()) < 4 * deviation / np.sqrt(positions)
    np.testing.assert_allclose(rho.std(), deviation, rtol=4 / np.sqrt(2 * positions))


def test_observations_left_out_are_as_if_they_were_not_there(values: Floats) -> None:
    observed = np.random.default_rng(3).random(SHAPE[1:]) < 0.7
    values[:2, ~observed] = np.nan  # those of the others are numbers, and do not count either
    rho = spearman(values, observed=observed)
    for row, col in np.ndindex(SHAPE[2:]):
        kept = values[:, observed[:, row, col], row, col]
        np.testing.assert_allclose(rho[..., row, col], spearmanr(kept.T).statistic, atol=1e-12)


def test_ranks_have_length_one_and_sum_to_zero(values: Floats) -> None:
    ranks = unit_ranks(values)
    np.testing.assert_allclose(np.square(ranks).sum(axis=-1), 1, rtol=1e-13)
    np.testing.assert_allclose(ranks.sum(axis=-1), 0, atol=1e-13)


def test_resampled_ranks_are_those_of_the_drawn_observations(values: Floats) -> None:
    x, resamples = values[..., 0, 0], 20
    drawn = resampled_spearman(x, resamples=resamples, seed=4)
    weights = np.random.default_rng(4).multinomial(25, np.full(25, 1 / 25), resamples)
    for number, weight in enumerate(weights):
        expected = spearmanr(np.repeat(x, weight, axis=1).T).statistic
        np.testing.assert_allclose(drawn[..., number], expected, atol=1e-12)


def test_resamples_do_not_depend_on_chunks(
    values: Floats, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = resampled_spearman(values[..., 0, 0], resamples=20, seed=4)
    monkeypatch.setattr(module, "CHUNK", 3 * SHAPE[0] * SHAPE[1])
    again = resampled_spearman(values[..., 0, 0], resamples=20, seed=4)
    np.testing.assert_array_equal(again, whole)


def test_resampling_refuses_numbers_that_are_not_finite() -> None:
    with pytest.raises(ValueError, match="finite"):
        resampled_spearman(np.array([[1.0, np.nan, 2.0]]), resamples=2, seed=0)


@pytest.mark.parametrize("rho", [-0.9, 0.0, 0.3, 0.999])
def test_the_mean_of_equal_correlations_is_that_correlation(rho: float) -> None:
    found = fisher_mean(np.full((2, 30), rho), resamples=100, seed=0)
    for one in (found.mean, found.low, found.high):
        np.testing.assert_allclose(one, rho, rtol=1e-12, atol=1e-15)


def test_the_mean_does_not_depend_on_the_order_of_positions() -> None:
    rho = np.random.default_rng(5).uniform(-1, 1, (3, 40))
    mean = fisher_mean(rho, resamples=10, seed=0).mean
    np.testing.assert_allclose(
        fisher_mean(rho[:, ::-1], resamples=10, seed=0).mean, mean, rtol=1e-12
    )


def test_an_exact_one_does_not_take_over_the_mean() -> None:
    found = fisher_mean(np.array([1.0] + [0.0] * 99), resamples=10, seed=0)
    np.testing.assert_allclose(found.mean, np.tanh(np.arctanh(1 - 1e-7) / 100), rtol=1e-12)


def test_undefined_entries_are_counted_and_change_nothing() -> None:
    rho = np.random.default_rng(6).uniform(-1, 1, 40)
    found = fisher_mean(np.append(rho, [np.nan] * 3), resamples=10, seed=0)
    assert (found.n, found.undefined) == (40, 3)
    np.testing.assert_allclose(found.mean, np.tanh(np.arctanh(rho).mean()), rtol=1e-12)


def test_undefined_entries_do_not_move_the_interval() -> None:
    rho = np.where(np.arange(60) % 3, 0.4, np.nan)
    found = fisher_mean(rho, resamples=100, seed=0)
    np.testing.assert_allclose([found.low, found.high], 0.4, rtol=1e-12)


def test_without_any_entry_nothing_is_known() -> None:
    found = fisher_mean(np.full((2, 5), np.nan), resamples=10, seed=0)
    assert np.isnan([found.mean, found.low, found.high]).all()
    assert (found.n == 0).all()


def test_one_entry_or_one_group_has_no_interval() -> None:
    single = fisher_mean(np.array([0.4]), resamples=10, seed=0)
    group = fisher_mean(np.array([0.4, 0.2]), resamples=10, seed=0, groups=np.zeros(2, dtype=int))
    assert np.isnan([single.low, single.high, group.low, group.high]).all()
    np.testing.assert_allclose(single.mean, 0.4, rtol=1e-12)


def test_the_axis_is_a_choice() -> None:
    rho = np.random.default_rng(7).uniform(-1, 1, (6, 4))
    first = fisher_mean(rho, resamples=50, seed=0, axis=0)
    np.testing.assert_array_equal(first.low, fisher_mean(rho.T, resamples=50, seed=0).low)


def test_equal_neighbours_drawn_as_groups_widen_the_interval_like_fewer_entries() -> None:
    rho = np.random.default_rng(8).normal(0, 0.1, 100)
    alone = fisher_mean(rho, resamples=500, seed=0)
    repeated, groups = np.repeat(rho, 9), np.repeat(np.arange(100), 9)
    grouped = fisher_mean(repeated, resamples=500, seed=0, groups=groups)
    np.testing.assert_allclose([grouped.low, grouped.high], [alone.low, alone.high], rtol=1e-10)


def test_the_interval_covers_the_mean_as_often_as_it_says() -> None:
    """Of 2000 means of 60 correlations; percentile intervals are a little too narrow."""
    z = np.random.default_rng(9).normal(0.3, 0.2, (2000, 60))
    found = fisher_mean(np.tanh(z), resamples=400, seed=0)
    covered = ((found.low < np.tanh(0.3)) & (np.tanh(0.3) < found.high)).mean()
    assert abs(covered - 0.95) < 0.03


def test_two_sets_of_other_observations_are_refused(values: Floats) -> None:
    with pytest.raises(ValueError, match="share their observations"):
        spearman(values, values[:, :-1])


def test_a_choice_of_observations_has_their_shape(values: Floats) -> None:
    with pytest.raises(ValueError, match=r"observed must be \(25, 3, 5\)"):
        spearman(values, observed=np.ones(3, dtype=bool))


def test_every_entry_has_its_group(values: Floats) -> None:
    with pytest.raises(ValueError, match="groups must number all 5 entries"):
        fisher_mean(values, resamples=10, seed=0, groups=np.zeros(3, dtype=int))
