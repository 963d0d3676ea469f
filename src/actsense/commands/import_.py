"""`actsense import`: published value files as results of a study."""

__all__ = ["SUMMARY", "arguments", "run"]

from argparse import ArgumentParser, Namespace
from pathlib import Path

from actsense.texts import printable

SUMMARY = "turn published value files into results of a study"


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument("archive", type=Path, metavar="PUBLISHED",
                        help="folder of the published value files")  # fmt: skip
    parser.add_argument("results", type=Path, metavar="RESULTS",
                        help="where the results go, results/NAME")  # fmt: skip
    parser.add_argument("--units", type=Path, nargs="+", default=(), metavar="FILE",
                        help="NETWORK_single_units.json, the channels of segments")  # fmt: skip


def run(chosen: Namespace) -> int:
    """Run the command; return its exit status."""
    from shlex import quote

    from actsense.inspection.published.conversion.convert import import_archive
    from actsense.layout import program

    def told(line: str) -> None:
        print(printable(line), flush=True)

    written = import_archive(chosen.archive, chosen.results, units=chosen.units, told=told)
    told(f"Next: {program('actsense')} run {quote(str(written))} figures correlation lda")
    return 0
