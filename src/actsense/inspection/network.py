"""One network of a study."""

__all__ = ["NetworkResults"]

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from actsense.errors import MissingResultError
from actsense.inspection.files import ResultsFolder

# What stands beside the designs in the folder of a network.
ASIDE = ("analysis", "spatial")


class NetworkResults:
    """What is known of one network, all designs together.

    Attributes:
        path: Folder of the results.
        network: Name of the network.
    """

    def __init__(self, path: Path, network: str) -> None:
        self.path = path
        self.network = network
        self._folder = ResultsFolder(
            path, ("analysis/*.zarr", "spatial/*.zarr"), "analysis/tables/*.csv"
        )

    def __repr__(self) -> str:
        return f"<NetworkResults {self.network}: {self.path}>"

    @cached_property
    def designs(self) -> tuple[str, ...]:
        """Names of the designs with results of this network."""
        folders = {store.parent.name for store in self.path.glob("*/*.zarr")}
        return tuple(sorted(folders.difference(ASIDE)))

    @cached_property
    def card(self) -> dict[str, Any]:
        """The model card: where weights come from, and how good the network is.

        Raises:
            MissingResultError: If it has not been made.
        """
        path = self.path / "card.json"
        if not path.is_file():
            raise MissingResultError(path, "networks")
        card: dict[str, Any] = json.loads(path.read_text())
        return card

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables of its analyses that are there."""
        return self._folder.tables

    def table(self, name: str) -> pd.DataFrame:
        """Read a table of the analyses, such as `correlation_within`, `lda` or `single_class`.

        Raises:
            MissingResultError: If it has not been made.
        """
        return self._folder.table(name)

    def store(self, name: str) -> xr.DataTree:
        """Open a store: `correlation_variation`, or one of the spatial study.

        Those are `transforms`, `cells`, `interaction` and `saliency`.

        Raises:
            MissingResultError: If it has not been made.
            CorruptFileError: If it is damaged.
        """
        return self._folder.store(name)

    def has(self, name: str) -> bool:
        """Tell whether a store or table is there."""
        return self._folder.has(name)
