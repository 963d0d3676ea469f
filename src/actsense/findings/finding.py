"""A finding, and the words that all findings are made of."""

__all__ = ["UNDECIDED", "Amount", "Finding", "direction", "joined", "plural"]

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

# Words of sentences that say what intervals leave open: they claim nothing.
UNDECIDED = ("may be", "the interval covers 0")


@dataclass(frozen=True)
class Finding:
    """A statement about one study, with where it comes from.

    Attributes:
        question: What it answers, the heading above it.
        text: The statement, in sentences, with intervals.
        target: The target of the workflow whose tables it is computed from.
        tables: Paths of these tables, below the folder of the study.
        figure: Path of a figure that shows it, below the folder of the study; empty if none does.
    """

    question: str
    text: str
    target: str
    tables: tuple[str, ...]
    figure: str = ""


@dataclass(frozen=True)
class Amount:
    """A number with its 95 % interval; without one, the ends are not finite.

    Attributes:
        value: The number.
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float
    high: float

    @classmethod
    def around(cls, value: float, width: float) -> "Amount":
        """Read a number with the half-width of its interval."""
        return cls(value, value - width, value + width)

    @property
    def known(self) -> bool:
        """Whether there is an interval."""
        return isfinite(self.low) and isfinite(self.high)

    @property
    def differs_from_zero(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.known and (self.low > 0 or self.high < 0)

    def above(self, other: "Amount") -> bool:
        """Tell whether it is larger beyond both intervals."""
        return self.known and other.known and self.low > other.high

    def __neg__(self) -> "Amount":
        return Amount(-self.value, -self.high, -self.low)

    def __str__(self) -> str:
        return self.told(2)

    def told(self, digits: int) -> str:
        """Write the number with its interval, rounded to some digits behind the point."""
        number, low, high = (_rounded(part, digits) for part in (self.value, self.low, self.high))
        return f"{number} ({low} to {high})" if self.known else number

    @property
    def percent(self) -> str:
        """The number with its interval in percent."""
        whole = Amount(100 * self.value, 100 * self.low, 100 * self.high)
        number, *ends = whole.told(0).split(" ", 1)
        return " ".join([f"{number} %", *ends])


def _rounded(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}" if isfinite(value) else "-"


def direction(start: Amount, end: Amount) -> str:
    """Say whether a number rises or falls beyond both intervals; nothing if neither is sure."""
    if end.above(start):
        return "rises"
    return "falls" if start.above(end) else ""


def joined(names: Sequence[str]) -> str:
    """Join names as a sentence does."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def plural(count: int, singular: str, many: str) -> str:
    """Choose a word by how many there are."""
    return singular if count == 1 else many
