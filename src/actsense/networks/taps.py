"""Chosen layers of a network, watched while images pass: recorded, or with a way back to them."""

__all__ = ["Tap", "write_units"]

from collections.abc import Callable, Sequence
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from actsense.errors import ConfigError
from actsense.layers import Layer
from actsense.networks.arrangement import recorded
from actsense.networks.layers import PSEUDO

Take = Callable[[Layer, Tensor], None]


class Tap:
    """Layers of a network, watched while images pass; made by `Subject.tap`.

    A layer is copied the moment its module returns, so that a later operation in place cannot
    change it. Hooks are there while images pass, and never after. Algorithms are never chosen by
    timing, so neither the batch nor the machine's mood moves an activation by more than the
    rounding of the precision.

    Arguments:
        logits: From images in [0, 1] through the module to float32 logits, differentiable.
        probabilities: From logits to probabilities.
        module: The network's module.
        layers: Name, shape and place of each layer, see `lay_out`.
        side: Side of the square images, pixels.

    Attributes:
        layers: The layers.
        units: Length of the axis of units.
    """

    layers: tuple[Layer, ...]
    units: int

    def __init__(
        self,
        logits: Callable[[Tensor], Tensor],
        probabilities: Callable[[Tensor], Tensor],
        module: nn.Module,
        layers: Sequence[Layer],
        side: int,
    ) -> None:
        self.layers, self.units = tuple(layers), layers[-1].stop
        self._logits, self._probabilities, self._side = logits, probabilities, side
        self._modules = dict(module.named_modules())

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """Return the activations of a batch by layer, differentiable with respect to the images.

        Arguments:
            images: Shape (batch, 3, height, width), in [0, 1], on the device.

        Returns:
            For every layer (batch, *shape), float32, or float64 if the network computes in it:
            to the last bit what `record` writes.

        Raises:
            ValueError: If the shape does not fit.
            ConfigError: If a module does not run exactly once.
        """
        self._check_shape(images)
        found: dict[str, Tensor] = {}

        def keep(layer: Layer, output: Tensor) -> None:
            wide = torch.promote_types(output.dtype, torch.float32)
            found[layer.name] = output.to(wide, copy=True)

        self._watch(images, keep)
        return {layer.name: found[layer.name] for layer in self.layers}

    @torch.inference_mode()
    def record(self, images: Tensor, out: Tensor, start: int = 0) -> None:
        """Write the activations of a batch into `out`, without a way back.

        Arguments:
            images: Shape (batch, 3, height, width), float32 in [0, 1], on the device.
            out: Shape (batch, units), float32, on the device or in host memory; may be a slice
                of a larger buffer. A layer's units are in the order channel, row, column.
            start: The first unit that is written; as many as `out` has follow it.

        Raises:
            ValueError: If a shape or the type does not fit.
            ConfigError: If a module does not run exactly once.
        """
        self._check_shape(images)
        if images.dtype != torch.float32:
            raise ValueError(f"images must be float32, got {images.dtype}.")
        left = self.units - start
        if len(out) != len(images) or out.shape[1] > left or out.dtype != torch.float32:
            raise ValueError(
                f"out must be {(len(images), left)} float32, or have fewer units; got "
                f"{tuple(out.shape)} {out.dtype}."
            )

        def write(layer: Layer, output: Tensor) -> None:
            write_units(layer, output, out, start)

        self._watch(images, write)

    def _watch(self, images: Tensor, take: Take) -> None:
        """Let images pass, and hand over every layer the moment it is there."""
        seen: set[str] = set()

        def see(layer: Layer, returned: Tensor) -> None:
            output = recorded(layer, returned)
            if layer.name in seen or output.shape != (len(images), *layer.shape):
                raise ConfigError(
                    f"layer {layer.name!r} ran again or changed its shape: expected once "
                    f"{(len(images), *layer.shape)}, got {tuple(output.shape)}. "
                    "Name another module."
                )
            seen.add(layer.name)
            take(layer, output)

        with ExitStack() as hooks:
            for layer in self.layers:
                if layer.name not in PSEUDO:
                    hooks.callback(_hooked(self._modules[layer.name], layer, see).remove)
            logits = self._logits(images)
        for layer in self.layers:
            if layer.name in PSEUDO:
                see(layer, logits if layer.name == "logits" else self._probabilities(logits))
            if layer.name not in seen:
                raise ConfigError(
                    f"layer {layer.name!r} did not run for this batch: what the network runs "
                    "depends on its images. Name another module."
                )

    def _check_shape(self, images: Tensor) -> None:
        shape = (len(images), 3, self._side, self._side)
        if images.shape != shape:
            raise ValueError(f"images must be {shape}, got {tuple(images.shape)}.")


def write_units(layer: Layer, output: Tensor, out: Tensor, start: int) -> None:
    """Write those activations of a layer that are among the units asked for.

    Arguments:
        layer: The layer.
        output: What its module returned, (batch, *shape).
        out: Where to write, (batch, units).
        start: Which unit of the network its first column is.
    """
    within = layer.within(slice(start, start + out.shape[1]))
    shift = start - layer.offset
    if within.start < within.stop:
        out[:, within] = output.flatten(1)[:, within.start + shift : within.stop + shift]


def _hooked(module: nn.Module, layer: Layer, see: Take) -> torch.utils.hooks.RemovableHandle:
    return module.register_forward_hook(lambda _module, _inputs, output: see(layer, output))
