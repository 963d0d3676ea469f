"""The last hidden vector of a network: what its classifier makes logits of.

The classifier is the last module that mixes channels by weights of its own, and has as many
outputs as the network. What it gets is averaged over positions, if it has any: of a network that
ends in a convolution and a mean, logits are the same linear map of that vector.
"""

__all__ = ["Ends", "find_classifiers"]

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from actsense.errors import ConfigError
from actsense.networks.network import Network
from actsense.networks.subject import Subject
from actsense.networks.trace import Call, trace
from actsense.networks.trunk import mixing_weights

Inputs = tuple[Any, ...]


def find_classifiers(network: Network, side: int) -> list[str]:
    """Name the modules that make the logits: one, or several alike side by side.

    Arguments:
        network: The network.
        side: Side of the square images, pixels.

    Raises:
        ConfigError: If there is none.
    """
    calls, output = trace(network.module, side, f"networks.{network.name}")
    mixing = [call for call in calls if _mixes(call)]
    heads: list[Call] = []
    while mixing and _makes(mixing[-1], output[1]) and (not heads or _alike(mixing[-1], heads[0])):
        heads.insert(0, mixing.pop())
    if not heads or len({head.name for head in heads}) < len(heads):
        raise ConfigError(
            f"networks.{network.name}: its last hidden vector cannot be told, for the last module "
            f"with weights does not run once and make its {output[1]} outputs. Make a module of "
            f"what does, or leave {network.name} out with `patterns.networks`."
        )
    return [head.name for head in heads]


@dataclass
class Ends:
    """Watches the last hidden vector and the logits while images pass.

    Attributes:
        subject: The network.
        classifiers: See `find_classifiers`.
        hidden: Of the images that passed last, (batch, d), float32; of several classifiers one
            after another.
        logits: Of these, (batch, outputs), float32.
    """

    subject: Subject
    classifiers: list[str]
    hidden: Tensor
    logits: Tensor

    @classmethod
    def of(cls, subject: Subject) -> "Ends":
        """Find the classifiers of a network."""
        empty = torch.empty(0)
        return cls(subject, find_classifiers(subject.network, subject.side), empty, empty)

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


def _mixes(call: Call) -> bool:
    """Tell whether a module mixes channels by weights of its own, and none inside it does."""
    return bool(mixing_weights(call)) and not any(map(mixing_weights, call.inside))


def _makes(call: Call, outputs: int) -> bool:
    """Tell whether it returns so many numbers, for every image or place."""
    shape = call.shape or ()
    return len(shape) >= 2 and outputs in (shape[1], shape[-1])


def _alike(call: Call, head: Call) -> bool:
    """Tell whether two modules are of one kind and take vectors of one width, not each other's."""
    widths = [[tuple(own.shape) for own in one.module.parameters()] for one in (call, head)]
    square = any(len(shape) > 1 and shape[0] == shape[1] for shape in widths[0])
    return type(call.module) is type(head.module) and widths[0] == widths[1] and not square
