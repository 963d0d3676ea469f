"""The view of patterns: of whole, partial and damaged results, without a browser."""

import base64
import json
import re
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from explored import address, choices, told
from patterns_study import CLASSES, EACH, GRID, make_patterns
from PIL import Image
from streamlit.testing.v1 import AppTest

from actsense.explorer.patterns.cells import cell_pictures
from actsense.explorer.patterns.points import MOST, Cells, cells_of_image, moments
from actsense.explorer.patterns.space import atlas
from actsense.explorer.patterns.tables import count_words, shown_counts
from actsense.explorer.patterns.views import PARTS
from actsense.inspection import StudyResults, open_study
from actsense.patterns.figures.regions import outline

Visit = Callable[..., AppTest]
MARKDOWN = ["![x](http://example.org/a.png)", "$x$ :red[a]", "<b>_bold_</b>"]
CHOICES: dict[str, dict[str, str]] = {
    "space": {
        **{"points": "regions of stage3.block", "colour": "prediction"},
        **{"over": "attack", "moment": "step 10"},
    },
    "image": {"image": "7", "over": "training", "moment": "epoch 3"},
    "counts": {"by": "class"},
}


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_patterns(tmp_path_factory.mktemp("patterns") / "results/shapes")


@pytest.fixture(scope="module")
def study(shapes: Path) -> StudyResults:
    return open_study(shapes)


def cloud(test: AppTest) -> dict[str, Any]:
    """Return what the component is given, through JSON as strict as a browser's."""
    (space,) = test.get("bidi_component")
    found: dict[str, Any] = json.loads(space.proto.json, parse_constant=pytest.fail)
    return found


@pytest.mark.parametrize("part", PARTS)
def test_a_link_reproduces_every_choice(shapes: Path, visit: Visit, part: str) -> None:
    asked = {"study": "shapes", "view": "patterns", "show": part, "network": "teacher"}
    asked |= CHOICES[part]
    test = visit(shapes, **asked)
    assert not test.info
    assert not test.warning
    assert address(test) == asked
    assert any(re.search(r"\*\*.+\*\*", caption.value) for caption in test.caption)


def test_a_study_of_patterns_alone_has_them_on_the_first_page(shapes: Path, visit: Visit) -> None:
    test = visit(shapes)
    assert address(test)["view"] == "overview"
    assert {"view": "patterns"} in choices(test)
    assert not test.info


@pytest.mark.parametrize(("moment", "number"), [("trained", 0), ("epoch 1", 1), ("epoch 8", 3)])
def test_points_are_those_of_the_checkpoint(
    shapes: Path, study: StudyResults, visit: Visit, moment: str, number: int
) -> None:
    given = cloud(visit(shapes, view="patterns", moment=moment))
    stored = study["teacher"].patterns
    np.testing.assert_allclose(given["points"], stored.embedding(number), atol=6e-4)
    np.testing.assert_allclose(given["directions"], stored.directions(number), atol=6e-4)
    assert given["colors"] == stored.labels.tolist()


def test_regions_keep_their_image_and_their_cell(shapes: Path, visit: Visit) -> None:
    given = cloud(visit(shapes, view="patterns", points="regions of stage1"))
    count = EACH * len(CLASSES) * GRID**2
    assert given["images"] == (np.arange(count) // GRID**2).tolist()
    assert given["cells"] == (np.arange(count) % GRID**2).tolist()
    assert len(given["words"]) == len(given["points"]) == count


def test_an_attack_turns_colors_of_predictions(shapes: Path, visit: Visit) -> None:
    asked = {"view": "patterns", "over": "attack", "colour": "prediction"}
    clean, last = (cloud(visit(shapes, **asked, moment=m)) for m in ("clean", "step 20"))
    assert clean["colors"] != last["colors"]
    assert any("says ring" in words for words in last["words"][:EACH])  # of discs


def test_networks_without_checkpoints_have_no_slider_for_them(shapes: Path, visit: Visit) -> None:
    test = visit(shapes, view="patterns", network="student")
    (followed,) = [box for box in test.selectbox if box.label == "Followed"]
    assert followed.options == ["under attack", "null controls"]
    assert test.select_slider[0].label == "Step of the attack"


def test_many_regions_are_thinned_evenly(study: StudyResults, monkeypatch: Any) -> None:
    monkeypatch.setattr("actsense.explorer.patterns.points.MOST", 50)
    found = moments(study, "teacher", 3)
    assert MOST > 50 == len(found.images)
    assert found.of == EACH * len(CLASSES) * GRID**2
    assert (found.images[0], found.images[-1]) == (0, EACH * len(CLASSES) - 1)


def test_thumbnails_stand_where_their_number_says(study: StudyResults) -> None:
    pixels = study.images.read(np.arange(7))
    url, columns = atlas(pixels)
    sheet = Image.open(BytesIO(base64.b64decode(url.split(",")[1])))
    side = pixels.shape[-1]
    assert sheet.size == (3 * side, 3 * side)
    row, column = divmod(5, columns)
    box = (column * side, row * side, (column + 1) * side, (row + 1) * side)
    tile = np.asarray(sheet.crop(box)).astype(float)
    assert abs(tile - np.moveaxis(pixels[5], 0, -1)).mean() < 12


def test_an_image_says_as_many_points_as_the_figures(study: StudyResults) -> None:
    stored = study["teacher"].patterns
    for number, cells in enumerate(cells_of_image(study, "teacher", 11, 2)):
        points, reliable = stored.points(number, 2)
        assert (cells.points.ravel() == points[11]).all()
        assert (cells.reliable.ravel() == reliable[11]).all()


def test_the_border_of_points_is_drawn_and_the_rest_is_dark() -> None:
    points = np.array([[True, True], [False, False]])
    html = cell_pictures(
        np.zeros((3, 4, 4), np.uint8), [Cells("a <b>", points, points)], ["label"]
    )
    (data,) = re.findall(r"svg\+xml;base64,([^\"]+)", html)
    svg = base64.b64decode(data).decode()
    borders = re.findall(r'd="(M[^"]*L[^"]*)"', svg)
    assert [border.count("M") for border in borders] == [len(outline(points))] * 2
    assert re.findall(r'd="(M[^"]*z)"', svg)[0].count("M") == 2
    assert "a &lt;b&gt;" in html
    assert "2 points, 2 reliable" in html


def test_counts_stand_beside_all_their_controls(study: StudyResults) -> None:
    table = study.table("knowledge_points")
    words = count_words(shown_counts(table[table["network"] == "teacher"], "layer"))
    own = words[words["layer"] == "stage4.block"].set_index("found")
    assert set(own.index) == {
        *("trained network", "answers shuffled among images"),
        *("random weights", "regions exchanged among images"),
    }
    row = table[table["configured"] & (table["kind"] == "random")]
    row = row[(row["network"] == "teacher") & (row["layer"] == "stage4.block")].iloc[0]
    assert own.loc["random weights", "reliable share"] == (
        f"{row['ratio']:.2f} ({row['ratio_boot_low']:.2f} to {row['ratio_boot_high']:.2f})"
    )


def test_no_name_is_markdown(tmp_path: Path, visit: Visit) -> None:
    folder = make_patterns(tmp_path / "strange", networks=(MARKDOWN[1],), classes=MARKDOWN, each=2)
    for part in PARTS:
        test = visit(folder, view="patterns", show=part)
        assert not test.info
        written = [one.value for kind in ("markdown", "caption") for one in test.get(kind)]
        signs = r"(?<!\\)!\[|http:/|(?<!\\)\$|:red|<b>"
        assert not [text for text in written if re.search(signs, text)]


def test_what_is_missing_or_damaged_is_one_line(
    shapes: Path, made: Path, tmp_path: Path, visit: Visit
) -> None:
    test = visit(made, view="patterns")
    assert "snakemake patterns" in told(test)
    copy = Path(shutil.copytree(shapes, tmp_path / "results/copy"))
    store = copy / "teacher/patterns/patterns.zarr"
    chunk = max((store / "regions_3/embedding/c").rglob("*"), key=lambda p: p.stat().st_size)
    chunk.write_bytes(chunk.read_bytes()[:-9] + bytes(9))
    assert "damaged" in told(visit(copy, view="patterns", points="regions of stage4.block"))
    (copy / "patterns/tables/knowledge_points.csv").unlink()
    assert "knowledge_points.csv" in told(visit(copy, view="patterns", show="counts"))
