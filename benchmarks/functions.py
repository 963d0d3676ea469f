r"""Twelve functions of six independent factors, with exact indices, to judge estimates by.

For a function f, let closed(s) = Var E[f | factors in s], where s is a set of factors, written as
a number whose bit j says that factor j is in it. Every index follows from closed alone:

    S1_j   closed({j}) / V                       V = closed(all)
    ST_j   1 - closed(all but j) / V
    S2_jk  (closed({j, k}) - closed({j}) - closed({k})) / V
    Shapley_j   the mean over sets s without j, one size as likely as another, of
                (closed(s + {j}) - closed(s)) / V

Uniform factors: f is summed over a grid of Gauss nodes on which closed is exact (to rounding for
polynomials and steps, to better than 1e-9 for the others). Normal factors: for f = g(sum w_j z_j)
with sum w_j^2 = 1, closed(s) depends on r = sum of w_j^2 in s alone; it is the covariance of g at
two normals of correlation r (Price's theorem, see `_price`).
"""

__all__ = ["FACTORS", "FUNCTIONS", "Function", "closed_variances", "evaluate", "exact_indices"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]
Nodes = tuple[Floats, Floats]  # coordinates in (0, 1) and their weights, which sum to one

FACTORS = 6
HALF_STEP = 2.0**-31  # of SciPy's Sobol' sequence, which may hold 0 but not 1


@dataclass(frozen=True)
class Function:
    """A function of the factors, (rows, factors) to (rows,), whose decomposition is known.

    Attributes:
        name: What it is called in tables.
        kind: `smooth`, `interaction` (of pure high order), `steps`, `rare` (seldom different from
            zero) or `heavy` (tailed).
        of: The function, of uniforms or of standard normals.
        closed: Returns closed(s) of every set of factors, (sets,).
        normal: Whether it is a function of normals.
    """

    name: str
    kind: str
    of: Callable[[Floats], Floats]
    closed: Callable[[], Floats]
    normal: bool = False

    @cached_property
    def exact(self) -> dict[str, Floats]:
        """Exact indices, see `exact_indices`."""
        return exact_indices(self.closed())


def evaluate(u: Floats) -> Floats:
    """Return all functions at uniform coordinates, (rows, factors) to (rows, functions)."""
    z = ndtri(u + HALF_STEP)
    return np.column_stack([f.of(z if f.normal else u) for f in FUNCTIONS])


def exact_indices(closed: Floats) -> dict[str, Floats]:
    """Return S1, ST, shapley (factors,), S2 (factors, factors) and variance from closed(s)."""
    factors = len(closed).bit_length() - 1
    bits = 1 << np.arange(factors)
    variance = closed[-1]
    pairs = closed[bits[:, None] | bits] - closed[bits][:, None] - closed[bits]
    np.fill_diagonal(pairs, np.nan)
    sets = np.arange(len(closed))
    size = np.array([int(s).bit_count() for s in sets])
    shapley = np.zeros(factors)
    for j, bit in enumerate(bits):
        without = sets[sets & bit == 0]
        weight = np.array([1 / (factors * comb(factors - 1, k)) for k in size[without]])
        shapley[j] = weight @ (closed[without | bit] - closed[without])
    return {
        "S1": closed[bits] / variance,
        "ST": 1 - closed[(len(closed) - 1) ^ bits] / variance,
        "S2": pairs / variance,
        "shapley": shapley / variance,
        "variance": np.array(variance),
    }


def closed_variances(table: Floats, weights: Sequence[Floats]) -> Floats:
    """Return closed(s) of a function that is known at every combination of levels.

    Arguments:
        table: Its values, one axis per factor.
        weights: Probability of every level of every factor.
    """
    factors = len(weights)
    closed = np.empty(2**factors)
    for s in range(len(closed)):
        mean, weight = table, np.ones(1)
        for j in reversed(range(factors)):  # from the last axis on: those before keep their place
            if s >> j & 1:
                weight = np.multiply.outer(weights[j], weight)
            else:
                mean = np.tensordot(mean, weights[j], axes=(j, 0))
        weight = weight.reshape(mean.shape)
        centred = mean - (weight * mean).sum()
        closed[s] = (weight * centred**2).sum()
    return closed


def _gauss(pieces: int, count: int) -> Nodes:
    """Return Gauss-Legendre nodes on equal pieces of the unit interval."""
    x, weight = np.polynomial.legendre.leggauss(count)
    points = (np.arange(pieces)[:, None] + (x + 1) / 2) / pieces
    return points.ravel(), np.tile(weight / 2 / pieces, pieces)


INERT = _gauss(1, 1)


def _on_grid(of: Callable[[Floats], Floats], *nodes: Nodes) -> Callable[[], Floats]:
    """Sum over a grid; factors without nodes of their own are inert."""

    def closed() -> Floats:
        axes = [*nodes, *[INERT] * (FACTORS - len(nodes))]
        mesh = np.meshgrid(*[points for points, _ in axes], indexing="ij")
        table = of(np.stack([m.ravel() for m in mesh], axis=1)).reshape(mesh[0].shape)
        return closed_variances(table, [weight for _, weight in axes])

    return closed


def _share(s: Floats) -> Floats:
    """Sum a value per factor over every set of factors, (sets,)."""
    member = np.arange(2**FACTORS)[:, None] >> np.arange(FACTORS) & 1
    return member @ s


# Smooth functions of uniforms.

SLOPES = np.array([1.0, 0.8, 0.6, 0.4, 0.2, 0.1])
G_WEIGHTS = np.array([0.0, 0.5, 3.0, 9.0, 20.0, 99.0])


def linear(u: Floats) -> Floats:
    """Additive: a weighted sum."""
    return u @ SLOPES


def ishigami(u: Floats) -> Floats:
    """Ishigami and Homma's function of the first three factors; the others are inert."""
    x = np.pi * (2 * u - 1)
    y: Floats = np.sin(x[:, 0]) * (1 + 0.1 * x[:, 2] ** 4) + 7 * np.sin(x[:, 1]) ** 2
    return y


def g_function(u: Floats) -> Floats:
    """Sobol's g-function."""
    y: Floats = ((np.abs(4 * u - 2) + G_WEIGHTS) / (1 + G_WEIGHTS)).prod(axis=1)
    return y


def product(u: Floats) -> Floats:
    """A product of linear functions of mean one."""
    y: Floats = (1 + 1.5 * SLOPES * (u - 0.5)).prod(axis=1)
    return y


def three_way(u: Floats) -> Floats:
    """An interaction of the first three factors and nothing else."""
    y: Floats = (2 * u[:, :3] - 1).prod(axis=1)
    return y


def softmax(u: Floats) -> Floats:
    """The probability of the first of four classes; which is right is the first factor."""
    right = (4 * u[:, 0]).astype(np.int64)
    logits = (2 * u[:, 1:4] - 1) @ SOFTMAX_WEIGHTS + 2 * np.eye(4)[right]
    raised = np.exp(logits)
    y: Floats = raised[:, 0] / raised.sum(axis=1)
    return y


SOFTMAX_WEIGHTS = np.array([[1.5, -1.0, 0.0, 0.5], [0.0, 1.0, -1.0, 0.5], [-0.5, 0.0, 0.5, 0.0]])


# Jumps.

STEPS = np.array([1.0, 0.8, 0.6, 0.5, 0.3, 0.2])


def steps(u: Floats) -> Floats:
    """A sum of steps, four per factor, rounded down to steps again."""
    # The sums are multiples of 0.1: half of that keeps rounding away from the jumps.
    y: Floats = np.floor(np.floor(4 * u) @ STEPS + 0.05)
    return y


def gated(u: Floats) -> Floats:
    """Sums and products of parameters that a switch turns on half of the time, as in our law."""
    x = np.where(u < 0.5, 0.5 + 2 * u, 0.0)
    y: Floats = x[:, 0] + 0.8 * x[:, 1] * x[:, 2] + x[:, 3] * (1 - 0.6 * x[:, 4]) + 0.3 * x[:, 5]
    return y


# Functions of normals.

SHARES = np.array([0.35, 0.25, 0.2, 0.1, 0.07, 0.03])  # squared weights of the sum
RELU_67, RELU_10 = ndtri(1 - 0.067), ndtri(1 - 0.01)
SPREAD = 1.7
LOGNORMAL_WEIGHTS = np.array([1.0, 0.9, 0.8, 0.6, 0.4, 0.3])


def _relu(threshold: float) -> Callable[[Floats], Floats]:
    return lambda z: np.maximum(z @ np.sqrt(SHARES) - threshold, 0)


def _event(threshold: float) -> Callable[[Floats], Floats]:
    return lambda z: (z @ np.sqrt(SHARES) > threshold).astype(np.float64)


def lognormal(z: Floats) -> Floats:
    """Additive, with heavy tails."""
    y: Floats = np.exp(SPREAD * z) @ LOGNORMAL_WEIGHTS
    return y


def _lognormal_closed() -> Floats:
    return _share(LOGNORMAL_WEIGHTS**2 * np.exp(SPREAD**2) * np.expm1(SPREAD**2))


def _price(threshold: float, *, relu: bool) -> Callable[[], Floats]:
    r"""Integrate the covariance over the correlation, from 0 to that of every set of factors.

    Its slope is the density of two normals (x, y) of correlation r at (t, t) for events x > t, and
    P(x > t, y > t) for max(x - t, 0). With r = sin(angle) the density's singularity at 1 is gone:
    density dr = exp(-t^2 / (1 + r)) / 2 pi d angle.

    Source:
        Price (1958), IRE Trans. Inf. Theory 4, 69.
    """

    def closed() -> Floats:
        share = np.clip(_share(SHARES), 0, 1)
        share[-1] = 1
        x, weight = _gauss(4, 24)
        angle = np.arcsin(share)[:, None] * x  # (sets, nodes)
        r = np.sin(angle)
        density = np.exp(-(threshold**2) / (1 + r)) / (2 * np.pi)
        if not relu:
            return np.arcsin(share) * (density @ weight)
        active = ndtr(-threshold)
        twice = np.arcsin(share) * (((share[:, None] - r) * density) @ weight)
        return active**2 * share + twice

    return closed


_LINE, _HALVES = _gauss(1, 2), _gauss(2, 2)
FUNCTIONS = (
    Function("linear", "smooth", linear, _on_grid(linear, *[_LINE] * FACTORS)),
    Function("Ishigami", "smooth", ishigami, _on_grid(ishigami, *[_gauss(1, 24)] * 3)),
    Function("g-function", "smooth", g_function, _on_grid(g_function, *[_HALVES] * FACTORS)),
    Function("product", "smooth", product, _on_grid(product, *[_LINE] * FACTORS)),
    Function("three-way", "interaction", three_way, _on_grid(three_way, *[_LINE] * 3)),
    Function("softmax", "smooth", softmax, _on_grid(softmax, _gauss(4, 1), *[_gauss(1, 16)] * 3)),
    Function("steps", "steps", steps, _on_grid(steps, *[_gauss(4, 1)] * FACTORS)),
    Function("gated", "steps", gated, _on_grid(gated, *[_HALVES] * FACTORS)),
    Function("ReLU, 6.7 % active", "rare", _relu(RELU_67), _price(RELU_67, relu=True), True),
    Function("ReLU, 1 % active", "rare", _relu(RELU_10), _price(RELU_10, relu=True), True),
    Function("event of 1 %", "rare", _event(RELU_10), _price(RELU_10, relu=False), True),
    Function("log-normal sum", "heavy", lognormal, _lognormal_closed, True),
)
