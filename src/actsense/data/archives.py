"""Reading members of a zip or a tar in place: nothing is ever unpacked."""

__all__ = ["ArchiveSource", "Member", "index_tar", "index_zip", "read_members"]

import io
import logging
import struct
import tarfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from actsense.errors import ConfigError

LOCAL_HEADER = 30  # bytes before the name in front of a zip member (APPNOTE.TXT, 4.3.7)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Member:
    """Where the bytes of a member lie.

    Attributes:
        archive: The zip or tar.
        start: Of the data in a tar, of the local header in a zip, bytes.
        size: In the archive, bytes.
        method: How a zip compressed it; None in a tar.
        crc: CRC-32 of the content; None in a tar, which has none.
    """

    archive: Path
    start: int
    size: int
    method: int | None = None
    crc: int | None = None

    def read(self) -> bytes:
        """Read the member; many threads may, each has a file handle of its own.

        Raises:
            ConfigError: If the archive is cut short.
            ValueError, zlib.error: If the member is damaged.
        """
        with self.archive.open("rb") as file:
            start = self.start
            if self.method is not None:
                # The extra field's length here may differ from the central directory's.
                file.seek(start)
                header = file.read(LOCAL_HEADER)
                if len(header) == LOCAL_HEADER:
                    start += LOCAL_HEADER + sum(struct.unpack_from("<HH", header, 26))
            file.seek(start)
            content = file.read(self.size)
        if len(content) < self.size:
            raise ConfigError(_damaged(self.archive, "it is cut short"))
        if self.method == ZIP_DEFLATED:
            content = zlib.decompress(content, -zlib.MAX_WBITS)
        if self.crc is not None and zlib.crc32(content) != self.crc:
            raise ValueError("its checksum in the archive does not fit")
        return content


@dataclass(frozen=True)
class ArchiveSource:
    """Images inside archives, by the names of their members."""

    members: Mapping[str, Member]
    repair = "Delete the archive and run again to download it anew"

    def locate(self, file: str) -> str:
        """Name the archive and the member."""
        return f"{self.members[file].archive}, member {file}"

    def open(self, file: str) -> BinaryIO:
        """Return the bytes of a member as a file."""
        return io.BytesIO(self.members[file].read())


def index_zip(path: Path, wanted: tuple[str, ...] = ("",)) -> dict[str, Member]:
    """Find the members of a zip.

    Arguments:
        path: The archive.
        wanted: Beginnings of the names that are of interest; default: all.

    Returns:
        The files by name, in the order of the archive's directory.

    Raises:
        ConfigError: If the archive is missing, cut short or of an unknown kind.
    """
    with _readable(path), ZipFile(path) as opened:
        entries = [
            entry
            for entry in opened.infolist()
            if entry.filename.startswith(wanted) and not entry.is_dir()
        ]
        for entry in entries:
            if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED) or entry.flag_bits & 1:
                raise BadZipFile(f"{entry.filename} is compressed or encrypted in an unknown way")
    return {
        entry.filename: Member(
            path, entry.header_offset, entry.compress_size, entry.compress_type, entry.CRC
        )
        for entry in entries
    }


def index_tar(path: Path) -> dict[str, Member]:
    """Find the members of an uncompressed tar, in one pass over its headers.

    Arguments:
        path: The archive.

    Returns:
        The files by name, without a leading `./`, in the order of the archive.

    Raises:
        ConfigError: If the archive is missing, cut short or no such tar.
    """
    found = {}
    with _readable(path), tarfile.open(path, "r:") as opened:
        while (entry := opened.next()) is not None:
            opened.members = []  # type: ignore[attr-defined] # it would keep a kilobyte of each
            if entry.isreg():
                name = entry.name.removeprefix("./")
                found[name] = Member(path, entry.offset_data, entry.size)
    return found


def read_members(path: Path, wanted: Collection[str]) -> dict[str, bytes]:
    """Read whole members of a compressed tar, in one pass; for archives that fit into memory.

    Arguments:
        path: The archive.
        wanted: Names of the members.

    Raises:
        ConfigError: If the archive is missing, cut short, no such tar, or lacks a member.
    """
    found = {}
    with _readable(path), tarfile.open(path, "r|gz") as opened:
        for entry in opened:
            name = entry.name.removeprefix("./")
            if name in wanted and (member := opened.extractfile(entry)):
                found[name] = member.read()
    if missing := [name for name in wanted if name not in found]:
        raise ConfigError(_damaged(path, f"{missing[0]} is missing"))
    return found


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    if not path.is_file():
        raise ConfigError(
            f"{path}: no such file. Run the rule download_dataset, or put the archive there."
        )
    log.info("Reading the directory of %s", path)
    try:
        yield
    except (BadZipFile, tarfile.TarError, zlib.error, ValueError, EOFError) as error:
        raise ConfigError(_damaged(path, str(error))) from error


def _damaged(path: Path, reason: str) -> str:
    return (
        f"{path}: damaged or incomplete archive ({reason}). Delete it and run again to download "
        "it anew."
    )
