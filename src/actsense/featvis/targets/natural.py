"""How layers respond to natural images: what pictures are compared with."""

__all__ = ["Natural", "Unit", "record_natural", "sorted_responses"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.errors import ConfigError
from actsense.layers import Layer
from actsense.networks.subject import Subject
from actsense.progress import Progress

Unit = tuple[int, int, int]  # channel, row, column; of a vector the unit, -1, -1


@dataclass(frozen=True)
class Natural:
    """Responses of one layer to natural images.

    Attributes:
        layer: The layer.
        whole: Mean over places of every channel, (images, channels) float32.
        units: Single units that were asked for.
        around: Every channel at the place of each, (images, units, channels) float32.
    """

    layer: Layer
    whole: NDArray[np.float32]
    units: tuple[Unit, ...]
    around: NDArray[np.float32]

    @property
    def single(self) -> NDArray[np.float32]:
        """Response of every unit that was asked for, (images, units)."""
        channels = [channel for channel, _, _ in self.units]
        return self.around[:, np.arange(len(channels)), channels]


def record_natural(
    subject: Subject,
    layers: Sequence[str],
    rows: NDArray[np.int64],
    units: Mapping[str, Sequence[Unit]] | None = None,
) -> dict[str, Natural]:
    """Record the responses of layers to natural images, all in one pass.

    Arguments:
        subject: The network.
        layers: Names of layers with channels.
        rows: Rows of the images, (images,).
        units: Single units to record, too, by layer.

    Returns:
        The responses by name of the layer, in the order given.

    Raises:
        ConfigError: If a layer has no channels, cannot be watched, or answers with numbers that
            are not finite.
        ValueError: If a layer has no such unit.
    """
    tap, wanted = subject.tap(layers), units or {}
    found = {
        layer.name: _empty(layer, len(rows), wanted.get(layer.name, ())) for layer in tap.layers
    }

    def record(images: Tensor, part: slice) -> None:
        with torch.inference_mode():
            maps = tap(images)
        for name, natural in found.items():
            _fill(natural, maps[name], part)
            _check(natural, part, subject.network.name)
        bar.update(len(images))

    with Progress(len(rows), desc="natural images", unit="image") as bar:
        subject.over(rows, record)
    return found


def sorted_responses(
    subject: Subject, layer: str, rows: NDArray[np.int64], weight: NDArray[np.float64]
) -> Tensor:
    """Return the distribution of every channel over places, in the mean over images.

    The mean of sorted numbers is the barycentre of distributions on a line by the squared
    2-Wasserstein distance: their quantiles are averaged.

    Arguments:
        subject: The network.
        layer: Name of a layer with channels.
        rows: Rows of the images of every mean, (means, images).
        weight: How much each counts, (means, images), rows of sum 1.

    Returns:
        Activations in ascending order, (means, channels, places) float32, on the CPU.

    Raises:
        ConfigError: If the layer has no channels or cannot be watched.

    Source:
        Agueh & Carlier (2011), Barycenters in the Wasserstein space, SIAM J. Math. Anal. 43.
    """
    tap = subject.tap([layer])
    channels, places = _channels_and_places(tap.layers[0])
    different, image = np.unique(rows, return_inverse=True)
    share = np.zeros((len(rows), len(different)))
    np.add.at(share, (np.arange(len(rows))[:, None], image.reshape(rows.shape)), weight)
    total = torch.zeros(len(rows), channels, places, dtype=torch.float64)

    def add(images: Tensor, part: slice) -> None:
        with torch.inference_mode():
            ordered = tap(images)[layer].reshape(len(images), channels, places).sort(dim=2).values
            own = torch.from_numpy(share[:, part]).to(ordered.device)
            here = torch.einsum("kn,ncp->kcp", own, ordered.double()).cpu()
        total.add_(here)  # last of all: what runs out of memory comes once more
        bar.update(len(images))

    with Progress(len(different), desc="members", unit="image") as bar:
        subject.over(different, add)
    return total.float()


def _channels_and_places(layer: Layer) -> tuple[int, int]:
    if len(layer.shape) not in (1, 3):
        raise ConfigError(
            f"featvis.layers: layer {layer.name!r} has the axes {layer.shape}, and it cannot be "
            "told which are channels. Name a layer of maps, (channel, row, col), or a vector."
        )
    return layer.shape[0], prod(layer.shape[1:])


def _empty(layer: Layer, images: int, units: Sequence[Unit]) -> Natural:
    channels, _ = _channels_and_places(layer)
    grid = layer.shape[1:] or (0, 0)
    for channel, row, col in units:
        # Of a vector, -1 is the only place.
        placed = (row, col) == (-1, -1) if len(layer.shape) == 1 else min(row, col) >= 0
        if not (0 <= channel < channels and placed and row < grid[0] and col < grid[1]):
            raise ValueError(
                f"Layer {layer.name!r} of shape {layer.shape} has no unit {channel, row, col}."
            )
    return Natural(
        layer,
        np.empty((images, channels), dtype=np.float32),
        tuple(units),
        np.empty((images, len(units), channels), dtype=np.float32),
    )


def _fill(natural: Natural, maps: Tensor, part: slice) -> None:
    """Take what a layer says of some images, (images, *shape)."""
    whole = maps.flatten(2).mean(dim=2) if maps.ndim > 2 else maps
    natural.whole[part] = whole.float().cpu().numpy()
    for number, (_, row, col) in enumerate(natural.units):
        there = maps[:, :, row, col] if maps.ndim > 2 else maps
        natural.around[part, number] = there.float().cpu().numpy()


def _check(natural: Natural, part: slice, network: str) -> None:
    if not np.isfinite(natural.whole[part]).all():  # as means of anything that is not
        raise ConfigError(
            f"networks.{network}: layer {natural.layer.name!r} answers with numbers that are not "
            f"finite. Leave {network} out with `featvis.networks`, or compute in "
            "`precision: float32`."
        )
