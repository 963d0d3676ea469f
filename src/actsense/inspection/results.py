"""What a study, a network and a run have in common: stores and tables from a source."""

__all__ = ["Results"]

from pathlib import Path

import pandas as pd
import xarray as xr

from actsense.inspection.source import Owner, Source
from actsense.layout import make_command


class Results:
    """Stores and tables, read when they are asked for, stores once.

    Arguments:
        source: Where they are read from.
        owner: Whose they are: the names of a network and of a design, or fewer.
    """

    def __init__(self, source: Source, owner: Owner) -> None:
        self._source = source
        self._owner = owner
        self._opened: dict[str, xr.DataTree] = {}

    @property
    def path(self) -> Path:
        """The folder of these results."""
        return self._source.folder(self._owner)

    @property
    def stores(self) -> tuple[str, ...]:
        """Names of the stores that are there."""
        return self._source.stores(self._owner)

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that are there."""
        return self._source.tables(self._owner)

    def make_command(self, target: str) -> str:
        """Return the command that makes what is lacking, see `actsense.layout.make_command`."""
        return make_command(target, self.path)

    def has(self, name: str) -> bool:
        """Tell whether a store or table is there."""
        return name in self.stores or name in self.tables

    def store(self, name: str) -> xr.DataTree:
        """Open a store; its arrays are read when their values are used.

        Raises:
            MissingResultError: If it has not been made.
            ConfigError: If nothing makes such a store, or it is damaged.
        """
        if name not in self._opened:
            self._opened[name] = self._source.store(self._owner, name)
        return self._opened[name]

    def table(self, name: str) -> pd.DataFrame:
        """Read a table.

        Raises:
            MissingResultError: If it has not been made.
            ConfigError: If nothing makes such a table.
        """
        return self._source.table(self._owner, name)
