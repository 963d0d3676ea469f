"""One array of rows on disk: how it is cut into chunks, and chunks into files."""

__all__ = ["ALONE", "Array", "Column", "column_of", "create_column", "shard_file"]

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, cast

import numpy as np
import zarr
from zarr.codecs import ZstdCodec
from zarr.core.metadata import ArrayV3Metadata

from actsense.store.archive import CHECKSUM

SHARD_BYTES = 2**28  # before compression; what the writer holds in memory of every array
CHUNK_BYTES = 2**18  # one image at 224x224, many at 32x32
PLAIN_CHUNK_BYTES = 2**20  # not compressed: Zarr takes about a millisecond for every chunk
KINDS = "biufc"  # of NumPy: what has the same bits in every row
ALONE = ""  # name of the array of a store that is one array

Array = zarr.Array[Any]


@dataclass(frozen=True)
class Column:
    """What every row holds in one array.

    Arguments:
        shape: Shape of a row.
        dtype: Type of its numbers, as NumPy names it.
        dimensions: Names of the axes, that of the rows first; default: none.
        compressed: Whether chunks are compressed; noise, such as activations, gains little.
    """

    shape: tuple[int, ...]
    dtype: str
    dimensions: tuple[str, ...] | None = None
    compressed: bool = True

    def __post_init__(self) -> None:
        if np.dtype(self.dtype).kind not in KINDS or min(self.shape, default=1) < 1:
            raise ValueError(
                f"Rows hold numbers, at least one along every axis; got {self.dtype} {self.shape}."
            )

    def layout(self, capacity: int | None = None) -> tuple[int, int]:
        """Return how many rows a chunk and a shard hold.

        Arguments:
            capacity: Rows at most, if that is known: neither is larger than they need.
        """
        row_bytes = prod(self.shape) * np.dtype(self.dtype).itemsize
        chunk = max(1, (CHUNK_BYTES if self.compressed else PLAIN_CHUNK_BYTES) // row_bytes)
        if capacity is not None:  # chunks are written in full
            chunk = max(1, min(chunk, capacity))
        chunks = max(1, SHARD_BYTES // (chunk * row_bytes))
        if capacity is not None:
            chunks = max(1, min(chunks, -(-capacity // chunk)))
        return chunk, chunks * chunk


def create_column(path: Path, column: Column, capacity: int | None) -> Array:
    """Make the array, without rows."""
    chunk, shard = column.layout(capacity)
    return zarr.create_array(
        str(path),
        shape=(0, *column.shape),
        dtype=column.dtype,
        chunks=(chunk, *column.shape),
        shards=(shard, *column.shape),
        compressors=[*([ZstdCodec(level=3)] if column.compressed else []), CHECKSUM],
        dimension_names=column.dimensions,
        fill_value=0,
        config={"write_empty_chunks": True},  # an absent file is then always an error
    )


def column_of(array: Array) -> Column:
    """Describe an array as its writer did."""
    named = cast("ArrayV3Metadata", array.metadata).dimension_names
    compressed = len(array.compressors) > 1
    return Column(array.shape[1:], array.dtype.str, cast("Any", named), compressed)


def shard_file(path: Path, name: str, array: Array, shard: int) -> Path:
    """Return the file of a shard."""
    return path.joinpath(name, "c", str(shard), *["0"] * (array.ndim - 1))
