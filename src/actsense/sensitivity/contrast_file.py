"""Pieces of a contrast on disk: what the next job goes on from, and what is joined in the end."""

__all__ = ["StoredContrast", "empty_statistics", "open_contrast", "read_state", "write_state"]

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import zarr
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.sensitivity.contrast_images import ImageResponses
from actsense.sensitivity.contrast_statistics import statistic_kinds
from actsense.sensitivity.cuts import ContrastPart
from actsense.sensitivity.top_images import TopImages
from actsense.store.archive import create_archive, open_archive, put_arrays
from actsense.store.damage import CorruptFileError, reading

Array = NDArray[np.generic]
Statistics = dict[str, NDArray[np.floating]]


def empty_statistics(augmentations: int, samples: int, units: int) -> Statistics:
    """Make room for all statistics but `p_adjusted`, (augmentations, samples, units) each."""
    shape = augmentations, samples, units
    return {name: np.zeros(shape, kind) for name, kind in statistic_kinds().items()}


def write_state(path: Path, state: Mapping[str, Array], identity: Mapping[str, Any]) -> None:
    """Write what is known of a piece, atomically.

    Arguments:
        path: The archive to make.
        state: From `ContrastPiece.state`.
        identity: Whatever tells it from other parts and runs.
    """
    with create_archive(path, {"identity": dict(identity)}) as root:
        put_arrays(root, state)


def read_state(path: Path, identity: Mapping[str, Any]) -> dict[str, Array]:
    """Read it again.

    Arguments:
        path: The archive.
        identity: What it must have said of itself.

    Raises:
        CorruptFileError: If it is damaged or of another part or run.
        ConfigError: If it was made with other batches, as another device makes them.
    """
    with open_archive(path) as root:
        _check(path, root, identity)
        with reading(path):
            names = [name for name, found in root.members(max_depth=None) if _is_array(found)]
        return {name: _read(path, root, name) for name in names}


@contextmanager
def open_contrast(
    paths: Sequence[Path], identity: Mapping[str, Any]
) -> Iterator["StoredContrast"]:
    """Open what the last jobs of all pieces have written.

    Arguments:
        paths: Their archives.
        identity: What each of them must have said of itself, beside which part it is.

    Raises:
        CorruptFileError: If an archive is damaged or of another run.
        ConfigError: If it was made with other batches.
    """
    with ExitStack() as stack:
        pieces = []
        for path in paths:
            root = stack.enter_context(open_archive(path))
            with reading(path):
                told = cast("Mapping[str, Any]", root.attrs["identity"])
                part = ContrastPart.between(**told["part"])
            _check(path, root, {**identity, "part": part.ends})
            if part.link != part.links - 1:
                raise CorruptFileError(path, "is not the end of its piece")
            pieces.append(StoredPiece(path, root, part))
        yield StoredContrast(pieces)


@dataclass(frozen=True)
class StoredPiece:
    """A piece that stays on disk until it is asked for."""

    path: Path
    root: zarr.Group
    part: ContrastPart

    def read(self, kind: str, columns: slice) -> dict[str, Array]:
        """Return arrays of a kind, those of units for some of its units alone."""
        with reading(self.path):
            group = cast("zarr.Group", self.root[kind])
            names = [name for name, found in group.members(max_depth=None) if _is_array(found)]
        whole = names if kind == "single" else ["parameters"]  # of no unit, or of all
        return {
            name: _read(
                *(self.path, self.root, f"{kind}/{name}"),
                slice(None) if name in whole else columns,
            )
            for name in names
        }


@dataclass(frozen=True)
class StoredContrast:
    """All pieces of a contrast."""

    pieces: Sequence[StoredPiece]

    def read(
        self, tile: slice, shape: tuple[int, int], top: TopImages | None, single: ImageResponses
    ) -> Statistics:
        """Return all statistics of some units but `p_adjusted`, as one job finds them.

        Arguments:
            tile: Which units of the network.
            shape: Augmentations and samples.
            top: Takes the images that they prefer.
            single: Takes responses to single images.

        Raises:
            CorruptFileError: If pieces are damaged, or do not make up the whole.
        """
        statistics = empty_statistics(*shape, tile.stop - tile.start)
        filled = np.zeros((shape[0], tile.stop - tile.start), bool)
        for piece in self.pieces:
            own, group = piece.part.tile, piece.part.group
            units = slice(max(tile.start, own.start), min(tile.stop, own.stop))
            if units.start >= units.stop:
                continue
            here = slice(units.start - tile.start, units.stop - tile.start)
            there = slice(units.start - own.start, units.stop - own.start)
            chosen = slice(group.start, group.stop)
            for name, values in piece.read("statistics", there).items():
                statistics[name][chosen, :, here] = values
            single.resume(group, units, piece.read("single", there))
            if top:
                top.resume(group, piece.read("top", there), here)
            filled[chosen, here] = True
        if not filled.all():
            raise CorruptFileError(self.pieces[-1].path, "pieces beside it are missing")
        return statistics


def _check(path: Path, root: zarr.Group, identity: Mapping[str, Any]) -> None:
    """Refuse what is of another part or run."""
    with reading(path):
        told = dict(cast("Mapping[str, Any]", root.attrs["identity"]))
    if told | {"batch": identity["batch"]} != identity:
        raise CorruptFileError(path, "is of another part or run")
    if told != identity:
        raise ConfigError(
            f"{path}: made with batches of {told['batch']} images, but here they have "
            f"{identity['batch']}, as on another device. Set `device`, or delete {path.parent}, "
            "and run again."
        )


def _read(path: Path, root: zarr.Group, name: str, columns: slice = slice(None)) -> Array:
    """Return an array, or some places of its last axis."""
    with reading(path):
        return np.asarray(cast("zarr.Array[Any]", root[name])[..., columns])


def _is_array(found: object) -> bool:
    return isinstance(found, zarr.Array)
