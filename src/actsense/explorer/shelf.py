"""Results that are read once, as long as their files stay the same."""

__all__ = ["Shelf", "run_shelf", "study_shelf", "whole_shelf"]

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Generic, TypeVar

import streamlit as st
import xarray as xr

from actsense.inspection import RunResults, StudyResults, open_study
from actsense.inspection.source import FolderSource
from actsense.layout import places
from actsense.store import read_results

Found = TypeVar("Found")
Held = TypeVar("Held", StudyResults, RunResults)


@dataclass(frozen=True)
class Shelf(Generic[Held]):
    """What a page is about, with a memory for what was read.

    Attributes:
        study: The study it belongs to.
        held: The study itself, or one network under one design.
        stamp: When its stores and tables, and the images of the study, were made, as a digest.
    """

    study: StudyResults
    held: Held
    stamp: str

    def read(self, work: Callable[..., Found], *arguments: Any) -> Found:
        """Return `work(held, *arguments)`, from memory if nothing has changed since."""
        name = f"{work.__module__}.{work.__qualname__}"
        found: Found = _remembered(name, self.stamp, arguments, _work=work, _first=self.held)
        return found

    def read_study(self, work: Callable[..., Found], *arguments: Any) -> Found:
        """Return `work(shelf, *arguments)` in the same way, for what needs images, too."""
        name = f"{work.__module__}.{work.__qualname__}"
        found: Found = _remembered(name, self.stamp, arguments, _work=work, _first=self)
        return found


def study_shelf(path: Path) -> Shelf[StudyResults]:
    """Open a study; what was opened before is used if it is still so.

    Raises:
        ConfigError: If there is none.
    """
    return _open_study(str(path), _stamp(_study_marks(path)))


def whole_shelf(path: Path) -> Shelf[StudyResults]:
    """Open a study for what needs all of it, tables and stores of its runs, too.

    Raises:
        ConfigError: If there is none.
    """
    return _open_study(str(path), _stamp([*_study_marks(path), *_run_marks(path)]))


def run_shelf(path: Path, network: str, design: str) -> Shelf[RunResults]:
    """Open one network under one design in the same way.

    Raises:
        ConfigError: If there are no such results.
    """
    marks = sorted((path / network / design).glob("*.zarr/zarr.json"))
    return _open_run(str(path), network, design, _stamp([*_image_marks(path), *marks]))


def _image_marks(path: Path) -> Iterator[Path]:
    """Yield files that are new when images, or published values, are others."""
    yield from (path / "data/images.zarr/zarr.json", path / "data/manifest.csv")
    yield from sorted([*path.glob("*.hdf5"), *path.glob("*/*.hdf5")])


def _study_marks(path: Path) -> Iterator[Path]:
    """Yield files that are new when tables or stores of a study or its networks are others."""
    yield from _image_marks(path)
    for place in places("study"):
        yield from map(path.joinpath, map(place.table_path, place.tables))
    for place in places("network"):
        for store in map(place.store_path, place.stores):
            yield from sorted(path.glob(f"*/{store}/zarr.json"))


def _run_marks(path: Path) -> Iterator[Path]:
    """Yield files that are new when networks, or results of a network or run, are others."""
    for pattern in (
        "*/card.json",
        "*/*/*.zarr/zarr.json",
        "*/*/tables/*.csv",
        "*/figures",
        "*/*/figures",
    ):
        yield from sorted(path.glob(pattern))


def _stamp(marks: Iterable[Path]) -> str:
    """Say when every store was made: a store that is made again is another folder."""
    times = [(str(mark), mark.stat().st_mtime_ns) for mark in marks if mark.exists()]
    return sha256(repr(times).encode()).hexdigest()


class _KeptSource(FolderSource):
    """A folder whose stores are opened once for all pages, as long as they stay the same."""

    def open_store(self, path: Path) -> xr.DataTree:
        mark = path / "zarr.json"
        return _kept_store(str(path), mark.stat().st_mtime_ns if mark.is_file() else 0)


@st.cache_resource(max_entries=64, show_spinner=False)
def _kept_store(path: str, stamp: int) -> xr.DataTree:
    return read_results(Path(path))


@st.cache_resource(max_entries=16, show_spinner=False)
def _open_study(path: str, stamp: str) -> Shelf[StudyResults]:
    study = open_study(path, _KeptSource)
    return Shelf(study, study, stamp)


@st.cache_resource(max_entries=16, show_spinner=False)
def _open_run(path: str, network: str, design: str, stamp: str) -> Shelf[RunResults]:
    study = open_study(path, _KeptSource)
    return Shelf(study, study[network, design], stamp)


@st.cache_data(max_entries=128, show_spinner=False)
def _remembered(
    name: str,
    stamp: str,
    arguments: tuple[Any, ...],
    *,
    _work: Callable[..., Any],
    _first: Any,
) -> Any:
    return _work(_first, *arguments)
