"""Moments on disk: files of a part of a replicate, of a replicate, or of several."""

__all__ = ["StoredMoments", "merge_shards", "open_moments", "write_moments"]

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import zarr
from numpy.typing import NDArray

from actsense.errors import OutdatedResultError
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


def write_moments(path: Path, states: Iterable[tuple[Moments, dict[str, Any]]]) -> None:
    """Write moments atomically, one state after the other.

    Arguments:
        path: The file to make.
        states: Moments, each with its identity: whatever tells them from others (study, network,
            replicate, blocks ...). Files merge only if their identities agree.
    """
    with create_archive(path, {}) as root:
        for number, (moments, identity) in enumerate(states):
            rows, units = moments.sums.shape
            wide = max(1, min(units, CHUNK_BYTES // (rows * moments.sums.itemsize)))
            attributes = {
                "factors": list(moments.factors),
                "parts": list(moments.parts),
                "walks": moments.walks,
                "points": moments.points,
                "forwards": moments.forwards,
                "identity": identity,
            }
            group = root.create_group(f"state_{number:04d}", attributes=attributes)
            group.create_array(
                "sums", data=moments.sums, chunks=(rows, wide), compressors=[CHECKSUM]
            )
            del moments  # makes room for the next ones


@contextmanager
def open_moments(path: Path) -> Iterator[list["StoredMoments"]]:
    """Open a file of moments for reading, its states in the order they were written.

    Raises:
        CorruptFileError: If the file is no complete archive.
    """
    with open_archive(path) as root:
        with reading(path):
            groups = [group for _, group in sorted(root.groups())]
        # Earlier versions wrote one state, at the root.
        yield [StoredMoments(path, group) for group in groups or [root]]


@dataclass(frozen=True)
class StoredMoments:
    """Moments that stay on disk until some units are asked for."""

    path: Path
    group: zarr.Group

    @property
    def identity(self) -> dict[str, Any]:
        """What the writer said these moments are."""
        return cast("dict[str, Any]", self.group.attrs["identity"])

    def read(self, units: slice = slice(None)) -> Moments:
        """Return the moments of a range of units.

        Raises:
            CorruptFileError: If the file is damaged.
            OutdatedResultError: If an earlier version wrote it, with other sums.
        """
        with reading(self.path):
            attributes = cast("dict[str, Any]", dict(self.group.attrs))
        if "parts" not in attributes:
            # Which rule makes them depends on `activations`; its revision makes Snakemake run it.
            raise OutdatedResultError(
                self.path, "the sums behind content and its parts", "indices"
            )
        with reading(self.path):
            sums = cast("zarr.Array[Any]", self.group["sums"])[:, units]
        return Moments(
            factors=tuple(attributes["factors"]),
            parts=tuple(attributes["parts"]),
            walks=attributes["walks"],
            points=attributes["points"],
            forwards=attributes["forwards"],
            sums=cast("NDArray[np.float64]", sums),
        )


def merge_shards(paths: Sequence[Path], *, blocks: int) -> tuple[Moments, dict[str, Any]]:
    """Add the moments of all parts of a replicate, in the order of their blocks.

    Arguments:
        paths: Files of the parts' moments.
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
        with open_moments(path) as (state,):
            identity = dict(state.identity)
            start, stop = identity.pop("blocks")
            if start != reached or (shared is not None and identity != shared):
                raise CorruptFileError(
                    path, f"holds blocks {start} to {stop} of {identity}, not the next ones"
                )
            moments = state.read()
        merged = moments if merged is None else merged + moments
        shared, reached = identity, stop
    if merged is None or shared is None or reached != blocks:
        raise ValueError(f"A replicate has {blocks} blocks; its shards end at {reached}.")
    return merged, shared
