r"""Classes found in vectors without being told: the radial mixture, by expectation maximisation.

With kappa_i the concentration of the length of vector i and o_i its direction, a step is

    r_iy  = pi_y exp(kappa_i mu_y.o_i) / (the sum of this over y)
    pi_y  = mean over i of r_iy
    mu_y  = sum over i of r_iy kappa_i o_i, at length 1

Both pi and mu are exact maxima: the likelihood of the directions, given the lengths, never falls.
"""

__all__ = ["Mixture", "fit_mixture"]

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from actsense.draws import stream
from actsense.patterns.radial import concentrated, gathered
from actsense.patterns.von_mises_fisher import log_normaliser

STEPS, SETTLED = 500, 1e-9  # nats a vector: what a step must add for another one to follow
STARTS = 5


@dataclass(frozen=True)
class Mixture:
    """Shares and directions of classes under which vectors are most likely.

    Attributes:
        prior: pi, (classes,).
        directions: mu, unit vectors, (classes, axes).
        shares: r, what every vector says of the classes, (vectors, classes).
        likelihoods: Mean log density of directions, given lengths, in the beginning and after
            every step, nats, (steps + 1,).
    """

    prior: Tensor
    directions: Tensor
    shares: Tensor
    likelihoods: Tensor


def fit_mixture(
    vectors: Tensor, classes: int, *, seed: int = 0, starts: int = STARTS, steps: int = STEPS
) -> Mixture:
    """Find classes in vectors; whether they are those that the network knows is to be seen.

    Each start takes some of the vectors for the directions of the classes; the likeliest of the
    results is kept. A start ends when a step adds less than 1e-9 nats.

    Arguments:
        vectors: Vectors, (vectors, axes), as `SampleFit.embedding`, of any length.
        classes: Classes to find, no more than there are vectors.
        seed: Seed of the starts.
        starts: Number of starts.
        steps: Steps of one of them, at most.

    Raises:
        ValueError: If there are fewer vectors with a length than classes.

    Source:
        Banerjee, Dhillon, Ghosh & Sra (2005), J. Mach. Learn. Res. 6, 1345-1382, with given
        concentrations, which makes all steps closed forms.
    """
    known = int((vectors != 0).any(dim=1).sum())
    if not 0 < classes <= known:
        raise ValueError(
            f"{known} vectors with a length make 1 to {known} classes; got {classes}."
        )
    problem = _Problem.of(vectors)
    numbers = stream(seed, "starts of mixtures")
    found = [problem.climb(problem.start(classes, numbers), steps) for _ in range(starts)]
    return max(found, key=lambda mixture: float(mixture.likelihoods[-1]))


@dataclass(frozen=True)
class _Problem:
    """What stays the same from step to step."""

    vectors: Tensor  # concentrated, (vectors, axes)
    constant: Tensor  # log normaliser of every vector, (vectors,)

    @classmethod
    def of(cls, vectors: Tensor) -> Self:
        concentration = concentrated(vectors)
        kappa: Tensor = torch.linalg.vector_norm(concentration, dim=1)
        return cls(concentration, log_normaliser(kappa, axes=vectors.shape[1]))

    def start(self, classes: int, numbers: np.random.Generator) -> Tensor:
        """Draw directions of vectors that have one."""
        rows = (self.vectors != 0).any(dim=1).nonzero().flatten().cpu().numpy()
        chosen = numbers.choice(rows, size=classes, replace=False)
        return functional.normalize(self.vectors[torch.from_numpy(chosen)], dim=1)

    def climb(self, directions: Tensor, steps: int) -> Mixture:
        """Take steps while they lead upwards."""
        prior = directions.new_full((len(directions),), 1 / len(directions))
        shares, likelihood = self.expect(directions, prior)
        likelihoods = [likelihood]
        for _ in range(steps):
            prior, moved = shares.mean(dim=0), gathered(self.vectors, shares)
            # Vectors that cancel each other out leave a class where it was.
            directions = torch.where(moved.isnan(), directions, moved)
            shares, likelihood = self.expect(directions, prior)
            likelihoods.append(likelihood)
            if likelihoods[-1] - likelihoods[-2] < SETTLED:
                break
        return Mixture(prior, directions, shares, torch.stack(likelihoods))

    def expect(self, directions: Tensor, prior: Tensor) -> tuple[Tensor, Tensor]:
        """Return the shares of classes in every vector, and the mean log likelihood."""
        scores = self.vectors @ directions.mT + prior.log()
        likelihood = (scores.logsumexp(dim=1) + self.constant).mean()
        return scores.softmax(dim=1), likelihood
