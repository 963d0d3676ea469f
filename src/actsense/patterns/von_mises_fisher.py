r"""The distribution of von Mises and Fisher: directions that gather around one of them.

A direction o, a unit vector of e axes, has the density C(k) exp(k o.m) around the mean direction m
with the concentration k >= 0. With t the angle between the two, and E the mean over o,

    1 / C(k) = S exp(k) I,     I = integral over 0 < t < pi of exp(-k (1 - cos t)) sin(t)^(e-2)
    A(k) = E cos t             the resultant, from 0 to 1
    A'(k) = variance of cos t

where S is the area of the unit sphere of e - 1 axes. Integrals are taken by Gauss's rule around
the highest point of what is integrated, which no order and no concentration makes overflow. All
is computed in float64.
"""

__all__ = [
    "draw_von_mises_fisher",
    "gauss_rule",
    "inverse_resultant",
    "log_normaliser",
    "resultant",
]

import math
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

NODES = 64
REACH = 12.0  # standard deviations around the highest point; 64 nodes are exact to 1e-12 there
# In logarithms the resultant is nearly straight: a start within 7 % is 1e-13 near after three.
NEWTON = 3
SMALL = 0.1  # below it, differences of the closed forms of three axes are replaced by their series


def log_normaliser(kappa: Tensor, *, axes: int = 3) -> Tensor:
    """Return log C, the logarithm of what the density's exponential is multiplied by, float64.

    Arguments:
        kappa: Concentrations, any shape, 0 or more.
        axes: Axes of the space, 2 or more.
    """
    kappa = kappa.double()
    logs, weights, _ = _rule(kappa, axes)
    top = logs.amax(dim=-1)
    integral = top + ((logs - top[..., None]).exp() * weights).sum(dim=-1).log()
    area = math.log(2) + (axes - 1) / 2 * math.log(math.pi) - math.lgamma((axes - 1) / 2)
    return -(area + kappa + integral)


def resultant(kappa: Tensor, *, axes: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    """Return A, 1 - A and A' of concentrations, each exact to its own last digits, float64.

    Arguments:
        kappa: Concentrations, any shape, 0 or more.
        axes: Axes of the space, 2 or more.
    """
    kappa = kappa.double()
    return _resultant_of_three(kappa) if axes == 3 else _resultant(kappa, axes)


def inverse_resultant(cosine: Tensor, rest: Tensor | None = None, *, axes: int = 3) -> Tensor:
    """Return the concentration whose resultant is given, float64.

    Arguments:
        cosine: Resultants, any shape, from 0 to 1.
        rest: 1 - cosine, where it is known better than this difference.
        axes: Axes of the space, 2 or more.

    Source:
        The start: Banerjee, Dhillon, Ghosh & Sra (2005), J. Mach. Learn. Res. 6, 1345-1382. The
        steps are Newton's on log(A / (1 - A)) as a function of log kappa, derived here.
    """
    cosine = cosine.double()
    rest = 1 - cosine if rest is None else rest.double()
    inside = cosine.clamp(min=1e-300)
    wanted = inside.log() - rest.log()
    logs = (inside * (axes - inside**2)).log() - (rest * (2 - rest)).log()
    for _ in range(NEWTON):
        value, left, slope = resultant(logs.exp(), axes=axes)
        steepness = logs.exp() * slope / (value * left)
        logs = logs - (value.log() - left.log() - wanted) / steepness
    ends = torch.where(cosine <= 0, 0.0, torch.where(rest <= 0, torch.inf, logs.exp()))
    return torch.where((cosine < 0) | (rest < 0), torch.nan, ends)


def draw_von_mises_fisher(
    directions: NDArray[np.float64], kappa: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.float64]:
    """Draw one direction around each of some mean directions.

    Arguments:
        directions: Unit vectors, (draws, axes).
        kappa: Concentrations, (draws,), 0 or more.
        generator: Where random numbers come from, see `actsense.draws.stream`.

    Returns:
        Unit vectors, (draws, axes).

    Source:
        Wood (1994), Communications in Statistics 23, 157-164.
    """
    draws, axes = directions.shape
    cosine = _draw_cosines(np.broadcast_to(kappa, (draws,)), axes, generator)
    aside = generator.normal(size=(draws, axes))
    aside -= (aside * directions).sum(axis=1, keepdims=True) * directions
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    sine = np.sqrt(np.maximum(0, 1 - cosine**2))
    return np.asarray(cosine[:, None] * directions + sine[:, None] * aside)


@cache
def gauss_rule(nodes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return places and weights of Gauss's rule for integrals from 0 to 1, (nodes,) each."""
    places, weights = np.polynomial.legendre.leggauss(nodes)
    return (places + 1) / 2, weights / 2


def _rule(kappa: Tensor, axes: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return log of what I integrates, weights and 1 - cos t at the places, (..., nodes) each."""
    # The highest point: kappa sin(t)^2 = (e - 2) cos t.
    ratio = 2 * kappa / max(axes - 2, 1e-9)
    cosine = ratio / (1 + (1 + ratio**2).sqrt())
    highest = torch.arccos(cosine.clamp(max=1)) if axes > 2 else torch.zeros_like(kappa)
    width = REACH / (kappa * torch.cos(highest) + axes - 1).sqrt()
    low, high = (highest - width).clamp(min=0), (highest + width).clamp(max=math.pi)
    places, weights = (torch.as_tensor(part, device=kappa.device) for part in gauss_rule(NODES))
    angle = low[..., None] + (high - low)[..., None] * places
    versine = 2 * torch.sin(angle / 2) ** 2
    logs = -kappa[..., None] * versine + (axes - 2) * torch.sin(angle).log()
    return logs, (high - low)[..., None] * weights, versine


def _resultant(kappa: Tensor, axes: int) -> tuple[Tensor, Tensor, Tensor]:
    logs, weights, versine = _rule(kappa, axes)
    share = (logs - logs.amax(dim=-1, keepdim=True)).exp() * weights
    share = share / share.sum(dim=-1, keepdim=True)
    rest = (share * versine).sum(dim=-1)
    slope = (share * (versine - rest[..., None]) ** 2).sum(dim=-1)
    # In parts, E cos t = k E sin(t)^2 / (e - 1): nothing cancels at small concentrations.
    cosine = kappa / (axes - 1) * (share * versine * (2 - versine)).sum(dim=-1)
    return cosine, rest, slope


def _resultant_of_three(kappa: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return coth k - 1/k, 1 less it, and its slope 1/k^2 - 1/sinh(k)^2."""
    k = kappa.clamp(min=SMALL)
    decay = torch.exp(-2 * k)
    tail = 2 * decay / (1 - decay)  # coth k - 1
    rest = 1 / k - tail
    slope = 1 / k**2 - tail * (tail + 2)
    s = kappa.clamp(max=SMALL) ** 2
    series = 1 / 3 - s * (1 / 45 - s * (2 / 945 - s / 4725))
    slope_series = 1 / 3 - s * (3 / 45 - s * (10 / 945 - s * 7 / 4725))
    small = kappa < SMALL
    return (
        torch.where(small, kappa * series, 1 - rest),
        torch.where(small, 1 - kappa * series, rest),
        torch.where(small, slope_series, slope),
    )


def _draw_cosines(
    kappa: NDArray[np.float64], axes: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Draw the cosines by rejection; those refused are drawn again."""
    m = axes - 1
    b = m / (2 * kappa + np.sqrt(4 * kappa**2 + m**2))
    x = (1 - b) / (1 + b)
    bound = kappa * x + m * np.log(4 * b / (1 + b) ** 2)  # 1 - x^2, where it is tiny too
    cosine, left = np.empty(len(kappa)), np.arange(len(kappa))
    while len(left):
        z = generator.beta(m / 2, m / 2, size=len(left))
        w = (1 - (1 + b[left]) * z) / (1 - (1 - b[left]) * z)
        kept = kappa[left] * w + m * np.log(1 - x[left] * w) - bound[left] >= np.log(
            generator.random(len(left))
        )
        cosine[left[kept]] = w[kept]
        left = left[~kept]
    return cosine
