"""From evaluations to activations: read, augment, run, record."""

__all__ = ["Evaluator"]

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from actsense.augment import augment, stretch
from actsense.data import ImageCache
from actsense.device.memory import Memory
from actsense.device.precision import arithmetic
from actsense.networks import Recorder
from actsense.sampling.law import Evaluations


@dataclass(frozen=True)
class Evaluator:
    """The network with everything in front of it, as one function of the evaluations.

    Arguments:
        images: The decoded images.
        recorder: The network with the layers to record.
        augmentations: Names, in the order of the evaluations' sequence.
        device: Where augmentations and network run.
        batch_size: Images per forward pass; fewer where the device has too little memory.
        stretch: Whether every channel of every image is stretched to [0, 1] after augmentation,
            as the published study did.
    """

    images: ImageCache
    recorder: Recorder
    augmentations: tuple[str, ...]
    device: torch.device
    batch_size: int
    stretch: bool = False

    def __call__(self, evaluations: Evaluations) -> Tensor:
        """Return the activations of every evaluation, (rows, units) float32.

        They lie on the device, or in host memory if it has no room for them.
        """
        out = self._memory.empty(len(evaluations), self.recorder.units)
        self._memory.run(
            len(evaluations),
            lambda rows: self.recorder.record(self.inputs(evaluations[rows]), out[rows]),
        )
        return out

    def inputs(self, evaluations: Evaluations) -> Tensor:
        """Return the augmented images, (rows, 3, height, width) float32 in [0, 1]."""
        images = torch.from_numpy(self.images.read(evaluations.image)).to(self.device)
        with arithmetic("float32", self.device):
            augmented = augment(
                images.to(torch.float32) / 255,
                torch.from_numpy(evaluations.sequence).to(self.device),
                torch.from_numpy(evaluations.values).to(self.device),
                self.augmentations,
            )
            return stretch(augmented) if self.stretch else augmented

    @cached_property
    def _memory(self) -> Memory:
        return Memory(self.device, self.batch_size, "images")
