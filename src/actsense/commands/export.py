"""`actsense export`: results in files that other programs read."""

__all__ = ["SUMMARY", "arguments", "run"]

from argparse import ArgumentParser, Namespace
from pathlib import Path

SUMMARY = "write indices and contrasts for other programs"


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument("path", type=Path, help="results of a network under a design")
    parser.add_argument("--hdf5", type=Path, metavar="FOLDER", required=True,
                        help="write the value files of the published study")  # fmt: skip


def run(chosen: Namespace) -> int:
    """Run the command; return its exit status."""
    from actsense.inspection import open_study
    from actsense.inspection.published.export import export_hdf5

    path = chosen.path.resolve()
    results = open_study(path.parents[1])[path.parent.name, path.name]
    for written in export_hdf5(results, chosen.hdf5):
        print(written)
    return 0
