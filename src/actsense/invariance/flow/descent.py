"""Steps of AdamW on all weights of a module at once.

A flow has many small weights, and steps on one after another take longer. PyTorch's own
optimisers also import a compiler when the first one is made: 1 s of every job.
"""

__all__ = ["Descent", "joined"]

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

TINY = 1e-8  # beside the size of gradients
SHORT = 1e-6  # beside the norm of a gradient


def joined(module: nn.Module) -> Tensor:
    """Move the weights of a module into one vector, (numbers,), matrices and kernels first.

    They are replaced by views of it: what changes it changes them.
    """
    owned = [
        (owner, name, weight)
        for owner in module.modules()
        for name, weight in owner.named_parameters(recurse=False)
    ]
    owned.sort(key=lambda one: one[2].ndim < 2)
    values = torch.cat([weight.detach().flatten() for _, _, weight in owned])
    start = 0
    for owner, name, weight in owned:
        own = values[start : start + weight.numel()].view_as(weight)
        setattr(owner, name, nn.Parameter(own, requires_grad=weight.requires_grad))
        start += weight.numel()
    return values


class Descent:
    """Clipped steps of AdamW.

    Arguments:
        module: What is trained; its weights are joined.
        betas: Memories of Adam.
        decay: Decay of matrices and kernels.
        clip: Largest norm of a gradient; None for any.

    Attributes:
        values: All weights, (numbers,).

    Source:
        Loshchilov & Hutter (2019), Decoupled weight decay regularization, ICLR.
    """

    def __init__(
        self, module: nn.Module, *, betas: tuple[float, ...], decay: float, clip: float | None
    ) -> None:
        self.values = joined(module)
        self._weights = _ordered(module)
        self._mean, self._square = torch.zeros_like(self.values), torch.zeros_like(self.values)
        self._taken = torch.zeros((), device=self.values.device)
        self._betas, self._decay, self._clip = betas, decay, clip
        self._matrices = sum(weight.numel() for weight in self._weights if weight.ndim > 1)

    def step(self, loss: Tensor, rate: float) -> None:
        """Change the weights in place.

        Arguments:
            loss: What is made smaller, ().
            rate: Rate of learning.
        """
        parts = torch.autograd.grad(loss, self._weights, materialize_grads=True)
        gradient = torch.cat([part.flatten() for part in parts])
        if self._clip is not None:
            norm = torch.linalg.vector_norm(gradient)
            gradient *= (self._clip / (norm + SHORT)).clamp(max=1)
        self._taken += 1
        fixed = {"beta1": self._betas[0], "beta2": self._betas[1], "eps": TINY}
        with torch.no_grad():
            for place, decay in self._groups():
                torch._fused_adamw_(
                    *[[x[place]] for x in (self.values, gradient, self._mean, self._square)],
                    *([], [self._taken]),
                    **{"lr": rate, "weight_decay": decay, "amsgrad": False, "maximize": False},
                    **fixed,
                )  # type: ignore[call-overload]

    def _groups(self) -> Iterable[tuple[slice, float]]:
        """Return what decays alike."""
        if not self._decay:
            return [(slice(None), 0.0)]
        return [(slice(self._matrices), self._decay), (slice(self._matrices, None), 0.0)]

    def state(self) -> dict[str, Tensor]:
        """Return what is known of earlier steps, without copying."""
        return {"mean": self._mean, "square": self._square, "taken": self._taken}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what was known."""
        for name, own in self.state().items():
            own.copy_(state[name])


def _ordered(module: nn.Module) -> list[nn.Parameter]:
    return sorted(module.parameters(), key=lambda weight: weight.ndim < 2)
