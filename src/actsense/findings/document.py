"""Findings inside a document: written there, or held against what stands there."""

__all__ = ["claims", "unheld_claims", "write_into"]

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from actsense.errors import ConfigError
from actsense.findings.finding import Finding
from actsense.store.atomic import replacing

BEGIN, END = "<!-- findings -->", "<!-- end of findings -->"
WIDTH, COLOURS = 1500, 256  # pixels and colours of a copied figure
WRAPPED = re.compile(r"\s+")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?: %)?(?: \(-?\d+(?:\.\d+)? to -?\d+(?:\.\d+)?\))?")


def write_into(document: Path, study: Path, findings: Sequence[Finding]) -> list[Path]:
    """Write findings between the marks of a document, with copies of their figures.

    Arguments:
        document: A Markdown file with the lines of `BEGIN` and `END`; figures go to `images/`
            beside it.
        study: Folder of the study.
        findings: What is written.

    Returns:
        The files that were written.

    Raises:
        ConfigError: If the document lacks the marks.
    """
    before, _, after = _parts(document)
    images = document.parent / "images"
    written = [document]
    lines = []
    for finding in findings:
        lines += [f"## {finding.question}", "", finding.text, ""]
        if (study / finding.figure).is_file() and finding.figure:
            path = images / finding.figure.replace("/figures/", "/").replace("/", "_")
            images.mkdir(exist_ok=True)
            _copy(study / finding.figure, path)
            written.append(path)
            lines += [f"![{finding.question}](images/{path.name})", "", f"`{finding.figure}`", ""]
    with replacing(document) as beside:
        beside.write_text("\n".join([f"{before}{BEGIN}", "", *lines, f"{END}{after}"]), "utf-8")
    return written


def unheld_claims(document: Path, findings: Sequence[Finding]) -> list[str]:
    """Return the sentences of a document that a study does not support, whatever their numbers.

    Arguments:
        document: As for `write_into`.
        findings: All findings of the study.

    Raises:
        ConfigError: If the document lacks the marks.
    """
    _, inside, _ = _parts(document)
    text = "\n".join(
        line for line in inside.splitlines() if not line.startswith(("#", "!", "`", "<!--"))
    )
    held = {_form(claim) for finding in findings for claim in claims(finding.text)}
    return [claim for claim in claims(text) if _form(claim) not in held]


def claims(text: str) -> Iterator[str]:
    """Yield the sentences of a text."""
    for paragraph in text.split("\n\n"):
        for sentence in re.split(r"(?<=[.])\s+(?=[A-Z`a-z])", WRAPPED.sub(" ", paragraph).strip()):
            if sentence:
                yield sentence


def _form(claim: str) -> str:
    return NUMBER.sub("#", claim)


def _parts(document: Path) -> tuple[str, str, str]:
    """Return what stands before, between and behind the marks."""
    text = document.read_text(encoding="utf-8") if document.is_file() else ""
    before, begin, rest = text.partition(BEGIN)
    inside, end, after = rest.partition(END)
    if not (begin and end):
        raise ConfigError(
            f"{document}: has no lines {BEGIN!r} and {END!r}. Put them where findings shall stand."
        )
    return before, inside, after


def _copy(source: Path, path: Path) -> None:
    """Copy a figure, no wider than documents need and in few colours."""
    with Image.open(source) as opened:
        image = opened.convert("RGB")
    if image.width > WIDTH:
        image = image.resize(
            (WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS
        )
    method = Image.Quantize.MAXCOVERAGE
    with replacing(path) as beside:
        image.quantize(COLOURS, method=method, kmeans=3).save(beside, "PNG", optimize=True)
