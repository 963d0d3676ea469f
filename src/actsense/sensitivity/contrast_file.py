"""Pieces of a contrast on disk: what the next job goes on from, and what is joined in the end."""

__all__ = ["StoredContrast", "empty_statistics", "read_state"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from actsense.sensitivity.contrast_images import ImageResponses
from actsense.sensitivity.contrast_statistics import statistic_kinds
from actsense.sensitivity.cuts import ContrastPart
from actsense.sensitivity.top_images import TopImages
from actsense.store.archive import open_archive
from actsense.store.damage import CorruptFileError, reading
from actsense.store.identified import array_names, open_arrays, read_array

Array = NDArray[np.generic]
Statistics = dict[str, NDArray[np.floating]]


def empty_statistics(augmentations: int, samples: int, units: int) -> Statistics:
    """Make room for all statistics but `p_adjusted`, (augmentations, samples, units) each."""
    shape = augmentations, samples, units
    return {name: np.zeros(shape, kind) for name, kind in statistic_kinds().items()}


def read_state(path: Path, identity: Mapping[str, Any]) -> dict[str, Array]:
    """Read the state of a piece that a job has left, see `ContrastPiece.state`.

    Arguments:
        path: The archive.
        identity: What it must have said of itself.

    Raises:
        CorruptFileError: If it is damaged or of another part or run.
        ConfigError: If it was made with other batches, as another device makes them.
    """
    with open_arrays(path, identity) as root:
        return {name: read_array(root, path, name) for name in array_names(root, path)}


@dataclass(frozen=True)
class StoredPiece:
    """A piece that stays on disk until it is asked for.

    Attributes:
        path: Its archive.
        identity: What it says of itself.
        part: What the last job of the piece made.
    """

    path: Path
    identity: Mapping[str, Any]
    part: ContrastPart

    @classmethod
    def of(cls, path: Path, identity: Mapping[str, Any]) -> "StoredPiece":
        """Take what the last job of a piece has left; see `StoredContrast.of`."""
        with open_archive(path) as root, reading(path):
            told = cast("Mapping[str, Any]", root.attrs["identity"])
            part = ContrastPart.between(**told["part"])
        whole = {**identity, "part": part.ends}
        with open_arrays(path, whole):
            if part.link != part.links - 1:
                raise CorruptFileError(path, "is not the end of its piece")
        return cls(path, whole, part)

    def read(self, kind: str, columns: slice) -> dict[str, Array]:
        """Return arrays of a kind, those of units for some of its units alone."""
        with open_arrays(self.path, self.identity) as root:
            names = array_names(root, self.path, kind)
            whole = names if kind == "single" else ["parameters"]  # of no unit, or of all
            places = [slice(None) if name in whole else columns for name in names]
            return {
                name: read_array(root, self.path, f"{kind}/{name}", own)
                for name, own in zip(names, places, strict=True)
            }


@dataclass(frozen=True)
class StoredContrast:
    """All pieces of a contrast."""

    pieces: Sequence[StoredPiece]

    @classmethod
    def of(cls, paths: Sequence[Path], identity: Mapping[str, Any]) -> "StoredContrast":
        """Take what the last jobs of all pieces have left.

        Arguments:
            paths: Their archives.
            identity: What each of them must have said of itself, beside which part it is.

        Raises:
            CorruptFileError: If an archive is damaged or of another run.
            ConfigError: If it was made with other batches.
        """
        return cls([StoredPiece.of(path, identity) for path in paths])

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
