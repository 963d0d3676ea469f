"""Files and directory stores that exist only when they are complete."""

__all__ = ["replacing"]

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a name beside `path` to write to; rename it into place if the block succeeds.

    The name is fixed, so what a killed run left behind is removed by the next one. What was
    at `path` before stays there until the new version is complete.

    Arguments:
        path: The file or directory to make.
    """
    partial = path.with_name(f".{path.name}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove(partial)
    try:
        yield partial
        if path.is_dir():
            _remove(path)  # a directory cannot be replaced in one step
        os.replace(partial, path)  # noqa: PTH105 - one step, also over an existing file
    finally:
        _remove(partial)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
