"""A new HDF5 file, complete or absent, also where there is no room for it.

HDF5 itself ends the process when it cannot write what it still holds. So it is never told: what
cannot be written is dropped, and the failure raised once HDF5 has let go of the file.
"""

__all__ = ["create_file"]

from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

import h5py

from actsense.store import replacing


class _Written(FileIO):
    """A file that takes everything, and keeps the first failure."""

    failure: OSError | None = None

    def write(self, content: Any) -> int:
        left = memoryview(content).cast("B")
        size = len(left)
        while left and self.failure is None:
            try:
                left = left[super().write(left) :]
            except OSError as error:
                self.failure = error
        return size

    def truncate(self, size: int | None = None) -> int:
        if self.failure is None:
            try:
                return super().truncate(size)
            except OSError as error:
                self.failure = error
        return size or 0

    def check(self) -> None:
        """Raise the failure, if there was one."""
        if self.failure is not None:
            raise self.failure


@contextmanager
def create_file(path: Path) -> Iterator[tuple[h5py.File, "_Written"]]:
    """Open a new file for writing; it appears at `path` when the block ends well.

    Returns:
        The file, and what it is written to, to `check` now and then.

    Raises:
        ConfigError: As `replacing` does.
    """
    with replacing(path) as beside, _Written(beside, "w+") as written:
        try:
            with h5py.File(written, "w", track_order=True) as file:
                yield file, written
        finally:
            written.check()
