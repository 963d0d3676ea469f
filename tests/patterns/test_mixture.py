"""Classes found without being told: planted ones come back, and no step leads downwards."""

import numpy as np
import pytest
import torch
from radial_mixture import draw_radial_mixture
from scipy.optimize import linear_sum_assignment

from actsense.patterns.mixture import fit_mixture
from actsense.patterns.radial import concentrated, concentration, posterior
from actsense.patterns.von_mises_fisher import log_normaliser


def test_planted_classes_come_back() -> None:
    made = draw_radial_mixture(20_000)
    found = fit_mixture(made.vectors, 5)
    cosine = found.directions @ made.directions.T
    own, planted = linear_sum_assignment(-cosine.numpy())
    angles = torch.rad2deg(torch.arccos(cosine[own, planted]))
    assert angles.max() < 2
    assert (found.prior[own] - made.prior[planted]).abs().max() < 0.02


@pytest.mark.parametrize("axes", [2, 3, 5])
def test_no_step_makes_vectors_less_likely(axes: int) -> None:
    made = draw_radial_mixture(500, axes=axes)
    found = fit_mixture(made.vectors, 5, starts=2)
    assert len(found.likelihoods) > 5
    assert (found.likelihoods.diff() > -1e-12).all()


def test_shares_are_the_posterior_of_what_was_found() -> None:
    found = fit_mixture(draw_radial_mixture(300).vectors, 4)
    vectors = draw_radial_mixture(300).vectors
    expected = posterior(vectors, found.directions, found.prior)
    np.testing.assert_allclose(found.shares, expected, rtol=1e-9)


def test_likelihood_is_the_density_of_directions_written_out() -> None:
    vectors = draw_radial_mixture(200).vectors
    found = fit_mixture(vectors, 3)
    kappa = concentration(vectors.norm(dim=1))
    density = (log_normaliser(kappa)[:, None] + concentrated(vectors) @ found.directions.T).exp()
    expected = (density @ found.prior).log().mean()
    assert float(found.likelihoods[-1]) == pytest.approx(float(expected), rel=1e-12)


def test_found_mixture_is_at_least_as_likely_as_the_planted_one() -> None:
    made = draw_radial_mixture(2_000)
    found = fit_mixture(made.vectors, 5)
    scores = concentrated(made.vectors) @ made.directions.T + made.prior.log()
    kappa = concentration(made.vectors.norm(dim=1))
    planted = (scores.logsumexp(dim=1) + log_normaliser(kappa)).mean()
    assert found.likelihoods[-1] >= planted


def test_class_of_a_single_vector_keeps_its_direction() -> None:
    vectors = torch.tensor([[5.0, 0, 0], [0, 40.0, 0], [0, 0, 40.0]])
    found = fit_mixture(vectors, 3)
    order = found.directions.argmax(dim=1).argsort()
    np.testing.assert_allclose(found.directions[order], np.eye(3), atol=1e-4)


def test_vectors_that_cancel_out_leave_a_direction() -> None:
    opposite = torch.tensor([[0.0, 0.0, 2.0], [0.0, 0.0, -2.0]])
    found = fit_mixture(opposite, 1)
    np.testing.assert_allclose(abs(found.directions), [[0, 0, 1]])
    np.testing.assert_allclose(found.prior, [1])


def test_vectors_without_a_length_found_no_class() -> None:
    vectors = torch.zeros(60, 3)
    vectors[7, 0], vectors[9, 1] = 40, 40
    directions = fit_mixture(vectors, 2, starts=1).directions
    np.testing.assert_allclose(directions.amax(dim=0), [1, 1, 0], atol=1e-4)


def test_likeliest_of_several_starts_is_kept() -> None:
    vectors = draw_radial_mixture(300, classes=8).vectors
    few, many = (fit_mixture(vectors, 8, starts=starts, steps=20) for starts in (1, 8))
    assert many.likelihoods[-1] > few.likelihoods[-1] + 1e-6


@pytest.mark.parametrize("classes", [0, 3])
def test_as_many_classes_as_vectors_at_most(classes: int) -> None:
    vectors = torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 0]])
    with pytest.raises(ValueError, match=f"2 vectors .* got {classes}"):
        fit_mixture(vectors, classes)
