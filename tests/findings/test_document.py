"""Findings in a document, and documents held against findings."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from actsense.errors import ConfigError
from actsense.findings.document import claims, shared_findings, unheld_claims, write_into
from actsense.findings.finding import Finding

FIGURE = "net/colour/figures/depth.png"
MARKED = "# Title\n\nBefore.\n\n<!-- findings -->\nold\n<!-- end of findings -->\nAfter.\n"


def finding(text: str) -> Finding:
    return Finding("What?", text, "indices", (), FIGURE)


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "docs/demo.md"
    path.parent.mkdir()
    path.write_text(MARKED)
    figure = tmp_path / "study" / FIGURE
    figure.parent.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (20, 3000, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(figure)
    return path


def test_findings_stand_between_the_marks_with_small_copies(document: Path) -> None:
    written = write_into(document, document.parents[1] / "study", [finding("Hue rises to 0.5.")])
    text = document.read_text()
    assert text.startswith(
        "# Title\n\nBefore.\n\n<!-- findings -->\n\n## What?\n\nHue rises to 0.5."
    )
    assert text.endswith("<!-- end of findings -->\nAfter.\n")
    assert "old" not in text
    assert "![What?](images/net_colour_depth.png)" in text
    with Image.open(written[1]) as image:
        assert (image.size, image.mode) == ((1500, 10), "P")
    Image.new("RGB", (30, 20)).save(document.parents[1] / "study" / FIGURE)
    write_into(document, document.parents[1] / "study", [finding("Hue rises to 0.5.")])
    with Image.open(written[1]) as image:
        assert image.size == (30, 20)  # never enlarged
    again = text
    write_into(document, document.parents[1] / "study", [finding("Hue rises to 0.5.")])
    assert document.read_text() == again


def test_claims_hold_whatever_their_numbers(document: Path) -> None:
    then = finding("Hue rises from 0.10 (0.05 to 0.15) to 0.5. It costs 28 % (20 to 30).")
    write_into(document, document.parents[1] / "study", [then])
    same = finding("Hue rises from 0.2 (-0.1 to 0.3) to 0.61. It costs 7 % (5 to 9).")
    assert unheld_claims(document, [same]) == []
    other = finding("Hue falls from 0.2 (-0.1 to 0.3) to 0.1. It costs 7 % (5 to 9).")
    assert unheld_claims(document, [other]) == ["Hue rises from 0.10 (0.05 to 0.15) to 0.5."]
    assert len(unheld_claims(document, [])) == 2


@pytest.mark.parametrize("name", ["stage{}", "features.{}", "layer-{}", "{}b"])
def test_numbers_in_names_are_no_numbers(document: Path, name: str) -> None:
    one, other = (finding(f"Hue rises in {name.format(k)} to 0.5{k}.") for k in (1, 2))
    write_into(document, document.parents[1] / "study", [one])
    assert unheld_claims(document, [one]) == []
    assert unheld_claims(document, [other]) == [one.text]


def test_a_list_is_as_many_claims_and_what_is_left_open_is_none(document: Path) -> None:
    own = finding(
        "In points: 28 (22 to 33) for `hue` and -4 for `hflip`. For `erasing` the interval covers "
        "0. `rolling` may be as strong there. Together: `hue` and 2 others."
    )
    assert [*claims(own.text)] == [
        *("In points: 28 (22 to 33) for `hue`.", "In points: -4 for `hflip`."),
        "Together: `hue` and 2 others.",
    ]
    write_into(document, document.parents[1] / "study", [own])
    other = finding("In points: 5 for `hue`, 3 for `x`. Together: `hue` and 5 others.")
    assert unheld_claims(document, [other]) == ["In points: -4 for `hflip`."]


def test_what_studies_share_is_kept_with_the_numbers_of_the_first(tmp_path: Path) -> None:
    text = "Hue rises to 0.5. Depth falls. In points: 3 for `a`, 2 for `b` and 1 for `c`."
    own = [replace(finding(text), tables=("a.csv",)), finding("Blur falls.")]
    other = finding("In points: 9 for `c` and 8 for `a`. Hue rises to 0.7. Blur rises.")
    (kept,) = shared_findings(own, [(made := tmp_path / "made", [other])])
    assert kept == replace(own[0], text=text)  # whose table was not made there
    made.mkdir()
    (made / "a.csv").touch()
    (kept,) = shared_findings(own, [(made, [other])])
    assert kept.text == "Hue rises to 0.5. In points: 3 for `a` and 1 for `c`."
    assert shared_findings(own, [(made, [other]), (made, [])]) == []
    assert shared_findings(own, [(made, [other]), (tmp_path, [])]) == [kept]


def test_sentences_end_with_full_stops_not_with_points_of_numbers() -> None:
    assert [*claims("It is 0.5 at most. So it is.\n\nYes.")] == [
        "It is 0.5 at most.",
        "So it is.",
        "Yes.",
    ]


def test_a_document_without_marks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        write_into(tmp_path / "none.md", tmp_path, [])
    (tmp_path / "none.md").touch()
    with pytest.raises(ConfigError, match="has no lines"):
        write_into(tmp_path / "none.md", tmp_path, [])
