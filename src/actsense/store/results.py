"""Results: a labelled DataTree in one Zarr v3 store, sharded and checksummed."""

__all__ = ["read_results", "write_results"]

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from zarr.codecs import ZstdCodec

from actsense.store.archive import CHECKSUM, CorruptFileError
from actsense.store.atomic import replacing

CHUNK_BYTES = 4 * 2**20


def write_results(
    path: Path, groups: Mapping[str, xr.Dataset], *, attributes: Mapping[str, Any]
) -> None:
    """Write datasets as the groups of one store, atomically.

    Arguments:
        path: Folder of the store.
        groups: Dataset of every group; `/` in a name nests, `""` is the root.
        attributes: Attributes of the root; nested values are kept as JSON text.
    """
    tree = xr.DataTree.from_dict({name or "/": _texts(data) for name, data in groups.items()})
    tree.attrs |= {key: _plain(value) for key, value in attributes.items()}
    encoding = {
        node.path: {str(name): _encoding(array) for name, array in node.data_vars.items()}
        for node in tree.subtree
    }
    with replacing(path) as beside:
        tree.to_zarr(beside, mode="w", zarr_format=3, consolidated=False, encoding=encoding)


def read_results(path: Path) -> xr.DataTree:
    """Open a results store lazily.

    Raises:
        CorruptFileError: If there is no readable store.
    """
    try:
        with warnings.catch_warnings():
            # Snakemake keeps the time of a folder in a file of its own inside it.
            warnings.filterwarnings("ignore", "Object at .snakemake_timestamp")
            return xr.open_datatree(path, engine="zarr", consolidated=False, chunks=None)
    except (FileNotFoundError, ValueError, RuntimeError) as error:  # labels are decompressed
        raise CorruptFileError(path, error) from error


def _texts(data: xr.Dataset) -> xr.Dataset:
    """Hold texts as objects: Zarr v3 has a stable type for texts of any length only."""
    fixed = {name: c.astype(object) for name, c in data.coords.items() if c.dtype.kind == "U"}
    return data.assign_coords(fixed)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float) else json.dumps(value, sort_keys=True)


def _encoding(array: xr.DataArray) -> dict[str, Any]:
    """Chunk along the last axes, one shard for the whole array: few files, partial reads."""
    if array.ndim == 0 or array.size == 0 or array.dtype.kind in "OUT":
        return {}
    budget = max(1, CHUNK_BYTES // array.dtype.itemsize)
    chunks = list(array.shape)
    for axis in range(array.ndim):
        while np.prod(chunks) > budget and chunks[axis] > 1:
            chunks[axis] = -(-chunks[axis] // 2)
    shards = tuple(
        -(-size // chunk) * chunk for size, chunk in zip(array.shape, chunks, strict=True)
    )
    return {
        "chunks": tuple(chunks),
        "shards": shards,
        "compressors": (ZstdCodec(level=3), CHECKSUM),
    }
