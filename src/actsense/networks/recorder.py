"""Every recorded layer of a network, written side by side for a batch of images."""

__all__ = ["Recorder"]

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from actsense.device.precision import arithmetic
from actsense.networks.layers import PSEUDO, Layer, lay_out
from actsense.networks.network import Network


class Recorder:
    """Runs images through a network and copies its layers into a caller's buffer.

    A layer is copied the moment its module returns, so that a later operation in place cannot
    change what was recorded. Algorithms are never chosen by timing, so neither the batch nor the
    machine's mood moves an activation by more than the rounding of the precision.

    Arguments:
        network: The network; moved to the device.
        layers: Names of layers, or `auto`; see `resolve_layers`.
        image_size: Side of the square images, pixels.
        device: Where the network runs.
        precision: What it computes in, see `arithmetic`; what is recorded is float32.

    Attributes:
        network: The network.
        layers: Name, shape and place of each layer.
        units: Length of the axis of units.
    """

    network: Network
    layers: tuple[Layer, ...]
    units: int

    def __init__(
        self,
        network: Network,
        layers: Sequence[str] | str,
        image_size: int,
        device: torch.device | str = "cpu",
        precision: str = "float32",
    ) -> None:
        self.network = network
        self._device, self._precision = torch.device(device), precision
        self._module = network.module.to(device)
        self._mean = torch.tensor(network.mean, device=device).view(3, 1, 1)
        self._std = torch.tensor(network.std, device=device).view(3, 1, 1)
        self._side = image_size
        with self._arithmetic():
            self.layers = lay_out(network, layers, image_size)
        self.units = self.layers[-1].stop
        self._modules = dict(self._module.named_modules())

    @torch.inference_mode()
    def record(self, images: Tensor, out: Tensor) -> None:
        """Write the activations of a batch into `out`.

        Arguments:
            images: Shape (batch, 3, height, width), float32 in [0, 1], on the device.
            out: Shape (batch, units), float32, on the device or in host memory; may be a slice
                of a larger buffer. A layer's units are in the order channel, row, column.

        Raises:
            ValueError: If a shape or the type does not fit.
            RuntimeError: If a module does not run exactly once.
        """
        self._check(images, out)
        written: set[str] = set()

        def write(layer: Layer, output: Tensor) -> None:
            if layer.name in written or output.shape != (len(images), *layer.shape):
                raise RuntimeError(
                    f"layer {layer.name!r} ran again or changed its shape: expected once "
                    f"{(len(images), *layer.shape)}, got {tuple(output.shape)}."
                )
            written.add(layer.name)
            out[:, layer.offset : layer.stop] = output.flatten(1)

        with ExitStack() as hooks, self._arithmetic():
            for layer in self.layers:
                if layer.name not in PSEUDO:
                    hooks.callback(_hooked(self._modules[layer.name], layer, write).remove)
            logits = self._module((images - self._mean) / self._std).float()
        pseudo = {"logits": lambda: logits, "probabilities": lambda: logits.softmax(dim=1)}
        for layer in self.layers:
            if layer.name in PSEUDO:
                write(layer, pseudo[layer.name]())
            if layer.name not in written:
                raise RuntimeError(f"layer {layer.name!r} did not run for this batch.")

    def _arithmetic(self) -> AbstractContextManager[None]:
        return arithmetic(self._precision, self._device)

    def _check(self, images: Tensor, out: Tensor) -> None:
        shape = (len(images), 3, self._side, self._side)
        if images.shape != shape or images.dtype != torch.float32:
            raise ValueError(
                f"images must be {shape} float32, got {tuple(images.shape)} {images.dtype}."
            )
        if out.shape != (len(images), self.units) or out.dtype != torch.float32:
            raise ValueError(
                f"out must be {(len(images), self.units)} float32, got {tuple(out.shape)} "
                f"{out.dtype}."
            )


def _hooked(module: nn.Module, layer: Layer, write: Any) -> torch.utils.hooks.RemovableHandle:
    return module.register_forward_hook(lambda _module, _inputs, output: write(layer, output))
