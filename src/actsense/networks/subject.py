"""The subject: one opened network, with everything that stands between images and numbers.

It alone normalises, chooses the arithmetic, and walks over images in batches that fit:

    rows -> images in [0, 1] -> normalised z -> module -> logits
"""

__all__ = ["Images", "Subject", "Versions"]

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.data.pixels import unit_images
from actsense.data.pool import ImagePool
from actsense.device.memory import Memory
from actsense.device.precision import arithmetic
from actsense.networks.foreign import foreign
from actsense.networks.layers import lay_out
from actsense.networks.matching import match_outputs
from actsense.networks.network import Network, normalise
from actsense.networks.outputs import Outputs, disagreement
from actsense.networks.taps import Tap

TRIED = 2  # images that tell how many outputs there are
TOLD = 256  # images that tell which order of the outputs is right

log = logging.getLogger(__name__)


class Images(Protocol):
    """Images by row, of one size: an `ImageCache`, or what stands in for it."""

    @property
    def class_names(self) -> Sequence[str]:
        """Name of each class, in order."""

    @property
    def image_size(self) -> int:
        """Side of the square images, pixels."""

    def read(self, rows: NDArray[np.integer[Any]], /) -> NDArray[np.uint8]:
        """Return images by row, (images, 3, side, side)."""


@dataclass(frozen=True)
class Versions:
    """A batch of versions of images: what each is made from.

    Attributes:
        images: The images that occur, in [0, 1], (images, 3, height, width), on the device. The
            next batch has the same object if it has the same images.
        place: Which of them every version is made from, (batch,), on the CPU.
        image: Number of that image among all rows, (batch,), on the CPU.
        version: Number of the version, (batch,), on the CPU.
    """

    images: Tensor
    place: Tensor
    image: Tensor
    version: Tensor


@dataclass(frozen=True)
class Subject:
    """A network in evaluation mode behind its normalisation, and the images it is shown.

    Arguments:
        network: The network; its module is moved to the device, its weights need no gradients.
        images: The decoded images.
        pool: Which of them belong to which partition and class.
        device: Where the network runs.
        batch_size: Images per forward pass; fewer where the device has too little memory.
        precision: What the network computes in, see `actsense.device.precision.arithmetic`.
        forward_bytes: Bytes alive while an image passes.
    """

    network: Network
    images: Images
    pool: ImagePool
    device: torch.device
    batch_size: int
    precision: str = "float32"
    forward_bytes: int = 0

    def __post_init__(self) -> None:
        self.network.module.to(self.device)

    # From images to numbers.

    def __call__(self, images: Tensor) -> Tensor:
        """Return logits, (batch, outputs), differentiable with respect to the images.

        Arguments:
            images: Images in [0, 1], (batch, 3, height, width), on the device.

        Returns:
            float32, or float64 if the network computes in it.
        """
        logits = self.run(self.normalise(images))
        return logits.to(torch.promote_types(logits.dtype, torch.float32))

    @torch.inference_mode()
    def logits(self, images: Tensor) -> Tensor:
        """Return logits without a way back to the images."""
        return self(images)

    def run(self, z: Tensor) -> Tensor:
        """Return the logits of normalised images, in the type that the network computes in."""
        with self.arithmetic(), foreign(f"networks.{self.network.name}: its forward"):
            outputs: Tensor = self.network.module(z)
        return self.as_logits(outputs)

    def as_logits(self, outputs: Tensor) -> Tensor:
        """Return the logits behind what the module returns: logarithms of probabilities."""
        if self.network.returns != "probabilities":
            return outputs
        outputs = outputs.to(torch.promote_types(outputs.dtype, torch.float32))
        return outputs.clamp(min=torch.finfo(outputs.dtype).tiny).log()

    def as_probabilities(self, logits: Tensor) -> Tensor:
        """Return the probabilities of all outputs; of sigmoids, each is one by itself."""
        return logits if self.network.returns == "sigmoids" else logits.softmax(dim=1)

    def normalise(self, images: Tensor) -> Tensor:
        """Return images as the network itself gets them, of images in [0, 1]."""
        return normalise(images, self.network.mean, self.network.std)

    def arithmetic(self) -> AbstractContextManager[None]:
        """Compute in the precision of the subject."""
        return arithmetic(self.precision, self.device)

    def tap(self, layers: Sequence[str] | str) -> Tap:
        """Watch layers while images pass.

        Arguments:
            layers: Names of layers, or `auto`; see `resolve_layers`.

        Raises:
            ConfigError: If a layer cannot be watched.
        """
        with self.arithmetic():
            placed = lay_out(self.network, layers, self.side)
        return Tap(self, self.as_probabilities, self.network.module, placed, self.side)

    def gradient(self, images: Tensor, scalar_of: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the gradient of a scalar with respect to images, of their shape.

        Arguments:
            images: What the gradient is taken at: images in [0, 1], or normalised ones, on the
                device.
            scalar_of: From them to the scalar, (): through the subject itself, `run` or a `tap`.
        """
        images = images.detach().requires_grad_()
        value = scalar_of(images)
        # The way back has the types of the way there: autocast would change them once more.
        exact = arithmetic("tf32" if self.precision == "tf32" else "float32", self.device)
        with exact, foreign(f"networks.{self.network.name}: the way back to the image"):
            (found,) = torch.autograd.grad(value, images)
        return found

    # From rows to images and numbers.

    def read(self, rows: NDArray[np.int64]) -> Tensor:
        """Return images, (rows, 3, height, width) float32 in [0, 1], on the device."""
        return unit_images(self.images.read(rows), self.device)

    def over(self, rows: NDArray[np.int64], work: Callable[[Tensor, slice], object]) -> None:
        """Show images to some work, as many at a time as fit.

        Arguments:
            rows: Rows of the images, (images,).
            work: Takes images in [0, 1], on the device, and which of the rows they are; is called
                again with fewer of them after it ran out of memory.

        Raises:
            ConfigError: If the memory does not suffice for a single one.
        """
        self.memory.run(len(rows), lambda part: work(self.read(rows[part]), part))

    def over_versions(
        self, rows: NDArray[np.int64], count: int, work: Callable[[Versions], Tensor]
    ) -> Tensor:
        """Return a number for every version of every image, (images, count) float64 on the CPU.

        Arguments:
            rows: Rows of the images, (images,).
            count: Versions of every image.
            work: From some versions to their numbers, (batch,); as in `over`.
        """
        found = torch.empty(len(rows) * count, dtype=torch.float64)
        read: dict[tuple[int, int], Tensor] = {}

        def show(part: slice) -> None:
            index = torch.arange(part.start, part.stop)
            image, version = index // count, index % count
            ends = int(image[0]), int(image[-1]) + 1
            if ends not in read:
                read.clear()
                read[ends] = self.read(rows[slice(*ends)])
            found[part] = work(Versions(read[ends], image - ends[0], image, version)).cpu()

        self.memory.run(len(found), show)
        return found.view(len(rows), count)

    def answers(self, rows: NDArray[np.int64]) -> Tensor:
        """Return the logits of images, (images, outputs) float32 on the CPU."""
        found: list[Tensor] = []
        self.over(rows, lambda images, _: found.append(self.logits(images).cpu()))
        return torch.cat(found)

    def predictions(self, rows: NDArray[np.int64]) -> Tensor:
        """Return the number of the output that is highest for each image, (images,) int64."""
        return self.answers(rows).argmax(dim=1)

    def validation(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return rows and labels of validation images, in turn from every class, (images,).

        Labels are outputs: those of the classes, `NONE` where the network has none for a class,
        or what the network says of the intact images, see `label`.
        """
        rows, classes = self.pool.validation(count)
        if self.label == "prediction":
            return rows, self.predictions(rows).numpy()
        return rows, self.outputs.places[classes]

    def labelled(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return what `validation` does, of the classes that have an output alone.

        Where no class has one, all images are taken, and labels are `NONE`.
        """
        rows, classes = self.pool.validation(count, self.outputs.known)
        return rows, self.outputs.places[classes]

    def compare(self, labels: NDArray[np.int64], predicted: NDArray[np.integer[Any]]) -> None:
        """Warn if labels and predictions of intact images, (images,), do not belong together."""
        if self.label == "class" and (
            said := disagreement(self.classes, labels, predicted.astype(np.int64))
        ):
            log.warning("networks.%s: %s", self.network.name, said)

    @property
    def side(self) -> int:
        """Side of the square images, pixels."""
        return self.images.image_size

    @property
    def mean_colour(self) -> Tensor:
        """What normalisation makes zero, (3, 1, 1) float32 on the device."""
        return torch.tensor(self.network.mean, device=self.device).view(3, 1, 1)

    @property
    def classes(self) -> list[str]:
        """Names of the outputs."""
        return self.outputs.names

    @property
    def label(self) -> str:
        """What images are labelled by: `class` or `prediction`."""
        return self.outputs.label

    @cached_property
    def memory(self) -> Memory:
        """How many images fit through the network at a time."""
        return Memory(self.device, self.batch_size, "images")

    @cached_property
    def outputs(self) -> Outputs:
        """The outputs of the network beside the classes of the dataset."""
        rows, _ = self.pool.validation(TRIED)
        return match_outputs(
            self.network.name,
            self.network.outputs,
            self.images.class_names,
            self.logits(self.read(rows)).shape[1],
            published=self.network.classes,
            seen=self._seen,
        )

    def _seen(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the classes of some images of all partitions, and what is predicted."""
        rows, classes = self.pool.labelled(TOLD)
        return classes, self.predictions(rows).numpy()
