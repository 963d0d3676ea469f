"""From the sums over groups to those of factors and of the parts of the nested one.

Every matrix takes rows of the moments to numerators by name: the factors, then the parts of the
last one. A part is worth what it adds to the parts before it, so that the parts of every index sum
to that of their factor exactly.
"""

__all__ = ["Nesting"]

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Nesting:
    """What the groups of a design mean.

    Arguments:
        factors: Factors of the design.
        parts: Parts of the last one; none, or at least two.
    """

    factors: int
    parts: int = 0

    @property
    def names(self) -> int:
        """Factors and parts."""
        return self.factors + self.parts

    @property
    def groups(self) -> int:
        """Groups of the first parts, and as many of the last ones."""
        return max(0, self.parts - 1)

    @cached_property
    def first_order(self) -> Matrix:
        """Numerators of S1 from the rows `first`, (names, rows)."""
        return self._with_parts(np.diff(self._chain, axis=0, prepend=0))

    @cached_property
    def total(self) -> Matrix:
        """Numerators of ST from the rows `total`, (names, rows)."""
        return self._with_parts(np.diff(self._chain, axis=0, prepend=0)[::-1])

    @cached_property
    def shapley(self) -> Matrix:
        """Numerators of the Shapley effects from the rows `walk`, (names, rows)."""
        rows = np.eye(self.factors + self.groups)
        last = rows[self.factors - 1] - rows[self.factors :].sum(axis=0)
        return self._with_parts(np.vstack([rows[self.factors :], last]))

    @cached_property
    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Names of every pair that has a second-order index, each (pairs,)."""
        j, k = np.triu_indices(self.factors, 1)
        others, parts = np.arange(self.factors - 1), self.factors + np.arange(self.parts)
        within = np.tile(others, self.parts), np.repeat(parts, self.factors - 1)
        return np.concatenate([j, within[0]]), np.concatenate([k, within[1]])

    @cached_property
    def second_order(self) -> Matrix:
        """Numerators of S2 from the rows `cross`, (pairs, rows)."""
        j, k = np.triu_indices(self.factors, 1)
        plain, others = len(j), self.factors - 1
        rows = np.eye(plain + self.groups * others)
        prefixes = rows[plain:].reshape(self.groups, others, len(rows))
        chain = np.concatenate([prefixes, rows[None, :plain][:, k == others]])
        steps = np.diff(chain, axis=0, prepend=0)[: self.parts]
        return np.concatenate([rows[:plain], steps.reshape(self.parts * others, len(rows))])

    @cached_property
    def owners(self) -> NDArray[np.int64]:
        """The factor that every name belongs to, (names,)."""
        return np.minimum(np.arange(self.names), self.factors - 1)

    @property
    def _chain(self) -> Matrix:
        """Rows of the groups of 1, 2, ... parts, and of all of them."""
        rows = np.eye(self.factors + self.groups)
        return np.vstack([rows[self.factors :], rows[self.factors - 1]])

    def _with_parts(self, parts: Matrix) -> Matrix:
        factors = np.eye(self.factors, self.factors + self.groups)
        return np.vstack([factors, parts[: self.parts]])
