"""Published value files behind the interface of a study, each array read when it is used.

What an array lacks against ours, and what is known to be wrong with it, stands in its attributes.
Files that `actsense export` wrote in the same layout are read the same way, without loss.
"""

__all__ = ["PublishedStudy", "holds_value_files"]

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import overload

import pandas as pd
import xarray as xr

from actsense.data import ImageCache
from actsense.errors import ConfigError, MissingResultError, choose
from actsense.inspection.files import ResultsFolder
from actsense.inspection.network_results import NetworkResults
from actsense.inspection.published.layout import SETS, ValueFile, parse_name
from actsense.inspection.published.trees import contrast_tree, index_tree
from actsense.inspection.run_results import RunResults
from actsense.inspection.study_results import StudyResults

SEGMENTS = "single_unit"  # the folder of values of segments, beside those of whole networks


class UnpublishedError(MissingResultError):
    """A result that the value files do not hold, and that no target makes."""

    def __init__(self, path: Path, what: str, reason: str) -> None:
        self.path, self.target = path, ""
        ConfigError.__init__(self, f"{path}: holds no {what}. {reason}")


def holds_value_files(path: Path) -> bool:
    """Tell whether a folder holds published value files."""
    return bool(_value_files(path))


def _value_files(folder: Path) -> list[ValueFile]:
    paths = sorted([*folder.glob("*.hdf5"), *folder.glob(f"{SEGMENTS}/*.hdf5")])
    return [file for path in paths if (file := parse_name(path))]


class PublishedFolder(ResultsFolder):
    """The value files of one network and set of augmentations, as the stores of a run.

    Arguments:
        path: Folder of all files.
        files: Those of the network and set.
        design: Name of the set; empty for what takes all of them together.
    """

    def __init__(self, path: Path, files: Sequence[ValueFile], design: str = "") -> None:
        super().__init__(path, (), "")
        self._design = design
        self._files = {
            "indices": [f for f in files if f.kind != "cs" and f.channel is None],
            "segments": [f for f in files if f.kind != "cs" and f.channel is not None],
            "contrast": [f for f in files if f.kind == "cs"],
        }

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """Value files come without tables."""
        return ()

    def has(self, name: str) -> bool:
        """Tell whether there are files of a store of this name."""
        return bool(self._files.get(name))

    def store(self, name: str) -> xr.DataTree:
        """Open a store; its arrays are read when their values are used.

        Raises:
            MissingResultError: If there are no files of it.
            ConfigError: If a file is damaged or of another layout.
        """
        if not self.has(name):
            held = [name for name, files in self._files.items() if files]
            raise UnpublishedError(
                self.path, f"value files of {name}", f"There are: {', '.join(held) or 'none'}."
            )
        if name not in self._opened:
            files = self._files[name]
            self._opened[name] = (
                contrast_tree(files, self._augmentations())
                if name == "contrast"
                else index_tree(files)
            )
        return self._opened[name]

    def table(self, name: str) -> pd.DataFrame:
        """Refuse: value files come without tables.

        Raises:
            MissingResultError: Always.
        """
        raise UnpublishedError(
            self.path, f"table {name!r}", "Value files come without tables; use their arrays."
        )

    def _augmentations(self) -> list[str]:
        """Return the augmentations of the contrasts, in the order of the design."""
        found = [str(file.augmentation) for file in self._files["contrast"]]
        order: Sequence[str] = SETS.get(self._design.removeprefix("set"), ())
        if self.has("indices"):
            order = [str(name) for name in self.store("indices")["factor"].to_numpy()]
        return sorted(
            set(found), key=lambda name: (name not in order, [*order, *found].index(name))
        )


class PublishedRun(RunResults):
    """Published values of one network under one set of augmentations."""

    def __init__(self, path: Path, network: str, design: str, files: Sequence[ValueFile]) -> None:
        super().__init__(path, network, design)
        self._folder = PublishedFolder(path, files, design)


class PublishedNetwork(NetworkResults):
    """Published values of one network."""

    def __init__(self, path: Path, network: str, files: Sequence[ValueFile]) -> None:
        super().__init__(path, network)
        self._folder = PublishedFolder(path, ())
        self._files = files

    @cached_property
    def designs(self) -> tuple[str, ...]:
        """Names of the sets of augmentations there are values of."""
        named = {file.design for file in self._files if file.design}
        return tuple(sorted(named.union(*(_sets(file) for file in self._files))))

    @cached_property
    def card(self) -> dict[str, object]:
        """Refuse: value files come without model cards.

        Raises:
            MissingResultError: Always.
        """
        raise UnpublishedError(self.path, "model card", "Value files come without.")

    def files(self, design: str) -> list[ValueFile]:
        """Return the files with values under a set of augmentations."""
        return [f for f in self._files if design == f.design or design in _sets(f)]


class PublishedStudy(StudyResults):
    """A folder of published value files.

    Networks are named after the files; where a folder holds values on several datasets, the
    dataset follows the name. Designs are `set1` and `set2`, the published sets of augmentations.

    Arguments:
        path: The folder, with the files of segments in its folder `single_unit`.

    Raises:
        ConfigError: If it holds no value files.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._folder = PublishedFolder(path, ())
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

    @cached_property
    def networks(self) -> tuple[str, ...]:
        """Names of the networks there are values of."""
        return tuple(sorted(self._by_network))

    @overload
    def __getitem__(self, names: str) -> NetworkResults: ...
    @overload
    def __getitem__(self, names: tuple[str, str]) -> RunResults: ...
    def __getitem__(self, names: str | tuple[str, str]) -> NetworkResults | RunResults:
        """Return one network, or one network under one set of augmentations.

        Raises:
            ConfigError: If there are no values of that name.
        """
        name, design = (names, None) if isinstance(names, str) else names
        choose(f"network of {self.path}", name, self.networks)
        network = PublishedNetwork(self.path, name, self._by_network[name])
        if design is None:
            return network
        choose(f"design of {name} in {self.path}", design, network.designs)
        return PublishedRun(self.path, name, design, network.files(design))

    @cached_property
    def images(self) -> ImageCache:
        """Refuse: value files come without images.

        Raises:
            MissingResultError: Always.
        """
        raise UnpublishedError(self.path, "images", "Value files come without.")


def _sets(file: ValueFile) -> set[str]:
    """Return the published sets with the augmentation of a contrast that names no design."""
    if file.design is not None or file.augmentation is None:
        return set()
    return {f"set{number}" for number, names in SETS.items() if file.augmentation in names}
