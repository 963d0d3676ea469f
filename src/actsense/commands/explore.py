"""`actsense explore`: a page on results in the browser."""

__all__ = ["SUMMARY", "arguments", "run"]

from argparse import ArgumentParser, Namespace
from pathlib import Path

SUMMARY = "open a page on results in the browser"


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument("path", type=Path, help="a study's folder, or that of all studies")
    parser.add_argument("--port", type=int, help="of this machine; any free one by default")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")


def run(chosen: Namespace) -> int:
    """Run the command; return its exit status."""
    from actsense.explorer import explore

    return explore(chosen.path, port=chosen.port, open_browser=not chosen.no_browser)
