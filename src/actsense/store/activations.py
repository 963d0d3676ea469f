"""A shard of activations: the blocks of one replicate, in one file."""

__all__ = ["read_blocks", "read_shard_layers", "write_block"]

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import zarr
from numpy.typing import NDArray

from actsense.store.archive import CHECKSUM, CorruptFileError, open_archive, reading

CHUNK_BYTES = 8 * 2**20


def write_block(
    shard: zarr.Group, number: int, responses: NDArray[np.float32], place: NDArray[np.int64]
) -> None:
    """Append one block to an open shard.

    Arguments:
        shard: From `create_archive`.
        number: The block's number in its replicate.
        responses: Activations of its distinct evaluations, (rows, units).
        place: Row of every node of every base point, (points, nodes).
    """
    block = shard.create_group(f"block_{number:06d}", attributes={"number": number})
    rows, units = responses.shape
    wide = max(1, min(units, CHUNK_BYTES // (rows * responses.itemsize)))
    for name, data, chunks in (
        ("responses", responses, (rows, wide)),
        ("place", place, place.shape),
    ):
        block.create_array(name, data=data, chunks=chunks, compressors=[CHECKSUM])


def read_blocks(
    path: Path, numbers: range
) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.int64]]]:
    """Yield number, responses and places of the expected blocks of a shard, in order.

    Raises:
        CorruptFileError: If the file is damaged or a block is missing.
    """
    with open_archive(path) as shard:
        held = sorted(name for name, _ in shard.groups())
        if held != [f"block_{number:06d}" for number in numbers]:
            raise CorruptFileError(path, f"expected blocks {numbers}, found {', '.join(held)}")
        for number, name in zip(numbers, held, strict=True):
            with reading(path):
                responses = cast("zarr.Array[Any]", shard[f"{name}/responses"])[:]
                place = cast("zarr.Array[Any]", shard[f"{name}/place"])[:]
            yield (
                number,
                cast("NDArray[np.float32]", responses),
                cast("NDArray[np.int64]", place),
            )


def read_shard_layers(path: Path) -> list[dict[str, Any]]:
    """Return name and shape of every recorded layer, in the order of the units."""
    with open_archive(path) as shard:
        return cast("list[dict[str, Any]]", shard.attrs["layers"])
