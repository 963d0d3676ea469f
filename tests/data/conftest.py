from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from actsense.data.build import build_cache
from actsense.data.settings import Digits, ImageFolder

SaveNoise = Callable[[Path, int], None]


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Paths of a small digits cache: image array, manifest."""
    folder = tmp_path_factory.mktemp("digits")
    paths = folder / "images.zarr", folder / "manifest.csv"
    build_cache(Digits(patches_per_digit=2), 3, *paths)
    return paths


@pytest.fixture(scope="session")
def save_noise() -> SaveNoise:
    """Return a function that saves a noise image, given a path and a seed."""

    def save(path: Path, seed: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (40, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)

    return save


@pytest.fixture
def photos(tmp_path: Path, save_noise: SaveNoise) -> Path:
    """Return a folder of two classes with ten and eight images."""
    root = tmp_path / "photos"
    for label, (name, count) in enumerate({"cat": 10, "dog": 8}.items()):
        for number in range(count):
            save_noise(root / name / f"{number:02d}.png", 100 * label + number)
    return root


@pytest.fixture
def settings(photos: Path) -> ImageFolder:
    return ImageFolder(path=str(photos), image_size=16, resize=20)
