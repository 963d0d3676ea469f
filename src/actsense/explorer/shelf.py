"""Results that are read once, as long as their files stay the same."""

__all__ = ["Shelf", "open_shelf"]

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import streamlit as st

from actsense.inspection import RunResults, StudyResults, open_study

Arguments = ParamSpec("Arguments")
Found = TypeVar("Found")
Stamp = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Shelf:
    """One network under one design, with a memory for what was read.

    Attributes:
        study: The study it belongs to.
        run: Its results.
        stamp: When its stores, and the images of the study, were made.
    """

    study: StudyResults
    run: RunResults
    stamp: Stamp

    def read(self, work: Callable[..., Found], *arguments: Any) -> Found:
        """Return `work(run, *arguments)`, from memory if nothing has changed since."""
        name = f"{work.__module__}.{work.__qualname__}"
        found: Found = _remembered(name, self.stamp, arguments, _work=work, _first=self.run)
        return found

    def read_study(self, work: Callable[..., Found], *arguments: Any) -> Found:
        """Return `work(shelf, *arguments)` in the same way, for what needs images, too."""
        name = f"{work.__module__}.{work.__qualname__}"
        found: Found = _remembered(name, self.stamp, arguments, _work=work, _first=self)
        return found


def open_shelf(path: Path, network: str, design: str) -> Shelf:
    """Open one network under one design; what was opened before is used if it is still so.

    Raises:
        ConfigError: If there are no such results.
    """
    return _opened(str(path), network, design, _stamp(path, network, design))


def _stamp(path: Path, network: str, design: str) -> Stamp:
    """Say when every store was made: a store that is made again is another folder."""
    marks = [path / "data/images.zarr/zarr.json", path / "data/manifest.csv"]
    marks += sorted((path / network / design).glob("*.zarr/zarr.json"))
    marks += sorted([*path.glob("*.hdf5"), *path.glob("*/*.hdf5")])  # published values
    return tuple((str(mark), mark.stat().st_mtime_ns) for mark in marks if mark.is_file())


@st.cache_resource(max_entries=16, show_spinner=False)
def _opened(path: str, network: str, design: str, stamp: Stamp) -> Shelf:
    study = open_study(path)
    return Shelf(study, study[network, design], stamp)


@st.cache_data(max_entries=512, show_spinner=False)
def _remembered(
    name: str,
    stamp: Stamp,
    arguments: tuple[Any, ...],
    *,
    _work: Callable[..., Any],
    _first: Any,
) -> Any:
    return _work(_first, *arguments)
