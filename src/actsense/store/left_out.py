"""Which units no analysis can use: a store of indices marks them, everybody counts them alike.

dead  no factor moves the unit: its indices are undefined
rare  too few differences carry its estimates: their intervals cannot be trusted
"""

__all__ = ["LeftOut", "read_indices"]

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from actsense.errors import OutdatedResultError
from actsense.store.results import read_results


@dataclass(frozen=True)
class LeftOut:
    """How many units are left out, and why.

    Attributes:
        dead: Units that no factor moves.
        rare: Others with too few differences.
        of: All units.
    """

    dead: int
    rare: int
    of: int

    @classmethod
    def count(cls, units: xr.Dataset) -> Self:
        """Count in the indices of units, or of channels."""
        dead, rare = (np.asarray(units[flag].to_numpy(), dtype=bool) for flag in ("dead", "rare"))
        return cls.of_flags(dead, rare)

    @classmethod
    def of_flags(cls, dead: NDArray[np.bool_], rare: NDArray[np.bool_]) -> Self:
        """Count units by their flags; one that is both is dead."""
        return cls(int(dead.sum()), int((rare & ~dead).sum()), dead.size)

    @property
    def columns(self) -> dict[str, int]:
        """The counts as columns of a table."""
        return {"dead_units": self.dead, "rare_units": self.rare}

    def __add__(self, other: Self) -> Self:
        return type(self)(self.dead + other.dead, self.rare + other.rare, self.of + other.of)

    def __str__(self) -> str:
        return f"{self.dead:,} dead, {self.rare:,} rare of {self.of:,}"


def read_indices(path: Path, target: str = "indices") -> xr.DataTree:
    """Open a store of indices lazily.

    Arguments:
        path: The store.
        target: What makes it.

    Raises:
        CorruptFileError: If there is no readable store.
        OutdatedResultError: If an earlier version made it, which marked no rare units.
    """
    tree = read_results(path)
    if any("dead" in layer and "rare" not in layer for layer in tree.children.values()):
        raise OutdatedResultError(path, "which units are rare", target)
    return tree
