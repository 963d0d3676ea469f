"""What a finished store or file is made of: names, sizes and checksums, written last.

The manifest of a folder lies in it, that of a file beside it; both are hidden. A Zarr archive is
one file with a directory of its own, which `archive` seals. Whatever is read is
compared with its manifest first. Chunks that carry a CRC-32C are compared by Zarr, when they are
read; everything else is compared once in every process.
"""

__all__ = ["Manifest", "checksum_of", "seal", "sealing", "warn_unchecked"]

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import google_crc32c

from actsense.errors import ConfigError, MissingResultError
from actsense.layout import make_command, target_of
from actsense.store.atomic import replacing
from actsense.store.damage import CorruptFileError, reading

MANIFEST = ".manifest"
DESCRIPTION = "zarr.json"  # of every group and array
NO_PART = (MANIFEST, ".snakemake_timestamp", ".DS_Store")  # written into folders by others
PIECE_BYTES = 2**20

log = logging.getLogger(__name__)
_compared: set[tuple[str, int, str, int]] = set()  # file, size, checksum, time: of this process
_told: set[str] = set()  # what has no manifest, said once


class Entry(NamedTuple):
    """What is known of a file.

    Attributes:
        size: Bytes.
        checksum: CRC-32C, hexadecimal; empty where every chunk in it carries its own.
    """

    size: int
    checksum: str


class Manifest:
    """The manifest of a finished store or file, and whether it still holds.

    Arguments:
        path: The store, a folder, or the file.
        text: What was written of it; empty where nothing was, and nothing is compared.
    """

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self._root = path if path.is_dir() else path.parent
        self._absolute = str(self._root.absolute())
        self._text = text
        with reading(_place(path), path):
            self._entries = {name: Entry(*entry) for name, entry in _parsed(text).items()}

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read the manifest of a store or file; compare names, sizes, and what describes arrays.

        Where there is none, a warning says so once: earlier versions wrote none, and it stays
        behind when a file is copied alone.

        Raises:
            MissingResultError: If there is no such store or file.
            CorruptFileError: If anything is missing, or has another size.
        """
        with reading(path):
            if not path.exists():
                raise MissingResultError(path, target_of(path))
        text = _read(_place(path), path)
        if not text:
            warn_unchecked(path)
        opened = cls(path, text)
        opened._check_names()
        return opened

    def check(self, within: str = "") -> None:
        """Compare sizes, and contents where no chunk carries a checksum.

        Arguments:
            within: An array or group of the store, with nothing below it; the root by default,
                or the file.

        Raises:
            CorruptFileError: If a file is missing, or not as it was written.
            ConfigError: If the store was made again since it was opened.
        """
        for name in self._owned.get(within, ()):
            file = self._root / name
            with reading(file, self.path):
                found = file.stat() if file.exists() else None
            self._check_file(name, found)

    def check_all(self) -> None:
        """Compare as `check` does, everywhere in the store."""
        for within in self._owned:
            self.check(within)

    @cached_property
    def _owned(self) -> dict[str, list[str]]:
        """Return the files of every array and group, by its path in the store."""
        owned: dict[str, list[str]] = {}
        for name in self._entries:
            folder = _above(name)
            while folder and f"{folder}/{DESCRIPTION}" not in self._entries:
                folder = _above(folder)
            owned.setdefault(folder, []).append(name)
        return owned

    def _check_names(self) -> None:
        if not self._text:
            return
        if self._root != self.path:
            self.check()
            return
        with reading(self.path):
            found = _files(str(self.path))
        for name in self._entries:
            described = name.rpartition("/")[2] == DESCRIPTION
            self._check_file(name, found.get(name), contents=described)
        if added := found.keys() - self._entries.keys():
            self._refuse(min(added), "not a part of it")

    def _check_file(
        self, name: str, found: os.stat_result | None, *, contents: bool = True
    ) -> None:
        entry = self._entries[name]
        if found is None:
            self._refuse(name, "missing")
        elif found.st_size != entry.size:
            self._refuse(name, f"{found.st_size:,} bytes, not {entry.size:,}")
        elif contents and entry.checksum:
            facts = (f"{self._absolute}/{name}", *entry, found.st_mtime_ns)
            if facts not in _compared:
                if _checksum(self._root / name, self.path) != entry.checksum:
                    self._refuse(name, "its checksum differs")
                _compared.add(facts)

    def _refuse(self, name: str, reason: str) -> None:
        if _read(_place(self.path), self.path) != self._text:
            raise ConfigError(
                f"{self.path}: deleted or made again since it was opened. Open it again."
            )
        whole = self.path if self._root == self.path else None
        raise CorruptFileError(self._root / name, reason, whole)


def seal(path: Path) -> None:
    """Write the manifest of a store or file as it is now, onto the disk with its folder."""
    _write(_place(path), _described(path))
    _sync(_place(path).parent)


@contextmanager
def sealing(path: Path) -> Iterator[Path]:
    """Yield a name beside `path` to write to, see `replacing`; its manifest comes last.

    Arguments:
        path: The file or folder to make.

    Raises:
        ConfigError: As `replacing` does.
    """
    with ExitStack() as last, replacing(path) as beside:
        yield beside
        text = _described(beside, path.name)
        if beside.is_dir():
            note = beside / MANIFEST
        else:
            note = last.enter_context(replacing(_place(path, folder=False)))
            _sync(beside)
        _write(note, text)
        if beside.is_dir():
            _sync(beside)
    _sync(path.parent)


def warn_unchecked(path: Path) -> None:
    """Say once in every process that a result has no manifest."""
    if str(path.absolute()) not in _told:
        _told.add(str(path.absolute()))
        target = target_of(path)
        again = f" ({make_command(target, path)})" if target else ""
        log.warning(
            f"{path}: read unchecked, it has no manifest. An earlier version made it, or it was "
            f"copied without one. Damage would not be found until it is made again{again}."
        )


def _place(path: Path, *, folder: bool | None = None) -> Path:
    """Return where the manifest of a store or file is."""
    inside = path.is_dir() if folder is None else folder
    return path / MANIFEST if inside else path.with_name(f".{path.name}{MANIFEST}")


def _described(path: Path, name: str = "") -> str:
    """Return the manifest of what is there: one line for every file, under their checksum."""
    if path.is_dir():
        entries = {
            file: (found.st_size, _needed(path, file))
            for file, found in sorted(_files(str(path)).items())
        }
    else:
        entries = {name or path.name: (path.stat().st_size, _checksum(path, path))}
    text = json.dumps(entries, indent=0, ensure_ascii=False)
    return f"{checksum_of(text.encode())}\n{text}\n"


def _parsed(text: str) -> Mapping[str, Any]:
    if not text:
        return {}
    checksum, _, entries = text.partition("\n")
    if checksum_of(entries[:-1].encode()) != checksum:
        raise ValueError("its checksum differs")
    found: dict[str, Any] = json.loads(entries)
    return found


def _read(place: Path, path: Path) -> str:
    """Return a manifest, nothing where there is none."""
    with reading(place, path):
        if not place.exists():
            return ""
        return place.read_text(encoding="utf-8") or "\n"  # an empty one is damaged


def _write(place: Path, text: str) -> None:
    with place.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _files(folder: str, prefix: str = "") -> dict[str, os.stat_result]:
    """Return what is known of every file of a store, by its path in it."""
    files: dict[str, os.stat_result] = {}
    with os.scandir(folder) as listed:
        for found in listed:
            if found.name in NO_PART or found.name.startswith(".nfs"):
                continue
            if found.is_dir():
                files |= _files(found.path, f"{prefix}{found.name}/")
            else:
                files[f"{prefix}{found.name}"] = found.stat()
    return files


def _needed(store: Path, name: str) -> str:
    """Return the checksum of a file in a store, nothing where its chunks have theirs."""
    return "" if _has_checksums(store, name) else _checksum(store / name, store)


def _has_checksums(store: Path, name: str) -> bool:
    """Tell whether a file is chunks of an array that each end with a checksum."""
    folder = _above(name)
    while folder and not (store / folder / DESCRIPTION).is_file():
        folder = _above(folder)
    if name.endswith(DESCRIPTION) or not (store / folder / DESCRIPTION).is_file():
        return False
    described = json.loads((store / folder / DESCRIPTION).read_text(encoding="utf-8"))
    codecs = described.get("codecs", [])
    if codecs and codecs[0]["name"] == "sharding_indexed":
        codecs = codecs[0]["configuration"]["codecs"]
    return bool(codecs) and codecs[-1]["name"] == "crc32c"


def _above(name: str) -> str:
    return name.rpartition("/")[0]


def _checksum(file: Path, whole: Path) -> str:
    checksum = 0
    with reading(file, whole), file.open("rb") as opened:
        while piece := opened.read(PIECE_BYTES):
            checksum = google_crc32c.extend(checksum, piece)
    return f"{checksum:08x}"


def checksum_of(content: bytes) -> str:
    """Return the CRC-32C of some bytes, hexadecimal."""
    return f"{google_crc32c.value(content):08x}"
