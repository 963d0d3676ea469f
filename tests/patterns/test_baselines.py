"""Other embeddings, and how lengths correlate with uncertainty: against NumPy and SciPy."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import entropy, pearsonr, spearmanr

from actsense.draws import stream
from actsense.errors import ConfigError
from actsense.patterns.baselines import (
    METHODS,
    baseline_embeddings,
    strength_correlation,
    uncertainty,
)
from actsense.statistics.resampling import resample

NUMBERS = stream(0, "features in a test of other embeddings")
FEATURES = NUMBERS.normal(size=(40, 8)) * np.arange(8, 0, -1)
PROBABILITIES = NUMBERS.dirichlet(np.ones(4), size=10)


def lengths(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(points, axis=1))


@pytest.mark.parametrize("images", [6, 7, 13, 40])
def test_all_methods_fit_few_images(images: int) -> None:
    found = baseline_embeddings(FEATURES[:images], seed=0)
    assert list(found) == list(METHODS)
    for points in found.values():
        assert points.shape == (images, 3)
        assert np.ptp(points) > 0
        np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-6 * np.ptp(points))


def test_principal_components_are_those_of_the_singular_values() -> None:
    left, sizes, _ = np.linalg.svd(FEATURES - FEATURES.mean(axis=0), full_matrices=False)
    found = baseline_embeddings(FEATURES, names=["pca"], axes=4, seed=0)["pca"]
    np.testing.assert_allclose(abs(found), abs(left * sizes)[:, :4], atol=1e-12)


def test_isomap_whose_neighbours_are_all_others_keeps_all_distances() -> None:
    few = FEATURES[:12, :3]
    found = baseline_embeddings(few, names=["isomap"], seed=0)["isomap"]
    np.testing.assert_allclose(lengths(found), lengths(few - few.mean(axis=0)), rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_two_heaps_stay_apart(method: str) -> None:
    heap = np.arange(40) % 2
    apart = FEATURES + 20 * heap[:, None]
    points = baseline_embeddings(apart, names=[method], seed=0)[method]
    gap = points[heap == 0].mean(axis=0) - points[heap == 1].mean(axis=0)
    side = points @ gap > 0
    assert max((side == heap).mean(), (side != heap).mean()) > 0.9


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_gives_the_same_embedding(method: str) -> None:
    first, same = (baseline_embeddings(FEATURES, names=[method], seed=2)[method] for _ in range(2))
    np.testing.assert_array_equal(first, same)


@pytest.mark.parametrize("features", [FEATURES[:5], np.ones((20, 5))], ids=["few", "alike"])
def test_what_cannot_be_embedded_is_undefined(features: NDArray[np.float64]) -> None:
    found = baseline_embeddings(features, seed=0)
    assert all(np.isnan(points).all() for points in found.values())


def test_fewer_features_than_axes_leave_the_last_axes_empty() -> None:
    for points in baseline_embeddings(FEATURES[:, :2], seed=0).values():
        assert (points[:, 2] == 0).all()
        assert np.ptp(points[:, 1]) > 0


def test_unknown_method_is_refused() -> None:
    with pytest.raises(ConfigError, match="'umap' is not known"):
        baseline_embeddings(FEATURES, names=["umap"], seed=0)


def test_uncertainty_is_the_entropy() -> None:
    p = np.vstack([PROBABILITIES, [[1, 0, 0, 0]]])
    np.testing.assert_allclose(uncertainty(p), entropy(p, axis=1), atol=1e-15)


def made_pair() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return embeddings, longer where probabilities are surer, some of equal length."""
    numbers = stream(0, "lengths and probabilities in a test of correlations")
    p = numbers.dirichlet(np.ones(4), size=60)
    length = np.round(3 - entropy(p, axis=1) + numbers.normal(0, 0.3, 60), 1)
    direction = numbers.normal(size=(60, 3))
    return direction * (length / lengths(direction))[:, None], p


def test_correlations_are_those_of_scipy() -> None:
    points, p = made_pair()
    found = strength_correlation(points, p, bootstrap=50, seed=0)
    rounded = np.round(lengths(points), 9)  # ties, which lengths of turned vectors lose
    found_ties = strength_correlation(rounded[:, None], p, bootstrap=50, seed=0)
    assert len(np.unique(rounded)) < 50
    assert found["pearson"] == pytest.approx(pearsonr(lengths(points), entropy(p, axis=1))[0])
    assert found_ties["spearman"] == pytest.approx(spearmanr(rounded, entropy(p, axis=1))[0])


@pytest.mark.parametrize(
    ("name", "purpose"),
    [("pearson", "resampled images"), ("spearman", "resampled observations")],
)
def test_intervals_are_those_of_images_drawn_again(name: str, purpose: str) -> None:
    points, p = made_pair()
    strength, doubt = lengths(points), entropy(p, axis=1)
    drawn = [
        np.repeat(np.arange(60), counts.astype(int))
        for counts in resample(60, 200, 3, purpose)[1:]
    ]
    correlate = {"pearson": pearsonr, "spearman": spearmanr}[name]
    values = np.sort([correlate(strength[rows], doubt[rows])[0] for rows in drawn])
    found = strength_correlation(points, p, bootstrap=200, seed=3)
    low = int(0.025 * 199)
    assert found[f"{name}_low"] == pytest.approx(values[low], abs=1e-9)
    assert found[f"{name}_high"] == pytest.approx(values[199 - low], abs=1e-9)
    assert values[low] < found[name] < values[199 - low]


def test_lengths_that_fall_with_uncertainty_correlate_fully() -> None:
    _, p = made_pair()
    certain = np.zeros((60, 3))
    certain[:, 1] = 5 - 2 * entropy(p, axis=1)
    found = strength_correlation(certain, p, bootstrap=20, seed=0)
    np.testing.assert_allclose(list(found.values()), -1, rtol=1e-9)


@pytest.mark.parametrize("fill", [1.0, np.nan], ids=["alike", "undefined"])
def test_correlation_without_lengths_is_undefined(fill: float) -> None:
    _, p = made_pair()
    found = strength_correlation(np.full((60, 3), fill), p, bootstrap=20, seed=0)
    assert len(found) == 6
    assert np.isnan(list(found.values())).all()
