"""What an archive of published values holds, network by network and design by design."""

__all__ = ["Archive", "RunFiles"]

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from actsense.errors import ConfigError
from actsense.inspection.published.datatrees import IndexFiles, index_files
from actsense.inspection.published.folders import archive_files
from actsense.inspection.published.names import (
    PredictionFile,
    ValueFile,
    parse_predictions,
    published_sets,
)
from actsense.inspection.published.source import ValueFileSource

UNITS = "_single_units"  # end of the name of the file of units, behind the network


@dataclass(frozen=True)
class RunFiles:
    """The files of one network under one design.

    Attributes:
        network: Its name.
        published: What the files call it.
        dataset: Images that it saw.
        design: Name of the design.
        indices: Value files of the whole network.
        contrast: Contrast files.
        segments: Value files behind colour channels.
        predictions: Masked predictions, which all designs share.
        units: The file of units, if there is one.
    """

    network: str
    published: str
    dataset: str
    design: str
    indices: Sequence[ValueFile]
    contrast: Sequence[ValueFile]
    segments: Sequence[ValueFile]
    predictions: Sequence[PredictionFile]
    units: Path | None

    @cached_property
    def found(self) -> IndexFiles:
        """What the files of the indices hold."""
        return index_files(self.indices)

    @property
    def augmentations(self) -> tuple[str, ...]:
        """The augmentations of the design."""
        return self.found.scheme.augmentations

    @property
    def missing(self) -> list[str]:
        """What there are no files of, in words."""
        told = {
            "contrasts": self.contrast,
            "masked predictions": self.predictions,
            "segments": self.segments,
        }
        lacking = [what for what, files in told.items() if not files]
        return [*lacking, f"{self.published}{UNITS}.json"] if self.lacks_units else lacking

    @property
    def lacks_units(self) -> bool:
        """Whether there are segments, and nothing says of which channels."""
        return bool(self.segments) and self.units is None


class Archive:
    """A folder of published value files and predictions.

    Arguments:
        path: The folder, or one that holds it.
        units: Files of the units of segments; beside those in the folder.

    Raises:
        ConfigError: If it holds no value files, or a file of units is not there.
    """

    def __init__(self, path: Path, units: Iterable[Path] = ()) -> None:
        if not path.is_dir():
            raise ConfigError(f"{path}: no such folder. Give that of the published value files.")
        self.path = path
        self.source = ValueFileSource(path)
        self._predictions = [
            file for one in archive_files(path, ".hdf5") if (file := parse_predictions(one))
        ]
        given = [*units]
        for one in given:
            if not one.is_file():
                raise ConfigError(f"{one}: no such file. Give NETWORK{UNITS}.json.")
        self._units = [*given, *archive_files(path, ".json")]

    @property
    def runs(self) -> list[RunFiles]:
        """Every network under every design that there are indices of."""
        found = [
            self._run(network, design)
            for network in self.source.networks()
            for design in self.source.designs(network)
        ]
        return [run for run in found if run.indices]

    def _run(self, network: str, design: str) -> RunFiles:
        files = self.source.files((network, design))
        first = next(file for kind in files.values() for file in kind)
        ends = f"{first.network}{UNITS}.json"
        own = [
            file
            for file in self._predictions
            if (file.network, file.dataset) == (first.network, first.dataset)
        ]
        return RunFiles(
            network,
            first.network,
            first.dataset,
            design,
            files["indices"],
            files["contrast"],
            files["segments"],
            own if design in published_sets() else (),
            next((path for path in self._units if path.name.endswith(ends)), None),
        )
