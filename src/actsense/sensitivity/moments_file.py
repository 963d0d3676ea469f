"""Moments on disk: one file per shard, one per replicate."""

__all__ = ["MomentsFile", "layer_slices", "merge_shards", "write_moments"]

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, cast

import numpy as np
import zarr
from numpy.typing import NDArray

from actsense.progress import progress
from actsense.sensitivity.moments import Moments
from actsense.store.archive import (
    CHECKSUM,
    CorruptFileError,
    create_archive,
    open_archive,
    reading,
)

CHUNK_BYTES = 8 * 2**20


def write_moments(path: Path, moments: Moments, *, identity: dict[str, Any]) -> None:
    """Write moments atomically.

    Arguments:
        path: The file to make.
        moments: What to write.
        identity: Whatever tells these moments from others (study, network, blocks ...); files
            merge only if their identities agree.
    """
    rows, units = moments.sums.shape
    wide = max(1, min(units, CHUNK_BYTES // (rows * moments.sums.itemsize)))
    attributes = {
        "factors": list(moments.factors),
        "walks": moments.walks,
        "points": moments.points,
        "forwards": moments.forwards,
        "identity": identity,
    }
    with create_archive(path, attributes) as group:
        group.create_array("sums", data=moments.sums, chunks=(rows, wide), compressors=[CHECKSUM])


@dataclass(frozen=True)
class MomentsFile:
    """Moments that stay on disk until some units are asked for."""

    path: Path
    group: zarr.Group

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> "Iterator[MomentsFile]":
        """Open a file for reading; damage raises `CorruptFileError`."""
        with open_archive(path) as group:
            yield cls(path, group)

    @property
    def identity(self) -> dict[str, Any]:
        """What the writer said these moments are."""
        return cast("dict[str, Any]", self.group.attrs["identity"])

    def read(self, units: slice = slice(None)) -> Moments:
        """Return the moments of a range of units; damage raises `CorruptFileError`."""
        with reading(self.path):
            attributes = cast("dict[str, Any]", dict(self.group.attrs))
            sums = cast("zarr.Array[Any]", self.group["sums"])[:, units]
        return Moments(
            factors=tuple(attributes["factors"]),
            walks=attributes["walks"],
            points=attributes["points"],
            forwards=attributes["forwards"],
            sums=cast("NDArray[np.float64]", sums),
        )


def layer_slices(layers: Sequence[Mapping[str, Any]]) -> list[tuple[str, tuple[int, ...], slice]]:
    """Return name, shape and units of every layer on the network's flat axis."""
    stops = np.cumsum([prod(layer["shape"]) for layer in layers]).tolist()
    return [
        (layer["name"], tuple(layer["shape"]), slice(stop - prod(layer["shape"]), stop))
        for layer, stop in zip(layers, stops, strict=True)
    ]


def merge_shards(paths: Sequence[Path], *, blocks: int) -> tuple[Moments, dict[str, Any]]:
    """Add the moments of all shards of a replicate, in the order of their blocks.

    Arguments:
        paths: Files of the shards' moments.
        blocks: Blocks that the replicate must have.

    Returns:
        The replicate's moments and the identity its shards share.

    Raises:
        CorruptFileError: If a shard belongs elsewhere, or blocks are missing or doubled.
    """
    merged: Moments | None = None
    shared: dict[str, Any] | None = None
    reached = 0
    for path in progress(paths, desc="merging", unit="shard"):
        with MomentsFile.open(path) as file:
            identity = dict(file.identity)
            start, stop = identity.pop("blocks")
            if start != reached or (shared is not None and identity != shared):
                raise CorruptFileError(
                    path, f"holds blocks {start} to {stop} of {identity}, not the next ones"
                )
            moments = file.read()
        merged = moments if merged is None else merged + moments
        shared, reached = identity, stop
    if merged is None or shared is None or reached != blocks:
        raise ValueError(f"A replicate has {blocks} blocks; its shards end at {reached}.")
    return merged, shared
