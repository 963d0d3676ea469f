"""What a report opens with, as the report renders it."""

import json
import re
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest
from docutils.core import publish_parts

from actsense.findings import opening
from actsense.findings.finding import Finding
from actsense.findings.opening import report_opening

DEPTH, PAIRS = "net/colour/figures/depth_profile.png", "net/colour/figures/it's.png"
FINDINGS = [
    Finding("Which <layers>?", "Hue <falls> & `hflip` rises.", "indices", ("net/t.csv",), DEPTH),
    Finding("Which pairs?", "None *at all*.", "contrast", (), PAIRS),
    Finding("What else?", "Nothing.", "masking", ()),
]


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(opening, "find_findings", lambda study: FINDINGS)
    (tmp_path / "results/animals/net").mkdir(parents=True)
    Path("results/animals/net/card.json").write_text("{}")
    return Path("results/animals")


def rendered(study: Path, *figures: str) -> str:
    text = report_opening(study, {str(study / figure) for figure in figures})
    return publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["body"]


def test_findings_are_told_in_their_order_and_words(study: Path) -> None:
    page = rendered(study, DEPTH)
    assert "What study <em>animals</em> found" in page
    heads = re.findall("<h2>(.*?)</h2>", page)
    assert heads == ["Which &lt;layers&gt;?", "Which pairs?", "Further findings"]
    assert "<p>Hue &lt;falls&gt; &amp; <code>hflip</code> rises.</p>" in page
    assert page.count("Which pairs?") == 1  # not among the further ones
    assert "None *at all*." in page  # no markup of reStructuredText
    assert "<code>results/animals/net/t.csv</code>" in page
    assert page.index("Further findings") < page.index("<strong>What else?</strong> Nothing.")


def test_figures_that_the_report_holds_are_shown_and_opened(study: Path) -> None:
    assert "<img" not in rendered(study)
    page = rendered(study, DEPTH, PAIRS)
    shown = re.findall(r'this\.src = results\[(.*?)\]\.data_uri"', page)
    assert [json.loads(unescape(name)) for name in shown] == [
        str(study / DEPTH),
        str(study / PAIRS),
    ]
    called = [unquote(unescape(href)) for href in re.findall(r'href="(javascript:.*?)"', page)]
    assert called[1] == (
        f"""javascript:app.setView({{content: 'img', contentPath: results["{study / PAIRS}"]"""
        f""".data_uri, navbarMode: 'resultinfo', resultPath: "{study / PAIRS}"}})"""
    )


def test_a_study_without_findings_has_no_opening(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "find_findings", lambda study: [])
    assert report_opening(study, set()) == ""
