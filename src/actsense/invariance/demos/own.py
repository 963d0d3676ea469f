"""A user's own images: those of a folder, in the order of their names."""

__all__ = ["OwnImages", "read_images"]

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from actsense.data.decode import decode
from actsense.data.pixels import unit_images
from actsense.errors import ConfigError

MOST_IMAGES = 200


@dataclass(frozen=True)
class OwnImages:
    """Images of a folder.

    Attributes:
        names: Names of the files.
        pixels: (images, 3, side, side) uint8.
    """

    names: Sequence[str]
    pixels: NDArray[np.uint8]

    @property
    def images(self) -> Tensor:
        """The images in [0, 1], float32, on the CPU."""
        return unit_images(self.pixels)


def read_images(folder: Path, side: int, *, most: int = MOST_IMAGES) -> OwnImages:
    """Read the images of a folder, their shorter side scaled and the centre cut out.

    Hidden files and folders in it are left out. Names go with images, whatever the folder's own
    order.

    Arguments:
        folder: The folder.
        side: Side of the images, pixels.
        most: Images that are let in.

    Raises:
        ConfigError: If the folder is missing or empty, has more files, or one is no image.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: not there. Make a folder with images in it.")
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.name[0] != ".")
    if not 0 < len(files) <= most:
        raise ConfigError(
            f"{folder}: 1 to {most} images are shown; the folder has {len(files)} files."
        )
    pixels = np.stack([_pixels(file, side) for file in files])
    return OwnImages([file.name for file in files], pixels)


def _pixels(file: Path, side: int) -> NDArray[np.uint8]:
    try:
        return decode(file, resize=side, side=side).pixels
    except (Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ConfigError(f"{file}: no image that can be read ({reason}). Remove it.") from error
