"""Turning points onto each other."""

import numpy as np
import pytest
import torch
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.transform import Rotation
from torch import Tensor

from actsense.draws import stream
from actsense.patterns.alignment import align, procrustes, rotation_to_pole

NUMBERS = stream(0, "points in a test of alignment")
POINTS = torch.from_numpy(NUMBERS.normal(size=(30, 3)))
TURN = torch.from_numpy(Rotation.from_rotvec([0.3, -1.1, 0.7]).as_matrix())
NOISE = torch.from_numpy(NUMBERS.normal(size=(30, 3)))
MIRROR = torch.diag(torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64))


@pytest.mark.parametrize("planted", [TURN, TURN @ MIRROR], ids=["turned", "mirrored"])
def test_planted_turn_comes_back(planted: Tensor) -> None:
    np.testing.assert_allclose(procrustes(POINTS, POINTS @ planted), planted, atol=1e-12)


def test_turning_twice_changes_nothing() -> None:
    noisy = POINTS @ TURN + 0.1 * NOISE
    turned = POINTS @ procrustes(POINTS, noisy)
    np.testing.assert_allclose(procrustes(turned, noisy), np.eye(3), atol=1e-12)


def test_noisy_points_are_turned_as_scipy_does() -> None:
    noisy = POINTS @ TURN + NOISE
    expected, _ = orthogonal_procrustes(POINTS.numpy(), noisy.numpy())
    np.testing.assert_allclose(procrustes(POINTS, noisy), expected, atol=1e-12)


def test_without_reflections_the_best_turn_is_kabschs() -> None:
    noisy = POINTS @ TURN @ MIRROR
    expected = Rotation.align_vectors(noisy.numpy(), POINTS.numpy())[0].as_matrix().T
    found = procrustes(POINTS, noisy, proper=True)
    assert float(torch.linalg.det(found)) == pytest.approx(1)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_points_in_a_plane_are_turned_without_reflection() -> None:
    flat = POINTS * torch.tensor([1.0, 1.0, 0.0])
    found = procrustes(flat, flat @ TURN, proper=True)
    np.testing.assert_allclose(found, TURN, atol=1e-12)


def test_alignment_says_how_far_and_how_well() -> None:
    found = align(POINTS, POINTS @ TURN)
    assert found.angle == pytest.approx(np.linalg.norm([0.3, -1.1, 0.7]))
    assert not found.reflected
    assert found.residual < 1e-12


def test_alignment_says_that_it_mirrors() -> None:
    assert align(POINTS, POINTS @ MIRROR).reflected


def test_residual_is_the_share_of_what_cannot_be_turned_away() -> None:
    cross = torch.tensor([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    assert align(3 * cross, cross).residual == pytest.approx(2)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (torch.ones(4, 3), torch.ones(5, 3), r"same shape.*got \(4, 3\) and \(5, 3\)"),
        (torch.ones(4), torch.ones(4), "same shape"),
        (torch.ones(4, 3), torch.full((4, 3), torch.nan), "finite"),
        (torch.ones(4, 3), torch.full((4, 3), torch.inf), "finite"),
    ],
)
def test_points_that_cannot_be_aligned(a: Tensor, b: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        procrustes(a, b)


@pytest.mark.parametrize(
    "direction",
    [[1.0, 2.0, 3.0], [0.0, 0.0, 1.0], [0.0, 0.0, -2.0], [1e-9, 0.0, -1.0], [3.0, 0.0, 0.0]],
)
def test_direction_is_turned_to_the_pole(direction: list[float]) -> None:
    given = torch.tensor(direction, dtype=torch.float64)
    turn = rotation_to_pole(given)
    np.testing.assert_allclose(turn @ (given / given.norm()), [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert float(torch.linalg.det(turn)) == pytest.approx(1)


@pytest.mark.parametrize("direction", [[0.0, 0.0, 0.0], [torch.inf, 0.0, 0.0]])
def test_what_has_no_direction_cannot_be_turned(direction: list[float]) -> None:
    with pytest.raises(ValueError, match="vector with a direction"):
        rotation_to_pole(torch.tensor(direction))
