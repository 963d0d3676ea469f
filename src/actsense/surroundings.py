"""Where a process may keep what it compiles, however little around it can be written to."""

__all__ = ["keep_compiled"]

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

SETTING = "NUMBA_CACHE_DIR"

_temporary: list[TemporaryDirectory[str]] = []  # removed when the process ends


def keep_compiled(package: Path) -> None:
    """Name a folder for Numba, which refuses to compile where it finds none.

    By itself it takes the package, or else the cache of the home. Where neither can be written
    to, what is compiled goes beside what Snakemake remembers of the working directory, or else
    into a folder of this process.

    Arguments:
        package: The folder of the code.
    """
    if SETTING in os.environ or os.access(package, os.W_OK):
        return
    if not any(map(_holds_files, _homes())):
        beside = Path(".snakemake/actsense/numba").absolute()
        if not _holds_files(beside):
            _temporary.append(TemporaryDirectory(prefix="actsense-"))
            beside = Path(_temporary[-1].name)
        os.environ[SETTING] = str(beside)


def _homes() -> Iterator[Path]:
    if cache := os.environ.get("XDG_CACHE_HOME"):
        yield Path(cache) / "numba"
    elif home := os.environ.get("HOME"):
        yield Path(home) / ".cache/numba"


def _holds_files(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
