"""A rectifier whose silent channels can be woken."""

__all__ = ["rectified"]

from typing import Any

import torch
from torch import Tensor


def rectified(before: Tensor) -> Tensor:
    """Return what a ReLU makes of a layer, with a way back for what it silences.

    A unit below 0 has no gradient, and a picture that starts there would never move. Where no
    unit of a channel passes any on, the channel's gradient passes as if there were no ReLU, as
    far as a fall of the loss asks for more of it. Values, and channels with a gradient of their
    own, are those of a ReLU.

    Arguments:
        before: What the ReLU is given, (batch, channels) or (batch, channels, rows, cols).

    Source:
        Olah, Mordvintsev & Schubert (2017), Feature visualization, Distill: Lucid's redirected
        ReLU, which acts on whole pictures in the first iterations.
    """
    found: Tensor = _Rectified.apply(before)
    return found


class _Rectified(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, before: Tensor) -> Tensor:
        ctx.save_for_backward(before > 0)
        return before.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (active,) = ctx.saved_tensors
        own = gradient * active
        whole = own.reshape(*own.shape[:2], -1)
        silent = (whole == 0).all(dim=2).view(*own.shape[:2], *[1] * (own.ndim - 2))
        return torch.where(silent & (gradient < 0), gradient, own)
