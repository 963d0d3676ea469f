"""From evaluations to activations: read, augment, run, record."""

__all__ = ["Evaluator", "Recording"]

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from actsense.augment import AUGMENTATIONS, Augmentation, augment, stretch
from actsense.device.precision import arithmetic
from actsense.layers import Layer
from actsense.networks.subject import Subject
from actsense.sampling.law import Evaluations


class Recording(Protocol):
    """What is recorded of a batch of images: a `Tap`, or what is used like it.

    Attributes:
        layers: Name, shape and place of each layer.
        units: Length of the axis of units.
    """

    layers: tuple[Layer, ...]
    units: int

    def record(self, images: Tensor, out: Tensor, start: int = 0) -> None:
        """Write activations, (batch, units from `start` on), of images in [0, 1].

        Images are (batch, 3, height, width).
        """


@dataclass(frozen=True)
class Evaluator:
    """The network with everything in front of it, as one function of the evaluations.

    Arguments:
        subject: The network and its images.
        recording: Which layers are recorded.
        augmentations: Names, in the order of the evaluations' sequence.
        stretch: Whether every channel of every image is stretched to [0, 1] after augmentation,
            as the published study did.
        catalog: What the names of the augmentations stand for.
    """

    subject: Subject
    recording: Recording
    augmentations: tuple[str, ...]
    stretch: bool = False
    catalog: Mapping[str, Augmentation] = field(default_factory=lambda: AUGMENTATIONS)

    def __call__(
        self, evaluations: Evaluations, units: slice | None = None, out: Tensor | None = None
    ) -> Tensor:
        """Return the activations of every evaluation, (rows, units) float32.

        They lie on the device, or in host memory if it has no room for them.

        Arguments:
            evaluations: What the network sees.
            units: Which units are recorded, all by default.
            out: Where they are written, (rows, units) float32; by default somewhere new.
        """
        memory, chosen = self.subject.memory, units or slice(0, self.recording.units)
        made = memory.empty(len(evaluations), chosen.stop - chosen.start) if out is None else out
        memory.run(
            len(evaluations),
            lambda rows: self.recording.record(
                self.inputs(evaluations[rows]), made[rows], chosen.start
            ),
        )
        return made

    def inputs(self, evaluations: Evaluations) -> Tensor:
        """Return the augmented images, (rows, 3, height, width) float32 in [0, 1]."""
        device = self.subject.device
        with arithmetic("float32", device):
            augmented = augment(
                self.subject.read(evaluations.image),
                torch.from_numpy(evaluations.sequence).to(device),
                torch.from_numpy(evaluations.values).to(device),
                self.augmentations,
                self.catalog,
            )
            return stretch(augmented) if self.stretch else augmented
