"""One study: the folder that a run of the workflow leaves, or published values."""

__all__ = ["StudyResults", "holds_study", "open_part", "open_study"]

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import final, overload

from actsense.data.cache import ImageCache
from actsense.errors import ConfigError, choose
from actsense.inspection.network_results import NetworkResults
from actsense.inspection.published.source import ValueFileSource, holds_value_files
from actsense.inspection.results import Results
from actsense.inspection.run_results import RunResults
from actsense.inspection.source import FolderSource, Source
from actsense.layout import RESERVED, make_command, program, recorded


@final
class StudyResults(Results):
    """What is known of a study.

    `study["alexnet"]` is one network, `study["alexnet", "colour"]` one network under one design.
    Tables are those that compare networks, such as `shuffle_scores` of the spatial study.

    Attributes:
        name: Name of the study.
    """

    def __init__(self, source: Source) -> None:
        super().__init__(source, ())
        self._runs: dict[tuple[str, str], RunResults] = {}
        self.name = source.path.resolve().name

    def __repr__(self) -> str:
        return f"<StudyResults {self.name}: {', '.join(self.networks) or 'no networks yet'}>"

    @cached_property
    def networks(self) -> tuple[str, ...]:
        """Names of the networks with results, those of most designs first."""
        return self._source.networks()

    def designs(self, network: str) -> tuple[str, ...]:
        """Return the names of the designs with results of a network."""
        return self[network].designs

    @overload
    def __getitem__(self, names: str) -> NetworkResults: ...
    @overload
    def __getitem__(self, names: tuple[str, str]) -> RunResults: ...
    def __getitem__(self, names: str | tuple[str, str]) -> NetworkResults | RunResults:
        """Return one network, or one network under one design.

        Raises:
            ConfigError: If there are no results of that name.
        """
        network, design = (names, None) if isinstance(names, str) else names
        choose(f"network of {self.path}", network, self.networks)
        if design is None:
            return NetworkResults(self._source, network)
        designs = self._source.designs(network)
        choose(f"design of {network} in {self.path}", design, designs)
        # The same object every time: its stores are opened once.
        return self._runs.setdefault((network, design), RunResults(self._source, network, design))

    @cached_property
    def images(self) -> ImageCache:
        """The images of the study with their manifest.

        Raises:
            MissingResultError: If they have not been made.
            ConfigError: If they are damaged.
        """
        return self._source.images()


def open_study(
    path: Path | str, source: Callable[[Path], FolderSource] = FolderSource
) -> StudyResults:
    """Open the results of a study for reading.

    Arguments:
        path: Folder of the study, `results/<study>`, or of value files of the published study.
        source: How the folder of a study is read.

    Raises:
        ConfigError: If there are no results of a study.
    """
    path = Path(path)
    if not path.is_dir():
        raise ConfigError(f"{path}: no such folder. Give that of a study, such as results/digits.")
    if holds_study(path):
        return StudyResults(source(path))
    inside = sorted(str(folder) for folder in path.iterdir() if holds_study(folder))
    if not inside and holds_value_files(path):
        return StudyResults(ValueFileSource(path))
    raise ConfigError(f"{path}: holds no results of a study. {_advice(path, inside)}")


def open_part(path: Path) -> tuple[StudyResults, tuple[str, ...]]:
    """Open the study that a folder is or lies in, and tell whose folder it is.

    Arguments:
        path: Folder of a study, of a network in it, or of a design of that.

    Returns:
        The study; nothing, the network, or the network and the design.

    Raises:
        ConfigError: If it is none of these.
    """
    names = _whole(path).parts
    for count in (2, 1):
        above, owner = Path(*names[:-count]), names[-count:]
        if len(names) <= count or not holds_study(above):
            continue
        study = open_study(_typed(path, above))
        if owner[0] in study.networks and {*owner[1:]} <= {*study.designs(owner[0])}:
            return study, owner
    return open_study(path), ()


def holds_study(path: Path) -> bool:
    """Tell whether a folder is that of a study, and not that of a network in one."""
    marks = ("data/manifest.csv", "*/card.json", "*/*/indices.zarr")
    inside = ("card.json", "indices.zarr", "*/indices.zarr")
    if not path.is_dir() or any(next(path.glob(mark), None) for mark in inside):
        return False
    return any(next(path.glob(mark), None) for mark in marks)


def _whole(path: Path) -> Path:
    """Write a path from the root on; links stay what they are called, where they can."""
    return path.resolve() if ".." in path.parts else path.absolute()


def _typed(path: Path, above: Path) -> Path:
    """Write a folder above a path as that was written, where it can be."""
    shorter = (folder for folder in path.parents if folder.absolute() == above)
    return next(shorter, above)


def _around(path: Path) -> Path | None:
    """Return the study that a folder is a part of, if it is that of a network, or reserved."""
    whole = _whole(path)
    for above in filter(_has_cards, (folder for folder in whole.parents if folder.name)):
        known = {*RESERVED, *FolderSource(above).networks()}
        if whole.relative_to(above).parts[0] in known:
            return above
    return None


def _has_cards(path: Path) -> bool:
    """Tell whether a folder has more of a study than an index store somewhere below it."""
    marks = ("data/manifest.csv", "*/card.json")
    return holds_study(path) and any(next(path.glob(mark), None) for mark in marks)


def _advice(path: Path, inside: list[str]) -> str:
    if inside:
        return f"Studies inside: {', '.join(inside)}."
    if (above := _around(path)) is not None:
        return f"It is a part of the study {_typed(path, above)}: give that."
    if recorded(path):
        return f"Make them with: {make_command('all', path)}"
    return f"Make them with: {program('actsense')} run STUDY.yaml, the file of a study."
