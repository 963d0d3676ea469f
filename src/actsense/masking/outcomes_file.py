"""What parts of all masks have found, each in an archive of its own until all of them are read.

Outcomes lie in the order they are made in, see `actsense.masking.blocks`.
"""

__all__ = ["StoredOutcomes", "open_parts", "write_part"]

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import zarr
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.masking.metrics import Outcomes
from actsense.store.archive import create_archive, open_archive, put_arrays
from actsense.store.damage import CorruptFileError, reading


def write_part(
    path: Path, found: Iterable[Outcomes], identity: Mapping[str, Any], *, k: int
) -> None:
    """Write what a part has found.

    Arguments:
        path: The archive to make.
        found: Its outcomes, see `Asked.tried_part`.
        identity: Whatever tells it from other parts and runs, see `open_parts`.
        k: First classes of every outcome.
    """
    parts = list(found)
    order = np.concatenate([np.empty((0, k), np.int16), *(o.order.reshape(-1, k) for o in parts)])
    divergence = np.concatenate([np.empty(0, np.float32), *(o.divergence.ravel() for o in parts)])
    with create_archive(path, {"identity": dict(identity)}) as root:
        put_arrays(root, {"order": order, "divergence": divergence})


@contextmanager
def open_parts(paths: Sequence[Path], identity: Mapping[str, Any]) -> Iterator["StoredOutcomes"]:
    """Open what all parts have found.

    Arguments:
        paths: Their archives, in order.
        identity: What each of them must have said of itself, beside its number as `part`.

    Raises:
        CorruptFileError: If an archive is damaged or of another run.
        ConfigError: If parts were made with different batches, as different devices make them.
    """
    with ExitStack() as stack:
        roots = [stack.enter_context(open_archive(path)) for path in paths]
        stored = StoredOutcomes(paths, roots)
        stored.check(identity)
        yield stored


@dataclass(frozen=True)
class StoredOutcomes:
    """Outcomes of all parts, one after another, that stay on disk until they are asked for."""

    paths: Sequence[Path]
    roots: Sequence[zarr.Group]

    def check_count(self, wanted: int) -> None:
        """Refuse parts that hold more or fewer outcomes together.

        Raises:
            CorruptFileError: If they do.
        """
        if (found := self._ends[-1]) != wanted:
            raise CorruptFileError(
                self.paths[-1], f"all parts hold {found} outcomes together, not {wanted}"
            )

    def check(self, identity: Mapping[str, Any]) -> None:
        """Refuse parts of another run; see `open_parts`."""
        for part, (path, root) in enumerate(zip(self.paths, self.roots, strict=True)):
            with reading(path):
                told = dict(cast("Mapping[str, Any]", root.attrs["identity"]))
            wanted = dict(identity) | {"part": part}
            if told | {"batch": wanted["batch"]} != wanted:
                raise CorruptFileError(path, f"is not part {part} of this run")
            if told != wanted:
                raise ConfigError(
                    f"{path}: made with batches of {told['batch']} images, but here they have "
                    f"{wanted['batch']}, as on another device. Set `device`, or delete "
                    f"{path.parent}, and run again."
                )

    def read(self, start: int, count: int) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
        """Return first classes, (count, k), and divergences, (count,), of consecutive outcomes."""
        found: list[tuple[Any, Any]] = []
        for path, root, (begin, end) in zip(
            self.paths, self.roots, pairwise(self._ends), strict=True
        ):
            own = slice(max(start, begin) - begin, min(start + count, end) - begin)
            if own.start < own.stop:
                with reading(path):
                    found.append((_array(root, "order")[own], _array(root, "divergence")[own]))
        order, divergence = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        return order, divergence

    @cached_property
    def _ends(self) -> list[int]:
        """Outcomes before every part, and of all of them."""
        sizes = [_array(root, "divergence").shape[0] for root in self.roots]
        return [0, *map(int, np.cumsum(sizes))]


def _array(root: zarr.Group, name: str) -> "zarr.Array[Any]":
    return cast("zarr.Array[Any]", root[name])
