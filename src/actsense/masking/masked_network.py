"""A network whose layers are scaled on the way, several versions of it side by side in one batch.

What lies before the first scaled layer is evaluated once for all versions.
"""

__all__ = ["Entered", "MaskedNetwork", "Scaling"]

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from actsense.errors import ConfigError
from actsense.networks.arrangement import edited
from actsense.networks.graph import LayerGraph
from actsense.networks.layers import lay_out
from actsense.networks.network import Network
from actsense.networks.subject import Subject

log = logging.getLogger(__name__)

Edit = Callable[[Tensor], Tensor]
Values = dict[Any, Any]
# How far logits may lie apart, in units of the largest one, when batches are put together in
# another way: a few roundings of the precision.
ROUNDING = {"float32": 1e-4, "tf32": 1e-2, "bfloat16": 1e-1, "float16": 1e-2}


@dataclass(frozen=True)
class Scaling:
    """What is done to the output of one layer in every version: `output * factor + added`.

    Attributes:
        factor: Shape (versions, channel, row, col), or 1 for an axis that is all alike.
        added: Like it, or None for nothing.
    """

    factor: Tensor
    added: Tensor | None = None


@dataclass(frozen=True)
class Entered:
    """Some images on their way through a network, stopped behind a layer.

    Attributes:
        layer: Name of the layer.
        images: How many images there are.
        values: What the rest of the network needs.
        stackable: Whether several versions can go on in one batch.
    """

    layer: str
    images: int
    values: Values
    stackable: bool


class MaskedNetwork:
    """A network that can be entered, and scaled, at its layers.

    Where torch.fx cannot list the steps of the network, or they do not give what it gives, all of
    it is run with hooks instead: slower, and the same numbers.

    Arguments:
        subject: The network.
        layers: Names of the modules whose outputs can be scaled.
        images: Some images to try it with, (images, 3, height, width) in [0, 1], on its device.

    Raises:
        ConfigError: If a scaling by 1 changes the logits.
    """

    def __init__(self, subject: Subject, layers: Sequence[str], images: Tensor) -> None:
        self._subject = subject
        placed = lay_out(subject.network, layers, subject.side)
        self._placed = {layer.name: layer for layer in placed}
        whole = subject.logits(images)
        self._steps: _Steps = self._listed(subject.network, layers, images)
        self._check_scaling_by_one(images, whole)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers in the order of execution."""
        return self._steps.layers

    def enter(self, images: Tensor, layer: str) -> Entered:
        """Run images up to a layer.

        Arguments:
            images: Shape (images, 3, height, width), float32 in [0, 1], on the device.
            layer: Name of the layer.
        """
        with self._running():
            values = self._steps.head(self._subject.normalise(images), layer)
        stackable = all(
            isinstance(value, Tensor) and value.ndim > 0 and len(value) == len(images)
            for value in values.values()
        )
        return Entered(layer, len(images), values, stackable)

    def logits(
        self, entered: Entered, scalings: Mapping[str, Scaling], versions: int = 1
    ) -> Tensor:
        """Run images from a layer to the logits of every version.

        Arguments:
            entered: What `enter` returned; can be used any number of times.
            scalings: What is done to the outputs of layers, that layer or later ones, by name.
            versions: How many versions they hold; 1 if `entered` is not stackable.

        Returns:
            Shape (versions, images, classes), float32.
        """
        values = entered.values
        if versions > 1:
            apart = self._steps.entrance(entered.layer) if entered.layer in scalings else None
            values = {
                key: value if key is apart else value.repeat(versions, *[1] * (value.ndim - 1))
                for key, value in values.items()
            }
        edits = {
            name: partial(edited, self._placed[name], edit=_edit(scaling, entered.images))
            for name, scaling in scalings.items()
        }
        with self._running():
            logits = self._subject.as_logits(self._steps.tail(values, entered.layer, edits))
        return logits.float().view(versions, entered.images, -1)

    def _listed(self, network: Network, layers: Sequence[str], images: Tensor) -> "_Steps":
        try:
            with self._subject.arithmetic():
                return _Listed(network, layers, self._subject.normalise(images))
        except ConfigError as error:
            log.info("The whole network runs for every mask, with hooks: %s", error)
        return _Hooked(network.module, layers)

    def _check_scaling_by_one(self, images: Tensor, whole: Tensor) -> None:
        entered = self.enter(images, self.layers[0])
        versions = 2 if entered.stackable else 1
        one = Scaling(torch.ones(versions, 1, 1, 1, device=self._subject.device))
        logits = self.logits(entered, dict.fromkeys(self.layers, one), versions)
        if not all(_alike(version, whole, self._subject.precision) for version in logits):
            raise ConfigError(
                f"networks.{self._subject.network.name}: scaling its layers by 1 changes its "
                f"logits, so that {', '.join(self.layers)} cannot be masked. Name other layers."
            )

    @contextmanager
    def _running(self) -> Iterator[None]:
        with torch.inference_mode(), self._subject.arithmetic():
            yield


class _Steps(Protocol):
    """Where a network can be entered."""

    layers: tuple[str, ...]

    def head(self, images: Tensor, stop: str) -> Values: ...

    def tail(self, values: Values, stop: str, edits: Mapping[str, Edit]) -> Tensor: ...

    def entrance(self, layer: str) -> Any:
        """Return the key of the value that the edit of a layer is the first to see."""


class _Listed(LayerGraph):
    """Entered behind the layer itself."""

    def entrance(self, layer: str) -> Any:
        """Return the step whose value is the layer's output."""
        return self.output(layer)


class _Hooked:
    """Entered with the images, whatever the layer: its hooks change outputs on the way."""

    def __init__(self, module: nn.Module, layers: Sequence[str]) -> None:
        self.layers = tuple(layers)
        self._module = module
        self._modules = dict(module.named_modules())

    def head(self, images: Tensor, stop: str) -> Values:
        return {"images": images}

    def tail(self, values: Values, stop: str, edits: Mapping[str, Edit]) -> Tensor:
        with ExitStack() as hooks:
            for name, edit in edits.items():
                hooks.callback(_hooked(self._modules[name], edit).remove)
            logits: Tensor = self._module(values["images"])
        return logits

    def entrance(self, layer: str) -> Any:
        return None


def _hooked(module: nn.Module, edit: Edit) -> torch.utils.hooks.RemovableHandle:
    def see(module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        # What holds the input of a module that changes it in place holds its output.
        in_place = getattr(module, "inplace", False)
        return output.copy_(edit(output)) if in_place else edit(output)

    return module.register_forward_hook(see)


def _edit(scaling: Scaling, images: int) -> Edit:
    """Scale an output of (images, ...), alike in all versions, or of (versions * images, ...)."""

    def edit(output: Tensor) -> Tensor:
        versions = output.reshape(-1, images, *output.shape[1:]) * scaling.factor[:, None]
        if scaling.added is not None:
            versions += scaling.added[:, None]
        return versions.flatten(0, 1).to(output.dtype)

    return edit


def _alike(one: Tensor, other: Tensor, precision: str) -> bool:
    bound = ROUNDING[precision] * float(other.abs().max())
    return bool((one - other).abs().max() <= bound)
