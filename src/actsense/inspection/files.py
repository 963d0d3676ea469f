"""What a folder of results holds, and which target makes what it lacks."""

__all__ = ["ResultsFolder", "WithTables", "target_of"]

from functools import cached_property
from pathlib import Path

import pandas as pd
import xarray as xr

from actsense.errors import MissingResultError
from actsense.store import read_results, read_table

# Tables are named after the target that makes them, or after one of these.
TARGETS = {
    "layers": "indices",
    "channels": "indices",
    "pairs": "indices",
    "units": "indices",
    "mask": "masking",
    "segment": "segments",
    "top_images": "contrast",
    "card": "networks",
    "images": "data",
    "transforms": "spatial",
    "cells": "spatial",
    "interaction": "spatial",
    "saliency": "spatial",
    "saturation": "spatial",
    "shuffle": "spatial",
    "cell": "spatial",
}
NAMED = ("indices", "contrast", "correlation", "lda", "masking", "single_class", "segments")


class ResultsFolder:
    """Stores and tables of one folder, read when they are asked for, stores once.

    Arguments:
        path: The folder.
        stores: Where in it stores are, with `*` for their names.
        tables: Where in it tables are, with `*` for their names.
    """

    def __init__(self, path: Path, stores: tuple[str, ...], tables: str) -> None:
        self.path = path
        self._stores = stores
        self._tables = tables
        self._opened: dict[str, xr.DataTree] = {}

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that are there."""
        return tuple(sorted(path.stem for path in self.path.glob(self._tables)))

    def has(self, name: str) -> bool:
        """Tell whether a store or a table of this name is there."""
        return self._store_path(name).is_dir() or self._table_path(name).is_file()

    def store(self, name: str) -> xr.DataTree:
        """Open a store; its arrays are read when their values are used.

        Raises:
            MissingResultError: If it has not been made.
            CorruptFileError: If it is damaged.
        """
        if name not in self._opened:
            path = self._store_path(name)
            if not path.is_dir():
                raise MissingResultError(path, target_of(name))
            self._opened[name] = read_results(path)
        return self._opened[name]

    def table(self, name: str) -> pd.DataFrame:
        """Read a table.

        Raises:
            MissingResultError: If it has not been made.
        """
        path = self._table_path(name)
        if not path.is_file():
            raise MissingResultError(path, target_of(name))
        return read_table(path)

    def _store_path(self, name: str) -> Path:
        places = [self.path / pattern.replace("*", name) for pattern in self._stores]
        return next((place for place in places if place.is_dir()), places[0])

    def _table_path(self, name: str) -> Path:
        return self.path / self._tables.replace("*", name)


class WithTables:
    """What a study, a network and a run have in common: tables in a folder of theirs."""

    _folder: ResultsFolder

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that are there."""
        return self._folder.tables

    def table(self, name: str) -> pd.DataFrame:
        """Read a table.

        Raises:
            MissingResultError: If it has not been made.
        """
        return self._folder.table(name)

    def has(self, name: str) -> bool:
        """Tell whether a store or table is there."""
        return self._folder.has(name)


def target_of(name: str) -> str:
    """Return the Snakemake target that makes a store or table; `all` if none is known."""
    for start in NAMED:
        if name.startswith(start):
            return start
    known = (target for start, target in TARGETS.items() if name.startswith(start))
    return next(known, "all")
