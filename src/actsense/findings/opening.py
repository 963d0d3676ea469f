"""What the report of a study opens with: its findings, with the figures that the report holds."""

__all__ = ["report_opening"]

import json
from collections.abc import Collection, Iterator
from html import escape
from pathlib import Path
from textwrap import indent
from urllib.parse import quote

from actsense.findings.collection import find_findings, headlines
from actsense.findings.finding import Finding
from actsense.findings.page import further, marked, opening
from actsense.inspection.study_results import open_study

# An image of one pixel, in whose place the figure comes that the report holds already.
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


def report_opening(folder: Path, figures: Collection[str]) -> str:
    """Return the findings of a study in reStructuredText, nothing if there are none.

    Arguments:
        folder: Folder of the study.
        figures: Paths of the figures in the report, as it names them.

    Raises:
        ConfigError: If there are no results of a study, or they are damaged.
    """
    study = open_study(folder)
    findings = find_findings(study)
    if not findings:
        return ""
    first = headlines(findings)
    lines = [
        *opening(study, len(first)),
        *(line for finding in first for line in _section(folder, finding, figures)),
        *further([finding for finding in findings if finding not in first]),
    ]
    return "\n".join([".. raw:: html", "", indent("\n".join(lines), "   "), ""])


def _section(folder: Path, finding: Finding, figures: Collection[str]) -> Iterator[str]:
    yield f"<h2>{escape(finding.question)}</h2>"
    yield f"<p>{marked(finding.text)}</p>"
    path = str(folder / finding.figure)
    if path in figures:
        held = escape(f"results[{json.dumps(path)}].data_uri")
        yield (
            f'<a href="{escape(_shown(path))}" title="the figure with its caption">'
            f'<img src="{PIXEL}" onload="this.onload = null; this.src = {held}"'
            f' alt="{escape(finding.question)}"></a>'
        )
    tables = ", ".join(f"<code>{escape(str(folder / table))}</code>" for table in finding.tables)
    yield f"<p><small>{tables}</small></p>"


def _shown(path: str) -> str:
    """Return the address at which a report opens a figure and its caption."""
    name = json.dumps(path)
    view = f"content: 'img', contentPath: results[{name}].data_uri"
    place = f"navbarMode: 'resultinfo', resultPath: {name}"
    return f"javascript:{quote(f'app.setView({{{view}, {place}}})')}"
