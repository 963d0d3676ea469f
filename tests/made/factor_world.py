"""Latents that are known concepts, turned: normal blocks, and a rotation of them all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import e, log, pi, prod

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import ortho_group
from torch import Tensor

from actsense.invariance.factors.factors import Factors
from actsense.invariance.factors.pairs import Pairs
from actsense.invariance.flow.data import FlowData

SIZES = {"digit": 2, "ground": 1, "residual": 3}


@dataclass(frozen=True)
class Rotation:
    """Turns latents into blocks, exactly."""

    latent: int = 6
    matrix: Tensor = field(
        default_factory=lambda: torch.from_numpy(ortho_group.rvs(6, random_state=3)).float()
    )

    def transform(self, latents: Tensor, embedded: None = None) -> tuple[Tensor, Tensor]:
        """Return the blocks side by side."""
        return latents @ self.matrix.to(latents), latents.new_zeros(len(latents))

    def restore(self, v: Tensor, embedded: None = None) -> Tensor:
        """Return the latents of blocks."""
        return v @ self.matrix.to(v).T


def true_factors(sizes: Mapping[str, int] = SIZES) -> Factors:
    return Factors(Rotation(), sizes)


@dataclass(frozen=True)
class FactorWorld:
    """Pairs of latents that share a block each.

    Arguments:
        correlation: Of a shared block, over a pair.
        posterior: Standard deviation of the posteriors.
    """

    correlation: float = 0.975
    posterior: float = 0.01

    def blocks(self, count: int, seed: int) -> NDArray[np.float64]:
        """Return the blocks of pairs of every concept, (2, 2 * count, 6)."""
        draws = np.random.default_rng(seed)
        first, second = draws.normal(size=(2, 2 * count, 6))
        rest = np.sqrt(1 - self.correlation**2)
        for place, pairs in ((slice(0, 2), slice(0, count)), (slice(2, 3), slice(count, None))):
            own = rest * second[pairs, place] + self.correlation * first[pairs, place]
            second[pairs, place] = own
        return np.stack([first, second])

    def pairs(self, count: int, seed: int) -> Pairs:
        """Return pairs of every concept, first images first."""
        blocks = torch.from_numpy(self.blocks(count, seed)).flatten(0, 1)
        mean = Rotation().restore(blocks).float().numpy()
        log_variance = np.full_like(mean, 2 * log(self.posterior))
        shared = np.eye(2, 3, dtype=bool).repeat(count, axis=0)
        places = np.arange(2 * count)
        data = FlowData(mean, log_variance, None)
        return Pairs(data, ("digit", "ground"), places, places + 2 * count, shared)

    @staticmethod
    def read(latents: Tensor) -> NDArray[np.float64]:
        """Return the blocks of latents side by side, (n, 6)."""
        return Rotation().transform(latents.double())[0].numpy()

    def entropy(self, shared: int) -> float:
        """Return the entropy of a pair of which so many numbers are shared, nats."""
        variance = 1 + self.posterior**2
        determinant = prod([variance**2] * (6 - shared))
        determinant *= prod([variance**2 - self.correlation**2] * shared)
        return 6 * log(2 * pi * e) + 0.5 * log(determinant)
