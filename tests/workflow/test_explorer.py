"""The explorer in a real browser, on results of a real run."""

import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from benchmarks.explorer import choose, number, press, row, serving, settle, timed, view, watch

EVERY_CONTROL = {
    "to the units": view("Units and maps"),
    "another layer": choose("Layer", "logits"),
    "layer": choose("Layer", "stage2"),
    "factor": choose("Factor", "rolling"),
    "index": choose("Index", "ST, total"),
    "row": row(1),
    "channel": number("Channel", 0),
    "position": number("Row", 0),
    "column": number("Col", 0),
    "strongest position": press("Strongest position"),
    "strongest channel": press("Strongest channel"),
    "all layers": choose("Among", "of all layers: the surest"),
    "this layer": choose("Among", "of this layer"),
    "order": choose("Channels by", "number"),
    "colors": choose("Colors", "0 to 1"),
    "images": view("Top images"),
    "whole channel": view("the whole channel"),
    "under": choose("Under", "brightness"),
    "contrast": view("Contrast"),
    "compare": view("Compare"),
    "second factor": choose("with", "class (part of content)"),
    "layers": view("two layers"),
    "other layer": choose("stage2 with", "probabilities"),
    "runs": view("two networks or designs"),
    "masking": view("Masking"),
    "measure": choose("Measure", "entropy of the predictions, nats"),
    "input": choose("Images shown", "rolling"),
    "vector": choose("Layer", "probabilities"),
    "spatial": view("Where things are"),
    "shuffled by": choose("Shuffled by", "bands: whole rows and columns of patches"),
    "saturation": view("Saturated colours"),
    "cells": view("Masked cells"),
    "order of masking": choose("Order of masking", "insertion: the first cells alone are shown"),
    "interaction": view("Distant patches"),
    "saliency": view("Saliency"),
    "patterns": view("Patterns"),
    "knowledge points": view("Knowledge points of an image"),
    "counts": view("Counts"),
    "units": view("Units and maps"),
    "unit": number("Unit", 1),
}
END = {
    "study": "tiny",
    "network": "one",
    "design": "mixed",
    "layer": "probabilities",
    "factor": "rolling",
    "index": "ST",
    "unit": "1",
    "view": "units",
    "among": "layer",
    "order": "number",
}
# They may ask for what is shown already.
MAY_STAY = {"channel", "position", "column", "strongest position", "strongest channel"}


def digest(folder: Path) -> str:
    """Hash names, contents and times of all files below a folder."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        found.update(f"{path} {path.stat().st_mtime_ns}".encode())
        if path.is_file():
            found.update(path.read_bytes())
    return found.hexdigest()


def query(page: Page) -> dict[str, str]:
    """Return what the address of the page says."""
    found: dict[str, str] = page.evaluate(
        "() => Object.fromEntries(new URL(location.href).searchParams)"
    )
    return found


def visit(page: Page, address: str) -> None:
    page.goto(address)
    watch(page)


@pytest.fixture
def studies(finished: Path) -> Path:
    """Return the folder of all studies."""
    return finished / "results"


@pytest.fixture(scope="module")
def explored(finished: Path) -> Iterator[str]:
    """Serve all studies, to pages that have nothing in common but the server."""
    with serving(finished / "results") as address:
        yield address


def test_every_control_works_and_nothing_is_written(
    studies: Path, browser_page: Page, tmp_path: Path
) -> None:
    before = digest(studies)
    log = tmp_path / "server.log"
    with serving(studies, log) as address:
        visit(browser_page, address)
        expect(browser_page.get_by_text("Where to look on")).to_be_visible()
        for name, action in EVERY_CONTROL.items():
            seen = query(browser_page)
            timed(browser_page, action)
            assert browser_page.get_by_test_id("stException").count() == 0, name
            assert query(browser_page) != seen or name in MAY_STAY, name
        shown = query(browser_page)
        words = browser_page.get_by_test_id("stMain").inner_text()
        visit(browser_page, browser_page.url)
        assert query(browser_page) == shown  # a link shows the same
        assert browser_page.get_by_test_id("stMain").inner_text() == words
    assert shown == END
    assert "Traceback" not in log.read_text()
    assert digest(studies) == before


def test_back_and_forward_follow_the_address(explored: str, browser_page: Page) -> None:
    visit(browser_page, f"{explored}?view=contrast")
    timed(browser_page, choose("Layer", "logits"))
    assert query(browser_page)["layer"] == "logits"
    browser_page.go_back()
    settle(browser_page)
    assert query(browser_page)["layer"] == "stage2"
    expect(browser_page.get_by_text("What each augmentation alone does to")).to_contain_text(
        "stage2"
    )


FITS = """() => {
    const main = document.querySelector('[data-testid="stMain"]');
    return main.scrollWidth <= main.clientWidth;
}"""
LOOKED_AT = ("overview", "spatial", "patterns", "units", "images", "contrast", "masking")


@pytest.mark.parametrize("name", LOOKED_AT)
def test_nothing_sticks_out_of_the_page_at_any_width(
    explored: str, browser_page: Page, name: str
) -> None:
    visit(browser_page, f"{explored}?view={name}&layer=stage2")
    for width, rows in ((1440, 1), (1100, 2), (820, 2), (390, 4)):
        browser_page.set_viewport_size({"width": width, "height": 900})
        settle(browser_page)
        # Charts are drawn anew a moment after the window has its width.
        browser_page.wait_for_function(FITS, timeout=10_000)
        buttons = browser_page.locator(".st-key-pick_view").get_by_role("radio").all()
        boxes = [box for button in buttons if (box := button.bounding_box())]
        assert len(boxes) == 12
        assert len({round(box["y"]) for box in boxes}) == rows, width
        assert max(box["x"] + box["width"] for box in boxes) <= width
        # The six views of a unit stand below those of the study, or behind them.
        first, second = boxes[:6], boxes[6:]
        below = min(box["y"] for box in second) > max(box["y"] for box in first)
        behind = min(box["x"] for box in second) > max(box["x"] for box in first)
        assert below or behind, width


def test_partial_results_in_a_folder_that_cannot_be_written(
    copied: Path, browser_page: Page, tmp_path: Path
) -> None:
    study = copied / "results/tiny"
    for gone in ("contrast.zarr", "masking.zarr", "top_images.zarr"):
        shutil.rmtree(study / "one/mixed" / gone)
    for path in [*copied.rglob("*"), copied]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    log = tmp_path / "server.log"
    try:
        with serving(study, log) as address:
            for name, target in (
                ("images", "contrast"),
                ("contrast", "contrast"),
                ("masking", "masking"),
            ):
                visit(browser_page, f"{address}?view={name}&layer=nowhere")
                alerts = browser_page.get_by_test_id("stAlert").all_inner_texts()
                command = re.compile(rf"Make it with: .*snakemake .*\b{target}\b")
                assert any(command.search(text) for text in alerts), alerts
                assert any("The link's layer 'nowhere' is not here" in text for text in alerts)
            visit(browser_page, f"{address}?view=units")
            expect(browser_page.get_by_text("Maps of")).to_be_visible()
    finally:
        for path in [copied, *copied.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert "Traceback" not in log.read_text()
