"""From a representation to the numbers that every block of a flow is told.

A vector goes through a few dense layers; a map through convolutions that halve its sides, and one
that reads what is left as a whole.
"""

__all__ = ["Embedding", "halvings"]

from itertools import pairwise
from math import prod

import numpy as np
import torch
from torch import Tensor, nn

from actsense.errors import ConfigError
from actsense.invariance.flow.actnorm import ActNorm
from actsense.invariance.flow.settings import Embedder

SLOPE = 0.2  # of the leaky ReLU
KERNEL, STRIDE, MARGIN = 4, 2, 1  # of a halving
LEFT, MOST = 4, 5  # places along a side that are read as a whole; halvings until then


class Embedding(nn.Module):
    """Standardises a representation by channel and embeds it.

    Arguments:
        shape: Shape of a representation, (channels,) or (channels, rows, columns).
        size: Numbers in an embedding.
        settings: See `Embedder`.

    Raises:
        ConfigError: If representations have another shape, or are halved to nothing.

    Source:
        Rombach, Esser & Ommer (2020), Making Sense of CNNs, ECCV; standardised here.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, shape: tuple[int, ...], size: int, settings: Embedder) -> None:
        super().__init__()
        if len(shape) not in (1, 3) or min(shape) < 1:
            raise ConfigError(
                f"A representation of shape {shape} cannot condition a flow. Allowed: a vector, "
                "(channels,), or a map, (channels, rows, columns)."
            )
        self.shape, self._noise = shape, settings.noise
        self.register_buffer("mean", torch.zeros(shape[0]))
        self.register_buffer("std", torch.ones(shape[0]))
        layers = _dense if prod(shape[1:]) == 1 else _strided
        self.network = layers(shape, size, settings)

    def forward(self, condition: Tensor) -> Tensor:
        """Return embeddings, (batch, size), of representations, (batch, *shape)."""
        if condition.shape[1:] != self.shape:
            raise ConfigError(
                f"The flow is conditioned on representations of shape {self.shape}; got "
                f"{tuple(condition.shape[1:])}. Give those of the layer that it was trained for."
            )
        places = [1] * (len(self.shape) - 1)
        z = (condition - self.mean.view(-1, *places)) / self.std.view(-1, *places)
        if self.training and self._noise:
            z = z + self._noise * torch.randn_like(z)
        embedded: Tensor = self.network(z).to(self.mean.dtype)
        return embedded

    def standardise_by(self, mean: Tensor, std: Tensor) -> None:
        """Take over what channels have been measured to be, (channels,) each.

        A channel that did not vary, with a standard deviation of 0, is only shifted.
        """
        self.mean.copy_(mean)
        self.std.copy_(torch.where(std > 0, std, 1))


def halvings(sides: tuple[int, ...]) -> int:
    """Return how often a map is halved where the settings leave it open."""
    for count in range(1, MOST):
        if max(_halved(side, count) for side in sides) <= LEFT:
            return count
    return MOST


def _halved(side: int, times: int) -> int:
    for _ in range(times):
        side = (side + 2 * MARGIN - KERNEL) // STRIDE + 1
    return side


def _dense(shape: tuple[int, ...], size: int, settings: Embedder) -> nn.Sequential:
    channels = shape[0]
    widths = [channels, *settings.widths, size] if settings.widths is not None else None
    if widths is None:
        widths = [int(width) for width in np.linspace(channels, size, settings.depth)]
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), ActNorm(after), nn.LeakyReLU(SLOPE, inplace=True)]
    return nn.Sequential(*layers[:-2])


def _strided(shape: tuple[int, ...], size: int, settings: Embedder) -> nn.Sequential:
    channels, *sides = shape
    count = halvings(tuple(sides)) if settings.halvings is None else settings.halvings
    rows, cols = (_halved(side, count) for side in sides)
    if min(rows, cols) < 1:
        raise ConfigError(
            f"embedder.halvings: {count} leave nothing of maps of {sides[0]}x{sides[1]} places. "
            "Take fewer, or leave it empty."
        )
    layers: list[nn.Module] = []
    for number in range(count):
        after = min(settings.channels * 2**number, settings.channels_most)
        halving = nn.Conv2d(channels, after, KERNEL, STRIDE, MARGIN, bias=False)
        layers += [halving, ActNorm(after), nn.LeakyReLU(SLOPE, inplace=True)]
        channels = after
    return nn.Sequential(*layers, nn.Conv2d(channels, size, (rows, cols)), nn.Flatten())
