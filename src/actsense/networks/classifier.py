"""A network as a function from images to logits, with the images it is tested on."""

__all__ = ["Classifier", "open_classifier"]

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.data import ImageCache
from actsense.data.pool import ImagePool
from actsense.device.memory import Memory
from actsense.device.precision import arithmetic
from actsense.networks import Network, load_network
from actsense.networks.outputs import name_outputs

TRIED = 2  # images that tell how many outputs there are


@dataclass(frozen=True)
class Classifier:
    """A network in evaluation mode behind its normalisation, and the images of a study.

    Arguments:
        network: The network; its module is on the device, its weights need no gradients.
        cache: The decoded images.
        pool: Which of them belong to which partition and class.
        device: Where the network runs.
        batch_size: Images per forward pass; fewer where the device has too little memory.
        precision: What the network computes in, see `arithmetic`.
    """

    network: Network
    cache: ImageCache
    pool: ImagePool
    device: torch.device
    batch_size: int
    precision: str = "float32"

    def __call__(self, images: Tensor) -> Tensor:
        """Return logits, (batch, outputs) float32, differentiable with respect to the images.

        Arguments:
            images: Images in [0, 1], (batch, 3, height, width) float32, on the device.
        """
        mean, std = self._normalisation
        with arithmetic(self.precision, self.device):
            logits: Tensor = self.network.module((images - mean) / std)
        return logits.float()

    @torch.inference_mode()
    def logits(self, images: Tensor) -> Tensor:
        """Return logits without a way back to the images."""
        return self(images)

    def read(self, rows: NDArray[np.int64]) -> Tensor:
        """Return images, (rows, 3, height, width) float32 in [0, 1], on the device."""
        return torch.from_numpy(self.cache.read(rows)).to(self.device).float() / 255

    def validation(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return rows and labels of validation images, in turn from every class, (images,).

        Labels are the classes of the dataset, or what the network says of the intact images: see
        `label`.
        """
        rows, labels = self.pool.validation(count)
        if self.label == "class":
            return rows, labels
        predicted = torch.empty(len(rows), dtype=torch.int64)
        self.memory.run(
            len(rows),
            lambda part: predicted[part].copy_(self.logits(self.read(rows[part])).argmax(dim=1)),
        )
        return rows, predicted.numpy()

    @property
    def classes(self) -> list[str]:
        """Names of the outputs."""
        return self._outputs[0]

    @property
    def label(self) -> str:
        """What images are labelled by: `class` or `prediction`."""
        return self._outputs[1]

    @cached_property
    def memory(self) -> Memory:
        """How many images fit through the network at a time."""
        return Memory(self.device, self.batch_size, "images")

    @cached_property
    def _outputs(self) -> tuple[list[str], str]:
        rows, _ = self.pool.validation(TRIED)
        outputs = self.logits(self.read(rows)).shape[1]
        return name_outputs(self.network, self.cache.class_names, outputs)

    @cached_property
    def _normalisation(self) -> tuple[Tensor, Tensor]:
        # A gradient could not pass through tensors that are born in inference mode.
        with torch.inference_mode(mode=False):
            mean, std = (
                torch.tensor(values, device=self.device).view(3, 1, 1)
                for values in (self.network.mean, self.network.std)
            )
        return mean, std


def open_classifier(
    images: Path,
    manifest: Path,
    weights: Path,
    settings: Mapping[str, Any],
    *,
    batch_size: int,
    device: torch.device,
) -> Classifier:
    """Open images and network.

    Arguments:
        images: The image cache.
        manifest: Its manifest.
        weights: Weights of the network.
        settings: `network`, a name with its settings, `seed` and `precision`.
        batch_size: Images per forward pass.
        device: Where to run.
    """
    cache = ImageCache.open(images, manifest)
    name, described = settings["network"]
    network = load_network(
        name,
        dict(described),
        weights,
        classes=len(cache.class_names),
        image_size=cache.image_size,
    )
    network.module.to(device)
    pool = ImagePool.of_manifest(cache.manifest, seed=settings["seed"])
    return Classifier(network, cache, pool, device, batch_size, settings["precision"])
