"""Files and directory stores that exist only when they are complete."""

__all__ = ["partials", "remove", "replacing"]

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from actsense.errors import ConfigError
from actsense.store.damage import DiskFullError, is_full, trouble

NOWHERE = (FileNotFoundError, NotADirectoryError, FileExistsError)
ADVICE = "Make room there, or put the results folder on another file system."


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a name beside `path` to write to; rename it into place if the block succeeds.

    The name is this writer's own: should the job of a killed workflow still be at work on the
    same file, neither can put the other's half in place. What such jobs left is removed. What
    was at `path` before stays there until the new version is complete.

    Arguments:
        path: The file or directory to make.

    Raises:
        ConfigError: If a file would take the place of a directory, or the other way round.
        DiskFullError: If there is no space left, or no inodes.
        LimitError: If a right, memory, files or threads are missing.
    """
    partial = path.with_name(f".{path.name}.{uuid4().hex[:8]}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in partials(path):
            remove(left)
        yield partial
        if path.is_dir():
            if not partial.is_dir():
                raise ConfigError(f"{path}: is a folder. Give the name of a file.")
            remove(path)  # a directory cannot be replaced in one step
        os.replace(partial, path)  # noqa: PTH105 - one step, also over an existing file
    except Exception as error:
        if isinstance(error, ConfigError) or not is_full(error):
            if isinstance(error, OSError) and (limit := trouble(error, path)):
                raise limit from error
            if isinstance(error, NOWHERE) and not path.parent.is_dir():
                told = f"{path}: {path.parent} is no folder, and cannot become one."
                raise ConfigError(f"{told} Give another name.") from error
            raise
        written = f"{_size(partial) / 1e9:.3f} GB of it were written"
        full = DiskFullError(path, written, ADVICE)  # counts inodes before they are free again
        remove(partial)
        raise full from error
    finally:
        remove(partial)


def partials(path: Path) -> list[Path]:
    """List what unfinished writers of a file or directory have beside it."""
    return sorted(path.parent.glob(f".{path.name}.*.partial"))


def remove(path: Path) -> None:
    """Remove a file or a directory, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)  # another process may be at it, too
    else:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
