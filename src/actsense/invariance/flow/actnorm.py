"""Normalisation by numbers that are set once, from data, and then learned."""

__all__ = ["ActNorm", "measuring"]

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

CONSTANT = 1e-6  # standard deviation below which a channel does not vary


class ActNorm(nn.Module):
    """Shifts and scales every channel: h = (x + shift) exp(log_scale).

    The identity until it is measured; what it is given later never changes it.

    Arguments:
        channels: Length of the second axis of what it is given, (batch, channels, ...).

    Source:
        Kingma & Dhariwal (2018), Glow, NeurIPS, section 3.1.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(channels))
        self.log_scale = nn.Parameter(torch.zeros(channels))
        self._measuring = False

    def forward(self, x: Tensor) -> Tensor:
        """Return shifted and scaled values, as many."""
        if self._measuring:
            self.measure(x)
        scale = self.log_scale.exp()
        return torch.addcmul(_across(self.shift * scale, x), x, _across(scale, x))

    def inverse(self, h: Tensor) -> Tensor:
        """Return what gives `h`."""
        shift, log_scale = (_across(values, h) for values in (self.shift, self.log_scale))
        return h * (-log_scale).exp() - shift

    def log_det(self) -> Tensor:
        """Return the log-determinant for a vector, (), the same for all."""
        return self.log_scale.sum()

    @torch.no_grad()
    def measure(self, x: Tensor) -> None:
        """Set shift and scale so that every channel of `x` has mean 0 and standard deviation 1.

        A channel that does not vary is only shifted.

        Raises:
            ValueError: If the batch is of one.
        """
        if len(x) < 2:
            raise ValueError(f"A batch of two or more tells how channels vary; got {len(x)}.")
        values = x.double().transpose(0, 1).flatten(1)  # (channels, all else)
        std = values.std(dim=1)
        self.shift.copy_(-values.mean(dim=1))
        self.log_scale.copy_(-torch.where(std > CONSTANT, std, 1).log())


@contextmanager
def measuring(module: nn.Module) -> Iterator[None]:
    """Have all `ActNorm` of a module set themselves by what they are given in the block."""
    inner = [part for part in module.modules() if isinstance(part, ActNorm)]
    try:
        for part in inner:
            part._measuring = True
        yield
    finally:
        for part in inner:
            part._measuring = False


def _across(values: Tensor, x: Tensor) -> Tensor:
    return values.view(-1, *[1] * (x.ndim - 2))
