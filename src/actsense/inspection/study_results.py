"""One study: the folder that a run of the workflow leaves, or published values."""

__all__ = ["StudyResults", "open_study"]

from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import overload

from actsense.data import ImageCache
from actsense.errors import ConfigError, MissingResultError, choose
from actsense.inspection.files import ResultsFolder, WithTables
from actsense.inspection.network_results import NetworkResults
from actsense.inspection.run_results import RunResults


class StudyResults(WithTables):
    """What is known of a study.

    `study["alexnet"]` is one network, `study["alexnet", "colour"]` one network under one design.
    Tables are those of the spatial study, such as `shuffle_scores`.

    Attributes:
        path: Folder of the results.
        name: Name of the study.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.resolve().name
        self._folder = ResultsFolder(path, ("spatial/*.zarr",), "spatial/tables/*.csv")

    def __repr__(self) -> str:
        return f"<StudyResults {self.name}: {', '.join(self.networks) or 'no networks yet'}>"

    @cached_property
    def networks(self) -> tuple[str, ...]:
        """Names of the networks with results, those of most designs first."""
        cards = {card.parent.name for card in self.path.glob("*/card.json")}
        runs = Counter(store.parent.parent.name for store in self.path.glob("*/*/indices.zarr"))
        return tuple(sorted(cards.union(runs), key=lambda name: (-runs[name], name)))

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
        if isinstance(names, str):
            network = choose(f"network of {self.path}", names, self.networks)
            return NetworkResults(self.path / network, network)
        network, design = names
        choose(f"design of {self.path / network}", design, self.designs(network))
        return RunResults(self.path / network / design, network, design)

    @cached_property
    def images(self) -> ImageCache:
        """The images of the study with their manifest.

        Raises:
            MissingResultError: If they have not been made.
            ConfigError: If they are damaged.
        """
        images, manifest = self.path / "data/images.zarr", self.path / "data/manifest.csv"
        for path in (images, manifest):
            if not path.exists():
                raise MissingResultError(path, "data")
        return ImageCache.open(images, manifest)


def open_study(path: Path | str) -> StudyResults:
    """Open the results of a study for reading.

    Arguments:
        path: Folder of the study, `results/<study>`, or of value files of the published study.

    Raises:
        ConfigError: If there are no results of a study.
    """
    path = Path(path)
    if not path.is_dir():
        raise ConfigError(f"{path}: no such folder. Give that of a study, such as results/digits.")
    # It extends what is defined here.
    from actsense.inspection.published.source import PublishedStudy, holds_value_files

    if holds_value_files(path):
        return PublishedStudy(path)
    if not _is_study(path):
        inside = sorted(str(folder) for folder in path.iterdir() if _is_study(folder))
        advice = f"Studies inside: {', '.join(inside)}." if inside else "Run snakemake first."
        raise ConfigError(f"{path}: holds no results of a study. {advice}")
    return StudyResults(path)


def _is_study(path: Path) -> bool:
    marks = ("data/manifest.csv", "*/card.json", "*/*/indices.zarr")
    return path.is_dir() and any(next(path.glob(mark), None) for mark in marks)
