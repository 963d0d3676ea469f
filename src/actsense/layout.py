"""Where results lie, and which target makes them: the one list that messages and pages read.

`results/<study>` is the folder of a study, `<network>` in it that of a network, and
`<network>/<design>` that of a run, a network under a design. What a target leaves in one of them
is a place; a new study adds its places here.
"""

__all__ = [
    "ANALYSES",
    "LEVELS",
    "PLACES",
    "RECORD",
    "RESERVED",
    "RESULTS",
    "Level",
    "Place",
    "home_of",
    "make_command",
    "places",
    "program",
    "recorded",
    "report_command",
    "target_of",
]

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from shlex import quote
from shutil import which
from typing import Any, Literal

Level = Literal["study", "network", "run"]

ANALYSES = ("correlation", "lda", "masking", "single_class", "segments")  # of maps; targets
RESULTS = "results"  # folder of all studies, where the workflow is run
RECORD = "study.json"  # in a study's folder: how its last run was asked for
LEVELS: tuple[Level, ...] = ("study", "network", "run")  # one folder below the other


@dataclass(frozen=True)
class Place:
    """What a target leaves in the folder of the study, of each network, or of each run.

    Attributes:
        level: Whose folder.
        folder: Where in it; empty for the folder itself.
        target: The target of the workflow.
        what: The results in words.
        stores: Paths of the stores in `folder`, by name.
        tables: Names of the tables, `tables/<name>.csv` in `folder`.
        files: Anything else in `folder`; `*` stands for names.
    """

    level: Level
    folder: str
    target: str
    what: str
    stores: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def store_path(self, name: str) -> str:
        """Return where a store is in the folder of the level."""
        return self._inside(self.stores.get(name, f"{name}.zarr"))

    def table_path(self, name: str) -> str:
        """Return where a table is in the folder of the level."""
        return self._inside(f"tables/{name}.csv")

    @property
    def paths(self) -> tuple[str, ...]:
        """Where everything is in the folder of the level."""
        return (
            *map(self.store_path, self.stores),
            *map(self.table_path, self.tables),
            *map(self._inside, self.files),
        )

    def _inside(self, path: str) -> str:
        return f"{self.folder}/{path}" if self.folder else path


def _stores(*names: str) -> dict[str, str]:
    return {name: f"{name}.zarr" for name in names}


PLACES = (
    Place("study", "data", "data", "images", files=("images.zarr", "manifest.csv")),
    Place("network", "", "networks", "model cards", files=("card.json",)),
    Place(
        "run",
        "",
        "indices",
        "indices of every unit",
        stores=_stores("indices"),
        tables=("layers", "channels", "pairs", "units"),
    ),
    Place(
        "run",
        "",
        "contrast",
        "contrasts",
        stores=_stores("contrast", "top_images"),
        tables=("contrast",),
    ),
    Place(
        "run",
        "",
        "masking",
        "masked predictions",
        stores=_stores("masking"),
        tables=(
            *("masking", "mask_effects", "mask_profiles"),
            *("mask_trees", "mask_clusters", "mask_linkage"),
        ),
    ),
    Place(
        "run",
        "",
        "segments",
        "colour segments",
        stores={"segments": "segments/indices.zarr"},
        tables=(
            *("segments", "segments_skipped", "segment_patterns"),
            *("segment_correlations", "segment_differences"),
        ),
        files=("segments/units.json",),
    ),
    Place(
        "network",
        "analysis",
        "correlation",
        "correlations of maps",
        stores=_stores("correlation_variation"),
        tables=(
            *("correlation_within", "correlation_across"),
            *("correlation_variation", "correlation_skipped"),
        ),
    ),
    Place(
        "network",
        "analysis",
        "lda",
        "discriminant analysis of maps",
        tables=("lda", "lda_confusion", "lda_projection", "lda_skipped"),
    ),
    Place(
        "network",
        "analysis",
        "single_class",
        "single classes",
        tables=("single_class", "single_class_matches", "single_class_skipped"),
    ),
    Place(
        "network",
        "spatial",
        "spatial",
        "spatial study, network by network",
        stores=_stores("transforms", "cells", "interaction", "saliency"),
    ),
    Place(
        *("study", "spatial", "spatial", "spatial study"),
        tables=(
            *("shuffle", "shuffle_curves", "shuffle_differences", "shuffle_scores"),
            *("saturation_curves", "cell_curves", "cell_scores", "interaction"),
        ),
    ),
    Place(
        "network",
        "patterns",
        "patterns",
        "visual patterns, network by network",
        stores=_stores("patterns"),
        files=("attack.zarr", "features.zarr"),
    ),
    Place(
        *("study", "patterns", "patterns", "visual patterns"),
        tables=(
            *("embeddings", "knowledge_points", "knowledge_classes", "knowledge_images"),
            *("knowledge_differences", "attacks", "attack_changes", "attack_types"),
            *("attack_origins", "attack_points"),
        ),
    ),
    Place(
        "network",
        "featvis",
        "featvis",
        "feature visualisation, network by network",
        stores=_stores("pictures"),
    ),
    Place(
        *("study", "featvis", "featvis", "feature visualisation"),
        tables=(
            *("pictures", "picture_summary", "picture_transfers"),
            *("picture_likeness", "picture_shifts", "picture_losses"),
        ),
    ),
    Place(
        "network",
        "invariance",
        "invariance",
        "invariances, network by network",
        stores=_stores("kept", "factors"),
    ),
    Place(
        *("study", "invariance", "invariance", "invariances"),
        tables=(
            *("invariance_autoencoder", "invariance_flows", "invariance_kept"),
            *("invariance_quality", "invariance_moved", "invariance_effects"),
            *(
                "invariance_inversion",
                "invariance_bias",
                "factor_sizes",
                "factors_explained",
                "factor_responses",
            ),
        ),
        files=("autoencoder.pt", "latents.zarr", "factors.pt", "factors.json"),
    ),
    Place("study", "", "page", "findings on one page", files=("index.html",)),
    Place("study", "figures", "figures", "figures of the study", files=("*.png",)),
    Place("study", "notebooks", "notebooks", "notebooks", files=("*.html",)),
)
# Folders of what is made on the way to results, and the targets that make it.
BESIDE = {
    "moments": "indices",
    "checkpoints": "networks",
    "contrast_parts": "contrast",
    "masking_parts": "masking",
    **dict.fromkeys(("autoencoder", "flows", "representations"), "invariance"),
}
# Folders beside those of networks and designs, which must not be called the same.
RESERVED = tuple(
    dict.fromkeys(
        [
            *(place.folder for place in PLACES if place.folder and place.level != "run"),
            *("logs", "benchmarks"),
        ]
    )
)
# Of studies, networks and designs.
LONGEST = 100  # characters: names are parts of names of files
NAME = rf"^(?!(?:{'|'.join(RESERVED)})$)[A-Za-z][A-Za-z0-9_-]{{0,{LONGEST - 1}}}$"


def places(level: Level) -> tuple[Place, ...]:
    """Return the places in the folder of the study, of each network, or of each run."""
    return tuple(place for place in PLACES if place.level == level)


def target_of(path: PurePath) -> str:
    """Return the target that makes a result, by the end of its path; empty if none is known."""
    ends = {
        PurePath(inside).parts: place.target
        for place in PLACES
        for inside in place.paths
        if "*" not in inside
    }
    ends |= {("weights.pt",): "networks", (RECORD,): "all"}
    for length in range(len(path.parts), 0, -1):
        if target := ends.get(path.parts[-length:]):
            return target
    return next((BESIDE[name] for name in path.parts[-3:-1] if name in BESIDE), "")


def recorded(path: Path) -> dict[str, Any]:
    """Return what the last run of a study left of its configuration, nothing where it did not.

    Arguments:
        path: The folder of the study, or anything below it.
    """
    return _record(path)[1]


def make_command(target: str, path: Path | None = None, rule: str = "") -> str:
    """Return the command that makes a result, as it can be pasted into a shell here.

    It asks with the configuration of the study's last run, and where that was run.

    Arguments:
        target: The target of the workflow.
        path: The result, or the folder of its study; without it, the study that was run last here.
        rule: The rule that has to be run again, where Snakemake would not by itself.
    """
    force = f" --forcerun {rule}" if rule else ""
    return _snakemake(f"{target} --cores all", _last_record() if path is None else path, force)


def report_command(study: Path) -> str:
    """Return the command that writes the report of a study beside its results.

    Arguments:
        study: Folder of the study.
    """
    home = home_of(study)
    inside = study if home is None else study.absolute().relative_to(home)
    return _snakemake(f"--report {quote(str(inside / 'report.html'))}", study)


def home_of(study: Path) -> Path | None:
    """Return where the workflow of a study is run; nothing if its folder was moved elsewhere.

    Arguments:
        study: Folder of the study.
    """
    folder = study.absolute()
    return folder.parents[1] if folder.parent.name == RESULTS else None


def program(name: str, folder: Path = Path()) -> str:
    """Return how a shell finds a program of this environment: by its name, or by its path.

    Arguments:
        name: Such as `snakemake`.
        folder: Where the shell is; paths below it begin there.
    """
    beside, found = Path(sys.executable).with_name(name), which(name)
    if not beside.is_file() or (found and beside.samefile(found)):
        return name
    here = folder.absolute()
    return quote(str(beside.relative_to(here) if beside.is_relative_to(here) else beside))


def _record(path: Path) -> tuple[Path | None, dict[str, Any]]:
    """Return the folder of the study that something lies in, and what its last run left there."""
    for folder in (path.absolute(), *path.absolute().parents):
        if (folder / RECORD).is_file():
            return folder, _read_record(folder / RECORD)
    return None, {}


def _read_record(path: Path) -> dict[str, Any]:
    """Read a record as far as it is one: messages are made of damaged studies, too."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        read: dict[str, Any] = {"options": str(record.get("options", ""))}
        if "analysed" in record:
            read["analysed"] = {str(k): [*map(str, v)] for k, v in record["analysed"].items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
    return read


def _last_record() -> Path:
    """Return the record of the run that began last in the working directory."""
    records = Path(RESULTS).glob(f"*/{RECORD}")
    return max(records, key=lambda path: path.stat().st_mtime, default=Path(RESULTS))


def _snakemake(asked: str, path: Path, after: str = "") -> str:
    """Return a call of Snakemake with the options of a study's last run, in its directory."""
    study, record = _record(path)
    home = home_of(study) if study else None
    away = home is not None and home.resolve() != Path.cwd().resolve()
    typed = program("snakemake", home if home is not None and away else Path())
    command = f"{typed} {asked} {record.get('options', '')}".rstrip() + after
    if study and not record:
        command += f"  # {RECORD} is damaged: add the --configfile of the study"
    if study and home is None:
        command += "  # where the study was run: its folder was moved"
    return f"cd {quote(str(home))} && {command}" if away else command
