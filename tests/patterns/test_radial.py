"""The radial distribution: closed forms, identities, and a Monte Carlo estimate of its noise."""

import numpy as np
import pytest
import torch
from scipy.special import gammaln, hyp1f1
from torch import Tensor

from actsense.draws import stream
from actsense.patterns.radial import (
    _cosine,
    _cosine_of_three,
    class_directions,
    concentrated,
    concentration,
    log_posterior,
    mean_cosine,
    posterior,
)
from actsense.patterns.von_mises_fisher import log_normaliser, resultant

AXES = [2, 3, 4, 7, 64]
LENGTHS = torch.cat([torch.zeros(1), torch.logspace(-12, 4, 161)]).double()


def made(seed: int, vectors: int = 40, classes: int = 5, axes: int = 3) -> tuple[Tensor, Tensor]:
    """Return vectors of many lengths, and unit vectors of classes."""
    numbers = stream(seed, "vectors and classes in a test of the radial distribution")
    x = torch.from_numpy(numbers.normal(size=(vectors, axes)) * numbers.gamma(1, 2, (vectors, 1)))
    mu = torch.from_numpy(numbers.normal(size=(classes, axes)))
    return x, mu / mu.norm(dim=1, keepdim=True)


def turn(seed: int, axes: int = 3) -> Tensor:
    numbers = stream(seed, "a turn in a test of the radial distribution")
    return torch.from_numpy(np.linalg.qr(numbers.normal(size=(axes, axes)))[0])


@pytest.mark.parametrize(
    ("length", "kappa"),
    [(0.2, 0.320), (0.5, 0.812), (1, 1.715), (2, 4.339), (3, 9.045), (5, 25.00), (31.62, 1000)],
)
def test_concentrations_of_a_few_lengths(length: float, kappa: float) -> None:
    # Derived in the specification by other means, to three digits.
    assert float(concentration(torch.tensor(length))) == pytest.approx(kappa, rel=2e-3)


@pytest.mark.parametrize("axes", AXES)
def test_concentration_is_zero_at_zero_and_rises(axes: int) -> None:
    kappa = concentration(LENGTHS, axes=axes)
    assert kappa[0] == 0
    assert (kappa.diff() > 0).all()
    assert kappa.isfinite().all()


@pytest.mark.parametrize("axes", AXES)
def test_concentrated_directions_have_the_mean_cosine_of_noise(axes: int) -> None:
    value, rest, _ = resultant(concentration(LENGTHS[1:], axes=axes), axes=axes)
    cosine, left, _ = mean_cosine(LENGTHS[1:], axes=axes)
    np.testing.assert_allclose(value, cosine, rtol=1e-11)
    np.testing.assert_allclose(rest, left, rtol=1e-11)


@pytest.mark.parametrize("axes", [2, 3, 6])
@pytest.mark.parametrize("length", [0.2, 1.0, 3.0])
def test_mean_cosine_is_that_of_a_vector_in_noise(axes: int, length: float) -> None:
    numbers = stream(axes, "noise of vectors in a test")
    noisy = numbers.normal(size=(400_000, axes))
    noisy[:, 0] += length
    cosines = noisy[:, 0] / np.linalg.norm(noisy, axis=1)
    error = cosines.std() / np.sqrt(len(cosines))
    assert error < 1.3e-3
    expected = mean_cosine(torch.tensor(length, dtype=torch.float64), axes=axes)[0]
    assert abs(float(expected) - cosines.mean()) < min(4 * error, 4e-3)


@pytest.mark.parametrize("axes", [*AXES, 512])
def test_mean_cosine_is_a_confluent_hypergeometric_function(axes: int) -> None:
    a = LENGTHS[LENGTHS < 4].numpy()
    factor = np.exp(gammaln((axes + 1) / 2) - gammaln(axes / 2 + 1)) / np.sqrt(2)
    expected = factor * a * hyp1f1(0.5, axes / 2 + 1, -(a**2) / 2)
    np.testing.assert_allclose(
        mean_cosine(torch.from_numpy(a), axes=axes)[0], expected, rtol=1e-12
    )


@pytest.mark.parametrize("axes", AXES)
def test_mean_cosine_of_long_vectors_misses_one_by_its_asymptote(axes: int) -> None:
    long = torch.tensor([1e3, 1e4], dtype=torch.float64)
    rest = mean_cosine(long, axes=axes)[1]
    np.testing.assert_allclose(rest, (axes - 1) / (2 * long**2), rtol=axes**2 / 1e6)


def test_closed_form_of_three_axes_is_what_the_integrals_give() -> None:
    lengths = LENGTHS[1:]
    for closed, integral in zip(_cosine_of_three(lengths), _cosine(lengths, 3), strict=True):
        np.testing.assert_allclose(closed, integral, rtol=1e-12)


@pytest.mark.parametrize("axes", AXES)
def test_slope_of_the_concentration_is_its_difference_quotient(axes: int) -> None:
    lengths = torch.logspace(-6, 4, 60, dtype=torch.float64).requires_grad_()
    (slope,) = torch.autograd.grad(concentration(lengths, axes=axes).sum(), lengths)
    step = lengths.detach() * 1e-5
    below, above = (concentration(lengths.detach() + sign * step, axes=axes) for sign in (-1, 1))
    np.testing.assert_allclose(slope, (above - below) / (2 * step), rtol=1e-7)


def test_concentration_cannot_be_differentiated_twice_by_mistake() -> None:
    length = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    squared = concentration(length) ** 2
    (slope,) = torch.autograd.grad(squared, length, create_graph=True)
    with pytest.raises(RuntimeError, match="not have been used in the graph"):
        torch.autograd.grad(slope, length)


def test_one_axis_has_no_directions() -> None:
    with pytest.raises(ValueError, match="2 axes or more; got 1"):
        concentration(torch.ones(2), axes=1)


@pytest.mark.parametrize("axes", [2, 3, 5])
def test_posterior_is_bayes_rule_with_densities(axes: int) -> None:
    x, mu = made(0, axes=axes)
    prior = torch.tensor([0.1, 0.2, 0.3, 0.15, 0.25], dtype=torch.float64)
    kappa = concentration(x.norm(dim=1), axes=axes)
    cosine = x @ mu.T / x.norm(dim=1, keepdim=True)
    density = (log_normaliser(kappa, axes=axes)[:, None] + kappa[:, None] * cosine).exp() * prior
    expected = density / density.sum(dim=1, keepdim=True)
    np.testing.assert_allclose(posterior(x, mu, prior), expected, rtol=1e-9)


def test_posterior_adds_up_to_one_at_any_length() -> None:
    x, mu = made(1)
    q = posterior(x * torch.logspace(-20, 4, len(x))[:, None], mu)
    np.testing.assert_allclose(q.sum(dim=1), 1, rtol=1e-12)


def test_vector_of_length_zero_has_the_prior() -> None:
    prior = torch.tensor([0.5, 0.1, 0.1, 0.1, 0.2], dtype=torch.float64)
    np.testing.assert_allclose(
        posterior(torch.zeros(2, 3), made(2)[1], prior)[1], prior, rtol=1e-12
    )


def test_posterior_turns_with_its_directions() -> None:
    x, mu = made(3)
    np.testing.assert_allclose(posterior(x @ turn(0), mu @ turn(0)), posterior(x, mu), atol=1e-12)


def test_longer_vectors_are_surer_of_the_same_class() -> None:
    x, mu = made(4)
    short, long = posterior(x, mu), posterior(1.3 * x, mu)
    assert (short.argmax(dim=1) == long.argmax(dim=1)).all()
    assert (long.amax(dim=1) >= short.amax(dim=1)).all()
    assert (long.amax(dim=1) > short.amax(dim=1)).float().mean() > 0.5  # others are certain


def test_log_posterior_is_finite_where_exponentials_are_not() -> None:
    far = torch.tensor([[0.0, 0.0, 1e4]])
    mu = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
    np.testing.assert_allclose(log_posterior(far, mu), [[0, -2e8]], rtol=1e-6)


def test_gradient_at_the_origin_is_the_limit() -> None:
    origin = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(concentrated(origin)[0, 0], origin)
    np.testing.assert_allclose(slope, [[np.sqrt(8 / np.pi), 0, 0]], rtol=1e-12)


def test_class_directions_are_most_likely() -> None:
    x, _ = made(5)
    numbers = stream(5, "probabilities in a test of the radial distribution")
    target = torch.from_numpy(numbers.dirichlet(np.ones(4), size=len(x)))
    best = class_directions(x, target)

    def likelihood(mu: Tensor) -> Tensor:
        return (target * (concentrated(x) @ mu.T)).sum(dim=0)

    for seed in range(20):
        assert (likelihood(best @ turn(seed)) < likelihood(best)).all()


def test_direction_of_a_class_without_weight_is_undefined() -> None:
    x, _ = made(6)
    target = torch.tensor([[1.0, 0.0]]).expand(len(x), 2)
    assert class_directions(x, target)[1].isnan().all()
