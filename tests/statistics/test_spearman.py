"""Laws of the rank-correlation kernel and of averaged correlations."""

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr

from actsense.statistics import spearman as module
from actsense.statistics.resampling import resample
from actsense.statistics.spearman import (
    exchange_p_value,
    exchange_variance,
    fisher_mean,
    resampled_spearman,
    spearman,
    tiles,
    unit_ranks,
)

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
    weights = resample(25, resamples, 4, "resampled observations").astype(int)
    for weight, found in zip(weights, drawn, strict=True):
        expected = spearmanr(np.repeat(x, weight, axis=1).T).statistic
        np.testing.assert_allclose(found, expected, atol=1e-12)


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


def test_the_variance_of_exchanged_units_is_that_of_all_permutations() -> None:
    values = np.random.default_rng(10).normal(size=(2, 5, 3)).round(1)
    ranks = unit_ranks(values)
    means = [
        (ranks[:, 0, list(order)] * ranks[:, 1]).sum(axis=-1).mean()
        for order in permutations(range(5))
    ]
    variance = exchange_variance(ranks, np.full(3, 5))
    np.testing.assert_allclose(variance[0, 1], np.var(means), rtol=1e-12)


@pytest.mark.parametrize("positions", [1, 7, 2000])
def test_equal_positions_are_worth_one(positions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POSITIONS", 50)
    values = np.random.default_rng(11).normal(size=(3, 20))
    ranks = unit_ranks(np.repeat(values[..., None], positions, axis=2))
    found = exchange_variance(ranks, np.full(positions, 20))
    np.testing.assert_allclose(found, 1 / 19, rtol=1e-12)


def test_positions_where_a_variable_is_undefined_do_not_count() -> None:
    values = np.random.default_rng(12).normal(size=(2, 9, 6))
    values[0, :, 4:] = 1
    found = exchange_variance(unit_ranks(values), np.full(6, 9))
    kept = exchange_variance(unit_ranks(values[..., :4]), np.full(4, 9))
    whole = exchange_variance(unit_ranks(values[1:]), np.full(6, 9))
    np.testing.assert_allclose(found[0], kept[0], rtol=1e-12)
    np.testing.assert_allclose(found[1, 1], whole[0, 0], rtol=1e-12)


def test_positions_of_different_units_add_their_variances() -> None:
    """Five units count at one position and twenty others at the next."""
    observed = np.zeros((25, 2), bool)
    observed[:5, 0] = observed[5:, 1] = True
    ranks = unit_ranks(np.random.default_rng(16).normal(size=(2, 25, 2)), observed=observed)
    found = exchange_variance(ranks, observed.sum(axis=0))
    np.testing.assert_allclose(found, (1 / 4 + 1 / 19) / 4, rtol=1e-12)


def test_units_left_out_widen_the_variance() -> None:
    """One position with 20 units, of which 8 count, is one position with 8 units."""
    values, observed = np.random.default_rng(13).normal(size=(2, 20, 1)), np.zeros((20, 1), bool)
    observed[:8] = True
    found = exchange_variance(unit_ranks(values, observed=observed), observed.sum(axis=0))
    np.testing.assert_allclose(found, 1 / 7, rtol=1e-12)


def test_the_p_value_of_one_position_is_that_of_scipy() -> None:
    x = np.random.default_rng(14).normal(size=(2, 12))
    x[1] += x[0]
    ranks = unit_ranks(x[..., None])
    p_value = exchange_p_value(spearman(x), exchange_variance(ranks, np.array([12])))
    expected = spearmanr(*x).pvalue
    assert expected < 0.1
    np.testing.assert_allclose(p_value[0, 1], expected, rtol=1e-10)


def test_unrelated_smooth_maps_are_rarely_told_from_zero() -> None:
    """Neighbours that resemble each other must not pass for independent evidence."""
    variables, units, side = 40, 16, 8
    noise = np.random.default_rng(15).normal(size=(variables, units, side, side))
    values = gaussian_filter(noise, (0, 0, 2, 2), mode="wrap")
    rho = spearman(values).mean(axis=(2, 3))
    ranks = unit_ranks(values)
    pairs = np.triu_indices(variables, 1)
    p_value = exchange_p_value(rho, exchange_variance(ranks, np.full(side**2, units)))[pairs]
    naive = exchange_p_value(rho, np.full_like(rho, 1 / side**2 / (units - 1)))[pairs]

    assert abs((p_value < 0.05).mean() - 0.05) < 4 * np.sqrt(0.05 * 0.95 / len(p_value))
    assert (naive < 0.05).mean() > 0.4


def test_an_exact_correlation_is_certain() -> None:
    assert exchange_p_value(np.array([1.0, -1.0]), np.array([0.1, 0.1])).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("shape", "counts"),
    [((4, 4), (2, 2)), ((27, 27), (6, 6)), ((1, 16), (1, 8)), ((2, 1), (2, 1))],
)
def test_tiles_are_near_squares_of_the_fourth_root(
    shape: tuple[int, int], counts: tuple[int, int]
) -> None:
    numbered = tiles(shape).reshape(shape)
    rows, columns = np.divmod(numbered, counts[1])
    assert np.unique(numbered).tolist() == list(range(counts[0] * counts[1]))
    for lines in (rows[:, 0], columns[0]):
        sizes = np.bincount(lines)
        assert sizes.max() - sizes.min() <= 1
    assert (rows == rows[:, :1]).all()
    assert (columns == columns[:1]).all()
