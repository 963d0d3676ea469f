r"""Affine coupling of two halves, each scaled and shifted by what the other one says.

    x2' = x2 exp(s1) + t1,   s1, t1 of x1 and the condition
    x1' = x1 exp(s2) + t2,   s2, t2 of x2' and the condition

Logarithms of scales are bounded: s = bound tanh(s / bound). The last layers are zero at the
start, and the coupling then only exchanges the halves.
"""

__all__ = ["Coupling"]

from itertools import pairwise

import torch
from torch import Tensor, nn

from actsense.invariance.flow.settings import FlowSettings

SLOPE = 0.01  # of the leaky ReLU


class Coupling(nn.Module):
    """Both steps of a double affine coupling.

    Arguments:
        channels: Numbers in a latent, even.
        embedding: Numbers in a condition, 0 for none.
        settings: Sizes of the networks, and the bound.

    Source:
        Rombach, Esser & Ommer (2020), Making Sense of CNNs, ECCV; Dinh, Sohl-Dickstein & Bengio
        (2017), Density estimation using Real NVP, ICLR.
    """

    def __init__(self, channels: int, embedding: int, settings: FlowSettings) -> None:
        super().__init__()
        self.first, self.second = (_Affine(channels // 2, embedding, settings) for _ in range(2))

    def forward(self, x: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """Transform latents.

        Arguments:
            x: Latents, (batch, channels).
            condition: Embedded conditions, (batch, embedding).

        Returns:
            (batch, channels), and log-determinants, (batch,).
        """
        one, two = x.chunk(2, dim=1)
        log_scale, shift = self.first(one, condition)
        two = torch.addcmul(shift, two, log_scale.exp())
        log_det = log_scale.sum(dim=1)
        log_scale, shift = self.second(two, condition)
        one = torch.addcmul(shift, one, log_scale.exp())
        return torch.cat([two, one], dim=1), log_det + log_scale.sum(dim=1)

    def inverse(self, h: Tensor, condition: Tensor | None) -> Tensor:
        """Return the latents that give `h`, (batch, channels)."""
        two, one = h.chunk(2, dim=1)
        log_scale, shift = self.second(two, condition)
        one = (one - shift) * (-log_scale).exp()
        log_scale, shift = self.first(one, condition)
        return torch.cat([one, (two - shift) * (-log_scale).exp()], dim=1)


class _Affine(nn.Module):
    """Logarithm of the scale, and the shift, of one half."""

    def __init__(self, half: int, embedding: int, settings: FlowSettings) -> None:
        super().__init__()
        outputs = [half, half] if settings.networks == "separate" else [2 * half]
        self.networks = nn.ModuleList(
            _network(half + embedding, count, settings) for count in outputs
        )
        self._bound = settings.bound

    def forward(self, other: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        told = other if condition is None else torch.cat([other, condition], dim=1)
        outputs = [network(told) for network in self.networks]
        scale, shift = outputs if len(outputs) == 2 else outputs[0].chunk(2, dim=1)
        # Not narrow, where the networks are: exponentials and their sums are the likelihood.
        scale = scale.to(other.dtype)
        return self._bound * torch.tanh(scale / self._bound), shift


def _network(inputs: int, outputs: int, settings: FlowSettings) -> nn.Sequential:
    widths = [inputs, *[settings.width] * (settings.hidden + 1)]
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.LeakyReLU(SLOPE, inplace=True)]
    last = nn.Linear(widths[-1], outputs)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)
