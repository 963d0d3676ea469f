"""Arrays that one job leaves to the next, in an archive that says what it is."""

__all__ = ["array_names", "open_arrays", "read_array", "write_arrays"]

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import zarr
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.store.archive import CHECKSUM, create_archive, open_archive
from actsense.store.damage import CorruptFileError, reading

CHUNK_BYTES = 8 * 2**20


def write_arrays(
    path: Path, arrays: Mapping[str, NDArray[Any]], identity: Mapping[str, Any]
) -> None:
    """Write arrays atomically.

    Arguments:
        path: The archive to make.
        arrays: By name; `/` in it nests. They are cut along their longest axis.
        identity: Whatever tells them from those of other jobs and runs; as `batch` how many
            images pass together.
    """
    with create_archive(path, {"identity": dict(identity)}) as root:
        for name, values in arrays.items():
            chunks = [max(1, size) for size in values.shape]
            if values.size:
                longest = int(np.argmax(chunks))
                fitting = CHUNK_BYTES * chunks[longest] // values.nbytes
                chunks[longest] = max(1, min(chunks[longest], fitting))
            array = root.create_array(
                name,
                shape=values.shape,
                chunks=tuple(chunks),
                dtype=values.dtype,
                compressors=[CHECKSUM],
            )
            if values.size:
                array[...] = values


@contextmanager
def open_arrays(path: Path, identity: Mapping[str, Any]) -> Iterator[zarr.Group]:
    """Open what `write_arrays` wrote.

    Arguments:
        path: The archive.
        identity: What it must have said of itself.

    Raises:
        CorruptFileError: If it is damaged, or of another job or run.
        ConfigError: If other batches passed, as another device makes them: outcomes of one
            result would differ by their roundings, and jobs would not end where the next begin.
    """
    with open_archive(path) as root:
        with reading(path):
            told = dict(cast("Mapping[str, Any]", root.attrs["identity"]))
        if told | {"batch": identity["batch"]} != identity:
            raise CorruptFileError(path, "is of another part or run")
        if told != identity:
            raise ConfigError(
                f"{path}: made with batches of {told['batch']} images, but here they have "
                f"{identity['batch']}, as on another device. Set `device`, or delete "
                f"{path.parent}, and run again."
            )
        yield root


def array_names(root: zarr.Group, path: Path, folder: str = "") -> list[str]:
    """Return the names of all arrays, or of those in a folder, without it.

    Arguments:
        root: From `open_arrays`.
        path: The archive, for messages.
        folder: The folder.
    """
    with reading(path):
        group = cast("zarr.Group", root[folder]) if folder else root
        members = group.members(max_depth=None)
        return [name for name, found in members if isinstance(found, zarr.Array)]


def read_array(root: zarr.Group, path: Path, name: str, *places: slice) -> NDArray[Any]:
    """Return an array, or some places of its last axes.

    Arguments:
        root: From `open_arrays`.
        path: The archive, for messages.
        name: Name of the array.
        places: Of each of as many last axes.
    """
    with reading(path):
        array = cast("zarr.Array[Any]", root[name])
        whole = [slice(None)] * (array.ndim - len(places))
        return np.asarray(array[(*whole, *places)])
