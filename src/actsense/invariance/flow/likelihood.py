"""Likelihoods of latents, in nats with all constants."""

__all__ = [
    "Evaluated",
    "bits_per_dimension",
    "evaluate",
    "normal_log_prob",
    "posterior_samples",
]

from dataclasses import dataclass
from math import log, pi
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from actsense.draws import stream
from actsense.invariance.flow.data import FlowData

if TYPE_CHECKING:
    from actsense.invariance.flow.flow import Flow


@dataclass(frozen=True)
class Evaluated:
    """What a flow says of images, in host memory.

    Arguments:
        v: Their latents as noise, (images, latent) float32.
        log_prob: Log-densities of their latents, nats, (images,) float64.
    """

    v: Tensor
    log_prob: Tensor


@torch.no_grad()
def evaluate(flow: "Flow", data: FlowData, *, seed: int) -> Evaluated:
    """Transform latents of images, each drawn once from its posterior.

    Arguments:
        flow: The flow, to be evaluated, on its device.
        data: The images.
        seed: Seed of the noise of the posteriors.

    Raises:
        ConfigError: If shapes are not those of the flow, or a representation is not finite.
    """
    device = next(flow.parameters()).device
    draws = stream(seed, "noise of posteriors where a flow is judged")
    noise = torch.from_numpy(draws.standard_normal(data.mean.shape, np.float32))
    mean, log_variance = (torch.from_numpy(x) for x in (data.mean, data.log_variance))
    latents = posterior_samples(mean, log_variance, noise)
    noises, densities = [], []
    for part in data.slices():
        condition = data.read(part)
        condition = None if condition is None else condition.to(device)
        v, log_det = flow(latents[part].to(device), condition)
        noises.append(v.cpu())
        densities.append((normal_log_prob(v.double()) + log_det).cpu())
    return Evaluated(torch.cat(noises), torch.cat(densities))


def normal_log_prob(v: Tensor) -> Tensor:
    """Return log-densities of independent standard normal numbers, nats, (batch,)."""
    return -0.5 * (v.square().sum(dim=1) + v.shape[1] * log(2 * pi))


def bits_per_dimension(nats: float, latent: int) -> float:
    """Return the negative log-likelihood of a latent, given in nats, in bits per number."""
    return nats / (latent * log(2))


def posterior_samples(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Return latents of images, from their posteriors and standard normal noise, all alike."""
    return mean + (0.5 * log_variance).exp() * noise
