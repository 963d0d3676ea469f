"""Turning embeddings onto each other: they are defined up to a rotation and a reflection."""

__all__ = ["Alignment", "align", "procrustes", "rotation_to_pole"]

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Alignment:
    """How an embedding was turned onto another.

    Attributes:
        rotation: Orthogonal matrix R, (axes, axes) float64: `embedding @ R` is the turned one.
        angle: Size of the turn: the largest angle by which R turns a plane, rad, 0 to pi.
        reflected: Whether R also mirrors.
        residual: What is left between the two, root of the mean square over the root of the mean
            square of what was aligned to, dimensionless.
    """

    rotation: Tensor
    angle: float
    reflected: bool
    residual: float


def procrustes(a: Tensor, b: Tensor, *, proper: bool = False) -> Tensor:
    """Return the rotation R with the smallest sum of squares of a R - b, (axes, axes) float64.

    Arguments:
        a: Points, (points, axes).
        b: Where they should come to lie, (points, axes).
        proper: Forbid reflections.

    Raises:
        ValueError: If shapes differ or a number is not finite.

    Source:
        Schoenemann (1966), Psychometrika 31, 1-10; without reflections Kabsch (1976), Acta
        Crystallogr. A 32, 922-923.
    """
    if a.shape != b.shape or a.ndim != 2:
        raise ValueError(
            "Points to align must be two sets of the same shape, (points, axes); "
            f"got {tuple(a.shape)} and {tuple(b.shape)}."
        )
    product = a.double().mT @ b.double()
    if not product.isfinite().all():
        raise ValueError("Points to align must be finite.")
    left, _, right = torch.linalg.svd(product)
    if proper:
        turns = torch.ones(len(product), dtype=torch.float64, device=product.device)
        turns[-1] = torch.linalg.det(left @ right).sign()
        left = left * turns
    rotation: Tensor = left @ right
    return rotation


def align(a: Tensor, b: Tensor, *, proper: bool = False) -> Alignment:
    """Find how to turn points onto others, and say how far and how well, see `procrustes`."""
    rotation = procrustes(a, b, proper=proper)
    left = (a.double() @ rotation - b.double()).square().sum() / b.double().square().sum()
    return Alignment(
        rotation,
        float(torch.linalg.eigvals(rotation).angle().abs().max()),
        bool(torch.linalg.det(rotation) < 0),
        float(left.sqrt()),
    )


def rotation_to_pole(direction: Tensor) -> Tensor:
    """Return a rotation R, without reflection, with R direction along (0, ..., 0, 1).

    Arguments:
        direction: A vector that is not 0, (axes,), of 2 axes or more.

    Returns:
        Orthogonal matrix of determinant 1, (axes, axes) float64: `points @ R.mT` are turned.

    Raises:
        ValueError: If the vector is 0 or not finite.
    """
    length = torch.linalg.vector_norm(direction.double())
    if not (length > 0 and length.isfinite()):
        raise ValueError(f"Turning needs a vector with a direction; got {direction.tolist()}.")
    unit = direction.double() / length
    # From the other half of the sphere a half turn comes first: the shortest way is not unique
    # from the opposite pole, and not exact near it.
    half = torch.ones_like(unit)
    if unit[-1] < 0:
        half[0] = half[-1] = -1
    unit, pole = unit * half, torch.zeros_like(unit)
    pole[-1] = 1
    between = unit + pole
    turn: Tensor = 2 * torch.outer(pole, unit) - torch.outer(between, between) / (1 + unit[-1])
    turn.diagonal().add_(1)
    return turn * half
