"""Findings inside a document: written there, or held against what stands there."""

__all__ = ["claims", "shared_findings", "unheld_claims", "write_into"]

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from actsense.errors import ConfigError
from actsense.findings.finding import UNDECIDED, Finding, joined
from actsense.store.atomic import replacing

BEGIN, END = "<!-- findings -->", "<!-- end of findings -->"
WIDTH, COLOURS = 1500, 256  # pixels and colours of a copied figure
BESIDE = re.compile(r"#.*|!\[.*|`[^` ]+`")  # headings, figures and their paths
WRAPPED = re.compile(r"\s+")
SENTENCES = re.compile(r"(?<=[.])\s+(?=[A-Z`a-z])")
ITEMS = re.compile(r"(?:, | and )(?=-?\d)")  # of a list whose items begin with a number
PLAIN = r"(?<![\w.-])-?\d+(?:\.\d+)?(?!\w)"  # no digits of names such as stage1 or features.0
NUMBER = re.compile(rf"{PLAIN}(?: %)?(?: \({PLAIN} to {PLAIN}\))?")


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
        if (study / finding.figure).is_file():
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
    text = "\n".join(line for line in inside.splitlines() if not BESIDE.fullmatch(line))
    held = _forms(findings)
    return [claim for claim in claims(text) if _form(claim) not in held]


def shared_findings(
    findings: Sequence[Finding], others: Sequence[tuple[Path, Sequence[Finding]]]
) -> list[Finding]:
    """Keep the statements that other studies support as well, whatever their numbers.

    A study that has not made the tables behind a finding says nothing against it.

    Arguments:
        findings: All findings of a study.
        others: Folders of studies of the same questions, with all their findings.
    """
    held = {folder: _forms(own) for folder, own in others}
    shared = []
    for finding in findings:
        known = [
            forms
            for folder, forms in held.items()
            if all((folder / table).is_file() for table in finding.tables)
        ]
        texts = []
        for sentence in _sentences(finding.text):
            head, items = _parts_of(sentence)
            kept = [item for item in items if all(_form(f"{head}{item}.") in own for own in known)]
            texts += [f"{head}{joined(kept)}."] if kept else []
        if texts:
            shared.append(replace(finding, text=" ".join(texts)))
    return shared


def claims(text: str) -> Iterator[str]:
    """Yield what a text states: its sentences, lists item by item, without what it leaves open."""
    for sentence in _sentences(text):
        if not any(words in sentence for words in UNDECIDED):
            head, items = _parts_of(sentence)
            yield from (f"{head}{item}." for item in items)


def _sentences(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        yield from filter(None, SENTENCES.split(WRAPPED.sub(" ", paragraph).strip()))


def _parts_of(sentence: str) -> tuple[str, list[str]]:
    """Take apart a sentence that ends with a list of numbers; any other is one item."""
    sentence = sentence.removesuffix(".")
    head, colon, tail = sentence.partition(": ")
    if not (colon and NUMBER.match(tail)):
        return "", [sentence]
    return f"{head}{colon}", ITEMS.split(tail)


def _forms(findings: Sequence[Finding]) -> set[str]:
    return {_form(claim) for finding in findings for claim in claims(finding.text)}


def _form(claim: str) -> str:
    return NUMBER.sub("#", claim)


def _parts(document: Path) -> tuple[str, str, str]:
    """Return what stands before, between and behind the marks."""
    if not document.is_file():
        raise ConfigError(f"{document}: no such file. Give a document with the lines {BEGIN!r}.")
    text = document.read_text(encoding="utf-8")
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
