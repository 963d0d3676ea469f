"""One Zarr store in one file: an uncompressed zip, written beside and renamed into place.

A file that exists is complete; every chunk carries a checksum.
"""

__all__ = ["CHECKSUM", "CorruptFileError", "create_archive", "open_archive", "reading"]

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zarr
from zarr.codecs import Crc32cCodec
from zarr.storage import ZipStore

from actsense.errors import ConfigError
from actsense.store.atomic import replacing

CHECKSUM = Crc32cCodec()


class CorruptFileError(ConfigError):
    """A file whose content contradicts its checksum or cannot be read at all.

    Arguments:
        path: The file.
        reason: What is wrong with it.
        whole: What is to be deleted, where the file is a part of something.
    """

    def __init__(self, path: Path, reason: object, whole: Path | None = None) -> None:
        super().__init__(
            f"{path}: damaged ({reason}). Delete {whole or 'it'} and run again: it is made anew."
        )


@contextmanager
def create_archive(path: Path, attributes: dict[str, Any]) -> Iterator[zarr.Group]:
    """Open a new archive for writing; it appears at `path` when the block ends well.

    Arguments:
        path: The file to make.
        attributes: Attributes of its root; a zip cannot change them afterwards.
    """
    with replacing(path) as beside:
        store = ZipStore(beside, mode="w", compression=zipfile.ZIP_STORED)
        try:
            yield zarr.create_group(store, zarr_format=3, attributes=attributes)
        finally:
            store.close()
        with beside.open("rb") as written:
            os.fsync(written.fileno())


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Name the file if what is read inside the block turns out damaged.

    Raises:
        CorruptFileError: Instead of what Zarr or the zip said.
    """
    try:
        yield
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError) as error:
        raise CorruptFileError(path, error) from error


@contextmanager
def open_archive(path: Path) -> Iterator[zarr.Group]:
    """Open an archive; put what is read from it inside `reading` blocks of their own.

    Raises:
        CorruptFileError: If the file is no complete archive.
    """
    if not zipfile.is_zipfile(path):
        raise CorruptFileError(path, "not a complete zip archive")
    with reading(path):
        store = ZipStore(path, mode="r")
        group = zarr.open_group(store, mode="r")
    try:
        yield group
    finally:
        store.close()
