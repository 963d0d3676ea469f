"""A shard of activations: blocks of one replicate or several, in one file.

A block is an array (rows, units), cut into chunks of some units and all rows, or some rows where
not all of them fit into memory: what is summed up per unit needs one range of units at a time,
however large the network. The chunks lie in the file one after another, and each goes in and out
in one piece, in a thread of its own. The file is a plain Zarr store all the same.
"""

__all__ = ["ShardWriter", "create_shard"]

import os
import zipfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.storage import MemoryStore

from actsense.store.archive import CHECKSUM, seal_archive
from actsense.store.atomic import replacing
from actsense.store.parts import CHECKSUM_BYTES, Buffers, Bytes, block_name

CHUNK_BYTES = 2**25


class ShardWriter:
    """Appends blocks to an open shard; see `create_shard`."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._thread = ThreadPoolExecutor(1)
        self._pending: deque[Future[None]] = deque()
        self._buffers = Buffers(3)  # to fill, waiting, being written
        self._begun, self._shape, self._row = "", (0, 0), 0  # of the block: name, chunks, next row

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
        self.begin(replicate, number, place, responses.shape, step=len(responses))
        self.append(responses)

    def begin(
        self,
        replicate: int,
        number: int,
        place: NDArray[np.int64],
        shape: tuple[int, ...],
        *,
        step: int,
    ) -> None:
        """Begin a block whose activations follow some rows at a time.

        Arguments:
            replicate: The replicate it belongs to.
            number: The block's number in its replicate.
            place: Row of every node of every base point, (points, nodes).
            shape: Of its activations, (rows, units).
            step: Rows at a time; the last ones may be fewer.
        """
        name, units = block_name(replicate, number), shape[1]
        pieces = -(-place.size * units * 4 // CHUNK_BYTES)  # the same in all blocks
        wide = -(-units // pieces)  # even, because the last chunk is padded to the same width
        described: dict[str, Any] = {}
        block = zarr.create_group(
            MemoryStore(described),
            path=name,
            zarr_format=3,
            attributes={"replicate": replicate, "number": number},
        )
        block.create_array("place", data=place, chunks=place.shape, compressors=[CHECKSUM])
        block.create_array(
            "responses", shape=shape, chunks=(step, wide), dtype="<f4", compressors=[CHECKSUM]
        )
        described.pop("zarr.json")  # that of the root, which the file has already
        self.put(described)
        self._begun, self._shape, self._row = f"{name}/responses/c", (step, wide), 0

    def append(self, responses: NDArray[np.float32]) -> None:
        """Append the next rows of a block, (rows, units); the array is free when this returns."""
        wide = self._shape[1]
        for column, low in enumerate(range(0, responses.shape[1], wide)):
            packed = _packed(responses[:, low : low + wide], self._shape, self._buffers)
            self._put(f"{self._begun}/{self._row}/{column}", packed)
        self._row += 1

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


def _packed(part: NDArray[np.float32], shape: tuple[int, int], buffers: Buffers) -> Bytes:
    """Return a chunk as it stands in the file: padded, its checksum behind it."""
    rows, units = part.shape
    packed = buffers.next(prod(shape) * part.itemsize + CHECKSUM_BYTES)
    content = packed[:-CHECKSUM_BYTES]
    chunk = content.view("<f4").reshape(shape)
    chunk[:rows, :units] = part
    chunk[:rows, units:] = 0
    chunk[rows:] = 0
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
            seal_archive(archive)
        file.flush()
        os.fsync(file.fileno())
