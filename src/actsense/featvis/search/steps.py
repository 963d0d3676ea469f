"""Steps of an optimiser on leaves that are edited between them, with all it knows in the open.

They are those of PyTorch's own optimisers, whose first use imports a compiler: 3 s of every job.
"""

__all__ = ["MOMENTUM", "Adam", "Nesterov", "Steps"]

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

SLOW, SLOWER = 0.9, 0.999  # decay of means of gradients and of their squares
TINY = 1e-8  # beside the size of gradients
MOMENTUM = 0.9  # as published


class Steps(Protocol):
    """Steps of an optimiser.

    Attributes:
        known: What it knows of earlier gradients: two tensors, or one, of every leaf.
        taken: Steps until now.
    """

    known: list[Tensor]
    taken: int

    def __init__(self, leaves: Sequence[Tensor]) -> None: ...

    def step(self, gradients: Sequence[Tensor], rate: float) -> None:
        """Change the leaves in place.

        Arguments:
            gradients: Of every leaf.
            rate: Rate of learning.
        """


class Adam:
    """Steps of about the rate of learning, however large gradients are.

    Source:
        Kingma & Ba (2015), Adam: a method for stochastic optimization, ICLR.
    """

    def __init__(self, leaves: Sequence[Tensor]) -> None:
        self._leaves, self.taken = list(leaves), 0
        self.known = [torch.zeros_like(leaf) for leaf in self._leaves for _ in range(2)]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], rate: float) -> None:
        """Change the leaves in place, see `Steps`."""
        self.taken += 1
        pairs = zip(self.known[::2], self.known[1::2], strict=True)
        for leaf, gradient, (mean, square) in zip(self._leaves, gradients, pairs, strict=True):
            mean.lerp_(gradient, 1 - SLOW)
            square.mul_(SLOWER).addcmul_(gradient, gradient, value=1 - SLOWER)
            size = (square / (1 - SLOWER**self.taken)).sqrt_().add_(TINY)
            leaf.addcdiv_(mean, size, value=-rate / (1 - SLOW**self.taken))


class Nesterov:
    """Steps along gradients, with Nesterov's momentum.

    Source:
        Sutskever, Martens, Dahl & Hinton (2013), On the importance of initialization and momentum
        in deep learning, ICML; in PyTorch's form.
    """

    def __init__(self, leaves: Sequence[Tensor]) -> None:
        self._leaves, self.taken = list(leaves), 0
        self.known = [torch.zeros_like(leaf) for leaf in self._leaves]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], rate: float) -> None:
        """Change the leaves in place, see `Steps`."""
        self.taken += 1
        for leaf, gradient, velocity in zip(self._leaves, gradients, self.known, strict=True):
            velocity.mul_(MOMENTUM).add_(gradient)
            leaf.add_(gradient + MOMENTUM * velocity, alpha=-rate)
