"""Which images stand for all: chosen by a rule that the figures state, never by eye."""

__all__ = ["CHOICE", "clearest_image", "typical_images"]

import numpy as np
from numpy.typing import NDArray

from actsense.patterns.stored import StoredPatterns

MOST = 6  # images on a page
CHOICE = "Images: of every class, the one with the median number of knowledge points"


def typical_images(stored: StoredPatterns, most: int = MOST) -> list[int]:
    """Return of every class the image whose knowledge points in all layers are the median.

    Arguments:
        stored: The patterns of the network.
        most: Images at most; the first classes have one then.
    """
    layers = range(len(stored.layers))
    counts = sum(stored.points(layer, stored.final)[0].sum(axis=1) for layer in layers)
    classes = [k for k in range(len(stored.classes)) if (stored.labels == k).any()]
    return [
        _median(np.flatnonzero(stored.labels == k), np.asarray(counts)) for k in classes[:most]
    ]


def clearest_image(stored: StoredPatterns) -> int:
    """Return the image with the most reliable knowledge points in the last layer."""
    _, reliable = stored.points(len(stored.layers) - 1, stored.final)
    return int(reliable.sum(axis=1).argmax())


def _median(images: NDArray[np.int64], counts: NDArray[np.int64]) -> int:
    order = images[counts[images].argsort(kind="stable")]
    return int(order[(len(order) - 1) // 2])
