"""One image file to one square RGB picture."""

__all__ = ["Picture", "decode"]

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from actsense.data.settings import MAX_PIXELS

WHITE = (255, 255, 255, 255)
DARK = 1 / 8  # of the range of a file with more than 8 bits: below, its picture is nearly black

Image.MAX_IMAGE_PIXELS = None  # the limit is a setting, `max_pixels`


@dataclass(frozen=True)
class Picture:
    """A decoded image.

    Attributes:
        pixels: (3, side, side).
        brightest: The largest value of a file with more than 8 bits that leaves most of its
            range dark; else None.
    """

    pixels: NDArray[np.uint8]
    brightest: float | None = None


def decode(
    file: Path | BinaryIO,
    *,
    resize: int,
    side: int,
    white: float | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Picture:
    """Read an image file of any mode, scale its shorter side, and cut out the centre.

    The orientation tag is obeyed; transparent parts show white; of an animation the first frame
    is taken. Values of more than 8 bits are scaled from 0 to `white`. Scaling is Pillow's
    bilinear filter, which averages when it shrinks. Rounding of sizes and offsets is that of
    torchvision.

    Arguments:
        file: The image file, by its path or opened.
        resize: Length of the shorter side after scaling, pixels; at least `side`.
        side: Side of the square that is cut out, pixels.
        white: The value of white in grey files of more than 8 bits; default: 65535 for integers,
            255 where 32-bit integers hold nothing larger, 1 for floating-point numbers.
        max_pixels: Pixels of the largest image that is let in.

    Raises:
        OSError, ValueError, SyntaxError, ...: Whatever Pillow raises for a broken file.
    """
    with Image.open(file) as opened:
        if (pixels := opened.width * opened.height) > max_pixels:
            raise ValueError(
                f"{opened.width} x {opened.height} pixels, more than dataset.max_pixels: "
                f"{max_pixels}; if it is no mistake, raise that to {pixels}"
            )
        wide = any("16" in str(tile.args) for tile in opened.tile)  # before it is loaded
        image = ImageOps.exif_transpose(opened)
    brightest = None
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image, brightest = _eight_bits(image, white)
    elif wide and (most := int(np.asarray(image.convert("RGB")).max())) < 255 * DARK:
        brightest = most * 257
    picture = _rgb(image)
    width, height = picture.size
    short = min(width, height)
    size = (int(resize * width / short), int(resize * height / short))
    picture = picture.resize(size, Image.Resampling.BILINEAR)
    left, top = (round((length - side) / 2) for length in size)
    picture = picture.crop((left, top, left + side, top + side))
    return Picture(np.ascontiguousarray(np.asarray(picture).transpose(2, 0, 1)), brightest)


def _rgb(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image)
    return image.convert("RGB")


def _eight_bits(image: Image.Image, white: float | None) -> tuple[Image.Image, float | None]:
    """Scale grey values to 8 bits, and return the largest if even that is dark."""
    grey = np.asarray(image)
    least, most = float(grey.min()), float(grey.max())
    if white is None:
        white = 65535 if image.mode != "F" else 1
        if image.mode == "I" and most <= 255:  # 8 bits, kept in 32
            white = 255
    if not 0 <= least <= most <= white:
        raise ValueError(
            f"values from {least:g} to {most:g}, where 0 is black and {white:g} white; set "
            "dataset.white to the value of white, or save it with 8 bits"
        )
    scaled = np.floor(grey * (255 / white) + 0.5).astype(np.uint8)
    return Image.fromarray(scaled), most if most < white * DARK else None
