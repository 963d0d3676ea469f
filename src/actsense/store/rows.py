"""Rows of features, images or attacks: any number, appended, read in any order.

A store is a folder: one Zarr v3 array (rows, ...), or a group of several with as many rows each.
A shard is one file of many chunks; every chunk carries a CRC-32C. Writer and reader hold a shard
and a piece of it in memory, however many rows there are.
"""

__all__ = ["Rows", "RowsWriter", "write_rows"]

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any, cast

import numpy as np
import zarr
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.store.columns import ALONE, Array, Column, column_of, create_column, shard_file
from actsense.store.damage import CorruptFileError, reading
from actsense.store.manifest import Manifest, sealing

PIECE_BYTES = 2**25  # what is read at a time
MEMORY_BYTES = 2**28  # an array below this is read once and kept


class RowsWriter:
    """Appends rows to a new store; see `write_rows`.

    Attributes:
        attributes: Anything JSON can hold, kept with the rows: where they come from.
    """

    attributes: dict[str, Any]

    def __init__(self, node: Array | zarr.Group, arrays: Mapping[str, Array]) -> None:
        self.attributes = {}
        self._node, self._arrays, self._rows = node, arrays, 0
        self._buffers = {
            name: np.empty(array.shards or (), array.dtype) for name, array in arrays.items()
        }

    def __len__(self) -> int:
        return self._rows

    def append(self, batch: Mapping[str, NDArray[Any]]) -> None:
        """Append rows; the arrays are free when this returns.

        Arguments:
            batch: An array (rows, ...) for every column, `ALONE` where there is only one.

        Raises:
            ValueError: If names, shapes or types are not those of the columns.
        """
        if batch.keys() != self._arrays.keys():
            raise ValueError(f"Columns are {[*self._arrays]}; got {[*batch]}.")
        if len(counts := {len(values) for values in batch.values()}) != 1:
            raise ValueError(f"All columns get as many rows; got {sorted(counts)}.")
        for name, values in batch.items():
            array = self._arrays[name]
            if values.shape[1:] != array.shape[1:] or values.dtype != array.dtype:
                raise ValueError(
                    f"A row of {name or 'the store'} is {array.dtype} {array.shape[1:]}; got "
                    f"{values.dtype} {values.shape[1:]}."
                )
        for name, values in batch.items():
            self._append(name, values)
        self._rows += counts.pop()

    def finish(self) -> None:
        """Write what is left, and the attributes."""
        for name, buffer in self._buffers.items():
            if rest := self._rows % len(buffer):
                self._flush(name, self._rows - rest, rest)
        self._node.attrs.update(json.loads(json.dumps(self.attributes, default=str)))

    def _append(self, name: str, values: NDArray[Any]) -> None:
        buffer, done = self._buffers[name], 0
        while done < len(values):
            filled = (self._rows + done) % len(buffer)
            taken = min(len(buffer) - filled, len(values) - done)
            buffer[filled : filled + taken] = values[done : done + taken]
            done += taken
            if filled + taken == len(buffer):
                self._flush(name, self._rows + done - len(buffer), len(buffer))

    def _flush(self, name: str, start: int, count: int) -> None:
        array = self._arrays[name]
        array.resize((start + count, *array.shape[1:]))
        array[start : start + count] = self._buffers[name][:count]


@contextmanager
def write_rows(
    path: Path, columns: Mapping[str, Column], *, capacity: int | None = None
) -> Iterator[RowsWriter]:
    """Open a new store for writing; it appears at `path` when the block ends well.

    Arguments:
        path: The folder to make.
        columns: What every row holds, by name: `ALONE` makes a store that is one array.
        capacity: Rows at most, if that is known.

    Raises:
        ConfigError: If another writer of the same store has removed what this one wrote.
    """
    with sealing(path) as beside:
        node, arrays = _created(beside, columns, capacity)
        writer = RowsWriter(node, arrays)
        yield writer
        writer.finish()
        for name, array in arrays.items():
            shards = -(-len(writer) // (array.shards or (1,))[0])
            if not all(shard_file(beside, name, array, k).is_file() for k in range(shards)):
                raise ConfigError(
                    f"{path}: another job has written it at the same time. Wait until that one "
                    "has ended, or end it, and run again."
                )


class Rows:
    """The rows of a finished store, read only.

    Attributes:
        path: Folder of the store.
        attributes: What the writer kept with the rows.
    """

    path: Path
    attributes: dict[str, Any]

    def __init__(self, path: Path, *, memory_bytes: int | None = None) -> None:
        """Open a store.

        Arguments:
            path: Its folder.
            memory_bytes: An array smaller than this is read whole when it is first asked for,
                and kept; default: a quarter of a gigabyte.

        Raises:
            ConfigError: If there is no such folder.
            CorruptFileError: If it holds no rows, or not as many in all columns.
        """
        self.path = path
        self._limit = MEMORY_BYTES if memory_bytes is None else memory_bytes
        self._kept: dict[str, NDArray[Any]] = {}
        if not path.is_dir():
            raise ConfigError(f"{path}: no rows there. Run the rule that makes them.")
        manifest = Manifest.open(path)
        manifest.check_all()
        with reading(path / "zarr.json", path):
            node = zarr.open(str(path), mode="r")
            self.attributes = {**node.attrs}
            self._arrays = {ALONE: node} if isinstance(node, zarr.Array) else _held(node)
        counts = {array.shape[0] for array in self._arrays.values()}
        if len(counts) != 1:
            raise CorruptFileError(path / "zarr.json", "not as many rows in all columns", path)
        self._count = counts.pop()

    def __len__(self) -> int:
        return self._count

    @cached_property
    def columns(self) -> dict[str, Column]:
        """What every row holds, by name."""
        return {name: column_of(array) for name, array in self._arrays.items()}

    def read(self, rows: NDArray[np.integer[Any]], name: str = ALONE) -> NDArray[Any]:
        """Read rows in any order, with repeats; every chunk that they need is read once.

        Arguments:
            rows: Numbers of the rows, (rows,).
            name: The column.

        Returns:
            A new array, (rows, ...). Beside it, 32 MiB are held at a time.

        Raises:
            IndexError: If a row does not exist.
            CorruptFileError: If a file is missing or damaged.
        """
        wanted = np.asarray(rows, dtype=np.int64)
        if wanted.size and not 0 <= wanted.min() <= wanted.max() < len(self):
            raise IndexError(
                f"rows must lie in 0..{len(self) - 1}, got {wanted.min()}..{wanted.max()}"
            )
        array = self._arrays[name]
        if array.nbytes >= self._limit:
            return self._read(name, array, wanted)
        if name not in self._kept:
            self._kept[name] = self._read(name, array, np.arange(len(self)))
        return self._kept[name][wanted]

    def _read(self, name: str, array: Array, rows: NDArray[np.int64]) -> NDArray[Any]:
        found = np.empty((len(rows), *array.shape[1:]), array.dtype)
        if not rows.size:
            return found
        order = rows.argsort(kind="stable")
        ordered = rows[order]
        cuts = _cuts(ordered, array)
        for start, stop in pairwise(cuts):
            first, last = int(ordered[start]), int(ordered[stop - 1])
            shard = shard_file(self.path, name, array, first // (array.shards or array.chunks)[0])
            with reading(shard, self.path):
                if not shard.is_file():  # Zarr would return zeros
                    raise ValueError("missing")
                # Zarr's `oindex` took 90 ms per image here, a slice takes 1 ms.
                piece = cast("NDArray[Any]", array[first : last + 1])
            found[order[start:stop]] = piece[ordered[start:stop] - first]
        return found


def _created(
    path: Path, columns: Mapping[str, Column], capacity: int | None
) -> tuple[Array | zarr.Group, dict[str, Array]]:
    if [*columns] == [ALONE]:
        alone = create_column(path, columns[ALONE], capacity)
        return alone, {ALONE: alone}
    if not columns or ALONE in columns:
        raise ValueError(f"Columns need names, or one column that is ALONE; got {[*columns]}.")
    group = zarr.create_group(str(path), zarr_format=3, attributes={"columns": [*columns]})
    return group, {
        name: create_column(path / name, column, capacity) for name, column in columns.items()
    }


def _held(group: zarr.Group) -> dict[str, Array]:
    # By their names: looking for members, Zarr warns of Snakemake's time stamp in the folder.
    names = cast("list[str]", group.attrs["columns"])
    return {name: cast("Array", group[name]) for name in names}


def _cuts(ordered: NDArray[np.int64], array: Array) -> NDArray[np.int64]:
    """Cut ascending rows into pieces of neighbouring chunks in one shard, not too large."""
    per_chunk, per_shard = array.chunks[0], (array.shards or array.chunks)[0]
    chunk_bytes = prod(array.chunks) * array.dtype.itemsize
    most = per_chunk * max(1, PIECE_BYTES // chunk_bytes)
    shard, inside = np.divmod(ordered, per_shard)
    ends = np.diff(shard) | np.diff(inside // most) | (np.diff(ordered // per_chunk) > 1)
    return np.concatenate([[0], np.flatnonzero(ends) + 1, [len(ordered)]])
