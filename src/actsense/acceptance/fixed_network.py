"""A small network whose weights follow from whole numbers: the same on every machine."""

__all__ = ["MODULUS", "MULTIPLIER", "build"]

from collections import OrderedDict
from math import prod

import torch
from torch import Tensor, nn

MULTIPLIER, MODULUS = 40503, 65521  # the second is a prime: weights repeat late


def build() -> nn.Module:
    """Return the network: two stages of convolutions, and ten outputs, for images of any size."""
    network = nn.Sequential(
        OrderedDict(
            stage1=nn.Sequential(nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.ReLU()),
            stage2=nn.Sequential(nn.Conv2d(6, 8, 3, stride=2, padding=1), nn.ReLU()),
            pool=nn.AdaptiveAvgPool2d(4),
            flat=nn.Flatten(),
            logits=nn.Linear(128, 10),
        )
    )
    first = 1
    for weights in network.parameters():
        weights.data = _weights(first, weights.shape)
        first += weights.numel()
    return network


def _weights(first: int, shape: torch.Size) -> Tensor:
    """Spread consecutive whole numbers over an interval that keeps responses at one scale."""
    numbers = torch.arange(first, first + shape.numel(), dtype=torch.int64)
    uniform = (numbers * MULTIPLIER % MODULUS).double() / MODULUS - 0.5
    width = 4 / prod(shape[1:]) ** 0.5 if len(shape) > 1 else 0.2
    return (uniform * width).float().reshape(shape)
