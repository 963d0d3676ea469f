r"""Whether a network takes samples for their anchors: cosines of what a layer says, and classes.

With z_i what the layer says of anchor i, c its mean over anchors, u_i = (z_i - c) / |z_i - c|, and
z', u' the same of an image that stands for the anchor:

    centred cosine   u'.u_i               its floor     mean over j != i of u'.u_j
    agreement        [class' = class_i]   its floor     share of j != i with class_j = class'

The floor is what another anchor's samples would have. It is the mean over all ways to exchange
anchors that leave none in its place, so that nothing is drawn. The ceiling is what reconstructions
by the autoencoder have. Without centring even strangers are alike: what ReLUs say is positive.
"""

__all__ = ["Comparison", "Consistency", "Likeness", "consistency"]

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.invariance.kept.estimates import Estimate, Floats, anchor_mean
from actsense.invariance.kept.sampling import Conditions
from actsense.networks.subject import Subject

READ_BYTES = 2**26  # of what a layer says, held at a time
RESOLUTION = 1e-6  # of the centre's length: what is nearer to it may be rounding of float32


@dataclass(frozen=True)
class Likeness:
    """How much images are like their anchors, each number a mean over the images of an anchor.

    Attributes:
        cosine: Cosine of z' and z, (anchors,); NaN where one of them is zero.
        centred: Centred cosine; NaN where one of them is the centre.
        agreement: Share with the class of the anchor.
        cosine_floor: What `centred` would be with other anchors.
        agreement_floor: What `agreement` would be with other anchors.
    """

    cosine: Floats
    centred: Floats
    agreement: Floats
    cosine_floor: Floats
    agreement_floor: Floats

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Join what is known of different anchors."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


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
        return torch.stack(
            [
                (raw * raw_anchor).sum(dim=1).where(has_raw & had_raw, torch.nan),
                centred.where(has & had, torch.nan),
                agrees,
                others.where(has, torch.nan),
                (self._classes[found] - agrees) / (len(self._said) - 1),
            ]
        )

    def _units(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return _unit(z - self._centre, self._least)


@dataclass(frozen=True)
class Consistency:
    """Likeness of samples between its floor and its ceiling.

    Attributes:
        cosine: Centred cosine of samples and anchors.
        cosine_floor: With other anchors.
        cosine_ceiling: Of reconstructions and anchors.
        agreement: Share of samples that have the class of their anchor.
        agreement_floor: With other anchors.
        agreement_ceiling: Of reconstructions.
        raw_cosine: Cosine of samples and anchors without centring.
    """

    cosine: Estimate
    cosine_floor: Estimate
    cosine_ceiling: Estimate
    agreement: Estimate
    agreement_floor: Estimate
    agreement_ceiling: Estimate
    raw_cosine: Estimate


def consistency(samples: Likeness, reconstructions: Likeness, draws: Floats) -> Consistency:
    """Return how consistent samples are, with resamples of anchors.

    Arguments:
        samples: Likeness of samples.
        reconstructions: Likeness of what the autoencoder makes of the anchors themselves.
        draws: From `anchor_draws`, (1 + draws, anchors).
    """
    return Consistency(
        *(
            anchor_mean(values, draws)
            for values in (
                *(samples.centred, samples.cosine_floor, reconstructions.centred),
                *(samples.agreement, samples.agreement_floor, reconstructions.agreement),
                samples.cosine,
            )
        )
    )


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
