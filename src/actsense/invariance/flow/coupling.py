r"""Affine coupling of two halves, each scaled and shifted by what the other one says.

    x2' = x2 exp(s1) + t1,   s1, t1 of x1 and the condition
    x1' = x1 exp(s2) + t2,   s2, t2 of x2' and the condition

Logarithms of scales are bounded: s = bound tanh(s / bound). The last layers are zero at the
start, and the coupling then only exchanges the halves.
"""

__all__ = ["Coupling", "moved"]

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

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
        two, grown = self.first.move(two, one, condition)
        one, also = self.second.move(one, two, condition)
        return torch.cat([two, one], dim=1), grown + also

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
        scale, shift = self._said(other, condition)
        return _bounded(scale, self._bound), shift

    def move(self, x: Tensor, other: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return x exp(s) + t, (batch, half), and the sums of s, (batch,)."""
        return moved(x, *self._said(other, condition), self._bound)

    def _said(self, other: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        told = other if condition is None else torch.cat([other, condition], dim=1)
        outputs = [network(told) for network in self.networks]
        scale, shift = outputs if len(outputs) == 2 else outputs[0].chunk(2, dim=1)
        # Not narrow, where the networks are: exponentials and their sums are the likelihood.
        return scale.to(other.dtype), shift.to(other.dtype)


def moved(x: Tensor, scale: Tensor, shift: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    """Return x exp(s) + shift and the sums of s = bound tanh(scale / bound), one of each row.

    In PyTorch's own terms, gradients take twice as many passes over memory. They have none of
    their own.
    """
    found: tuple[Tensor, Tensor] = _Moved.apply(x, scale, shift, bound)
    return found


class _Moved(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, x: Tensor, scale: Tensor, shift: Tensor, bound: float
    ) -> tuple[Tensor, Tensor]:
        log_scale = _bounded(scale, bound)
        factor = log_scale.exp()
        context.save_for_backward(x, log_scale, factor)
        context.bound = bound
        return torch.addcmul(shift, x, factor), log_scale.sum(dim=1)

    @staticmethod
    @once_differentiable
    def backward(context: Any, ahead: Tensor, sums: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, log_scale, factor = context.saved_tensors
        onto_x = ahead * factor
        onto_log_scale = torch.addcmul(sums[:, None], onto_x, x)
        slope = (log_scale / context.bound).square_().neg_().add_(1)
        return onto_x, onto_log_scale.mul_(slope), ahead, None


def _bounded(scale: Tensor, bound: float) -> Tensor:
    """Return bound tanh(scale / bound), by a function that PyTorch computes far faster."""
    return torch.sigmoid(scale * (2 / bound)).mul(2 * bound).sub_(bound)


class _Network(nn.Sequential):
    """Linear layers with leaky units between, called as functions: modules cost a step 1 %."""

    def forward(self, told: Tensor) -> Tensor:
        layers: list[Any] = [*self]
        for layer in layers[:-1]:
            told = functional.linear(told, layer.weight, layer.bias)
            told = functional.leaky_relu(told, SLOPE, inplace=True)
        return functional.linear(told, layers[-1].weight, layers[-1].bias)


def _network(inputs: int, outputs: int, settings: FlowSettings) -> nn.Sequential:
    widths = [inputs, *[settings.width] * (settings.hidden + 1)]
    layers = [nn.Linear(*ends) for ends in pairwise([*widths, outputs])]
    last = layers[-1]
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return _Network(*layers)
