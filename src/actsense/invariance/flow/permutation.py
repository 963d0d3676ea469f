"""A fixed order of channels, kept with the weights."""

__all__ = ["Permutation"]

from typing import Any

import torch
from torch import Tensor, nn


class Permutation(nn.Module):
    """Puts channels into another order; its log-determinant is 0.

    Arguments:
        order: Channel that comes first, second, ..., (channels,) int64.
    """

    order: Tensor
    back: Tensor

    def __init__(self, order: Tensor) -> None:
        super().__init__()
        self.register_buffer("order", order)
        self.register_buffer("back", order.argsort())

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, channels) in the new order."""
        return _ordered(x, self.order, self.back)

    def inverse(self, h: Tensor) -> Tensor:
        """Return (batch, channels) in the first order."""
        return _ordered(h, self.back, self.order)


def _ordered(x: Tensor, order: Tensor, back: Tensor) -> Tensor:
    ordered: Tensor = _Ordered.apply(x, order, back)
    return ordered


class _Ordered(torch.autograd.Function):
    """Selects; PyTorch's own way back adds instead, which is slower and has no order on a GPU."""

    @staticmethod
    def forward(context: Any, x: Tensor, order: Tensor, back: Tensor) -> Tensor:
        context.orders = order, back
        return x.index_select(1, order)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        order, back = context.orders
        return _ordered(gradient, back, order), None, None
