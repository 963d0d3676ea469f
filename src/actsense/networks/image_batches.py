"""Labelled images of a cache on a device, and the batches that a network is trained on."""

__all__ = ["CroppedBatches", "LabelledImages", "ShiftedBatches"]

from abc import ABC, abstractmethod
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
CROP = 1 / 8  # the same where every image is cropped by itself: 4 pixels of 32

Drawn = tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]]  # rows, and changes, of batches


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
class ImageBatches(ABC):
    """Batches of shuffled images, changed at random as each epoch and batch draw it.

    Arguments:
        images: The images.
        rows: Those among them that make an epoch, (images,).
        batch_size: Images per batch, at most.
        seed: Seed of order and changes.
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
        order, drawn = self._drawn(epoch)
        images, labels = self.images.read(order[step])
        return self.changed(images, drawn[step]), labels

    @abstractmethod
    def changed(self, images: Tensor, drawn: NDArray[np.int64]) -> Tensor:
        """Return a batch, changed as it was drawn."""

    @abstractmethod
    def draw(self, epoch: int) -> Drawn:
        """Draw the rows of every batch of an epoch, and what changes it."""

    @cached_property
    def _drawn(self) -> Callable[[int], Drawn]:
        return lru_cache(maxsize=1)(self.draw)


class ShiftedBatches(ImageBatches):
    """The images of a batch are shifted alike, by a few pixels."""

    def changed(self, images: Tensor, drawn: NDArray[np.int64]) -> Tensor:
        """Shift a batch to its corner, (top, left)."""
        top, left = drawn
        return _shifted(images, top, left)

    def draw(self, epoch: int) -> Drawn:
        """Draw the rows of every batch of an epoch, and the corners, top and left."""
        draw = stream(self.seed, "order and shifts of training images", epoch)
        corners = 2 * _largest_shift(self.images.cache.image_size) + 1
        order = draw.permutation(self.rows)
        chosen = draw.integers(corners, size=(self.steps, 2))
        return np.array_split(order, self.steps), [*chosen]


class CroppedBatches(ImageBatches):
    """Every image is cropped out of a border of 0, its mean colour, and mirrored or not.

    Source:
        He et al. (2016), section 4.2: 4 pixels on each side of 32, as Lee et al. (2015) do.
    """

    def changed(self, images: Tensor, drawn: NDArray[np.int64]) -> Tensor:
        """Crop and mirror every image, as (top, left, mirrored) say, (batch, 3)."""
        return _cropped(images, send(drawn, images.device))

    def draw(self, epoch: int) -> Drawn:
        """Draw the rows of every batch of an epoch, and corner and mirror of every image."""
        draw = stream(self.seed, "order, crops and mirrors of training images", epoch)
        corners = 2 * _border(self.images.cache.image_size) + 1
        order = draw.permutation(self.rows)
        chosen = draw.integers((corners, corners, 2), size=(len(order), 3))
        return np.array_split(order, self.steps), np.array_split(chosen, self.steps)


def _largest_shift(side: int) -> int:
    return round(side * SHIFT)


def _border(side: int) -> int:
    return round(side * CROP)


def _shifted(images: Tensor, top: int, left: int) -> Tensor:
    """Shift a batch by a few pixels; the border is repeated."""
    height, width = images.shape[2:]
    most = _largest_shift(height)
    padded = functional.pad(images, (most, most, most, most), mode="replicate")
    return padded[:, :, top : top + height, left : left + width]


def _cropped(images: Tensor, drawn: Tensor) -> Tensor:
    """Crop every image at its own corner, and mirror it if it says so."""
    count, _, height, width = images.shape
    border = _border(height)
    padded = functional.pad(images, (border, border, border, border))
    top, left, mirrored = drawn[:, :, None].unbind(dim=1)  # each (batch, 1)
    down = torch.arange(height, device=images.device)
    across = torch.arange(width, device=images.device)
    row = top + down  # (batch, height)
    column = left + torch.where(mirrored > 0, width - 1 - across, across)
    image = torch.arange(count, device=images.device)[:, None, None]
    taken = padded.movedim(1, 3)[image, row[:, :, None], column[:, None, :]]
    return taken.movedim(3, 1).contiguous()
