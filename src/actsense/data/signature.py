"""What tells the originals of an image cache from others: names, sizes, times, and contents."""

__all__ = ["FileFacts", "FinishedCache", "content_digest", "look_at_files", "signature"]

import csv
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import Any, NamedTuple, Self

from actsense.data.settings import Dataset, read_dataset
from actsense.texts import from_cell

Plain = dict[str, Any]

PLACES = ("path", "folder", "address")  # settings that say where originals are, not what they are
THREADS = 8  # that ask a file system, which may be far away
AT_A_TIME = 2000  # files


class FileFacts(NamedTuple):
    """What a file system says of a file.

    Attributes:
        name: As in the manifest, or that of an archive.
        size: In bytes; -1 if it cannot be asked.
        time: Of its last change, nanoseconds.
    """

    name: str
    size: int
    time: int


@dataclass(frozen=True)
class FinishedCache:
    """What a finished cache says of itself, read without opening it.

    Attributes:
        settings: Those of its dataset, as plain values.
        seed: The seed of its draws.
        classes: Their names.
        originals: Digests of its originals, and the `key` that it is known by; empty in a cache
            of an earlier version.
        manifest: Its table.
    """

    settings: Plain
    seed: int
    classes: list[str]
    originals: Plain
    manifest: Path

    @classmethod
    def read(cls, images: Path, manifest: Path) -> Self | None:
        """Return what a cache says of itself, or nothing where there is no finished one."""
        with suppress(OSError, ValueError, KeyError):
            found = json.loads((images / "zarr.json").read_text(encoding="utf-8"))["attributes"]
            own = found["settings"], found["seed"], found["class_names"]
            return cls(*own, found.get("originals", {}), manifest) if manifest.is_file() else None
        return None

    @property
    def place(self) -> Plain:
        """The settings that say where its originals were."""
        return {key: self.settings[key] for key in PLACES if key in self.settings}

    def shows(self, dataset: Dataset, seed: int) -> bool:
        """Tell whether the cache was made with these settings, wherever its originals were."""
        with suppress(ValueError):
            own = read_dataset(self.settings | {key: "." for key in self.place}).plain()
            return self.seed == seed and own == dataset.plain() | {key: "." for key in self.place}
        return False

    def files(self) -> list[str]:
        """List the files that were taken, or tried, in the order of the manifest."""
        with self.manifest.open(encoding="utf-8", newline="") as stream:
            return [from_cell(row["path"]) for row in csv.DictReader(stream)]


def look_at_files(paths: Mapping[str, str]) -> list[FileFacts]:
    """Ask the file system for files, given their paths by name."""
    named = [*paths.items()]
    parts = [named[start : start + AT_A_TIME] for start in range(0, len(named), AT_A_TIME)]
    with ThreadPoolExecutor(THREADS) as pool:
        return [file for asked in pool.map(_ask, parts) for file in asked]


def _ask(named: Iterable[tuple[str, str]]) -> list[FileFacts]:
    return [*starmap(_ask_one, named)]


def _ask_one(name: str, path: str) -> FileFacts:
    try:
        found = os.stat(path)  # noqa: PTH116 - a million times
    except OSError:
        return FileFacts(name, -1, 0)
    return FileFacts(name, found.st_size, found.st_mtime_ns)


def signature(files: Iterable[FileFacts]) -> Plain:
    """Return a digest of the `names` and sizes of files, and one of these and their `times`."""
    names, times = hashlib.sha256(), hashlib.sha256()
    for file in files:
        text = f"{file.name}\0{file.size}\0".encode(errors="surrogateescape")
        names.update(text)
        times.update(text + b"%d\0" % file.time)
    return {"names": names.hexdigest(), "times": times.hexdigest()}


def content_digest(contents: Iterable[tuple[str, str]]) -> str:
    """Return one digest for many files.

    Arguments:
        contents: Name and SHA-256 of every file.
    """
    digest = hashlib.sha256()
    for name, sha256 in contents:
        digest.update(f"{name}\0{sha256}\0".encode())
    return digest.hexdigest()
