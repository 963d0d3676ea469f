"""Names from anywhere as they are written where other programs would act on them.

A spreadsheet runs cells that begin like formulas; a terminal obeys control characters.
"""

__all__ = ["from_cell", "printable", "quoting", "to_cell"]

import csv
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

# What a spreadsheet takes for the beginning of a formula, the wide signs of East Asian input too,
# or drops in front of one.
FORMULA = re.compile("'*[=+\\-@\t\r\n\uff0b\uff0d\uff1d\uff20]")
KEPT = "\n\t"
# Other characters without a shape: they move the cursor, colour text, or turn its direction.
OBEYED = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def to_cell(text: str) -> str:
    """Return a text that no spreadsheet runs: what looks like a formula gets an apostrophe."""
    return f"'{text}" if FORMULA.match(text) else text


def from_cell(written: str) -> str:
    """Return the text that `to_cell` wrote."""
    return written[1:] if written.startswith("'") and FORMULA.match(written) else written


def quoting(cells: Iterable[Any]) -> Any:
    """Return how `csv` has to quote cells: a carriage return is nothing special to it."""
    returns = any(isinstance(cell, str) and "\r" in cell for cell in cells)
    return csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL


def printable(text: str) -> str:
    """Return a text in which nothing commands a terminal: such characters are escaped.

    Line breaks and tabs stay.
    """
    if text.isprintable():
        return text
    return "".join(
        one
        if one in KEPT or unicodedata.category(one) not in OBEYED
        else one.encode("unicode_escape").decode("ascii")
        for one in text
    )
