"""One image file to one square RGB picture."""

__all__ = ["decode"]

from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

WHITE = (255, 255, 255, 255)


def decode(file: Path | BinaryIO, *, resize: int, side: int) -> NDArray[np.uint8]:
    """Read an image file of any mode, scale its shorter side, and cut out the centre.

    The orientation tag is obeyed; transparent parts show white; 16-bit grey is scaled to
    8 bits; of an animation the first frame is taken. Scaling is Pillow's bilinear filter,
    which averages when it shrinks. Rounding of sizes and offsets is that of torchvision.

    Arguments:
        file: The image file, by its path or opened.
        resize: Length of the shorter side after scaling, pixels; at least `side`.
        side: Side of the square that is cut out, pixels.

    Returns:
        The picture, shape (3, side, side).

    Raises:
        OSError, ValueError, SyntaxError, ...: Whatever Pillow raises for a broken file.
    """
    with Image.open(file) as opened:
        picture = _rgb(ImageOps.exif_transpose(opened))
    width, height = picture.size
    short = min(width, height)
    size = (int(resize * width / short), int(resize * height / short))
    picture = picture.resize(size, Image.Resampling.BILINEAR)
    left, top = (round((length - side) / 2) for length in size)
    picture = picture.crop((left, top, left + side, top + side))
    return np.ascontiguousarray(np.asarray(picture).transpose(2, 0, 1))


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "I" or image.mode.startswith("I;16"):
        image = _eight_bits(image)
    if image.mode == "F":
        raise ValueError("floating-point pixels have no known range; save it with 8 or 16 bits")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image)
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    grey = np.asarray(image).astype(np.int64)
    if grey.min() < 0 or grey.max() > 65535:
        raise ValueError("32-bit integer pixels are not supported; save it with 8 or 16 bits")
    return Image.fromarray(((grey + 128) // 257).astype(np.uint8))  # 65535 = 257 * 255
