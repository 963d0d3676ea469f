"""`actsense findings`: what a study found, in sentences."""

__all__ = ["SUMMARY", "arguments", "run"]

from argparse import ArgumentParser, Namespace
from pathlib import Path
from textwrap import fill

from actsense.texts import printable

SUMMARY = "what a study found, in sentences computed from its tables"


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument("path", type=Path, help="the folder of a study")


def run(chosen: Namespace) -> int:
    """Run the command; return its exit status."""
    from actsense.findings.collection import find_findings
    from actsense.inspection import open_study

    for finding in find_findings(open_study(chosen.path)):
        shown = fill(finding.text, 96, initial_indent="  ", subsequent_indent="  ")
        print(printable(f"{finding.question}\n{shown}"))
        print(f"  {', '.join(filter(None, (*finding.tables, finding.figure)))}\n")
    return 0
