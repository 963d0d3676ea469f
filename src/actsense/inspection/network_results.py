"""One network of a study."""

__all__ = ["NetworkResults"]

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import xarray as xr

from actsense.errors import MissingResultError
from actsense.inspection.files import ResultsFolder, WithTables

# What stands beside the designs in the folder of a network.
ASIDE = ("analysis", "spatial")


class NetworkResults(WithTables):
    """What is known of one network, all designs together.

    Tables are those of its analyses, such as `correlation_within`, `lda` or `single_class`.

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

    def store(self, name: str) -> xr.DataTree:
        """Open a store: `correlation_variation`, or one of the spatial study.

        Those are `transforms`, `cells`, `interaction` and `saliency`.

        Raises:
            MissingResultError: If it has not been made.
            CorruptFileError: If it is damaged.
        """
        return self._folder.store(name)
