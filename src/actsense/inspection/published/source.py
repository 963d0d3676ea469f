"""Published value files behind the interface of a study, each array read when it is used.

What an array lacks against ours, and what is known to be wrong with it, stands in its attributes.
Files that `actsense export` wrote in the same layout are read the same way, without loss.
"""

__all__ = ["ValueFileSource", "holds_value_files"]

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Never

import pandas as pd
import xarray as xr

from actsense.data.cache import ImageCache
from actsense.errors import ConfigError, MissingResultError
from actsense.inspection.published.datatrees import contrast_tree, index_tree
from actsense.inspection.published.folders import archive_files
from actsense.inspection.published.names import SETS, ValueFile, parse_name
from actsense.inspection.source import Owner


def holds_value_files(path: Path) -> bool:
    """Tell whether a folder holds published value files."""
    return bool(_value_files(path))


class ValueFileSource:
    """A folder of published value files, as the stores of runs; there are no tables.

    Networks are named after the files; where a folder holds values on several datasets, the
    dataset follows the name. Designs are `set1` and `set2`, the published sets of augmentations.

    Arguments:
        path: The folder, or one that holds it, see `archive_files`.

    Raises:
        ConfigError: If it holds no value files.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        files = _value_files(path)
        if not files:
            raise ConfigError(
                f"{path}: holds no published value files. They have names such as "
                "si_alexnet_imagenet_ILSVRC_values_part=train+valid_augnm=1.hdf5."
            )
        several = len({file.dataset for file in files}) > 1
        self._by_network: dict[str, list[ValueFile]] = {}
        for file in files:
            name = f"{file.network}_{file.dataset}" if several else file.network
            self._by_network.setdefault(name, []).append(file)

    def networks(self) -> tuple[str, ...]:
        """Return the names of the networks there are values of."""
        return tuple(sorted(self._by_network))

    def designs(self, network: str) -> tuple[str, ...]:
        """Return the names of the sets of augmentations there are values of."""
        files = self._by_network[network]
        named = {file.design for file in files if file.design}
        return tuple(sorted(named.union(*(file.sets for file in files))))

    def folder(self, owner: Owner) -> Path:
        """Return the folder, which holds the files of all networks."""
        return self.path

    def stores(self, owner: Owner) -> tuple[str, ...]:
        """Return the names of the stores there are files of."""
        return tuple(name for name, files in self.files(owner).items() if files)

    def tables(self, owner: Owner) -> tuple[str, ...]:
        """Return nothing: value files come without tables."""
        return ()

    def store(self, owner: Owner, name: str) -> xr.DataTree:
        """Open a store.

        Raises:
            MissingResultError: If there are no files of it.
            ConfigError: If a file is damaged or of another layout.
        """
        files, held = self.files(owner), self.stores(owner)
        if name not in held:
            self._refuse(f"value files of {name}", f"There are: {', '.join(held) or 'none'}.")
        if name == "contrast":
            return contrast_tree(files[name], self._augmentations(owner))
        return index_tree(files[name])

    def table(self, owner: Owner, name: str) -> pd.DataFrame:
        """Refuse: value files come without tables.

        Raises:
            MissingResultError: Always.
        """
        self._refuse(f"table {name!r}", "Value files come without tables; use their arrays.")

    def card(self, network: str) -> dict[str, Any]:
        """Refuse: value files come without model cards.

        Raises:
            MissingResultError: Always.
        """
        self._refuse("model card", "Value files come without.")

    def images(self) -> ImageCache:
        """Refuse: value files come without images.

        Raises:
            MissingResultError: Always.
        """
        self._refuse("images", "Value files come without.")

    def _refuse(self, what: str, reason: str) -> Never:
        """Name a result that the value files do not hold, and that no target makes."""
        raise MissingResultError(self.path, "", f"holds no {what}. {reason}")

    def files(self, owner: Owner) -> dict[str, list[ValueFile]]:
        """Return the files of every store of a run; studies and networks have none."""
        if len(owner) < 2:
            return {}
        network, design = owner
        own = [f for f in self._by_network[network] if design == f.design or design in f.sets]
        values = [file for file in own if file.kind != "cs"]
        return {
            "indices": [file for file in values if file.channel is None],
            "segments": [file for file in values if file.channel is not None],
            "contrast": [file for file in own if file.kind == "cs"],
        }

    def _augmentations(self, owner: Owner) -> list[str]:
        """Return the augmentations of the contrasts of a run, in the order of its design."""
        files, (_, design) = self.files(owner), owner
        found = [str(file.augmentation) for file in files["contrast"]]
        order: Sequence[str] = SETS.get(design.removeprefix("set"), ())
        if files["indices"]:
            order = [str(name) for name in index_tree(files["indices"])["factor"].to_numpy()]
        return sorted(
            set(found), key=lambda name: (name not in order, [*order, *found].index(name))
        )


def _value_files(folder: Path) -> list[ValueFile]:
    return [file for path in archive_files(folder, ".hdf5") if (file := parse_name(path))]
