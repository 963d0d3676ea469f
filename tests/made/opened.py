"""Subjects made by hand: a network and images in memory; and the files of a small one."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from actsense.data.build import build_cache
from actsense.data.cache import Sample, write_cache
from actsense.data.pool import ImagePool
from actsense.data.settings import Digits
from actsense.networks.network import Network
from actsense.networks.subject import Subject
from actsense.networks.weights import import_weights

DIGITS = Digits(validation_fraction=0.1, patches_per_digit=1)


class Images:
    """Images in memory, read as from a cache.

    Arguments:
        pixels: All images, (rows, 3, height, width).
        names: Classes of the dataset.
    """

    def __init__(self, pixels: NDArray[np.uint8], *names: str) -> None:
        self.class_names = list(names)
        self.image_size = pixels.shape[-1]
        self._pixels = pixels

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return some of them."""
        return self._pixels[rows]


def opened(
    network: Network,
    images: Images | int,
    pool: ImagePool | None = None,
    *,
    batch_size: int = 32,
    precision: str = "float32",
) -> Subject:
    """Open a network on the CPU.

    Arguments:
        network: The network.
        images: Its images; for none at all, the side that they would have.
        pool: Which of them belong to which partition and class.
        batch_size: Images per forward pass.
        precision: What the network computes in.
    """
    if isinstance(images, int):
        images = Images(np.zeros((0, 3, images, images), dtype=np.uint8))
    pool = ImagePool(()) if pool is None else pool
    return Subject(network, images, pool, torch.device("cpu"), batch_size, precision)


def digit_files(folder: Path) -> tuple[SimpleNamespace, dict[str, Any]]:
    """Write images of digits, 32 pixels wide, their manifest, and weights drawn at random.

    Returns:
        Their paths, and the settings of the network.
    """
    paths = {name: folder / name for name in ("images", "manifest", "weights")}
    build_cache(DIGITS, 1, paths["images"], paths["manifest"])
    network = {"kind": "python", "factory": "actsense.networks.compact:CompactNetwork"}
    network |= {"arguments": {"classes": 10, "width": 1}, "weights": "none", "name": "one"}
    import_weights(network, 0, 10, paths["weights"], folder / "card", image_size=32)
    return SimpleNamespace(**{name: str(path) for name, path in paths.items()}), network


def noise_files(folder: Path) -> tuple[Path, Path]:
    """Write bright and dark noise, 80 images for training and 20 for validation.

    Returns:
        Paths of the images and of their manifest.
    """
    draw = np.random.default_rng(0)
    samples = [
        Sample(
            str(number),
            number % 2,
            "train" if number < 80 else "validation",
            draw.integers(0, 120 + 130 * (number % 2), (3, 16, 16)).astype(np.uint8),
        )
        for number in range(100)
    ]
    paths = folder / "images.zarr", folder / "manifest.csv"
    write_cache(
        samples, *paths, capacity=100, side=16, class_names=["dark", "bright"], provenance={}
    )
    return paths
