"""One Zarr store in one file: an uncompressed zip, written beside and renamed into place.

A file that exists is complete; every chunk carries a checksum, and its directory is sealed.
"""

__all__ = [
    "CHECKSUM",
    "CorruptFileError",
    "create_archive",
    "open_archive",
    "reading",
    "seal_archive",
]

import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zarr
from zarr.codecs import Crc32cCodec
from zarr.storage import ZipStore

from actsense.store.atomic import replacing
from actsense.store.damage import CorruptFileError, reading
from actsense.store.manifest import checksum_of, warn_unchecked

CHECKSUM = Crc32cCodec()


class _Once(ZipStore):
    """A store that is not opened again: chunks on their way when one fails would do that."""

    ended = False

    def _sync_open(self) -> None:
        if self.ended:
            raise ValueError(f"{self.path} is closed.")
        super()._sync_open()

    def close(self) -> None:
        self.ended = True
        super().close()


def seal_archive(archive: zipfile.ZipFile) -> None:
    """Seal the directory of an archive, its manifest, before the archive is closed.

    The directory holds name, size and checksum of every member; the archive's comment holds the
    checksum of all these.
    """
    archive.comment = _listing(archive)


@contextmanager
def create_archive(path: Path, attributes: dict[str, Any]) -> Iterator[zarr.Group]:
    """Open a new archive for writing; it appears at `path` when the block ends well.

    Arguments:
        path: The file to make.
        attributes: Attributes of its root; a zip cannot change them afterwards.
    """
    with replacing(path) as beside:
        store = _Once(beside, mode="w", compression=zipfile.ZIP_STORED)
        try:
            yield zarr.create_group(store, zarr_format=3, attributes=attributes)
        finally:
            store.close()
        with zipfile.ZipFile(beside, "a") as archive:
            seal_archive(archive)
        with beside.open("rb") as written:
            os.fsync(written.fileno())


@contextmanager
def open_archive(path: Path) -> Iterator[zarr.Group]:
    """Open an archive; put what is read from it inside `reading` blocks of their own.

    Raises:
        CorruptFileError: If the file is no complete archive.
    """
    _check(path)
    with reading(path):
        store = ZipStore(path, mode="r")
        group = zarr.open_group(store, mode="r")
    try:
        yield group
    finally:
        store.close()


def _check(path: Path) -> None:
    """Compare the directory of an archive with its seal; members are compared when read.

    Raises:
        CorruptFileError: If it is no archive, or its directory is not as it was written.
    """
    with reading(path), zipfile.ZipFile(path) as archive:
        if not archive.comment:
            warn_unchecked(path)
        elif archive.comment != _listing(archive):
            raise zipfile.BadZipFile("its directory is not as it was written")


def _listing(archive: zipfile.ZipFile) -> bytes:
    members = [[m.filename, m.file_size, m.CRC, m.header_offset] for m in archive.infolist()]
    return checksum_of(json.dumps(members).encode()).encode()
