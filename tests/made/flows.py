"""Flows whose weights are no start, and a world whose likelihood is known."""

from math import log, pi

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.invariance.flow.flow import Flow, build_flow
from actsense.invariance.flow.settings import Embedder, FlowSettings

SMALL = FlowSettings(blocks=3, width=16, embedder=Embedder(size=4, depth=3, channels=4))
PUBLISHED = FlowSettings(
    blocks=20, width=1024, hidden=2, bound=1.0, networks="separate", embedder=Embedder(depth=4)
)


def shaken(
    latent: int,
    shape: tuple[int, ...] | None,
    settings: FlowSettings = SMALL,
    *,
    seed: int = 0,
    size: float = 0.05,
) -> Flow:
    """Return a flow in float64, in evaluation mode, no weight of which is zero."""
    flow = build_flow(settings, latent, shape, seed=seed).double().eval()
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in flow.parameters():
            weight += size * torch.randn(weight.shape, generator=draws, dtype=weight.dtype)
    return flow


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class LinearWorld:
    """Latents that are a linear map of a normal condition, and correlated normal noise.

        mean = W z + L n,   latent = mean + noise of the posterior,   n, z standard normal

    Attributes:
        entropy: Of a latent whose condition is known, nats.
        unconditional: Of a latent whose condition is not known.
    """

    def __init__(self, latent: int, condition: int, *, posterior: float = 0.3) -> None:
        draws = np.random.default_rng(5)
        self._map = draws.normal(size=(latent, condition))
        self._mixing = np.tril(draws.normal(size=(latent, latent)), -1) * 0.5
        self._mixing += np.diag(draws.uniform(0.3, 1.0, latent))
        self._log_variance = 2 * log(posterior)
        within = self._mixing @ self._mixing.T + posterior**2 * np.eye(latent)
        self.entropy = _entropy(within)
        self.unconditional = _entropy(within + self._map @ self._map.T)

    def draw(self, count: int, seed: int) -> tuple[NDArray[np.float32], ...]:
        """Return means and log-variances of posteriors, and conditions, (count, ...) each."""
        draws = np.random.default_rng(seed)
        z = draws.normal(size=(count, self._map.shape[1]))
        noise = draws.normal(size=(count, len(self._map)))
        mean = z @ self._map.T + noise @ self._mixing.T
        found = (mean, np.full_like(mean, self._log_variance), 3 * z + 7)
        return tuple(values.astype(np.float32) for values in found)


def _entropy(covariance: NDArray[np.float64]) -> float:
    _, log_det = np.linalg.slogdet(covariance)
    return float(0.5 * (len(covariance) * (1 + log(2 * pi)) + log_det))
