"""How many patches images are cut into: as many along both sides, or rows and columns of them.

Tables call a square division by `k`, which is empty for others, and every division by `rows` and
`columns`. Curves and what is read off them are over k; rectangles stand beside them.
"""

__all__ = ["Axis", "Division", "named_division", "sides", "squares", "with_sides"]

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

# Every job reads the settings, few read tables.
if TYPE_CHECKING:
    import pandas as pd

Division = int | tuple[int, ...]  # two of them

ROOM = 12  # marks that an axis of curves has room for: rectangles stand as far apart


def sides(division: Division) -> tuple[int, int]:
    """Return rows and columns of patches."""
    rows, columns = division if isinstance(division, tuple) else (division, division)
    return rows, columns


def named_division(rows: int, columns: int) -> str:
    """Return what a division is called in figures: `3`, or `2 x 3` with the sign of a product."""
    return f"{rows}" if rows == columns else f"{rows}\u00d7{columns}"


def with_sides(table: "pd.DataFrame") -> "pd.DataFrame":
    """Add `rows` and `columns` to a table that was written before there were any but squares."""
    if {"rows", "columns"} <= {*table}:
        return table
    return table.assign(rows=table["k"], columns=table["k"])


def squares(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the rows of a table that make curves, with k as an integer."""
    own = table[table["k"].notna()]
    return own.assign(k=own["k"].astype(int))


@dataclass(frozen=True)
class Axis:
    """Where divisions stand on the axis of a figure: squares at k, rectangles right of them.

    Attributes:
        squares: Every k, ascending.
        rectangles: Rows and columns, ascending by the number of patches.
    """

    squares: tuple[int, ...]
    rectangles: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, table: "pd.DataFrame") -> "Axis":
        """Find out which divisions a table has."""
        known = {(int(r), int(c)) for r, c in _pairs(with_sides(table))}
        rectangles = sorted((r * c, r, c) for r, c in known if r != c)
        return cls(
            tuple(sorted(r for r, c in known if r == c)),
            tuple((r, c) for _, r, c in rectangles),
        )

    @property
    def border(self) -> float:
        """Where squares end and rectangles begin."""
        return max(self.squares, default=0) + 0.75 * self._step

    @property
    def ticks(self) -> dict[float, str]:
        """Text at every place of a division."""
        marks = {float(k): named_division(k, k) for k in self.squares}
        return marks | {self._place(*own): named_division(*own) for own in self.rectangles}

    @property
    def title(self) -> str:
        """What the axis is."""
        beside = "; right: rows \u00d7 columns" if self.rectangles else ""
        return f"k, parts of a side{beside}"

    def placed(self, table: "pd.DataFrame") -> "pd.DataFrame":
        """Add `place`, where the division of every row stands, and whether it is a `rectangle`."""
        table = with_sides(table)
        places = [self._place(int(r), int(c)) for r, c in _pairs(table)]
        return table.assign(place=places, rectangle=table["rows"] != table["columns"])

    @property
    def _step(self) -> float:
        return max(1.0, max(self.squares, default=1) / ROOM)

    def _place(self, rows: int, columns: int) -> float:
        if rows == columns:
            return float(rows)
        behind = 1.5 + self.rectangles.index((rows, columns))
        return max(self.squares, default=0) + behind * self._step


def _pairs(table: "pd.DataFrame") -> Iterable[tuple[int, int]]:
    return zip(table["rows"].to_numpy(), table["columns"].to_numpy(), strict=True)
