"""A shard of activations: blocks of one replicate or several, in one file.

A block is an array (rows, units), cut into chunks of some units and all rows: what is summed up
per unit needs one chunk at a time, however large the network. The chunks lie in the file one
after another, and each goes in and out in one piece, in a thread of its own. The file is a plain
Zarr store all the same.
"""

__all__ = ["Part", "ShardWriter", "create_shard", "read_parts", "read_shard_layers"]

import os
import zipfile
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from itertools import cycle
from pathlib import Path
from typing import Any, cast

import google_crc32c
import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.storage import MemoryStore

from actsense.layers import Layer, read_layers
from actsense.store.archive import CHECKSUM, CorruptFileError, open_archive, reading
from actsense.store.atomic import replacing

CHUNK_BYTES = 2**25
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


class ShardWriter:
    """Appends blocks to an open shard; see `create_shard`."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._thread = ThreadPoolExecutor(1)
        self._pending: deque[Future[None]] = deque()
        self._buffers = _Buffers(3)  # to fill, waiting, being written

    def write(
        self,
        replicate: int,
        number: int,
        responses: NDArray[np.float32],
        place: NDArray[np.int64],
    ) -> None:
        """Append one block; the arrays are free when this returns.

        Arguments:
            replicate: The replicate it belongs to.
            number: The block's number in its replicate.
            responses: Activations of its distinct evaluations, (rows, units).
            place: Row of every node of every base point, (points, nodes).
        """
        name, (rows, units) = _block_name(replicate, number), responses.shape
        pieces = -(-responses.nbytes // CHUNK_BYTES)
        wide = -(-units // pieces)  # even, because the last chunk is padded to the same width
        described: dict[str, Any] = {}
        block = zarr.create_group(
            MemoryStore(described),
            path=name,
            zarr_format=3,
            attributes={"replicate": replicate, "number": number},
        )
        block.create_array("place", data=place, chunks=place.shape, compressors=[CHECKSUM])
        shape, chunks = responses.shape, (rows, wide)
        block.create_array(
            "responses", shape=shape, chunks=chunks, dtype="<f4", compressors=[CHECKSUM]
        )
        described.pop("zarr.json")  # that of the root, which the file has already
        self.put(described)
        for column, low in enumerate(range(0, units, wide)):
            packed = _packed(responses[:, low : low + wide], wide, self._buffers)
            self._put(f"{name}/responses/c/0/{column}", packed)

    def put(self, described: dict[str, Any]) -> None:
        """Append what Zarr wrote into memory."""
        for name, content in described.items():
            self._put(name, content.as_numpy_array())

    def finish(self) -> None:
        """Wait until everything is in the file."""
        self._thread.shutdown()
        while self._pending:
            self._pending.popleft().result()

    def _put(self, name: str, content: Bytes) -> None:
        if len(self._pending) > 1:
            self._pending.popleft().result()
        self._pending.append(self._thread.submit(self._write, name, content))

    def _write(self, name: str, content: Bytes) -> None:
        with self._archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as entry:
            entry.write(memoryview(content))


def _block_name(replicate: int, number: int) -> str:
    return f"block_{replicate}_{number:06d}"


class _Buffers:
    """A few buffers in turn: fresh memory would cost as much as what it is filled with."""

    def __init__(self, count: int) -> None:
        self._held = [np.empty(0, np.uint8)] * count
        self._turn = cycle(range(count))

    def next(self, size: int) -> Bytes:
        k = next(self._turn)
        if self._held[k].nbytes < size:
            self._held[k] = np.empty(size, np.uint8)
        return self._held[k][:size]


def _packed(part: NDArray[np.float32], wide: int, buffers: _Buffers) -> Bytes:
    """Return a chunk as it stands in the file: padded, its checksum behind it."""
    rows, units = part.shape
    packed = buffers.next(rows * wide * part.itemsize + CHECKSUM_BYTES)
    content = packed[:-CHECKSUM_BYTES]
    chunk = content.view("<f4").reshape(rows, wide)
    chunk[:, :units] = part
    chunk[:, units:] = 0
    packed[-CHECKSUM_BYTES:].view("<u4")[0] = google_crc32c.value(content)
    return packed


@contextmanager
def create_shard(path: Path, attributes: dict[str, Any]) -> Iterator[ShardWriter]:
    """Open a new shard for writing; it appears at `path` when the block ends well.

    Arguments:
        path: The file to make.
        attributes: Attributes of the root of its store.
    """
    with replacing(path) as beside, beside.open("wb") as file:
        with zipfile.ZipFile(file, "w") as archive:
            root: dict[str, Any] = {}
            zarr.create_group(MemoryStore(root), zarr_format=3, attributes=attributes)
            writer = ShardWriter(archive)
            try:
                writer.put(root)
                yield writer
            finally:
                writer.finish()
        file.flush()
        os.fsync(file.fileno())


def read_parts(path: Path, replicate: int, numbers: range) -> Iterator[Part]:
    """Yield the expected blocks of a replicate in order, some units at a time.

    The next part is read while the present one is worked on.

    Arguments:
        path: File of the shard.
        replicate: The replicate.
        numbers: The blocks that the shard must hold of it, and no others.

    Raises:
        CorruptFileError: If the file is damaged or a block is missing.
    """
    with (
        open_archive(path) as shard,
        path.open("rb", buffering=0) as file,
        ThreadPoolExecutor(1) as thread,
    ):
        with reading(path):
            names = {number: _block_name(replicate, number) for number in numbers}
            _check_blocks(path, shard, replicate, list(names.values()))
            entries = zipfile.ZipFile(path)
        buffers, pending = _Buffers(2), deque[Future[Part]]()
        with entries:
            chunks = _chunks(shard, entries, names)
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
    """Where a part stands in the file."""

    number: int
    place: NDArray[np.int64]
    start: int
    units: int
    shape: tuple[int, int]
    entry: zipfile.ZipInfo


def _check_blocks(path: Path, shard: zarr.Group, replicate: int, names: list[str]) -> None:
    prefix = f"block_{replicate}_"
    present = sorted(name for name, _ in shard.groups() if name.startswith(prefix))
    if present != names:
        listed = ", ".join(present) or "none"
        raise CorruptFileError(path, f"expected blocks {', '.join(names)}; found {listed}")


def _chunks(
    shard: zarr.Group, entries: zipfile.ZipFile, names: Mapping[int, str]
) -> Iterator[_Chunk]:
    for number, name in names.items():
        place = cast("NDArray[np.int64]", cast("zarr.Array[Any]", shard[f"{name}/place"])[:])
        array = cast("zarr.Array[Any]", shard[f"{name}/responses"])
        (_, units), (rows, wide) = array.shape, array.chunks
        for column, start in enumerate(range(0, units, wide)):
            entry = entries.getinfo(f"{name}/responses/c/0/{column}")
            yield _Chunk(number, place, start, min(wide, units - start), (rows, wide), entry)


def _read(file: FileIO, chunk: _Chunk, buffers: _Buffers) -> Part:
    """Read a chunk in one piece, past the zip's own checksum: one of the two is enough."""
    rows, wide = chunk.shape
    packed = buffers.next(rows * wide * 4 + CHECKSUM_BYTES)
    file.seek(chunk.entry.header_offset)
    header = file.read(HEADER_BYTES)
    name, extra = (int.from_bytes(header[k : k + 2], "little") for k in (26, 28))
    file.seek(name + extra, os.SEEK_CUR)
    whole, done = memoryview(packed), 0
    while count := file.readinto(whole[done:]):
        done += count
    content = packed[:-CHECKSUM_BYTES]
    checksum = packed[-CHECKSUM_BYTES:].view("<u4")[0]
    if done < len(packed) or google_crc32c.value(content) != checksum:
        raise ValueError(f"{chunk.entry.filename} does not have its checksum")
    responses = content.view("<f4").reshape(rows, wide)[:, : chunk.units]
    return Part(chunk.number, chunk.place, chunk.start, np.ascontiguousarray(responses))


def read_shard_layers(path: Path) -> tuple[Layer, ...]:
    """Return every recorded layer, in the order of the units."""
    with open_archive(path) as shard:
        return read_layers(cast("list[dict[str, Any]]", shard.attrs["layers"]))
