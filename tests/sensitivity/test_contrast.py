"""Contrast statistics against SciPy and closed forms."""

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr, wilcoxon

from actsense.sensitivity.contrast import BINS, ContrastAccumulator, signed_rank

UNITS = 12


def accumulated(x: np.ndarray, y: np.ndarray, *, chunk: int = 50) -> ContrastAccumulator:
    accumulator = ContrastAccumulator([slice(0, x.shape[1])])
    for start in range(0, len(x), chunk):
        rows = slice(start, start + chunk)
        accumulator.add(torch.from_numpy(x[rows]), torch.from_numpy(y[rows]))
    return accumulator


def paired(shift: float, images: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Rectified responses of many zeros, as units of a network give."""
    generator = np.random.default_rng(5)
    x = generator.normal(size=(images, UNITS))
    y = x + generator.normal(scale=0.5, size=x.shape) + shift
    return np.maximum(x, 0).astype(np.float32), np.maximum(y, 0).astype(np.float32)


def test_moment_statistics_match_numpy_and_pearson() -> None:
    x, y = paired(0.2)
    found = accumulated(x, y).statistics()
    label = np.repeat([0, 1], len(x))
    for unit in range(UNITS):
        pooled = np.concatenate([x[:, unit], y[:, unit]]).astype(np.float64)
        expected = pearsonr(label, pooled).statistic
        assert found["point_biserial"][unit] == pytest.approx(expected, rel=1e-9)
    difference = y.astype(np.float64) - x
    np.testing.assert_allclose(found["mean_difference"], difference.mean(axis=0), rtol=1e-6)
    spread = np.sqrt((x.var(axis=0, ddof=1) + y.var(axis=0, ddof=1)) / 2)
    np.testing.assert_allclose(
        found["standardized_mean_difference"], difference.mean(axis=0) / spread, rtol=1e-5
    )


@pytest.mark.parametrize("zeros", [0, 7])
def test_signed_rank_equals_scipy_on_binned_differences(zeros: int) -> None:
    """Ties of every kind: one value per bin, SciPy's `zsplit` for the zeros."""
    generator = np.random.default_rng(2)
    counts = generator.integers(0, 6, size=(5, 2 * BINS)).astype(np.int32)
    images = counts.sum(axis=1) + zeros
    for row, n in zip(counts, images, strict=True):
        values = np.concatenate(
            [
                np.repeat(np.arange(1.0, BINS + 1), row[:BINS]),
                -np.repeat(np.arange(1.0, BINS + 1), row[BINS:]),
                np.zeros(zeros),
            ]
        )
        theirs = wilcoxon(values, zero_method="zsplit", correction=False, method="asymptotic")
        effect, p_value = signed_rank(row[None], np.array([zeros], dtype=np.int32), images=int(n))
        assert p_value[0] == pytest.approx(theirs.pvalue, rel=1e-9)
        smaller = (1 - abs(effect[0])) * n * (n + 1) / 4
        assert smaller == pytest.approx(theirs.statistic, rel=1e-9)


def exact_rank_biserial(difference: np.ndarray) -> float:
    from scipy.stats import rankdata

    ranks = rankdata(abs(difference))
    return float((np.sign(difference) * ranks).sum() / ranks.sum())


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.5])
def test_binning_costs_at_most_a_thousandth_of_rank_biserial(shift: float) -> None:
    """Against exact ranks, on 20,000 heavy-tailed differences."""
    generator = np.random.default_rng(9)
    difference = (generator.standard_t(3, size=(20_000, 3)) + shift).astype(np.float32)
    found = accumulated(np.zeros_like(difference), difference, chunk=5000).statistics()
    for unit in range(3):
        exact = exact_rank_biserial(difference[:, unit])
        assert found["rank_biserial"][unit] == pytest.approx(exact, abs=1e-3)


def test_a_constant_shift_has_rank_biserial_one_and_its_sign() -> None:
    x, _ = paired(0.0)
    assert accumulated(x, x + 0.5).statistics()["rank_biserial"] == pytest.approx(1.0)
    assert accumulated(x, x - 0.5).statistics()["rank_biserial"] == pytest.approx(-1.0)


def test_swapping_treatment_and_control_flips_every_sign() -> None:
    x, y = paired(0.3)
    forth, back = accumulated(x, y).statistics(), accumulated(y, x).statistics()
    for name in ("mean_difference", "rank_biserial", "point_biserial"):
        np.testing.assert_allclose(forth[name], -back[name], rtol=1e-9)
    np.testing.assert_allclose(forth["p_value"], back["p_value"], rtol=1e-9)


def test_no_effect_gives_uniform_p_values() -> None:
    generator = np.random.default_rng(11)
    x = generator.normal(size=(200, 2000)).astype(np.float32)
    y = x + generator.normal(size=x.shape).astype(np.float32)
    p_values = accumulated(x, y).statistics()["p_value"]

    assert abs((p_values < 0.05).mean() - 0.05) < 0.02
    assert abs(np.median(p_values) - 0.5) < 0.05


def test_dead_units_are_undefined_and_unmoved_units_have_no_effect() -> None:
    x = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    x[:, 0] = 3.0
    found = accumulated(x, x.copy()).statistics()

    assert all(np.isnan(found[name][0]) for name in found)
    assert found["rank_biserial"][1] == 0
    assert found["p_value"][1] == 1
