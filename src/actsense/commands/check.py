"""`actsense check`: a finished study beside numbers that are known."""

__all__ = ["SUMMARY", "arguments", "run"]

from argparse import ArgumentParser, Namespace
from pathlib import Path

SUMMARY = "compare accuracies with the published ones, or an installation with its references"


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument("path", type=Path, help="a study's folder, such as results/published")
    parser.add_argument("--tolerance", type=float, default=0.003, metavar="SHARE",
                        help="by how much intervals are widened, a share of images")  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, help="write the comparison as CSV")
    parser.add_argument("--installation", action="store_true",
                        help="compare the study `install` with what it must come to")  # fmt: skip


def run(chosen: Namespace) -> int:
    """Run the command; return its exit status."""
    from actsense.errors import ConfigError
    from actsense.inspection import open_study
    from actsense.texts import printable

    study = open_study(chosen.path)
    if chosen.installation:
        from actsense.acceptance.installation import check_installation

        agrees, text = check_installation(study)
        print(printable(text))
        return 0 if agrees else 1

    from actsense.acceptance.comparison import compare_published
    from actsense.store.tables import write_parts

    if not 0 <= chosen.tolerance < 1:
        raise ConfigError(f"--tolerance: {chosen.tolerance:g} is no share of images, from 0 to 1.")
    compared = compare_published(study, tolerance=chosen.tolerance)
    print(printable(compared.text))
    if chosen.output:
        write_parts([compared.accuracies], chosen.output)
    return 0 if compared.agrees else 1
