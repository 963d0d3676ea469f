"""A visitor's own images and clips, from what the browser sent; they stay with the visitor."""

__all__ = ["Uploaded", "read_clip_upload", "read_uploads"]

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from actsense.data.decode import decode
from actsense.errors import ConfigError
from actsense.texts import printable

if TYPE_CHECKING:
    from actsense.invariance.demos.clips import Clip

MOST_IMAGES = 48
UNREADABLE = (Image.DecompressionBombError, OSError, SyntaxError, ValueError)  # by Pillow


class File(Protocol):
    """What the browser sent."""

    @property
    def name(self) -> str:
        """Name of the file."""

    def getvalue(self) -> bytes:
        """Return what is in it."""


@dataclass(frozen=True)
class Uploaded:
    """Images that could be read, and what is to be said of those that could not.

    Attributes:
        names: Names of the files of the images.
        pixels: (images, 3, side, side) uint8.
        problems: One sentence for every file that is not shown.
    """

    names: Sequence[str]
    pixels: NDArray[np.uint8]
    problems: Sequence[str]


def read_uploads(files: Iterable[File], side: int) -> Uploaded:
    """Read images, their shorter side scaled and the centre cut out, as `read_images` does.

    Arguments:
        files: The files, in any order; they are shown in that of their names.
        side: Side of the images, pixels.
    """
    names, pixels, problems = list[str](), list[NDArray[np.uint8]](), list[str]()
    for file in sorted(files, key=lambda file: file.name):
        name = printable(PurePath(file.name).name)
        if len(names) == MOST_IMAGES:
            problems.append(f"{name} and later ones: at most {MOST_IMAGES} images are shown.")
            break
        try:
            pixels.append(decode(BytesIO(file.getvalue()), resize=side, side=side).pixels)
        except UNREADABLE as error:
            problems.append(f"{name}: no image that can be read ({_reason(error)}).")
        else:
            names.append(name)
    empty = np.empty((0, 3, side, side), np.uint8)
    return Uploaded(names, np.stack(pixels) if pixels else empty, problems)


def read_clip_upload(file: File, side: int, most: int) -> "Clip":
    """Read a video as `read_clip` does.

    Arguments:
        file: A GIF or a video.
        side: Side of its frames, pixels.
        most: Frames that are read.

    Raises:
        ConfigError: If it cannot be read; the message names the file alone.
    """
    from pathlib import Path

    from actsense.invariance.demos.clips import read_clip

    name = printable(PurePath(file.name).name)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"clip{PurePath(name).suffix}"
        path.write_bytes(file.getvalue())
        try:
            return read_clip(path, side, most=most)
        except ConfigError as error:
            raise ConfigError(str(error).replace(str(path), name)) from error


def _reason(error: Exception) -> str:
    """Return the first line of a message, without the place in memory that Pillow names."""
    line = (str(error) or type(error).__name__).splitlines()[0]
    return "unknown kind of file" if "BytesIO" in line else line
