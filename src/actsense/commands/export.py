"""`actsense export`: results in files that other programs read."""

__all__ = ["SUMMARY", "arguments", "run"]

from argparse import ArgumentParser, Namespace
from pathlib import Path

from actsense.texts import printable

SUMMARY = "write indices and contrasts for other programs"


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument("path", type=Path, help="results of a network under a design")
    parser.add_argument("--hdf5", type=Path, metavar="FOLDER", required=True,
                        help="write the value files of the published study")  # fmt: skip


def run(chosen: Namespace) -> int:
    """Run the command; return its exit status."""
    from actsense.errors import ConfigError
    from actsense.inspection.published.export import export_hdf5
    from actsense.inspection.study_results import open_part

    study, owner = open_part(chosen.path)
    if len(owner) < 2:
        runs = [study.path / name / run for name in study.networks for run in study.designs(name)]
        raise ConfigError(
            f"{chosen.path}: give the results of one network under one design: "
            f"{', '.join(map(str, runs)) or 'there are none yet'}."
        )
    for written in export_hdf5(study[owner[0], owner[1]], chosen.hdf5):
        print(printable(str(written)))
    return 0
