"""`actsense import`: published value files as results of a study."""

__all__ = ["SUMMARY", "arguments", "run"]

from argparse import ArgumentParser, Namespace
from pathlib import Path
from shlex import quote

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
    from actsense.inspection.published.conversion.convert import import_archive

    def told(line: str) -> None:
        print(printable(line), flush=True)

    written = import_archive(chosen.archive, chosen.results, units=chosen.units, told=told)
    told(f"Next: {_next_command(written)}")
    return 0


def _next_command(written: Path) -> str:
    """Return what goes on from the imported results, where the workflow looks for them."""
    from actsense.layout import RESULTS, home_of, program

    home, inside = home_of(written.parent), Path(RESULTS, *written.parts[-2:])
    asked = f"run {quote(str(inside))} figures correlation lda"
    if home is None:
        return (
            f"move {written.parent} into a folder called {RESULTS}, and beside that folder: "
            f"{program('actsense')} {asked}"
        )
    if home.resolve() == Path.cwd().resolve():
        return f"{program('actsense')} {asked}"
    return f"cd {quote(str(home))} && {program('actsense', home)} {asked}"
