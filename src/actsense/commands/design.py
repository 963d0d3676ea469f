"""`actsense design`: every evaluation of a design as a table, without running a network."""

__all__ = ["SUMMARY", "arguments", "run"]

from argparse import ArgumentParser, Namespace
from pathlib import Path
from shlex import quote

SUMMARY = "write the factors and parameters of every evaluation of a design"


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument("configuration", type=Path, help="the configuration file of a study")
    parser.add_argument("--design", required=True, help="its name in the configuration")
    parser.add_argument("--network", help="where networks have base points of their own")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the CSV file to write")


def run(chosen: Namespace) -> int:
    """Run the command; return its exit status."""
    from actsense.errors import MissingResultError
    from actsense.layout import program
    from actsense.study.designed import designed_table
    from actsense.study.opening import open_configuration

    study = open_configuration(chosen.configuration)
    try:
        table = designed_table(study, chosen.design, chosen.network)
    except MissingResultError as missing:
        asked = f"{program('actsense')} run {quote(str(chosen.configuration))} {missing.target}"
        advice = f"not there. Make it with: {asked}"
        raise MissingResultError(missing.path, missing.target, advice) from None
    table.write(chosen.output)
    print(f"{chosen.output}: {len(table)} evaluations")
    return 0
