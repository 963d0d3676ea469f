"""Where results are read from: the folder of a study, or value files of the published one."""

__all__ = ["FolderSource", "Owner", "Source"]

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import xarray as xr

from actsense.data.cache import ImageCache
from actsense.errors import MissingResultError, choose
from actsense.layout import ANALYSES, LEVELS, RESERVED, Place, places, recorded
from actsense.store import read_facts, read_results, read_table

Owner = tuple[str, ...]  # nobody else than the study; a network; a network and a design


class Source(Protocol):
    """What a study, its networks and its runs are read from.

    Every method but `networks` raises `MissingResultError` for what is not there.
    """

    @property
    def path(self) -> Path:
        """The folder that was opened."""

    def networks(self) -> tuple[str, ...]:
        """Return the names of the networks with results."""

    def designs(self, network: str) -> tuple[str, ...]:
        """Return the names of the designs with results of a network."""

    def folder(self, owner: Owner) -> Path:
        """Return where the results of a study, network or run are."""

    def stores(self, owner: Owner) -> tuple[str, ...]:
        """Return the names of the stores that are there."""

    def tables(self, owner: Owner) -> tuple[str, ...]:
        """Return the names of the tables that are there."""

    def store(self, owner: Owner, name: str) -> xr.DataTree:
        """Open a store; its arrays are read when their values are used."""

    def table(self, owner: Owner, name: str) -> pd.DataFrame:
        """Read a table."""

    def card(self, network: str) -> dict[str, Any]:
        """Read the model card of a network."""

    def images(self) -> ImageCache:
        """Open the images of the study."""


class FolderSource:
    """The folder that a run of the workflow leaves; results that are not in the list count, too.

    Arguments:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def networks(self) -> tuple[str, ...]:
        """Return the names of the networks with results, those of most designs first."""
        designs = {card.parent.name: 0 for card in self.path.glob("*/card.json")}
        for store in self.path.glob("*/*/indices.zarr"):
            name = store.parents[1].name
            designs[name] = designs.get(name, 0) + 1
        return tuple(sorted(designs, key=lambda name: (-designs[name], name)))

    def designs(self, network: str) -> tuple[str, ...]:
        """Return the names of the designs with results of a network."""
        folders = {store.parent.name for store in self.folder((network,)).glob("*/*.zarr")}
        return tuple(sorted(folders.difference(RESERVED)))

    def folder(self, owner: Owner) -> Path:
        """Return the folder of the study, of a network or of a run."""
        return self.path.joinpath(*owner)

    def stores(self, owner: Owner) -> tuple[str, ...]:
        """Return the names of the stores that are there."""
        return tuple(sorted(self._stores(owner)))

    def tables(self, owner: Owner) -> tuple[str, ...]:
        """Return the names of the tables that are there."""
        return tuple(sorted(self._tables(owner)))

    def store(self, owner: Owner, name: str) -> xr.DataTree:
        """Open a store.

        Raises:
            MissingResultError: If it has not been made.
            ConfigError: If nothing makes such a store, or it is damaged.
        """
        known = {n: (place, place.store_path(n)) for place in _of(owner) for n in place.stores}
        return self.open_store(self._find("store", name, owner, self._stores(owner), known))

    def open_store(self, path: Path) -> xr.DataTree:
        """Open a store that is there."""
        return read_results(path)

    def table(self, owner: Owner, name: str) -> pd.DataFrame:
        """Read a table.

        Raises:
            MissingResultError: If it has not been made.
            ConfigError: If nothing makes such a table, or it is damaged.
        """
        known = {n: (place, place.table_path(n)) for place in _of(owner) for n in place.tables}
        return read_table(self._find("table", name, owner, self._tables(owner), known))

    def card(self, network: str) -> dict[str, Any]:
        """Read the model card of a network.

        Raises:
            MissingResultError: If it has not been made.
            ConfigError: If it is damaged.
        """
        (path,) = self._files((network,), "networks")
        card: dict[str, Any] = read_facts(path)
        return card

    def images(self) -> ImageCache:
        """Open the images of the study.

        Raises:
            MissingResultError: If they have not been made.
            ConfigError: If they are damaged.
        """
        images, manifest = self._files((), "data")
        return ImageCache.open(images, manifest)

    def _files(self, owner: Owner, target: str) -> list[Path]:
        """Return the files that a target leaves in a folder, all of them."""
        places = [place for place in _of(owner) if place.target == target]
        paths = [self.folder(owner) / path for place in places for path in place.paths]
        for path in paths:
            if not path.exists():
                raise MissingResultError(path, target)
        return paths

    def _stores(self, owner: Owner) -> dict[str, Path]:
        """Return the stores that are there; those that no place lists are found beside others."""
        folder = self.folder(owner)
        listed = {folder / path for place in _of(owner) for path in place.paths}
        beside = {path for one in _folders(owner) for path in (folder / one).glob("*.zarr")}
        named = {n: folder / place.store_path(n) for place in _of(owner) for n in place.stores}
        found = {path.stem: path for path in beside - listed} | named
        return {name: path for name, path in found.items() if path.is_dir()}

    def _tables(self, owner: Owner) -> dict[str, Path]:
        folder = self.folder(owner)
        paths = [path for one in _folders(owner) for path in (folder / one).glob("tables/*.csv")]
        return {path.stem: path for path in paths}

    def _find(
        self,
        kind: str,
        name: str,
        owner: Owner,
        found: Mapping[str, Path],
        known: Mapping[str, tuple[Place, str]],
    ) -> Path:
        """Return where a result is, or say which target makes it, or which ones there could be."""
        if name not in found:
            choose(f"{kind} of {self.folder(owner)}", name, {*known, *found})
            place, path = known[name]
            reason = self._why(owner, place.target)
            raise MissingResultError(self.folder(owner) / path, place.target, reason)
        return found[name]

    def _why(self, owner: Owner, target: str) -> str:
        """Say why a target leaves nothing of a network or run, if it is left out of analyses."""
        analysed = recorded(self.path).get("analysed", {})
        if target not in ANALYSES or not owner or owner[0] not in analysed:
            return ""
        network, *designs = owner
        if set(designs or analysed[network]) & set(analysed[network]):
            return ""
        names = (
            f"designs.{designs[0]}.analyses is false"
            if designs
            else "analyses is false of every design"
        )
        return f"{target} leaves out {network} here: {names}."


def _of(owner: Owner) -> tuple[Place, ...]:
    """Return the places in a folder: of the study, a network or a run."""
    return places(LEVELS[len(owner)])


def _folders(owner: Owner) -> set[str]:
    """Return where in a folder stores and tables are."""
    return {place.folder for place in _of(owner) if place.stores or place.tables}
