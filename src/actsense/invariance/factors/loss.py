r"""What a flow of factors learns from a pair.

Of an image a alone, all noise is standard normal. Of b, whose pair is a, a shared part is expected
near that of a, and the others are standard normal, too:

    e(a)  ~  N(0, 1)          e_k(b)  ~  N(rho e_k(a), 1 - rho^2) if k is shared, else N(0, 1)

Together they have the standard normal noise of a, and correlations rho. Likelihoods are of pairs
of latents, with all constants.
"""

__all__ = ["image_nats", "pair_nats"]

from math import log, log1p, pi

import torch
from torch import Tensor

from actsense.invariance.flow.flow import Flow


def pair_nats(
    flow: Flow, first: Tensor, second: Tensor, shared: Tensor, correlation: float
) -> Tensor:
    """Return negative log-likelihoods of pairs of latents, nats, (pairs,).

    Arguments:
        flow: Without condition.
        first: Latents, (pairs, latent).
        second: Those of the other images, (pairs, latent).
        shared: Numbers of the noise that a pair shares, bool, (pairs, latent).
        correlation: rho, 0 up to but not 1.

    Source:
        Esser, Rombach & Ommer (2020), A disentangling invertible interpretation network, CVPR.
    """
    e, log_det = flow.transform(torch.cat([first, second]), None)
    one, other = e.chunk(2)
    remaining = (1 - correlation) * (1 + correlation)
    expected = torch.where(shared, correlation * one, 0)
    square = (other - expected).square()
    square = torch.where(shared, square / remaining, square)
    # Two normal numbers each, and the narrower ones of what is shared.
    constant = log(2 * pi) * e.shape[1]
    narrower = 0.5 * (log1p(-correlation) + log1p(correlation)) * shared.sum(dim=1)
    squares = 0.5 * (one.square() + square).sum(dim=1)
    return squares + constant + narrower - sum(log_det.chunk(2))


def image_nats(flow: Flow, latents: Tensor) -> Tensor:
    """Return negative log-likelihoods of latents of single images, nats, (images,)."""
    return -flow.log_prob(latents, None)
