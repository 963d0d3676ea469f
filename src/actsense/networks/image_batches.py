"""Labelled images of a cache on a device, and the batches that a network is trained on."""

__all__ = ["LabelledImages", "ShiftedBatches"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from actsense.data.cache import ImageCache
from actsense.data.pixels import send, unit_images
from actsense.draws import stream
from actsense.networks.network import normalise

SHIFT = 1 / 16  # largest random shift, as a share of the side


@dataclass(frozen=True)
class LabelledImages:
    """The images of a cache, as a network expects them, and what it is to tell of them.

    Arguments:
        cache: The images.
        mean: Mean per channel that the network expects.
        std: Standard deviation per channel, likewise.
        device: Where they go.
        labels: What a network is to tell of every image, (rows,); default: its class.
    """

    cache: ImageCache
    mean: Sequence[float]
    std: Sequence[float]
    device: torch.device | str
    labels: NDArray[np.int64] | None = None

    def read(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Return normalised images, (rows, 3, side, side), and labels, (rows,), on the device."""
        images = unit_images(self.cache.read(rows), self.device)
        known = self.cache.manifest["label"].to_numpy() if self.labels is None else self.labels
        return normalise(images, self.mean, self.std), send(known[rows], self.device)

    def unit(self, z: Tensor) -> Tensor:
        """Return images in [0, 1] of normalised ones, but for roundings."""
        zero = [-mean / std for mean, std in zip(self.mean, self.std, strict=True)]
        return normalise(z, zero, [1 / std for std in self.std])


@dataclass(frozen=True)
class ShiftedBatches:
    """Batches of shuffled images; those of a batch are shifted alike, by a few pixels.

    Arguments:
        images: The images.
        rows: Those among them that make an epoch, (images,).
        batch_size: Images per batch, at most.
        seed: Seed of order and shifts.
    """

    images: LabelledImages
    rows: NDArray[np.int64]
    batch_size: int
    seed: int

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return -(-len(self.rows) // self.batch_size)

    @property
    def examples(self) -> int:
        """Images of an epoch."""
        return len(self.rows)

    @property
    def unit(self) -> str:
        """What is counted."""
        return "image"

    def read(self, epoch: int, step: int) -> tuple[Tensor, Tensor]:
        """Return images, (batch, 3, side, side), and labels, (batch,), on the device."""
        order, corners = self._drawn(epoch)
        images, labels = self.images.read(order[step])
        return _shifted(images, *corners[step]), labels

    @cached_property
    def _drawn(self) -> Callable[[int], tuple[list[NDArray[np.int64]], NDArray[np.int64]]]:
        return lru_cache(maxsize=1)(self._draw)

    def _draw(self, epoch: int) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
        """Draw the rows of every batch of an epoch, and the corners, top and left."""
        draw = stream(self.seed, "order and shifts of training images", epoch)
        corners = 2 * _largest_shift(self.images.cache.image_size) + 1
        order = draw.permutation(self.rows)
        chosen = draw.integers(corners, size=(self.steps, 2))
        return np.array_split(order, self.steps), chosen


def _largest_shift(side: int) -> int:
    return round(side * SHIFT)


def _shifted(images: Tensor, top: int, left: int) -> Tensor:
    """Shift a batch by a few pixels; the border is repeated."""
    height, width = images.shape[2:]
    most = _largest_shift(height)
    padded = functional.pad(images, (most, most, most, most), mode="replicate")
    return padded[:, :, top : top + height, left : left + width]
