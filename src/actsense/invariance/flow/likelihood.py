"""Likelihoods of latents, in nats with all constants."""

__all__ = ["bits_per_dimension", "normal_log_prob", "posterior_samples"]

from math import log, pi

from torch import Tensor


def normal_log_prob(v: Tensor) -> Tensor:
    """Return log-densities of independent standard normal numbers, nats, (batch,)."""
    return -0.5 * (v.square().sum(dim=1) + v.shape[1] * log(2 * pi))


def bits_per_dimension(nats: float, latent: int) -> float:
    """Return the negative log-likelihood of a latent, given in nats, in bits per number."""
    return nats / (latent * log(2))


def posterior_samples(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Return latents of images, from their posteriors and standard normal noise, all alike."""
    return mean + (0.5 * log_variance).exp() * noise
