r"""Parts of a network, from one layer to the next, fed with one channel instead of the layer.

The part receives the channel as if every channel of the layer before were a copy of it. A
convolution of C copies of x is one of x alone,

    sum_c kernel[o, c] * x = (sum_c kernel[o, c]) * x,

so the copies are never made: what treats every channel alike is done once, the first
convolutions use their summed kernel, and only what remains (normalisation before a convolution,
a skip connection) gets the copies, as a view. Where a convolution is the last to mix channels,
its wanted output channels are computed alone.
"""

__all__ = ["Segment"]

from collections.abc import Mapping, Sequence
from copy import deepcopy
from types import MappingProxyType
from typing import Any, TypeGuard

import torch
from torch import Tensor, fx, nn

from actsense.errors import ConfigError
from actsense.layers import Layer
from actsense.networks.arrangement import recorded, returned
from actsense.networks.graph import LayerGraph

# They do to every channel the same, whatever the others hold; what extends them may not.
ALIKE = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Hardswish, nn.Sigmoid),
    *(nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d),
    *(nn.Dropout, nn.Identity),
)


class Segment:
    """What lies between two layers, as a function of one channel.

    Arguments:
        graph: The steps of the network, on the device where the segment runs.
        start: Name of the layer before, or None for the normalised images.
        stop: Name of the layer after.
        inputs: Channels of the layer before, or of the images.
        chosen: Channels of the layer after that are wanted, in this order.
        layouts: The layers by name, where their modules do not return (batch, channel, row, col).

    Raises:
        ConfigError: If the layer after needs more of the network than the one before, or nothing
            between them tells channels apart.
    """

    def __init__(
        self,
        graph: LayerGraph,
        start: str | None,
        stop: str,
        inputs: int,
        chosen: Sequence[int],
        *,
        layouts: Mapping[str, Layer] = MappingProxyType({}),
    ) -> None:
        before = layouts.get(start) if start else None
        if before and before.layout == "tokens":
            raise ConfigError(
                f"{start!r} is made of tokens, and not all of them may have a position that one "
                "channel could stand for."
            )
        self._graph = graph
        self._steps = self._graph.segment(start, stop)
        self._source = self._graph.images if start is None else self._graph.output(start)
        self._output = self._graph.output(stop)
        self._inputs, self._chosen = inputs, torch.tensor(chosen)
        self._before, self._after = before, layouts.get(stop)
        self._single = self._find_single()
        if self._output in self._single:
            raise ConfigError(f"What lies before {stop!r} does the same to every channel.")
        self._copied = before is not None and before.layout != "channels_first"
        if self._copied:  # modules that know where the channels are would not find one of them
            self._single = set()
        narrowed = self._narrow()
        self._is_narrowed = bool(narrowed)
        self._edited = self._fold(narrowed)
        self._last_use = {used: step for step in self._steps for used in step.all_input_nodes}

    def __call__(self, channel: Tensor) -> Tensor:
        """Return the chosen output channels, (batch, chosen, rows, columns).

        Arguments:
            channel: (batch, 1, height, width), of the size that the segment sees in place.
        """
        if self._copied and self._before:
            channel = returned(self._before, channel.expand(-1, self._inputs, -1, -1))
        values: dict[fx.Node, Any] = {self._source: channel}
        for step in self._steps:
            values[step] = self._run(step, values)
            for used in step.all_input_nodes:
                if self._last_use[used] is step:
                    del values[used]
        output: Tensor = values[self._output]
        if self._after:
            output = recorded(self._after, output)
        return output if self._is_narrowed else output[:, self._chosen.to(output.device)]

    def _run(self, step: fx.Node, values: dict[fx.Node, Any]) -> Any:
        if step in self._edited:
            (used,) = step.all_input_nodes
            return self._edited[step](values[used])
        if step not in self._single:
            values = values | {
                used: values[used].expand(-1, self._inputs, -1, -1)
                for used in step.all_input_nodes
                if used in self._single
            }
        return self._graph.step(step, values)

    def _find_single(self) -> set[fx.Node]:
        """Find the values that are one channel and stand for copies of it."""
        single = {self._source}
        for step in self._steps:
            alike = type(self._graph.module(step)) in ALIKE
            if alike and single.issuperset(step.all_input_nodes):
                single.add(step)
        return single

    def _narrow(self) -> dict[fx.Node, nn.Module]:
        """Let the last convolution make the chosen channels alone, if no step behind mixes them.

        Each of those steps has one input, so nothing else can use what comes before it.
        """
        behind: dict[fx.Node, nn.Module] = {}
        step = self._output
        while step in self._steps:
            module = self._graph.module(step)
            if _mixes(module):
                return behind | {step: _kept(module, self._chosen)}
            if type(module) is nn.BatchNorm2d:
                behind[step] = _kept(module, self._chosen)
            elif type(module) not in ALIKE:
                break
            (step,) = step.all_input_nodes
        return {}

    def _fold(self, narrowed: Mapping[fx.Node, nn.Module]) -> dict[fx.Node, nn.Module]:
        """Sum the kernels of the convolutions that meet copies over their input channels."""
        edited = dict(narrowed)
        for step in self._steps:
            module = self._graph.module(step)
            if _mixes(module) and self._single.issuperset(step.all_input_nodes):
                edited[step] = _folded(edited.get(step, module))
        return edited


def _mixes(module: nn.Module | None) -> TypeGuard[nn.Conv2d]:
    """Tell whether a module is a convolution of all channels."""
    return type(module) is nn.Conv2d and module.groups == 1


def _kept(module: nn.Module, chosen: Tensor) -> nn.Module:
    """Copy a convolution or a normalisation with some of its output channels."""
    kept = deepcopy(module)
    for name, parameter in module.named_parameters():
        channels = parameter[chosen.to(parameter.device)]
        setattr(kept, name, nn.Parameter(channels, requires_grad=False))
    for name, buffer in module.named_buffers():
        if buffer.ndim:  # the count of batches is for all channels
            setattr(kept, name, buffer[chosen.to(buffer.device)])
    return kept


def _folded(convolution: nn.Module) -> nn.Module:
    """Copy a convolution, its kernel summed over the input channels."""
    folded = deepcopy(convolution)
    kernel = folded.get_parameter("weight")
    summed = kernel.double().sum(dim=1, keepdim=True).to(kernel.dtype)
    folded.weight = nn.Parameter(summed, requires_grad=False)
    return folded
