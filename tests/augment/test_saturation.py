"""Saturation against its algebra."""

import math

import pytest
import torch

from actsense.augment.saturation import saturate

LEVELS = [0.25, 0.5, 1, 2, 4, 8, 16, 64, 1024]
GREYS = torch.arange(256) / 255


def images(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def test_level_2_gives_the_same_bits() -> None:
    given = images(4, 3, 8, 8) * 1e-9  # arithmetic would lose these
    torch.testing.assert_close(saturate(given, 2), given, rtol=0, atol=0)


@pytest.mark.parametrize("level", LEVELS)
def test_black_grey_and_white_stay(level: float) -> None:
    fixed = torch.tensor([0.0, 0.5, 1.0])
    torch.testing.assert_close(saturate(fixed, level), fixed, rtol=0, atol=0)


@pytest.mark.parametrize("level", LEVELS)
def test_negatives_become_negatives(level: float) -> None:
    # 255 grey values never hit 1/2, where high levels magnify the rounding of 1 - v.
    torch.testing.assert_close(saturate(1 - GREYS, level), 1 - saturate(GREYS, level))


@pytest.mark.parametrize("level", LEVELS)
def test_brighter_stays_brighter_and_in_range(level: float) -> None:
    found = saturate(GREYS.double(), level)
    assert (found.diff() >= 0).all()
    assert len(found.unique()) > 100
    assert found.min() == 0
    assert found.max() == 1


@pytest.mark.parametrize("first", LEVELS)
@pytest.mark.parametrize("second", [0.5, 1, 8])
def test_two_levels_act_as_half_their_product(first: float, second: float) -> None:
    given = images(3, 8, 8).double()
    given = given[(2 * given - 1).abs() > 0.2]  # nearer to grey the first level loses digits
    twice = saturate(saturate(given, first), second)
    torch.testing.assert_close(twice, saturate(given, first * second / 2), rtol=1e-8, atol=0)


def test_level_1_squares_the_distance_from_grey() -> None:
    given = torch.tensor([0.0, 0.25, 0.75, 0.9])
    torch.testing.assert_close(saturate(given, 1), torch.tensor([0.0, 0.375, 0.625, 0.82]))


def test_the_highest_level_leaves_black_and_white() -> None:
    away = GREYS[(2 * GREYS - 1).abs() > 0.01]
    torch.testing.assert_close(saturate(away, 1024), away.round(), rtol=0, atol=0.01)


def test_gradients_pass() -> None:
    given = images(2, 3, 4, 4).requires_grad_()
    (slope,) = torch.autograd.grad(saturate(given, 1).sum(), given)
    torch.testing.assert_close(slope, 2 * (2 * given - 1).abs())


@pytest.mark.parametrize("level", [0, -1, math.nan, math.inf])
def test_other_levels_are_refused(level: float) -> None:
    with pytest.raises(ValueError, match="level must be a finite number above 0; got"):
        saturate(GREYS, level)
