"""Which modules of a network run for a batch of images, and what they return."""

__all__ = ["Call", "seen", "trace"]

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from actsense.networks.first_pass import PROBES, first_pass


@dataclass(frozen=True)
class Call:
    """One run of one module during one forward pass.

    Attributes:
        name: Its name in the network; empty for the network itself.
        module: The module.
        shape: Of the output, with the batch axis; None if the output is not one tensor.
        flaw: Why the output cannot be recorded whatever its shape; mostly empty.
        hands_on: Whether the output is the input itself, as of dropout.
        side_by_side: Whether the output is several tensors of different shapes.
        inside: The runs of the modules that it calls, in order.
    """

    name: str
    module: nn.Module
    shape: tuple[int, ...] | None
    flaw: str
    hands_on: bool
    side_by_side: bool
    inside: tuple["Call", ...]


def trace(
    module: nn.Module, image_size: int, setting: str = "the network"
) -> tuple[list[Call], tuple[int, ...]]:
    """Run two images through the network; list the modules in the order they finish.

    Arguments:
        module: The network, on any device, the meta device included.
        image_size: Side of the square images, pixels.
        setting: Where the network stands in the configuration, for messages.

    Returns:
        The runs of all modules, the network itself the last, and the shape of the output, both
        with the batch axis.

    Raises:
        ConfigError: See `first_pass`.
    """
    with _watched(module) as calls:
        output = first_pass(module, image_size, setting)
    return calls, tuple(output.shape)


def seen(module: nn.Module, image_size: int) -> list[Call]:
    """Do what `trace` does, as far as the network gets with images of that size."""
    first = next(module.parameters(), torch.empty(0))
    images = torch.zeros(PROBES, 3, image_size, image_size, device=first.device)
    # Somebody else's code may do anything with images that it was not made for.
    with _watched(module) as calls, suppress(Exception), torch.inference_mode():
        module(images)
    return calls


@contextmanager
def _watched(module: nn.Module) -> Iterator[list[Call]]:
    """Note the runs of all modules while it lasts."""
    calls: list[Call] = []
    running: list[list[Call]] = [[]]

    def begin(*_: Any) -> None:
        running.append([])

    def end(name: str, submodule: nn.Module, inputs: Any, output: Any) -> None:
        inside = tuple(running.pop())
        hands_on = any(output is value for value in inputs)
        call = Call(
            *(name, submodule, *_read(output)),
            hands_on and not getattr(submodule, "inplace", False),
            _several(output),
            inside,
        )
        running[-1].append(call)
        calls.append(call)

    handles = []
    for name, submodule in module.named_modules():
        handles.append(submodule.register_forward_pre_hook(begin))
        handles.append(
            submodule.register_forward_hook(
                lambda sub, inputs, output, name=name: end(name, sub, inputs, output)
            )
        )
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def _several(output: Any) -> bool:
    parts = output if isinstance(output, list | tuple) else ()
    return len({part.shape for part in parts if isinstance(part, Tensor)}) > 1


def _read(output: Any) -> tuple[tuple[int, ...] | None, str]:
    """Return the shape of an output, and why it cannot be recorded, if so."""
    if not isinstance(output, Tensor):
        return None, ""
    if output.is_nested or output.layout != torch.strided or output.is_quantized:
        return None, "a nested, sparse or quantised tensor"
    if output.is_complex():
        return tuple(output.shape), "complex numbers"
    if not output.is_floating_point():
        kind = str(output.dtype).removeprefix("torch.")
        return tuple(output.shape), f"numbers of type {kind}, which are no responses"
    return tuple(output.shape), ""
