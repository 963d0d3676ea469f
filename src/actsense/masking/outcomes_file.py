"""What parts of all masks have found, each in an archive of its own until all of them are read.

Outcomes lie in the order they are made in, see `actsense.masking.blocks`.
"""

__all__ = ["StoredOutcomes", "write_part"]

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actsense.masking.metrics import Outcomes
from actsense.store.damage import CorruptFileError
from actsense.store.identified import open_arrays, read_array, write_arrays


def write_part(
    path: Path, found: Iterable[Outcomes], identity: Mapping[str, Any], *, k: int
) -> None:
    """Write what a part has found.

    Arguments:
        path: The archive to make.
        found: Its outcomes, see `Asked.tried_part`.
        identity: What it has in common with all parts of its run, and its number as `part`.
        k: First classes of every outcome.
    """
    parts = list(found)
    order = [np.empty((0, k), np.int16), *(own.order.reshape(-1, k) for own in parts)]
    divergence = [np.empty(0, np.float32), *(own.divergence.ravel() for own in parts)]
    arrays: dict[str, NDArray[Any]] = {
        "order": np.concatenate(order),
        "divergence": np.concatenate(divergence),
    }
    write_arrays(path, arrays, identity)


class StoredOutcomes:
    """Outcomes of all parts, one after another, that stay on disk until they are asked for.

    Arguments:
        paths: Archives of the parts, in order. There may be more than can be open at a time.
        identity: What each of them must have said of itself, beside its number.

    Raises:
        CorruptFileError: If an archive is damaged or of another run.
        ConfigError: If parts were made with different batches, as different devices make them.
    """

    def __init__(self, paths: Sequence[Path], identity: Mapping[str, Any]) -> None:
        self._paths = paths
        self._identities = [dict(identity) | {"part": part} for part in range(len(paths))]
        sizes = []
        for path, own in zip(paths, self._identities, strict=True):
            with open_arrays(path, own) as root:
                sizes.append(len(read_array(root, path, "divergence")))
        self._ends = [0, *map(int, np.cumsum(sizes))]

    def check_count(self, wanted: int) -> None:
        """Refuse parts that hold more or fewer outcomes together.

        Raises:
            CorruptFileError: If they do.
        """
        if (found := self._ends[-1]) != wanted:
            raise CorruptFileError(
                self._paths[-1], f"all parts hold {found} outcomes together, not {wanted}"
            )

    def read(self, start: int, count: int) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
        """Return first classes, (count, k), and divergences, (count,), of consecutive outcomes."""
        found: list[tuple[NDArray[Any], NDArray[Any]]] = []
        for path, identity, (begin, end) in zip(
            self._paths, self._identities, pairwise(self._ends), strict=True
        ):
            own = slice(max(start, begin) - begin, min(start + count, end) - begin)
            if own.start < own.stop:
                with open_arrays(path, identity) as root:
                    order = read_array(root, path, "order", own, slice(None))
                    found.append((order, read_array(root, path, "divergence", own)))
        orders, divergences = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        return orders, divergences
