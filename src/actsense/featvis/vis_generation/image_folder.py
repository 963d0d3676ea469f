"""The images of one folder, read in order and square."""

__all__ = ["list_folder", "read_images"]

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actsense.data.decode import decode
from actsense.data.listing import SUFFIXES
from actsense.errors import ConfigError

log = logging.getLogger(__name__)


def list_folder(folder: Path) -> list[Path]:
    """List the image files of a folder, sorted by name; hidden ones are left out.

    Raises:
        ConfigError: If there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise ConfigError(f"img_name: the folder {str(folder)!r} does not exist.")
    files = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )
    if not files:
        raise ConfigError(
            f"img_name: {str(folder)!r} has no images (looked for {', '.join(SUFFIXES)})."
        )
    return files


def read_images(
    files: Sequence[Path], side: int, batch: int
) -> Iterator[tuple[list[Path], NDArray[np.uint8]]]:
    """Yield readable files with their pixels, some at a time, (images, 3, side, side).

    A file that cannot be read is named in a warning and left out.
    """
    held: list[tuple[Path, NDArray[np.uint8]]] = []
    for path in files:
        try:
            held.append((path, decode(path, resize=side, side=side).pixels))
        except Exception as error:  # Pillow's readers raise whatever their format makes them raise
            log.warning("%s: unreadable image (%s), left out", path, error)
        if len(held) == batch:
            yield [path for path, _ in held], np.stack([pixels for _, pixels in held])
            held = []
    if held:
        yield [path for path, _ in held], np.stack([pixels for _, pixels in held])
