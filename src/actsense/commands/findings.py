"""`actsense findings`: what a study found, in sentences."""

__all__ = ["SUMMARY", "arguments", "run"]

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from textwrap import fill

from actsense.texts import printable

IN_DOCUMENT = 12  # findings
SUMMARY = "what a study found, in sentences computed from its tables"


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument("path", type=Path, help="the folder of a study")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "--into", type=Path, metavar="FILE.md",
        help="write twelve of them with their figures between the marks of a document"
    )  # fmt: skip
    chosen.add_argument(
        "--check", type=Path, metavar="FILE.md",
        help="name the sentences of such a document that the study does not support"
    )  # fmt: skip
    parser.add_argument(
        "--also", type=Path, action="append", default=[], metavar="STUDY",
        help="the folder of a study of other seeds: keep what holds in it as well"
    )  # fmt: skip


def run(chosen: Namespace) -> int:
    """Run the command; return its exit status."""
    from actsense.findings.collection import find_findings, headlines
    from actsense.findings.document import shared_findings, unheld_claims, write_into
    from actsense.inspection import open_study
    from actsense.layout import make_command

    found = find_findings(open_study(chosen.path))
    others = [(path, find_findings(open_study(path))) for path in chosen.also]
    found = shared_findings(found, others) if others else found
    if chosen.into:
        for path in write_into(chosen.into, chosen.path, headlines(found, IN_DOCUMENT)):
            print(printable(str(path)))
        return 0
    if chosen.check:
        lost = unheld_claims(chosen.check, found)
        for claim in lost:
            print(printable(f"{chosen.check}: {claim}"), file=sys.stderr)
        print(f"{len(lost)} statements do not hold in {chosen.path}.")
        return int(bool(lost))
    if not found:
        command = make_command("all", chosen.path)
        print(printable(f"{chosen.path}: no findings yet. All tables are made with: {command}"))
    for finding in found:
        shown = fill(finding.text, 96, initial_indent="  ", subsequent_indent="  ")
        print(printable(f"{finding.question}\n{shown}"))
        print(f"  {', '.join(filter(None, (*finding.tables, finding.figure)))}\n")
    return 0
