"""Compares images with the anchors that they stand for, as a network and its layer see both."""

__all__ = ["Comparison"]

from collections.abc import Iterator
from dataclasses import fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.invariance.kept.consistency import Likeness
from actsense.invariance.kept.sampling import Conditions
from actsense.networks.subject import Subject

READ_BYTES = 2**26  # of what a layer says, held at a time
RESOLUTION = 1e-6  # of the centre's length: what is nearer to it may be rounding of float32


class Comparison:
    """Compares images with the anchors that they stand for, and with all others.

    What the layer says of the anchors is read twice in the beginning, some of it at a time.

    Arguments:
        subject: The network.
        layer: Name of the layer.
        said: z, (anchors, *shape of the layer).
        predicted: Class that the network gives to every anchor, (anchors,).

    Raises:
        ConfigError: If the layer cannot be watched.
        ValueError: If there are fewer than two anchors, not one class for each, or if z has not
            the shape of the layer.
    """

    def __init__(
        self, subject: Subject, layer: str, said: Conditions, predicted: NDArray[np.int64]
    ) -> None:
        self._subject, self._layer = subject, layer
        self._said, self._predicted = said, torch.from_numpy(predicted)
        self._tap = subject.tap([layer, *({"logits"} - {layer})])
        shape, outputs = self._tap.layers[0].shape, self._tap.layers[-1].shape[0]
        if len(said) < 2 or len(said) != len(predicted) or said[:1].shape[1:] != shape:
            raise ValueError(
                f"At least 2 anchors are needed, with one class each, of which the layer says "
                f"{shape}; got {len(said)}, {len(predicted)} classes and {said[:1].shape[1:]}."
            )
        self._classes = torch.bincount(self._predicted, minlength=outputs).to(subject.device)
        total = sum((part.sum(dim=0) for part in _parts(said)), torch.zeros(()))
        self._centre = (total / len(said)).to(subject.device)
        self._least = RESOLUTION * float(torch.linalg.vector_norm(self._centre))
        self._sum, self._defined = torch.zeros_like(self._centre), 0
        for part in _parts(said):
            u, has = self._units(part.to(subject.device))
            self._sum += u.sum(dim=0)
            self._defined += int(has.sum())

    def likeness(self, images: Tensor, chosen: slice) -> Likeness:
        """Show images to the network, and compare what it says of them with its anchors.

        Arguments:
            images: In [0, 1], (anchors, images, 3, side, side), on any device.
            chosen: Which of the anchors these images stand for.

        Raises:
            ValueError: If there are not images of every chosen anchor.
        """
        said, predicted = torch.from_numpy(self._said[chosen]), self._predicted[chosen]
        count, each = images.shape[:2]
        if count != len(said):
            raise ValueError(f"Images of {len(said)} anchors are needed; got {count}.")
        flat = images.flatten(0, 1)
        found = torch.empty(len(fields(Likeness)), len(flat), dtype=torch.float64)

        def show(part: slice) -> None:
            own = torch.arange(part.start, part.stop) // each
            found[:, part] = self._compare(flat[part], said[own], predicted[own]).cpu()

        self._subject.memory.run(len(flat), show)
        return Likeness(*(row.nanmean(dim=1).numpy() for row in found.view(-1, count, each)))

    @torch.inference_mode()
    def _compare(self, images: Tensor, said: Tensor, predicted: Tensor) -> Tensor:
        """Return the numbers of `Likeness` of every image, (numbers, images) float64."""
        device = self._subject.device
        answers = self._tap(images.to(device))
        z, anchor = (x.flatten(1).double() for x in (answers[self._layer], said.to(device)))
        (raw, has_raw), (raw_anchor, had_raw) = _unit(z, 0), _unit(anchor, 0)
        (u, has), (u_anchor, had) = self._units(z), self._units(anchor)
        centred, strangers = (u * u_anchor).sum(dim=1), self._defined - had.double()
        others = (u @ self._sum - centred) / strangers.where(strangers > 0, torch.nan)
        found = answers["logits"].argmax(dim=1)
        agrees = (found == predicted.to(device)).double()
        size = anchor.square().sum(dim=1)
        apart = (z - anchor).square().sum(dim=1) / size.where(size > 0, 1)
        return torch.stack(
            [
                (raw * raw_anchor).sum(dim=1).where(has_raw & had_raw, torch.nan),
                centred.where(has & had, torch.nan),
                agrees,
                others.where(has, torch.nan),
                (self._classes[found] - agrees) / (len(self._said) - 1),
                apart,
            ]
        )

    def _units(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return _unit(z - self._centre, self._least)


def _parts(said: Conditions) -> Iterator[Tensor]:
    """Yield what a layer says of some anchors at a time, (anchors, units) float64."""
    step = max(1, READ_BYTES // max(1, said[:1].nbytes))
    for start in range(0, len(said), step):
        yield torch.from_numpy(said[start : start + step]).flatten(1).double()


def _unit(vectors: Tensor, least: float) -> tuple[Tensor, Tensor]:
    """Return vectors at length 1, or 0 if they are too short, and whether they are not."""
    length = torch.linalg.vector_norm(vectors, dim=1)
    has = length > least
    return vectors / length.where(has, torch.inf)[:, None], has
