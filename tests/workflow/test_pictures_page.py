"""Pictures in a real browser: from the gallery to one target, over iterations, at two widths."""

import re
from collections.abc import Iterator

import pytest
from featvis_study import make_featvis
from playwright.sync_api import Page, expect

from benchmarks.explorer import press, serving, settle, watch

FITS = """() => {
  const main = document.querySelector("[data-testid=stMain]");
  return main.scrollWidth <= main.clientWidth;
}"""
PARTS = ("of=channels", "of=facets&show=closely", "of=units&show=closely", "show=outcome")


@pytest.fixture(scope="module")
def pictures_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a made study."""
    with serving(make_featvis(tmp_path_factory.mktemp("pictures") / "results/shapes")) as found:
        yield found


def test_a_card_leads_to_its_target_and_the_slider_to_its_start(
    pictures_address: str, browser_page: Page
) -> None:
    page = browser_page
    page.goto(f"{pictures_address}?view=pictures")
    watch(page)
    press("facet 2")(page)
    expect(page).to_have_url(re.compile("show=closely.*target=1"))
    settle(page)
    large = page.get_by_alt_text("facet 2").first
    result = large.get_attribute("src")
    page.get_by_role("slider").focus()
    page.keyboard.press("Home")
    expect(page).to_have_url(re.compile("iteration=0"))
    settle(page)
    assert large.get_attribute("src") != result
    # A dot of another facet: its class is told, and a click goes there.
    dot = page.get_by_test_id("stVegaLiteChart").last.get_by_label("facet: facet 1").first
    dot.hover()
    expect(page.locator("#vg-tooltip-element")).to_contain_text("red disc")
    dot.click()
    expect(page).to_have_url(re.compile("target=0"))
    expect(page.get_by_role("heading", level=5)).to_contain_text("facet 1 of")


def test_nothing_of_pictures_sticks_out(pictures_address: str, browser_page: Page) -> None:
    for part in PARTS:
        browser_page.goto(f"{pictures_address}?view=pictures&{part}")
        watch(browser_page)
        assert browser_page.get_by_test_id("stException").count() == 0
        for width in (1440, 820):
            browser_page.set_viewport_size({"width": width, "height": 900})
            settle(browser_page)
            browser_page.wait_for_function(FITS, timeout=20_000)
