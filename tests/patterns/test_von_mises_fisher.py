"""Directions around one of them: against SciPy, integrals, and draws."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import gammaln, ive
from torch import Tensor

from actsense.draws import stream
from actsense.patterns.von_mises_fisher import (
    _resultant,
    _resultant_of_three,
    draw_von_mises_fisher,
    inverse_resultant,
    log_normaliser,
    resultant,
)

AXES = [2, 3, 4, 7, 64]
WIDE = torch.logspace(-8, 8, 161, dtype=torch.float64)


def bessel_ratio(kappa: Tensor, axes: int) -> np.ndarray:
    return np.asarray(ive(axes / 2, kappa.numpy()) / ive(axes / 2 - 1, kappa.numpy()))


@pytest.mark.parametrize("axes", AXES)
def test_resultant_is_a_ratio_of_bessel_functions(axes: int) -> None:
    kappa = WIDE[(WIDE > 0.5) & (WIDE < 1e4)]
    np.testing.assert_allclose(
        resultant(kappa, axes=axes)[0], bessel_ratio(kappa, axes), rtol=2e-12
    )


def test_closed_form_of_three_axes_is_what_the_integrals_give() -> None:
    for closed, integral in zip(_resultant_of_three(WIDE), _resultant(WIDE, 3), strict=True):
        np.testing.assert_allclose(closed, integral, rtol=1e-11)


@pytest.mark.parametrize("axes", [*AXES, 512])
def test_resultant_of_tiny_concentrations_is_their_share_of_the_axes(axes: int) -> None:
    tiny = torch.tensor([1e-12, 1e-6], dtype=torch.float64)
    np.testing.assert_allclose(resultant(tiny, axes=axes)[0], tiny / axes, rtol=1e-9)


@pytest.mark.parametrize("axes", [*AXES, 512])
def test_resultant_and_the_rest_add_up_to_one(axes: int) -> None:
    value, rest, _ = resultant(WIDE, axes=axes)
    np.testing.assert_allclose(value + rest, 1, rtol=2e-12)


@pytest.mark.parametrize("axes", [*AXES, 512])
def test_slope_of_the_resultant_obeys_its_differential_equation(axes: int) -> None:
    kappa = WIDE[(WIDE > 1e-3) & (WIDE < 1e3)]
    value, rest, slope = resultant(kappa, axes=axes)
    np.testing.assert_allclose(
        slope, rest * (1 + value) - (axes - 1) * value / kappa, rtol=1e-8, atol=1e-12
    )


@pytest.mark.parametrize("axes", [*AXES, 512])
def test_inverse_of_the_resultant(axes: int) -> None:
    value, rest, _ = resultant(WIDE, axes=axes)
    np.testing.assert_allclose(inverse_resultant(value, rest, axes=axes), WIDE, rtol=1e-11)


def test_inverse_without_the_rest_is_exact_where_the_resultant_is() -> None:
    value = torch.tensor([0.01, 0.3, 0.9], dtype=torch.float64)
    np.testing.assert_allclose(resultant(inverse_resultant(value))[0], value, rtol=1e-12)


def test_ends_of_the_resultant() -> None:
    ends = inverse_resultant(torch.tensor([0.0, 1.0, -0.1, 1.1]))
    np.testing.assert_equal(ends.numpy(), [0, np.inf, np.nan, np.nan])


@pytest.mark.parametrize("axes", AXES)
def test_log_normaliser_is_that_of_the_bessel_function(axes: int) -> None:
    kappa = WIDE[(WIDE > 0.5) & (WIDE < 1e4)]
    k, order = kappa.numpy(), axes / 2 - 1
    expected = order * np.log(k) - axes / 2 * np.log(2 * np.pi) - np.log(ive(order, k)) - k
    np.testing.assert_allclose(log_normaliser(kappa, axes=axes), expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("axes", [*AXES, 512])
def test_without_concentration_the_density_is_that_of_the_whole_sphere(axes: int) -> None:
    area = np.log(2) + axes / 2 * np.log(np.pi) - gammaln(axes / 2)
    without = log_normaliser(torch.tensor([0.0, 1e-9]), axes=axes)
    np.testing.assert_allclose(without, -area, rtol=1e-8)


@pytest.mark.parametrize("axes", [*AXES, 512])
def test_log_normaliser_falls_by_the_resultant(axes: int) -> None:
    step = 1e-5 * WIDE
    below, above = (log_normaliser(WIDE + sign * step, axes=axes) for sign in (-1, 1))
    expected = -2 * step * resultant(WIDE, axes=axes)[0]
    np.testing.assert_allclose(above - below, expected, rtol=1e-6, atol=1e-11)


@pytest.mark.parametrize("kappa", [1e-4, 1.0, 50.0, 1e3])
def test_density_on_the_sphere_integrates_to_one(kappa: float) -> None:
    constant = float(log_normaliser(torch.tensor(kappa, dtype=torch.float64)))
    whole, error = quad(
        lambda cosine: 2 * np.pi * np.exp(constant + kappa * cosine), *(-1, 1), points=[0.9, 0.99]
    )
    assert error < 1e-7
    assert whole == pytest.approx(1, abs=1e-7)


@pytest.mark.parametrize("axes", [2, 3, 8])
@pytest.mark.parametrize("kappa", [0.0, 0.5, 5.0, 500.0])
def test_draws_gather_as_the_resultant_says(axes: int, kappa: float) -> None:
    draws, generator = 20_000, stream(0, "drawn directions in a test")
    mean = np.eye(axes)[np.full(draws, axes - 1)]
    drawn = draw_von_mises_fisher(mean, np.full(draws, kappa), generator)
    value, _, variance = (
        float(part) for part in resultant(torch.tensor(kappa, dtype=torch.float64), axes=axes)
    )
    error = np.sqrt(variance / draws)
    assert error < 0.006
    assert abs(drawn[:, -1].mean() - value) < 4 * error
    assert np.abs(drawn[:, :-1].mean(axis=0)).max() < 4 / np.sqrt(draws)  # none is preferred
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), 1, atol=1e-12)


def test_variance_of_drawn_cosines_is_the_slope_of_the_resultant() -> None:
    draws = 20_000
    drawn = draw_von_mises_fisher(
        np.eye(3)[np.zeros(draws, dtype=int)],
        np.full(draws, 4.0),
        stream(1, "drawn directions in a test"),
    )
    slope = float(resultant(torch.tensor(4.0))[2])
    assert drawn[:, 0].var() == pytest.approx(slope, rel=0.05)


def test_every_draw_has_its_own_direction_and_concentration() -> None:
    directions = np.eye(3)[[0, 1, 2, 0]]
    generator = stream(2, "drawn directions in a test")
    drawn = draw_von_mises_fisher(directions, np.array([1e8, 1e8, 1e8, 1e8]), generator)
    assert np.linalg.norm(drawn - directions, axis=1).max() < 1e-3
