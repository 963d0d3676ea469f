"""One self-contained page on a study, to be opened, mailed or put on a wall."""

__all__ = ["further", "marked", "opening", "study_page", "write_page"]

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from shlex import quote

from actsense.errors import MissingResultError
from actsense.findings.collection import find_findings, headlines
from actsense.findings.finding import Finding, joined
from actsense.inspection.network_facts import HEADS, network_rows
from actsense.inspection.run_results import RunResults
from actsense.inspection.study_results import StudyResults, open_study
from actsense.layout import program, report_command
from actsense.store.atomic import replacing

LARGEST = 4 * 2**20  # bytes of a figure or table inside the page; larger ones stay outside
STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem 1.2rem 4rem; color: #1d1d1f;
  background: #fff; font: 1rem/1.55 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.7rem; margin: 1rem 0 .3rem; }
h2 { font-size: 1.15rem; margin: 2.6rem 0 .3rem; }
p { margin: .4rem 0; }
code { background: #f2f2f4; border-radius: .2rem; padding: 0 .2em; font-size: .92em;
  overflow-wrap: anywhere; }
figure { margin: .8rem calc(50% - min(47vw, 40rem)) .3rem; overflow-x: auto; }
img { display: block; width: 100%; min-width: 46rem; border: 1px solid #e3e3e6; }
table { border-collapse: collapse; margin: .8rem 0; }
th, td { text-align: left; padding: .2rem 1.2rem .2rem 0; border-bottom: 1px solid #e3e3e6; }
a { color: #0b5cad; overflow-wrap: anywhere; }
li { margin: .5rem 0; }
.beside { color: #55555b; font-size: .9rem; }
.wide { overflow-x: auto; }
"""


def write_page(folder: Path, path: Path) -> None:
    """Write the page of a study.

    Arguments:
        folder: Folder of the study.
        path: The page, `index.html` in that folder.

    Raises:
        ConfigError: If there are no results, or they are damaged.
    """
    text = study_page(open_study(folder))
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def study_page(study: StudyResults) -> str:
    """Return the page as HTML: findings with their figures and tables inside it."""
    findings = find_findings(study)
    first = headlines(findings)
    rest = [finding for finding in findings if finding not in first]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(study.name)}: findings</title><style>{STYLE}</style></head><body>",
            *opening(study, len(first)),
            *(line for finding in first for line in _section(study, finding)),
            *further(rest),
            *_links(study),
            "</body></html>",
            "",
        ]
    )


def opening(study: StudyResults, count: int) -> Iterator[str]:
    """Yield title and first words as HTML: what was seen, by which networks, under what.

    Arguments:
        study: The study.
        count: How many findings follow.
    """
    yield f"<h1>What study <em>{escape(study.name)}</em> found</h1>"
    yield (
        "<p>Which changes of the input does every unit of a network feel, and how strongly? "
        f"{'Below: ' + str(count) + ' findings' if count else 'There are no findings yet'}, "
        "computed from the tables of the study. Numbers in parentheses are 95 % intervals. What "
        "an interval does not decide is left out.</p>"
    )
    yield from _images(study)
    yield from _table(HEADS, network_rows(study))
    if designs := {
        design: study[name, design] for name in study.networks for design in study.designs(name)
    }:
        yield from _table(
            ("design", "augmentations that act together", "sampled"),
            [(name, ", ".join(run.augmentations), _sampled(run)) for name, run in designs.items()],
        )


def _images(study: StudyResults) -> Iterator[str]:
    """Say what the networks saw."""
    try:
        images = study.images
    except MissingResultError:
        return
    count, size = len(images.manifest), images.image_size
    yield (
        f"<p>The networks saw {count:,} images of {len(images.class_names)} classes, "
        f"{size} x {size} pixels.</p>"
    )


def _sampled(run: RunResults) -> str:
    attributes = run.indices.attrs if run.has("indices") else {}
    if "replicates" not in attributes:
        return ""
    count = attributes["replicates"]
    return f"{count} replicates of {attributes['base_points'] // count} base points"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield '<div class="wide"><table>'
    for tag, cells in (("th", heads), *(("td", row) for row in rows)):
        yield f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"
    yield "</table></div>"


def _section(study: StudyResults, finding: Finding) -> Iterator[str]:
    yield f"<h2>{escape(finding.question)}</h2>"
    yield f"<p>{marked(finding.text)}</p>"
    if image := _embedded(study.path / finding.figure, "image/png"):
        alt = escape(finding.question)
        yield f'<figure><img src="{image}" alt="{alt}" loading="lazy"></figure>'
    links = [f"figure <code>{escape(finding.figure)}</code>"] if image else []
    for table in finding.tables:
        name = escape(table)
        data = _embedded(study.path / table, "text/csv")
        links.append(
            f'table <a href="{data}" download="{escape(table.replace("/", "_"))}">{name}</a>'
            if data
            else f"table <code>{name}</code>"
        )
    yield f'<p class="beside">{", ".join(links)}</p>'


def further(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield findings as a list in HTML, nothing if there are none."""
    if findings:
        yield "<h2>Further findings</h2><ul>"
        for finding in findings:
            yield f"<li><strong>{escape(finding.question)}</strong> {marked(finding.text)}</li>"
        yield "</ul>"


def _links(study: StudyResults) -> Iterator[str]:
    """Say where to look on: links work where the page lies in its study's folder."""
    yield "<h2>More</h2>"
    pages = sorted((study.path / "notebooks").glob("*.html"))
    links = [
        f'<a href="notebooks/{escape(page.name)}">{escape(page.stem.replace("_", " "))}</a>'
        for page in pages
    ]
    reports = [path for path in ("report.html", "../report.html") if (study.path / path).is_file()]
    if reports:
        yield f'<p>All figures with captions: <a href="{reports[0]}">{reports[0]}</a>.</p>'
    if links:
        yield f"<p>Notebooks: {joined(links)}.</p>"
    explore = f"{program('actsense')} explore {quote(str(study.path))}"
    yield (
        "<p>Links work where this page lies in the folder of the study. Everything in a browser: "
        f"<code>{escape(explore)}</code>. All figures with captions: "
        f"<code>{escape(report_command(study.path))}</code>.</p>"
    )


def marked(text: str) -> str:
    """Return the text of a finding as HTML, names as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def _embedded(path: Path, kind: str) -> str:
    """Return a file as part of the page; nothing if it is not there or too large."""
    if not path.is_file() or path.stat().st_size > LARGEST:
        return ""
    return f"data:{kind};base64,{b64encode(path.read_bytes()).decode()}"
