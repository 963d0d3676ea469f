"""Batches of posteriors and representations, in an order that follows from the seed alone.

Representations that are small are read once and stay on the device. Others are read in windows,
each shuffled on its own: a window is made of pieces of neighbouring rows from all over, for what
lies side by side on a disk is read at once. A representation larger than a piece is a piece.
"""

__all__ = ["Batch", "Batches"]

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.draws import stream
from actsense.invariance.flow.data import FlowData, as_tensor, row_bytes

PIECE_BYTES = 2**20  # as in stores of rows

Batch = tuple[Tensor, Tensor, Tensor | None]  # means, log-variances, representations


class Batches:
    """What every step of a training is given.

    Arguments:
        data: The images.
        batch_size: Images in a batch; all, if there are fewer.
        seed: Seed of their order.
        device: Where they are needed.
        held_bytes: Representations are held if they are not larger; else windows are as large.

    Attributes:
        size: Images in a batch.
        steps: Batches until all images, but for a rest, have been seen.
    """

    def __init__(
        self, data: FlowData, batch_size: int, *, seed: int, device: torch.device, held_bytes: int
    ) -> None:
        self.size = min(batch_size, len(data))
        self.steps = len(data) // self.size
        self._data, self._seed, self._device = data, seed, device
        self._mean = torch.from_numpy(data.mean).to(device)
        self._log_variance = torch.from_numpy(data.log_variance).to(device)
        each = max(1, row_bytes(data.condition_shape or ()))
        self._piece = max(1, PIECE_BYTES // each)
        self._window: int | None = None
        if data.conditions is not None and each * len(data) > held_bytes:
            self._window = self.size * max(1, held_bytes // (each * self.size))
        self._epoch, self._order = -1, np.arange(0)
        self._number = (-1, -1)
        self._held: Tensor | None = None
        if data.conditions is not None and self._window is None:
            self._held = as_tensor(data.conditions[np.arange(len(data))]).to(device)

    def read(self, step: int) -> Batch:
        """Return the batch of a step, counted from 0; the same whenever it is asked for."""
        epoch, place = divmod(step, self.steps)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self.order(epoch)
        first = place * self.size
        rows = torch.from_numpy(self._order[first : first + self.size]).to(self._device)
        mean, log_variance = (x.index_select(0, rows) for x in (self._mean, self._log_variance))
        if self._window is not None:
            return mean, log_variance, self._windowed(epoch, first)
        held = self._held
        return mean, log_variance, None if held is None else held.index_select(0, rows)

    def order(self, epoch: int) -> NDArray[np.int64]:
        """Return the images in the order of an epoch, (images,)."""
        draws = stream(self._seed, "order of latents in the training of a flow", epoch)
        if self._window is None:
            return draws.permutation(len(self._data))
        starts = draws.permutation(np.arange(0, len(self._data), self._piece))
        stops = np.minimum(starts + self._piece, len(self._data))
        rows = np.concatenate([np.arange(*ends) for ends in zip(starts, stops, strict=True)])
        for start in range(0, len(rows), self._window):
            draws.shuffle(rows[start : start + self._window])
        return rows

    def _windowed(self, epoch: int, first: int) -> Tensor:
        assert self._window is not None
        assert self._data.conditions is not None
        number, inside = divmod(first, self._window)
        if (epoch, number) != self._number:
            self._held = None  # before the next one is read
            rows = self._order[number * self._window : (number + 1) * self._window]
            self._held = as_tensor(self._data.conditions[rows])
            self._number = epoch, number
        assert self._held is not None
        return self._held[inside : inside + self.size].to(self._device)
