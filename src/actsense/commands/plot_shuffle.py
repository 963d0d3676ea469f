"""`actsense plot-shuffle`: curves of shuffled patches in one plot."""

__all__ = ["SUMMARY", "arguments", "run"]

from argparse import ArgumentParser, Namespace
from pathlib import Path

from actsense.texts import printable

SUMMARY = "curves of shuffled patches in one plot"


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="RESULTS",
                        help="studies, tables shuffle_curves.csv, or folders of such")  # fmt: skip
    parser.add_argument("--metric", choices=("top1", "relative"), default="top1")
    parser.add_argument("-o", "--output", type=Path, default=Path("shuffle.png"))


def run(chosen: Namespace) -> int:
    """Run the command; return its exit status."""
    from actsense.errors import ConfigError
    from actsense.spatial.commands.curves import plot_curves

    if chosen.output.suffix.lower() != ".png":
        raise ConfigError(f"{chosen.output}: figures are PNG. Give a name that ends with .png.")

    names = plot_curves(chosen.paths, chosen.output, metric=chosen.metric)
    print(printable(f"{chosen.output}: {', '.join(names)}"))
    return 0
