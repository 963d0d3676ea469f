"""Where the files of the archive are, whichever of its folders was unpacked where."""

__all__ = ["archive_files"]

import os
from pathlib import Path

DEEP = 3  # folders: an archive, its dataset, its results, values of segments
OTHER = ("test", "tmp")  # beside the results: references of a test, and what is not finished


def archive_files(folder: Path, ending: str) -> list[Path]:
    """Return the files of a folder and of those inside, such as `results/single_unit`.

    Not looked into are stores, hidden folders, and those of tests unless one of them is asked for.

    Arguments:
        folder: The archive, or a folder that holds it.
        ending: How the names of the files end, such as `.hdf5`.
    """
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        within = len(Path(place).relative_to(folder).parts)
        folders[:] = [name for name in folders if within < DEEP and _holds_results(name)]
        found += [Path(place, name) for name in names if name.endswith(ending)]
    return sorted(found, key=lambda path: (len(path.parts), path))


def _holds_results(name: str) -> bool:
    return not (name in OTHER or name.startswith(".") or name.endswith(".zarr"))
