"""Features of images in a fixed network, which the quality of images is judged by."""

__all__ = ["ImageFeatures", "image_features", "real_features"]

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.networks.subject import Subject
from actsense.progress import Progress


class ImageFeatures:
    """Tells what a layer says of images, averaged over places.

    Arguments:
        subject: The network; another one than that whose samples are judged.
        layer: Name of the layer; of maps, the first axis counts channels.

    Raises:
        ConfigError: If the layer cannot be watched.
    """

    def __init__(self, subject: Subject, layer: str) -> None:
        self._subject, self._tap = subject, subject.tap([layer])

    def __call__(self, images: Tensor) -> NDArray[np.float32]:
        """Return the features of images, (images, channels) float32.

        Arguments:
            images: In [0, 1], (images, 3, side, side), on any device.
        """
        found: list[NDArray[np.float32]] = []

        def look(part: slice) -> None:
            with torch.inference_mode():
                (said,) = self._tap(images[part].to(self._subject.device)).values()
            found.append(_averaged(said))

        self._subject.memory.run(len(images), look)
        return np.concatenate(found)


def image_features(subject: Subject, layer: str, images: Tensor) -> NDArray[np.float32]:
    """Return what `ImageFeatures` does, of images that are all there."""
    return ImageFeatures(subject, layer)(images)


def real_features(subject: Subject, layer: str, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return what `ImageFeatures` does, of images of the dataset by row, (rows, channels)."""
    tap = subject.tap([layer])
    found: list[NDArray[np.float32]] = []

    def look(images: Tensor, _part: slice) -> None:
        with torch.inference_mode():
            (said,) = tap(images).values()
        found.append(_averaged(said))
        bar.update(len(images))

    with Progress(len(rows), desc="features of real images", unit="image") as bar:
        subject.over(rows, look)
    return np.concatenate(found)


def _averaged(said: Tensor) -> NDArray[np.float32]:
    mean = said.flatten(2).mean(dim=2) if said.ndim > 2 else said
    plain: NDArray[np.float32] = mean.float().cpu().numpy()
    return plain
