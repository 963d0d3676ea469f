"""From an archive of published values to the results of a study, run by run."""

__all__ = ["import_archive"]

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from actsense.errors import ConfigError
from actsense.inspection.published.conversion.archive import Archive, RunFiles
from actsense.inspection.published.conversion.contrasts import convert_contrasts
from actsense.inspection.published.conversion.indices import convert_indices
from actsense.inspection.published.conversion.predictions import convert_predictions
from actsense.inspection.published.conversion.segments import convert_segments, read_units
from actsense.inspection.published.conversion.study_file import check_name, write_study
from actsense.inspection.published.datatrees import index_files
from actsense.masking.evaluate import masking_table
from actsense.masking.settings import Masking
from actsense.networks.names import imagenet_names
from actsense.sensitivity.estimation import index_tables
from actsense.store import (
    create_results,
    provenance,
    read_results,
    write_results,
    write_tables,
)

Plain = dict[str, Any]

SOURCE = "published values, arXiv 2503.03283"
TABLES = ("layers", "channels", "pairs", "units")
CLASSES = 1000  # of ImageNet
OTHERWISE = ("images", "weights", "model cards", "top images", "intervals", "random masks")
MARKS = ("data/manifest.csv", "*/card.json", "*/weights.pt", "*/*/moments")  # of runs of ours


def import_archive(
    archive: Path,
    folder: Path,
    *,
    units: Sequence[Path] = (),
    told: Callable[[str], None] = print,
) -> Path:
    """Turn published value files into the results of a study.

    What is there already and was made of files of the same names and sizes is left as it is.

    Arguments:
        archive: Folder of the files.
        folder: Where the results go, `results/NAME`.
        units: Files that name the channels of segments, beside those in the archive.
        told: Takes a line for every run, and for what the archive does not hold.

    Returns:
        The configuration to run the workflow with.

    Raises:
        ConfigError: If there are no such files, one is damaged, or the folder holds a run.
    """
    check_name(folder.resolve().name)
    if marks := [one for mark in MARKS for one in folder.glob(mark)]:
        raise ConfigError(
            f"{folder}: holds results of a run ({marks[0].relative_to(folder)}). Import into "
            "another folder, results/NAME."
        )
    runs = Archive(archive, units).runs
    if not runs:
        raise ConfigError(f"{archive}: holds no indices (files si_... or shpv_...).")
    known = provenance()
    for run in runs:
        made = [name for name, anew in _import(run, folder, known) if anew]
        there = ", ".join(made) if made else "is there already"
        told(f"{run.network} under {run.design}: {there}")
    for line in _missing(runs):
        told(line)
    networks: dict[str, list[str]] = {}
    for run in runs:
        networks.setdefault(run.network, []).append(run.design)
    designs = {run.design: run.found.scheme for run in runs}
    return write_study(folder, networks, designs, [run.dataset for run in runs])


def _import(run: RunFiles, folder: Path, known: Plain) -> Iterator[tuple[str, bool]]:
    """Import what there is of a run; yield every kind of result, and whether it was made."""
    place = folder / run.network / run.design
    tables = place / "tables"
    yield "indices", _indices(run, folder.name, place / "indices.zarr", tables, known)
    if run.contrast:
        yield "contrasts", _contrast(run, folder.name, place / "contrast.zarr", tables, known)
    if run.predictions:
        yield (
            "masked predictions",
            _masking(run, folder.name, place / "masking.zarr", tables, known),
        )
    if run.segments and run.units:
        yield "segments", _segments(run, folder.name, place, tables, known)


def _indices(run: RunFiles, study: str, path: Path, tables: Path, known: Plain) -> bool:
    attributes = _attributes(run, study, [file.path for file in run.indices], known)
    written = {name: tables / f"{name}.csv" for name in TABLES}
    if _is_made(path, attributes, written.values()):
        return False
    with create_results(path, attributes) as results:
        summary = convert_indices(run.found, results)
    write_tables(index_tables(summary), written)
    return True


def _contrast(run: RunFiles, study: str, path: Path, tables: Path, known: Plain) -> bool:
    attributes = _attributes(run, study, [file.path for file in run.contrast], known)
    if _is_made(path, attributes, [tables / "contrast.csv"]):
        return False
    with create_results(path, attributes) as results:
        table = convert_contrasts(run.contrast, run.augmentations, results)
    write_tables({"contrast": table}, {"contrast": tables / "contrast.csv"})
    return True


def _masking(run: RunFiles, study: str, path: Path, tables: Path, known: Plain) -> bool:
    attributes = _attributes(run, study, [file.path for file in run.predictions], known)
    if _is_made(path, attributes, [tables / "masking.csv"]):
        return False
    names = imagenet_names(CLASSES) if run.dataset == "imagenet" else None
    groups = convert_predictions(
        run.predictions,
        run.design,
        run.augmentations,
        classes=names.shown if names else (),
        bootstrap=Masking().bootstrap,
        seed=0,
    )
    write_results(path, groups, attributes=attributes)
    write_tables({"masking": masking_table(groups[""])}, {"masking": tables / "masking.csv"})
    return True


def _segments(run: RunFiles, study: str, place: Path, tables: Path, known: Plain) -> bool:
    assert run.units is not None
    files = [*(file.path for file in run.segments), run.units]
    attributes = _attributes(run, study, files, known)
    outputs = {
        "indices": place / "segments/indices.zarr",
        "units": place / "segments/units.json",
        "segments": tables / "segments.csv",
        "skipped": tables / "segments_skipped.csv",
    }
    if _is_made(outputs["indices"], attributes, outputs.values()):
        return False
    convert_segments(
        index_files(run.segments),
        read_units(run.units, run.published),
        run.design,
        place / "indices.zarr",
        outputs,
        attributes=attributes,
    )
    return True


def _attributes(run: RunFiles, study: str, files: Sequence[Path], known: Plain) -> Plain:
    """Return where a result comes from, for the root of its store."""
    return known | {
        "configuration": {
            "study": study,
            "dataset": {"kind": "published", "images": [run.dataset]},
            "networks": {run.network: {"kind": "published"}},
            "designs": {run.design: {"augmentations": list(run.augmentations)}},
        },
        "source": SOURCE if not run.found.ours else "values that `actsense export` wrote",
        "intervals": "none",
        "files": {file.name: file.stat().st_size for file in sorted(files)},
    }


def _is_made(path: Path, attributes: Mapping[str, Any], beside: Iterable[Path]) -> bool:
    """Tell whether a store was made of the same files, and what is made with it is there."""
    if not path.is_dir() or not all(one.exists() for one in beside):
        return False
    held = read_results(path).attrs
    return bool(held.get("files") == json.dumps(attributes["files"], sort_keys=True))


def _missing(runs: Sequence[RunFiles]) -> Iterator[str]:
    """Say in a line what the archive does not hold, and where a file of units is missing."""
    lacking = [*OTHERWISE]
    for what in dict.fromkeys(what for run in runs for what in run.missing):
        without = [run for run in runs if what in run.missing]
        whose = dict.fromkeys(run.network for run in without)
        lacking.append(what if len(without) == len(runs) else f"{what} of {', '.join(whose)}")
    yield f"Not in the archive: {', '.join(lacking)}."
    if unknown := dict.fromkeys(run.published for run in runs if run.lacks_units):
        names = " ".join(f"{name}_single_units.json" for name in unknown)
        yield f"Segments need the published file of their channels: --units {names}"
