"""How much of every concept a layer keeps.

With e_k a part of a latent that the layer allows, and z what the layer says,

    EV_z(k)  =  1 - E tr Cov(e_k | z) / tr Cov(e_k)

which is `Explained.by_layer` of what is measured here.
"""

__all__ = ["explained_factors", "factor_spreads"]

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from actsense.device.memory import Memory
from actsense.errors import ConfigError
from actsense.invariance.factors.factors import Factors
from actsense.invariance.kept.estimates import Floats
from actsense.invariance.kept.explained import Explained, Spread, explained_variance
from actsense.invariance.kept.sampling import Conditions, Sampler, draw_samples


def factor_spreads(
    factors: Factors,
    sampler: Sampler,
    conditions: Conditions,
    noise: Tensor,
    *,
    memory: Memory,
    device: torch.device,
) -> dict[str, Spread]:
    """Sample the invariances of a layer, and measure how every part of them varies.

    Nothing is decoded. Layers, networks and checkpoints that are given the same noise can be
    compared anchor by anchor.

    Arguments:
        factors: What splits latents, on the device.
        sampler: The flow of the layer, on the device.
        conditions: What the layer says of the anchors, (anchors, ...).
        noise: v of every sample, (anchors, samples, latent), from `invariance_noise`: two samples
            at least.
        memory: How many samples fit at a time.
        device: Where both of them run.

    Raises:
        ConfigError: If the noise is of latents of another size.
    """
    if noise.shape[2] != factors.flow.latent:
        raise ConfigError(
            f"Factors are of latents of {factors.flow.latent} numbers, samples of "
            f"{noise.shape[2]}. Train both with one autoencoder."
        )
    parts = draw_samples(
        *(sampler, _Encoded(factors), conditions, noise), memory=memory, device=device
    )
    found: dict[str, list[Spread]] = {name: [] for name in factors.names}
    for drawn in parts:
        for name, spreads in found.items():
            spreads.append(Spread.of(drawn.images[..., factors.place(name)]))
    return {name: Spread.joined(spreads) for name, spreads in found.items()}


def explained_factors(spreads: Mapping[str, Spread], draws: Floats) -> dict[str, Explained]:
    """Return how much of every part the layer explains, with the same resamples of anchors.

    Arguments:
        spreads: From `factor_spreads`.
        draws: From `anchor_draws`, (1 + draws, anchors).
    """
    return {name: explained_variance(spread, draws) for name, spread in spreads.items()}


@dataclass(frozen=True)
class _Encoded:
    """Has factors drawn in place of images."""

    factors: Factors

    def decode(self, latents: Tensor) -> Tensor:
        """Return all parts side by side, (n, latent)."""
        return self.factors.encode(latents)
