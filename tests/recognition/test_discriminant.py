"""Discriminants agree with scikit-learn, and see no channel that they are tested on."""

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import eigh
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from actsense.recognition.discriminant import (
    Samples,
    Spread,
    assign_folds,
    cross_validate,
    fit_discriminant,
    shuffle_labels,
)

Floats = NDArray[np.float64]
CLASSES = 4
TALL, WIDE = (40, 12), (10, 90)  # channels and positions: more maps than positions, and fewer


def samples(size: tuple[int, int], *, apart: float = 1.0, seed: int = 0) -> Samples:
    """Return maps whose mean depends on the factor, with unequal variances along positions."""
    rng = np.random.default_rng(seed)
    channels, positions = size
    means = apart * rng.normal(size=(CLASSES, positions))
    noise = rng.normal(size=(channels, CLASSES, positions)) * np.linspace(0.3, 3, positions)
    return Samples.of(noise + means, np.arange(channels))


def residuals(features: Floats, labels: NDArray[np.int64]) -> Floats:
    means = np.stack([features[labels == k].mean(axis=0) for k in range(CLASSES)])
    return np.asarray(features - means[labels])


@pytest.mark.parametrize("size", [TALL, WIDE])
def test_the_intensity_is_that_of_ledoit_and_wolf(size: tuple[int, int]) -> None:
    own = samples(size)
    labelings = np.vstack([own.labels, shuffle_labels(own, 5, np.random.default_rng(1))])
    spread = Spread.of(own.in_row_space().features, own.positions)
    fitted = fit_discriminant(spread, labelings, classes=CLASSES)
    expected = [
        ledoit_wolf_shrinkage(residuals(own.features, labels), assume_centered=True)
        for labels in labelings
    ]
    np.testing.assert_allclose(fitted.shrinkage, expected, rtol=1e-9)
    assert 0.01 < min(expected) < max(expected) < 0.99  # at neither bound, where all agree


@pytest.mark.parametrize(
    ("size", "solver", "shrinkage"),
    [(TALL, "lsqr", 0.2), (TALL, "eigen", 0.7), (WIDE, "eigen", 0.2), (TALL, "svd", 0.0)],
)
def test_scores_are_those_of_another_implementation(
    size: tuple[int, int], solver: str, shrinkage: float
) -> None:
    own, fresh = samples(size), samples(size, seed=7)
    own = Samples(own.features[3:], own.labels[3:], own.channels[3:], own.positions, CLASSES)
    spread = Spread.of(own.features, own.positions)
    model = fit_discriminant(spread, own.labels[None], classes=CLASSES, shrinkage=shrinkage)
    oracle = LinearDiscriminantAnalysis(
        solver=solver, shrinkage=None if solver == "svd" else shrinkage
    ).fit(own.features, own.labels)
    scores = model.scores(spread.along(fresh.features))[0].T
    expected = oracle.decision_function(fresh.features)
    scores, expected = (s - s.mean(axis=1, keepdims=True) for s in (scores, expected))
    np.testing.assert_allclose(scores, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("size", [TALL, WIDE])
def test_the_projection_solves_the_generalized_eigenproblem(size: tuple[int, int]) -> None:
    own, fresh = samples(size), samples(size, seed=7)
    spread = Spread.of(own.features, own.positions)
    model = fit_discriminant(spread, own.labels[None], classes=CLASSES)
    placed = spread.along(fresh.features) @ model.projection()

    inside = np.cov(residuals(own.features, own.labels).T, ddof=0)
    between = np.cov(own.features.T, ddof=0) - inside
    intensity = model.shrinkage[0]
    within = (1 - intensity) * inside
    within += intensity * np.trace(inside) / own.positions * np.eye(own.positions)
    _, directions = eigh(between, within)
    expected = (fresh.features - own.features.mean(axis=0)) @ directions[:, [-1, -2]]
    expected *= np.sign((placed * expected).sum(axis=0))
    np.testing.assert_allclose(placed, expected, rtol=1e-6, atol=1e-8)


def test_labelings_are_solved_as_if_each_were_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actsense.recognition.discriminant.CELLS", 1000)  # blocks of six
    own = samples(WIDE).in_row_space()
    labelings = shuffle_labels(own, 15, np.random.default_rng(2))
    folds = assign_folds(own.channels, 3, np.random.default_rng(3))
    together = cross_validate(own, labelings, folds)
    alone = [cross_validate(own, labels[None], folds)[0] for labels in labelings]
    np.testing.assert_array_equal(together, alone)


def test_the_row_space_loses_nothing() -> None:
    own = samples(WIDE)
    folds = assign_folds(own.channels, 5, np.random.default_rng(0))
    labelings = np.vstack([own.labels, shuffle_labels(own, 20, np.random.default_rng(1))])
    reduced = own.in_row_space()
    assert reduced.features.shape == (len(own.labels), len(own.labels))
    found = cross_validate(reduced, labelings, folds)
    np.testing.assert_array_equal(found, cross_validate(own, labelings, folds))
    assert 0.3 < (found[0] == own.labels).mean() < 0.99  # neither guessed nor trivial


def test_without_shrinkage_affine_maps_of_the_positions_change_nothing() -> None:
    own = samples(TALL)
    rng = np.random.default_rng(5)
    turned = Samples.of(
        (own.features @ rng.normal(size=(12, 12)) + rng.normal(size=12)).reshape(-1, CLASSES, 12),
        np.arange(TALL[0]),
    )
    folds = assign_folds(own.channels, 5, rng)
    found = [cross_validate(s, s.labels[None], folds, shrinkage=0.0)[0] for s in (own, turned)]
    np.testing.assert_array_equal(*found)
    assert 0.3 < (found[0] == own.labels).mean() < 0.99


def test_factors_far_apart_are_never_confused() -> None:
    own = samples(WIDE, apart=100).in_row_space()
    folds = assign_folds(own.channels, 5, np.random.default_rng(0))
    np.testing.assert_array_equal(cross_validate(own, own.labels[None], folds)[0], own.labels)


def test_shuffled_labels_are_guessed_by_chance() -> None:
    own = samples(TALL, apart=100)
    labelings = shuffle_labels(own, 100, np.random.default_rng(0))
    folds = assign_folds(own.channels, 5, np.random.default_rng(0))
    accuracy = (cross_validate(own, labelings, folds) == labelings).mean(axis=1)
    error = accuracy.std(ddof=1) / 10
    assert error < 0.01
    assert abs(accuracy.mean() - 1 / CLASSES) < 3 * error


def test_what_a_channel_shares_with_itself_is_no_clue() -> None:
    offsets = np.random.default_rng(0).normal(size=(30, 1, 6)).repeat(CLASSES, axis=1)
    own = Samples.of(offsets, np.arange(30))
    generator = np.random.default_rng(1)

    def accuracy(groups: NDArray[np.int64]) -> float:
        folds = assign_folds(groups, 5, generator)
        return float((cross_validate(own, own.labels[None], folds)[0] == own.labels).mean())

    assert accuracy(own.channels) == 1 / CLASSES  # all maps of a channel get one label
    # A held-out map is the one label that its siblings in training do not have.
    assert accuracy(np.arange(len(own.labels))) < 0.6 / CLASSES


def test_folds_hold_whole_groups_of_nearly_equal_number() -> None:
    groups = np.repeat(np.arange(13), 5)
    folds = assign_folds(groups, 4, np.random.default_rng(0)).reshape(13, 5)
    assert (folds == folds[:, :1]).all()
    assert sorted(np.bincount(folds[:, 0])) == [3, 3, 3, 4]


def test_more_folds_than_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="3 groups cannot fill 4 folds"):
        assign_folds(np.array([0, 0, 1, 2]), 4, np.random.default_rng(0))


def test_labels_are_shuffled_within_channels() -> None:
    own = samples(TALL)
    shuffled = shuffle_labels(own, 50, np.random.default_rng(0)).reshape(50, TALL[0], CLASSES)
    np.testing.assert_array_equal(
        np.sort(shuffled, axis=2), np.broadcast_to(np.arange(CLASSES), shuffled.shape)
    )
    at_first = np.bincount(shuffled[:, :, 0].ravel(), minlength=CLASSES) / (50 * TALL[0])
    np.testing.assert_allclose(at_first, 1 / CLASSES, atol=4 * 0.43 / np.sqrt(50 * TALL[0]))


def test_normalized_maps_have_unit_norm_and_zero_maps_are_left_out() -> None:
    maps = np.random.default_rng(0).normal(size=(5, CLASSES, 8))
    maps[2, 1] = 0
    own = Samples.of(maps, np.arange(5)).normalized()
    np.testing.assert_allclose(np.linalg.norm(own.features, axis=1), 1)
    assert len(own.labels) == 5 * CLASSES - 1
    assert own.labels[own.channels == 2].tolist() == [0, 2, 3]
    louder = Samples.of(maps * np.exp(maps[:, :, :1]), np.arange(5)).normalized()
    np.testing.assert_allclose(own.features, louder.features)


def test_a_label_that_was_not_learned_is_not_predicted() -> None:
    own = samples(TALL)
    spread = Spread.of(own.features, own.positions)
    model = fit_discriminant(spread, own.labels[None], classes=CLASSES + 1)
    assert (model.scores(spread.samples)[0, CLASSES] == -np.inf).all()


def test_two_axes_need_three_labels() -> None:
    own = samples(TALL)
    spread = Spread.of(own.features, own.positions)
    with pytest.raises(ValueError, match="at least 3 labels; got 2"):
        fit_discriminant(spread, own.labels[None] % 2, classes=2).projection()


def test_wide_maps_never_make_a_matrix_of_positions() -> None:
    rng = np.random.default_rng(0)
    own = Samples.of(rng.normal(size=(32, 5, 9000)), np.arange(32))
    tracemalloc.start()
    reduced = own.in_row_space()
    cross_validate(reduced, own.labels[None], assign_folds(own.channels, 4, rng))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 9000**2 * 8 / 5  # bytes
