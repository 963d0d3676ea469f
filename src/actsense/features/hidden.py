"""The last hidden vector of a network: what its classifier makes logits of.

What the classifier gets is averaged over positions, if it has any: of a network that
ends in a convolution and a mean, logits are the same linear map of that vector.
"""

__all__ = ["Ends"]

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from actsense.networks.subject import Subject

Inputs = tuple[Any, ...]


class Ends:
    """Watches the last hidden vector and the logits while images pass.

    Arguments:
        subject: The network.
        classifiers: See `find_classifiers`.

    Attributes:
        hidden: Of the images that passed last, (batch, d), float32; of several classifiers one
            after another.
        logits: Of these, (batch, outputs), float32.
    """

    hidden: Tensor
    logits: Tensor

    def __init__(self, subject: Subject, classifiers: Sequence[str]) -> None:
        self.subject, self.classifiers = subject, classifiers

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the images that pass once while it lasts."""
        module, seen = self.subject.network.module, dict[str, Tensor]()

        def see(name: str, own: nn.Module, given: Inputs, named: Mapping[str, Any]) -> None:
            seen[name] = _vector(own, next(iter((*given, *named.values()))))

        def end(_module: nn.Module, _given: Inputs, output: Tensor) -> None:
            self.logits = self.subject.as_logits(output).float()

        with ExitStack() as hooks:
            for name in self.classifiers:
                own = module.get_submodule(name)
                hook = own.register_forward_pre_hook(partial(see, name), with_kwargs=True)
                hooks.callback(hook.remove)
            hooks.callback(module.register_forward_hook(end).remove)
            yield
        self.hidden = torch.cat([seen[name] for name in self.classifiers], dim=1)


def _vector(module: nn.Module, given: Tensor) -> Tensor:
    """Return what a classifier gets, averaged over positions, (batch, d) float32."""
    first = isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d)
    given = given.flatten(2).mT if first else given.reshape(len(given), -1, given.shape[-1])
    # A copy, which nothing that runs in place can change.
    return given.mean(dim=1, dtype=torch.promote_types(given.dtype, torch.float32)).float()
