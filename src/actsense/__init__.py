"""Which changes of the input does every unit of a CNN feel, and how strongly?

`open_study` opens finished results, `compare` sets two studies beside each other.
"""

__all__ = ["MissingResultError", "compare", "open_study"]

from pathlib import Path
from typing import TYPE_CHECKING, Any

from actsense.errors import MissingResultError
from actsense.surroundings import keep_compiled

if TYPE_CHECKING:
    from actsense.comparison import compare
    from actsense.inspection import open_study


keep_compiled(Path(__file__).parent)


def __getattr__(name: str) -> Any:
    # Every job of a workflow imports this package before it reads results, or never does.
    if name == "open_study":
        from actsense.inspection import open_study

        return open_study
    if name == "compare":
        from actsense.comparison import compare

        return compare
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
