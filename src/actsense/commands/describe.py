"""`actsense describe`: a result in words."""

__all__ = ["SUMMARY", "arguments", "run"]

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from shutil import get_terminal_size

from actsense.texts import printable

SUMMARY = "print what a study holds, or a store or file, readably"


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument(
        "path", type=Path, help="a study, network or run; *.zarr, *.zarr.zip, *.csv, *.json"
    )


def run(chosen: Namespace) -> int:
    """Run the command; return its exit status."""
    from actsense.inspection.describe import describe

    width = get_terminal_size().columns if sys.stdout.isatty() else None
    print(printable(describe(chosen.path, width=width)))
    return 0
