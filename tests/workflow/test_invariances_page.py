"""Invariances in a real browser: images chosen by clicks, a visitor's own, at two widths."""

import re
from collections.abc import Iterator
from io import BytesIO

import pytest
from invariance_page import make_page
from PIL import Image
from playwright.sync_api import Page, expect

from benchmarks.explorer import serving, settle, view, watch

FITS = """() => {
  const main = document.querySelector("[data-testid=stMain]");
  return main.scrollWidth <= main.clientWidth;
}"""
PARTS = ("kept", "attacks", "mixing&mixed=400,401,402,403,404,405")


@pytest.fixture(scope="module")
def invariances_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a made study."""
    with serving(make_page(tmp_path_factory.mktemp("invariances") / "results/world")) as found:
        yield found


def test_images_are_chosen_by_clicks_and_a_visitor_brings_own_ones(
    invariances_address: str, browser_page: Page
) -> None:
    page = browser_page
    page.goto(f"{invariances_address}?view=invariances&show=mixing&mixed=400,401")
    watch(page)
    matrix = page.get_by_test_id("stHtml").locator("img")
    expect(matrix).to_have_count(2 + 2 + 4)
    thumbnails = page.locator(".st-key-picked_mixed button")
    assert thumbnails.first.locator("img").bounding_box()["width"] == 44  # type: ignore[index]
    thumbnails.nth(2).click()
    expect(page).to_have_url(re.compile("mixed=400%2C401%2C402"))
    expect(matrix).to_have_count(3 + 3 + 9)
    file = BytesIO()
    Image.new("RGB", (60, 40), (200, 30, 30)).save(file, "PNG")
    own = {"name": "own.png", "mimeType": "image/png", "buffer": file.getvalue()}
    page.locator("input[type=file]").set_input_files([own])
    expect(page.get_by_text("1 of your own")).to_be_visible()
    settle(page)
    thumbnails.first.click()
    expect(page).to_have_url(re.compile("own1"))
    view("Video")(page)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as GIF").click()
    with Image.open(saved.value.path()) as film:
        assert film.n_frames > 1  # type: ignore[attr-defined]


def test_nothing_of_invariances_sticks_out(invariances_address: str, browser_page: Page) -> None:
    for part in PARTS:
        browser_page.goto(f"{invariances_address}?view=invariances&show={part}")
        watch(browser_page)
        assert browser_page.get_by_test_id("stException").count() == 0
        for width in (1440, 820):
            browser_page.set_viewport_size({"width": width, "height": 900})
            settle(browser_page)
            browser_page.wait_for_function(FITS, timeout=20_000)
