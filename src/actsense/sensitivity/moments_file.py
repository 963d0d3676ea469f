"""Moments on disk: files of a part of a replicate, of a replicate, or of several."""

__all__ = ["StoredMoments", "merge_shards", "open_moments", "tile_units", "write_moments"]

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np
import zarr
from numpy.typing import NDArray

from actsense.errors import OutdatedResultError
from actsense.progress import progress
from actsense.sensitivity.cuts import MERGED_BYTES
from actsense.sensitivity.moments import Moments, TiledMoments
from actsense.store.archive import (
    CHECKSUM,
    CorruptFileError,
    create_archive,
    open_archive,
    reading,
)

CHUNK_BYTES = 8 * 2**20


def write_moments(path: Path, states: Iterable[tuple[TiledMoments, dict[str, Any]]]) -> None:
    """Write moments atomically, one state after the other.

    Arguments:
        path: The file to make.
        states: Moments, each with its identity: whatever tells them from others (study, network,
            replicate, blocks ...). Files merge only if their identities agree.
    """
    with create_archive(path, {}) as root:
        for number, (moments, identity) in enumerate(states):
            _write_state(root, f"state_{number:04d}", moments, identity)


def _write_state(
    root: zarr.Group, name: str, moments: TiledMoments, identity: dict[str, Any]
) -> None:
    """Write the tiles of a state in whole chunks, which an archive cannot change later."""
    first = next(moments.tiles)
    rows, wide = len(first.sums), tile_units(len(first.sums), CHUNK_BYTES)
    wide = min(wide, moments.units)
    attributes = {
        "factors": list(first.factors),
        "parts": list(first.parts),
        "walks": first.walks,
        "points": first.points,
        "forwards": first.forwards,
        "identity": identity,
    }
    group = root.create_group(name, attributes=attributes)
    shape, chunk = (rows, moments.units), np.empty((rows, wide))
    sums = group.create_array(
        "sums", shape=shape, chunks=(rows, wide), dtype=chunk.dtype, compressors=[CHECKSUM]
    )
    done = filled = 0
    tiles = chain([first], moments.tiles)
    del first
    for tile in tiles:
        for low in range(0, tile.sums.shape[1], wide):
            part = tile.sums[:, low : low + wide]
            while part.shape[1]:
                taken = min(wide - filled, part.shape[1])
                chunk[:, filled : filled + taken] = part[:, :taken]
                part, filled = part[:, taken:], filled + taken
                if filled == wide or done + filled == moments.units:
                    sums[:, done : done + filled] = chunk[:, :filled]
                    done, filled = done + filled, 0
        del tile, part  # makes room for the next one
    if done < moments.units:
        raise ValueError(f"Moments of {moments.units} units were announced; got {done + filled}.")


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

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and units."""
        with reading(self.path):
            rows, units = cast("zarr.Array[Any]", self.group["sums"]).shape
        return rows, units

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


def merge_shards(paths: Sequence[Path], *, blocks: int) -> tuple[TiledMoments, dict[str, Any]]:
    """Add the moments of all parts of a replicate, in the order of their blocks.

    Arguments:
        paths: Files of the parts' moments.
        blocks: Blocks that the replicate must have.

    Returns:
        The replicate's moments and the identity its shards share.

    Raises:
        CorruptFileError: If a shard belongs elsewhere, or blocks are missing or doubled.
    """
    shared: dict[str, Any] | None = None
    reached = units = rows = 0
    for path in paths:
        with open_moments(path) as (state,):
            identity = dict(state.identity)
            start, stop = identity.pop("blocks")
            if start != reached or (shared is not None and identity != shared):
                raise CorruptFileError(
                    path, f"holds blocks {start} to {stop} of {identity}, not the next ones"
                )
            rows, units = state.shape
        shared, reached = identity, stop
    if shared is None or reached != blocks:
        raise ValueError(f"A replicate has {blocks} blocks; its shards end at {reached}.")
    wide = tile_units(rows, MERGED_BYTES)
    return TiledMoments(units, _merged(paths, units, wide)), shared


def _merged(paths: Sequence[Path], units: int, wide: int) -> Iterator[Moments]:
    with ExitStack() as stack:
        states = [stack.enter_context(open_moments(path))[0] for path in paths]
        tiles = [slice(low, min(low + wide, units)) for low in range(0, units, wide)]
        for tile in progress(tiles, desc="merging", unit="tile"):
            merged = states[0].read(tile)
            for state in states[1:]:
                merged = merged + state.read(tile)
            yield merged


def tile_units(rows: int, most: int) -> int:
    """Return how many units' moments take so many bytes: whole chunks, if more than one."""
    chunk = max(1, CHUNK_BYTES // (8 * rows))
    return chunk * max(1, most // (8 * rows * chunk))
