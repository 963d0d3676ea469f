"""The first images that a network is shown: does it take them, and does it return logits?"""

__all__ = ["PROBES", "first_pass", "materialise"]

from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from actsense.errors import ConfigError
from actsense.networks.foreign import foreign

PROBES = 2  # images in the probing batch: one would hide a lost batch axis
SIDES = (8, 16, 28, 32, 48, 64, 96, 128, 160, 192, 224, 227, 240, 256, 288, 299, 331, 384, 512)
TYPES = (torch.float64, torch.float16, torch.bfloat16)


def first_pass(module: nn.Module, side: int, setting: str) -> Tensor:
    """Show a network two black images and return its logits, (2, classes).

    Arguments:
        module: The network, on any device, the meta device included.
        side: Side of the square images, pixels.
        setting: Where the network stands in the configuration, for messages.

    Raises:
        ConfigError: If it fails, or returns something else. What would mend it is told if it was
            tried and found to.
    """
    first = next(module.parameters(), torch.empty(0))
    images = torch.zeros(PROBES, 3, side, side, device=first.device)
    doing = f"{setting}: shown images of {side}x{side} pixels, it"
    try:
        with torch.inference_mode(), foreign(doing):
            output = module(images)
    except ConfigError as error:
        raise ConfigError(f"{error}{_advice(module, images)}") from error
    if not isinstance(output, Tensor) or output.ndim != 2 or len(output) != PROBES:
        raise ConfigError(
            f"{setting}: the network must return logits of shape (batch, classes); for {PROBES} "
            f"images it returned {_told(output)}. Wrap it in a module that returns them alone."
        )
    return output


def materialise(module: nn.Module, side: int, setting: str) -> None:
    """Show a network with lazy modules two black images, from which they learn their shapes.

    Arguments and errors are those of `first_pass`, and

    Raises:
        ConfigError: If a lazy module is never reached.
    """
    if not _lazy(module):
        return
    training = module.training
    images = torch.zeros(PROBES, 3, side, side)
    with torch.no_grad(), foreign(f"{setting}: shown images of {side}x{side} pixels, it"):
        module.eval()(images)
    module.train(training)
    if left := _lazy(module):
        raise ConfigError(
            f"{setting}: images never reach {left[0]}, so that its shape stays unknown. Give "
            "lazy modules their sizes, or leave out what is not used."
        )


def _lazy(module: nn.Module) -> list[str]:
    held = [*module.named_parameters(), *module.named_buffers()]
    return [name for name, tensor in held if is_lazy(tensor)]


def _advice(module: nn.Module, images: Tensor) -> str:
    """Say what helps, of what is tried."""
    side = images.shape[-1]
    for other in sorted(SIDES, key=lambda size: abs(size - side)):
        if _runs(module, images.new_zeros(PROBES, 3, other, other)):
            return (
                f" The network does not accept images of {side}x{side} pixels, but those of "
                f"{other}x{other}: change dataset.image_size."
            )
    if _runs(module, images[:, :1]):
        return (
            " It takes images of one channel, and is shown three: wrap it in a module that passes "
            "on images.mean(1, keepdim=True)."
        )
    for dtype in TYPES:
        if _runs(module, images.to(dtype)):
            return (
                f" It computes in {str(dtype).removeprefix('torch.')}, and images are float32: "
                "let the factory return module.float(); `precision` chooses the arithmetic."
            )
    if _runs(module, images[:1]):
        return " It takes one image alone, and none in a batch: write its forward for batches."
    return ""


def _runs(module: nn.Module, images: Tensor) -> bool:
    with suppress(Exception), torch.inference_mode():
        module(images)
        return True
    return False


def _told(output: Any) -> str:
    """Describe what a network returned."""
    match output:
        case Tensor():
            return str(tuple(output.shape))
        case dict():  # those of transformers are dictionaries as well
            parts = [f"{key}: {_told(value)}" for key, value in output.items()]
            return f"{type(output).__name__} of {', '.join(parts)}"
        case tuple() | list():
            return f"{type(output).__name__} of {', '.join(map(_told, output))}"
    return type(output).__name__
