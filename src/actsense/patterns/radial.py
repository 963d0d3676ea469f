r"""A distribution of vectors whose length says how much their direction is to be trusted.

A vector x of e axes has the length l = |x| and the direction o = x / l. Classes y have the shares
pi_y and the directions mu_y. Around these, directions are distributed after von Mises and Fisher
with the concentration kappa(l), the same for all classes, so that the posterior is

    Q(y | x) = pi_y exp(kappa(l) mu_y.o) / (the sum of this over classes)

kappa(l) is that of directions which noise has turned: let a vector of the length l be met by noise
of unit variance on every axis. The angle t between it and what becomes of it has

    E cos t     = l sqrt(2/pi) integral of exp(-l^2 sin(f)^2 / 2) cos(f)^e           over f
    1 - E cos t = (e - 1) integral of sin(f) cos(f)^(e-2) erfc(l sin(f) / sqrt(2))   over f

from 0 to pi/2, and kappa(l) is the concentration whose resultant A is this E cos t: 0 at 0, about
e c l for short vectors with c = Gamma((e+1)/2) / (sqrt(2) Gamma(e/2+1)), and l^2 for long ones.
Three axes have closed forms.
"""

__all__ = [
    "Gradient",
    "class_directions",
    "concentrated",
    "concentration",
    "gathered",
    "log_posterior",
    "log_shares",
    "mean_cosine",
    "posterior",
]

import math
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from actsense.patterns.von_mises_fisher import gauss_rule, inverse_resultant, resultant

NODES = 40
REACH = 8.5  # standard deviations; the rest of a Gaussian lies below the last digit
SHORTEST = 1e-30  # length: as close to 0 as squares and logarithms of float64 allow
SMALL = 0.5  # below it the closed form of three axes cancels, and its series takes over
TERMS = 11  # of the series, which are below the last digit after them
ROOT = math.sqrt(2 / math.pi)

Gradient = Literal["exact", "published"]


def concentration(strength: Tensor, *, axes: int = 3) -> Tensor:
    """Return kappa(l), elementwise and differentiable once, float64.

    Arguments:
        strength: Lengths of vectors in units of the noise on every axis, any shape, 0 or more.
        axes: Axes of the space, 2 or more.

    Raises:
        ValueError: If there are fewer than two axes.

    Source:
        Derived in the docstring of this module; the published tables of kappa were never shared.
    """
    if axes < 2:
        raise ValueError(f"Directions need 2 axes or more; got {axes}.")
    kappa: Tensor = _Concentration.apply(strength.double(), axes)
    return kappa


def mean_cosine(strength: Tensor, *, axes: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    """Return E cos t, 1 less it, and its slope, of a vector of some length in unit noise.

    Arguments:
        strength: Lengths, any shape, 0 or more.
        axes: Axes of the space, 2 or more.

    Returns:
        Three tensors like `strength`, float64, each exact to its own last digits.
    """
    strength = strength.double()
    return _cosine_of_three(strength) if axes == 3 else _cosine(strength, axes)


def concentrated(vectors: Tensor, *, gradient: Gradient = "exact") -> Tensor:
    """Return kappa(l) o: vectors as long as their directions are concentrated, float64.

    Arguments:
        vectors: Vectors, (..., axes), of any length; 0 stays 0.
        gradient: `exact`, or `published`: kappa(l) / l is held. The two are alike across the
            vector; along it the published one is kappa / l in place of kappa'.
    """
    vectors = vectors.double()
    length: Tensor = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    strength = length.clamp(min=SHORTEST)
    factor = concentration(strength, axes=vectors.shape[-1]) / strength
    return vectors * (factor if gradient == "exact" else factor.detach())


def log_posterior(vectors: Tensor, directions: Tensor, prior: Tensor | None = None) -> Tensor:
    """Return log Q(y | x) of vectors, each with the concentration of its own length.

    Arguments:
        vectors: Vectors, (..., axes).
        directions: Unit vectors of the classes, (classes, axes).
        prior: Shares of the classes, (classes,); None if all are alike.

    Returns:
        Natural logarithms, (..., classes) float64. A vector of length 0 has the prior's.

    Source:
        Li, Wang & Zhang (2021), Visualizing the emergence of intermediate visual patterns in
        DNNs, NeurIPS, arXiv 2111.03505.
    """
    return log_shares(concentrated(vectors), directions, prior)


def posterior(vectors: Tensor, directions: Tensor, prior: Tensor | None = None) -> Tensor:
    """Return Q(y | x), rows that sum to 1, see `log_posterior`."""
    return log_posterior(vectors, directions, prior).exp()


def class_directions(vectors: Tensor, target: Tensor) -> Tensor:
    """Return the directions of classes under which vectors with given classes are most likely.

    Arguments:
        vectors: Vectors, (..., vectors, axes).
        target: Probabilities of the classes, (vectors, classes).

    Returns:
        Unit vectors, (..., classes, axes) float64, differentiable; NaN for a class without weight.
    """
    return gathered(concentrated(vectors), target)


def log_shares(vectors: Tensor, directions: Tensor, prior: Tensor | None = None) -> Tensor:
    """Return `log_posterior` of vectors that are `concentrated` already."""
    scores = vectors @ directions.double().mT
    if prior is not None:
        scores = scores + prior.double().log()
    return scores.log_softmax(dim=-1)


def gathered(vectors: Tensor, target: Tensor) -> Tensor:
    """Return `class_directions` of vectors that are `concentrated` already."""
    summed = target.double().mT @ vectors
    length: Tensor = torch.linalg.vector_norm(summed, dim=-1, keepdim=True)
    return summed / length


class _Concentration(torch.autograd.Function):
    """The equation A(kappa) = E cos t is solved forwards, and differentiated backwards."""

    @staticmethod
    def forward(context: Any, strength: Tensor, axes: int) -> Tensor:
        length = strength.clamp(min=SHORTEST)
        cosine, rest, slope = mean_cosine(length, axes=axes)
        kappa = inverse_resultant(cosine, rest, axes=axes)
        context.save_for_backward(slope / resultant(kappa, axes=axes)[2])
        return torch.where(strength == 0, 0.0, torch.where(strength < 0, torch.nan, kappa))

    @staticmethod
    @once_differentiable
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (slope,) = context.saved_tensors
        return gradients[0] * slope, None


def _cosine(strength: Tensor, axes: int) -> tuple[Tensor, Tensor, Tensor]:
    reach = (REACH / (strength**2 + axes - 1).sqrt()).clamp(max=1)
    places, weights = (torch.as_tensor(part, device=strength.device) for part in gauss_rule(NODES))
    high = torch.asin(reach)[..., None]
    angle, weights = high * places, high * weights
    sine, cosine = torch.sin(angle), torch.cos(angle)
    turned = strength[..., None] * sine
    tilted = torch.exp(-(turned**2) / 2) * weights * cosine ** (axes - 2)
    mean = strength * ROOT * (tilted * cosine**2).sum(dim=-1)
    slope = (axes - 1) * ROOT * (tilted * sine**2).sum(dim=-1)
    far = torch.erfc(turned / math.sqrt(2)) * weights * sine * cosine ** (axes - 2)
    return mean, (axes - 1) * far.sum(dim=-1), slope


def _cosine_of_three(strength: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the closed forms with erf, and for short vectors their series in l^2 / 2."""
    a = strength.clamp(min=SMALL)
    bell, below = ROOT * torch.exp(-(a**2) / 2), torch.erf(a / math.sqrt(2))
    rest = torch.erfc(a / math.sqrt(2)) + below / a**2 - bell / a
    slope = 2 * (below / a - bell) / a**2
    z = strength.clamp(max=SMALL) ** 2 / 2
    mean_series, slope_series = torch.zeros_like(z), torch.zeros_like(z)
    for n in reversed(range(TERMS)):
        term = 2 / ((2 * n + 1) * (2 * n + 3))
        mean_series = term - mean_series * z / (n + 1)
        slope_series = term * (2 * n + 1) - slope_series * z / (n + 1)
    small, mean = strength < SMALL, strength * ROOT * mean_series
    return (
        torch.where(small, mean, 1 - rest),
        torch.where(small, 1 - mean, rest),
        torch.where(small, ROOT * slope_series, slope),
    )
