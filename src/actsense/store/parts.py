"""Parts of a stored shard, read one after another; see `actsense.store.shards`."""

__all__ = [
    "CHECKSUM_BYTES",
    "Buffers",
    "Bytes",
    "Part",
    "block_name",
    "part_starts",
    "read_parts",
    "read_shard_layers",
]

import os
import zipfile
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import FileIO
from itertools import cycle
from math import prod
from pathlib import Path
from typing import Any, cast

import google_crc32c
import numpy as np
import zarr
from numpy.typing import NDArray

from actsense.layers import Layer, read_layers
from actsense.store.archive import CorruptFileError, open_archive, reading

CHECKSUM_BYTES = 4  # behind every chunk
HEADER_BYTES = 30  # of an entry of a zip file, before its name
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Part:
    """Some units of a stored block.

    Attributes:
        number: The block's number in its replicate.
        place: Row of every node of every base point, (points, nodes).
        start: The first of the units.
        responses: Their activations in the block's distinct evaluations, (rows, units of the
            part); valid until the next part is asked for.
    """

    number: int
    place: NDArray[np.int64]
    start: int
    responses: NDArray[np.float32]


class Buffers:
    """A few buffers in turn: fresh memory would cost as much as what it is filled with."""

    def __init__(self, count: int) -> None:
        self._held = [np.empty(0, np.uint8)] * count
        self._turn = cycle(range(count))

    def next(self, size: int) -> Bytes:
        """Return the next one, of so many bytes."""
        k = next(self._turn)
        if self._held[k].nbytes < size:
            self._held[k] = np.empty(size, np.uint8)
        return self._held[k][:size]


def block_name(replicate: int, number: int) -> str:
    """Return the name of a block in its file."""
    return f"block_{replicate}_{number:06d}"


def part_starts(path: Path, replicate: int, numbers: range) -> list[int]:
    """Return the units that parts begin with in all blocks; those between do not go alone.

    Arguments are those of `read_parts`.

    Raises:
        CorruptFileError: If the file is damaged or a block is missing.
    """
    with open_archive(path) as shard, reading(path):
        blocks = [shard[name] for name in _names(path, shard, replicate, numbers).values()]
        arrays = [cast("zarr.Array[Any]", cast("zarr.Group", b)["responses"]) for b in blocks]
        widths = {array.chunks[1] for array in arrays}
        units = arrays[0].shape[1]
        return list(range(0, units, widths.pop() if len(widths) == 1 else units))


def read_parts(
    path: Path, replicate: int, numbers: range, units: slice | None = None
) -> Iterator[Part]:
    """Yield the expected blocks of a replicate in order, some units at a time.

    The next part is read while the present one is worked on.

    Arguments:
        path: File of the shard.
        replicate: The replicate.
        numbers: The blocks that the shard must hold of it, and no others.
        units: Which units, beginning and ending at `part_starts`; all by default.

    Raises:
        CorruptFileError: If the file is damaged or a block is missing.
    """
    with (
        open_archive(path) as shard,
        path.open("rb", buffering=0) as file,
        ThreadPoolExecutor(1) as thread,
    ):
        with reading(path):
            names = _names(path, shard, replicate, numbers)
            entries = zipfile.ZipFile(path)
        buffers, pending = Buffers(2), deque[Future[Part]]()
        with entries:
            chunks = _chunks(shard, entries, names, units)
            while True:
                with reading(path):
                    chunk = next(chunks, None)
                    if chunk:
                        pending.append(thread.submit(_read, file, chunk, buffers))
                    if chunk and len(pending) < 2:
                        continue
                    if not pending:
                        return
                    part = pending.popleft().result()
                yield part


@dataclass(frozen=True)
class _Chunk:
    """Where a part stands in the file.

    Attributes:
        number: The block's number.
        place: As in `Part`.
        start: The first unit.
        shape: Rows and units of the part.
        chunk: Rows and units of a chunk.
        entries: The chunks of all rows.
    """

    number: int
    place: NDArray[np.int64]
    start: int
    shape: tuple[int, int]
    chunk: tuple[int, int]
    entries: list[zipfile.ZipInfo]


def _names(path: Path, shard: zarr.Group, replicate: int, numbers: range) -> dict[int, str]:
    """Return the names of the blocks by number; all of them are there, and no others."""
    names = {number: block_name(replicate, number) for number in numbers}
    prefix = f"block_{replicate}_"
    present = sorted(name for name, _ in shard.groups() if name.startswith(prefix))
    if present != list(names.values()):
        listed = ", ".join(present) or "none"
        raise CorruptFileError(
            path, f"expected blocks {', '.join(names.values())}; found {listed}"
        )
    return names


def _chunks(
    shard: zarr.Group, entries: zipfile.ZipFile, names: Mapping[int, str], units: slice | None
) -> Iterator[_Chunk]:
    for number, name in names.items():
        place = cast("NDArray[np.int64]", cast("zarr.Array[Any]", shard[f"{name}/place"])[:])
        array = cast("zarr.Array[Any]", shard[f"{name}/responses"])
        (rows, total), (step, wide) = array.shape, array.chunks
        chosen = units or slice(0, total)
        for start in range(chosen.start, chosen.stop, wide):
            inside = f"{name}/responses/c/{{}}/{start // wide}"
            found = [entries.getinfo(inside.format(k)) for k in range(-(-rows // step))]
            shape = rows, min(wide, total - start)
            yield _Chunk(number, place, start, shape, (step, wide), found)


def _read(file: FileIO, chunk: _Chunk, buffers: Buffers) -> Part:
    """Read the chunks of a part, and put their rows together."""
    (rows, units), step = chunk.shape, chunk.chunk[0]
    size = prod(chunk.chunk) * 4 + CHECKSUM_BYTES
    if len(chunk.entries) == 1:
        packed = buffers.next(size)
        whole = _content(file, chunk.entries[0], chunk.chunk, packed)
        responses = np.ascontiguousarray(whole[:rows, :units])
    else:
        responses, packed = np.empty(chunk.shape, dtype=np.float32), np.empty(size, np.uint8)
        for entry, row in zip(chunk.entries, range(0, rows, step), strict=True):
            held = _content(file, entry, chunk.chunk, packed)
            responses[row : row + step] = held[: rows - row, :units]
    return Part(chunk.number, chunk.place, chunk.start, responses)


def _content(
    file: FileIO, entry: zipfile.ZipInfo, shape: tuple[int, int], packed: Bytes
) -> NDArray[np.float32]:
    """Read a chunk in one piece, past the zip's own checksum: one of the two is enough."""
    file.seek(entry.header_offset)
    header = file.read(HEADER_BYTES)
    name, extra = (int.from_bytes(header[k : k + 2], "little") for k in (26, 28))
    file.seek(name + extra, os.SEEK_CUR)
    whole, done = memoryview(packed), 0
    while count := file.readinto(whole[done:]):
        done += count
    content = packed[:-CHECKSUM_BYTES]
    checksum = packed[-CHECKSUM_BYTES:].view("<u4")[0]
    if done < len(packed) or google_crc32c.value(content) != checksum:
        raise ValueError(f"{entry.filename} does not have its checksum")
    return cast("NDArray[np.float32]", content.view("<f4").reshape(shape))


def read_shard_layers(path: Path) -> tuple[Layer, ...]:
    """Return every recorded layer, in the order of the units."""
    with open_archive(path) as shard:
        return read_layers(cast("list[dict[str, Any]]", shard.attrs["layers"]))
