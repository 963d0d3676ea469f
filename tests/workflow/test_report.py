"""The report is one file in which every figure of a study opens, with a caption."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pipeline import REPOSITORY, snakemake
from playwright.sync_api import Locator, Page

CATEGORIES = [
    *("01 Data", "02 Networks", "03 Indices", "04 Contrast", "05 Correlation"),
    *("06 LDA", "07 Masking", "08 Single class", "09 Segments", "10 Spatial"),
    *("11 Patterns", "12 Pictures", "13 Invariances", "14 Demos"),
]
# Functions that make figures of a study, what lists further ones, and how captions begin.
PREFIXED = [
    ("of_patterns", "ALL_PATTERNS", "patterns"),
    ("of_pictures", "", "featvis"),
    ("of_invariances", "ALL_INVARIANCES", "invariance"),
    ("of_factors", "ALL_FACTORS", "factors"),
    ("of_demos", "", "demo"),
]
STYLE = REPOSITORY / "profiles/default/report.css"
CAPTIONS = sorted((REPOSITORY / "workflow/report").glob("*.rst"))
SHOWN = """() => {
    const image = document.querySelector("#app div.grow img");
    const chosen = results[app.state.resultPath];
    return image && image.complete && image.naturalWidth > 100 && image.src === chosen.data_uri;
}"""


@pytest.fixture(scope="module")
def report(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the report of a copy of the finished study."""
    folder = tmp_path_factory.mktemp("report") / "study"
    shutil.copytree(finished, folder, symlinks=True)
    path = folder / "report.html"
    made = snakemake(folder, "--report", str(path), "--report-stylesheet", str(STYLE))
    assert made.returncode == 0, made.stdout + made.stderr
    return path


@pytest.fixture
def opened(report: Path, browser_page: Page) -> Page:
    """Open the report where there is no network."""
    browser_page.context.set_offline(True)
    browser_page.goto(report.as_uri())
    browser_page.get_by_role("link", name=CATEGORIES[0], exact=True).wait_for()
    return browser_page


def rows(page: Page, category: str) -> Iterator[Locator]:
    """Go to a category, and to each of its groups where it has several, before each row."""
    groups = page.evaluate("name => Object.keys(categories[name])", category)
    for group in groups:
        way = [category, group] if len(groups) > 1 else [category]
        _walk(page, way)
        page.locator("nav tbody tr").first.wait_for()
        for number in range(page.locator("nav tbody tr").count()):
            yield page.locator("nav tbody tr").nth(number)
            _walk(page, way)
    page.get_by_role("link", name="Results", exact=True).click()


def _walk(page: Page, way: list[str]) -> None:
    back = page.get_by_role("link", name="Results", exact=True)
    if back.count():
        back.click()
    for name in way:
        page.get_by_role("link", name=name, exact=True).click()


def test_every_figure_opens_by_clicks_with_its_caption(opened: Page, report: Path) -> None:
    menu = opened.locator("nav li a").all_inner_texts()
    assert menu[-len(CATEGORIES) :] == CATEGORIES
    seen: dict[str, str] = {}
    for category in CATEGORIES:
        labels: list[str] = []
        for row in rows(opened, category):
            labels.append(row.inner_text())
            row.locator("a").first.click()
            opened.wait_for_function(SHOWN)
            row.locator("a").last.click()
            shown = opened.evaluate("app.state.resultPath")
            seen[shown] = opened.locator("nav .prose").inner_text()
        assert labels
        assert len(set(labels)) == len(labels)
    figures = {str(path.relative_to(report.parent)) for path in report.parent.rglob("*.png")}
    assert set(seen) == figures
    for figure, caption in seen.items():
        assert len(caption) > 100, figure
        assert "{{" not in caption, figure
        assert "System Message" not in caption, figure


def test_it_opens_with_what_was_found(opened: Page, report: Path) -> None:
    told = opened.locator("#app .prose")
    assert told.locator("h1").all_inner_texts() == [
        "What study tiny found",
        "How to read this report",
    ]
    figure = told.locator("a img").first
    question = figure.get_attribute("alt")
    assert question in told.locator("h2").all_inner_texts()
    opened.wait_for_function("i => i.naturalWidth > 100", arg=figure.element_handle())
    figure.click()
    opened.wait_for_function(SHOWN)
    assert Path(report.parent, opened.evaluate("app.state.resultPath")).is_file()
    assert len(opened.locator("nav .prose").inner_text()) > 100  # its caption


def test_figures_stand_in_the_order_in_which_they_are_read(opened: Page) -> None:
    opened.get_by_role("link", name="03 Indices", exact=True).click()
    opened.locator("nav tbody tr").first.wait_for()
    labels = opened.locator("nav tbody tr td:nth-child(2)").all_inner_texts()
    assert [label.split()[0] for label in labels][:4] == ["01", "02", "03", "04.1"]
    layers = opened.evaluate("Object.keys(results)")  # paths of figures
    assert {label.split()[-1] for label in labels if "maps" in label} <= {
        Path(path).stem for path in layers if "/maps/" in path
    }


def test_rows_of_a_category_have_the_same_columns(report: Path, opened: Page) -> None:
    columns = opened.evaluate(
        "Object.fromEntries(Object.entries(categories).map(([name, groups]) => [name,"
        " Object.values(groups).flat().map(path => Object.keys(results[path].labels).join())]))"
    )
    assert sorted(columns) == CATEGORIES
    assert all(len(set(keys)) == 1 for keys in columns.values()), json.dumps(columns)


def test_nothing_outside_the_report_is_asked_for(report: Path, browser_page: Page) -> None:
    asked: list[str] = []
    browser_page.on("request", lambda request: asked.append(request.url))
    browser_page.goto(report.as_uri())
    browser_page.get_by_role("link", name="Statistics", exact=True).click()
    browser_page.locator("#timeline canvas, #timeline svg").first.wait_for()
    assert report.as_uri() in asked
    assert {url.split(":")[0] for url in asked} <= {"file", "data", "blob"}


def test_a_figure_taller_than_the_window_is_scrolled_from_its_title(opened: Page) -> None:
    opened.set_viewport_size({"width": 900, "height": 400})
    opened.get_by_role("link", name="01 Data", exact=True).click()
    opened.locator("nav tbody tr a").first.click()
    opened.wait_for_function(SHOWN)
    image = opened.locator("#app div.grow img").bounding_box()
    assert image is not None
    assert image["height"] > 400
    assert image["y"] >= 0


def test_every_figure_of_the_report_has_a_caption_of_its_own() -> None:
    rules = "".join(p.read_text() for p in (REPOSITORY / "workflow/rules").glob("*.smk"))
    names = [Path(n) for n in re.findall(r'picture\(\s*"[\w ]+",\s*"([^"]+)"', rules)]
    written = [n.parent.name if "{" in n.name else n.stem for n in names]
    assert len(written) == rules.count("=picture(")
    for kind, listed, prefix in PREFIXED:
        own = re.findall(rf'{kind}\(\s*"(\w+)\.', rules)
        compared = re.search(rf"{listed} = {{(.*?)\n}}", rules, re.DOTALL) if listed else None
        own += re.findall(r'"(\w+)": "', compared[1]) if compared else []
        written += [f"{prefix}_{name}" for name in own]
    assert sorted([*written, "workflow"]) == [path.stem for path in CAPTIONS]
    ordered = rules[rules.index("CHAPTERS = {") : rules.index("def picture(")]
    assert sorted(re.findall(r'"([a-z_]+)"', ordered)) == sorted(written)


@pytest.mark.parametrize("caption", CAPTIONS, ids=lambda path: path.stem)
def test_no_caption_says_what_another_study_found(caption: Path) -> None:
    demo = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    names = [*demo["networks"], *demo["designs"], "stage", "hidden_relu"]
    found = re.findall(r"\bdemo\b|`(?:" + "|".join(names) + r")[\w.]*`", caption.read_text())
    assert not found
