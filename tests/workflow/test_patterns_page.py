"""Points in space in a real browser: they turn, tell what they are, and keep their view."""

from collections.abc import Iterator

import pytest
from patterns_study import make_patterns
from playwright.sync_api import Locator, Page, expect

from benchmarks.explorer import serving, settle, timed, watch

FITS = """() => {
  const main = document.querySelector("[data-testid=stMain]");
  return main.scrollWidth <= main.clientWidth;
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a made study."""
    with serving(make_patterns(tmp_path_factory.mktemp("patterns") / "results/shapes")) as found:
        yield found


def middle(canvas: Locator) -> tuple[float, float]:
    """Return where the middle of the canvas is on the page."""
    box = canvas.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def picture(canvas: Locator) -> str:
    """Return what is drawn, once nothing moves any more."""
    canvas.page.wait_for_timeout(500)
    return str(canvas.evaluate("canvas => canvas.toDataURL()"))


def drag(page: Page, canvas: Locator, right: float, down: float) -> None:
    x, y = middle(canvas)
    page.mouse.move(x + 90, y + 90)
    page.mouse.down()
    page.mouse.move(x + 90 + right, y + 90 + down, steps=3)
    page.mouse.up()


def test_points_turn_tell_and_move(address: str, browser_page: Page) -> None:
    page = browser_page
    page.goto(f"{address}?view=patterns&network=teacher")
    watch(page)
    canvas, tip = page.locator("canvas"), page.locator(".tip")
    front = picture(canvas)
    drag(page, canvas, 120, 40)
    turned = picture(canvas)
    assert turned != front
    page.get_by_role("slider").focus()
    timed(page, lambda page: page.keyboard.press("Home"))
    assert "moment=epoch+1" in page.url
    assert picture(canvas) != turned
    page.get_by_role("slider").focus()
    timed(page, lambda page: page.keyboard.press("End"))
    assert picture(canvas) == turned  # the view is kept, whatever is looked at
    page.get_by_role("button", name="Front").click()
    assert picture(canvas) == front
    canvas.focus()
    page.keyboard.press("ArrowRight")
    assert picture(canvas) != front
    expect(tip).to_be_hidden()
    x, y = middle(canvas)
    for step in range(60):
        page.mouse.move(x + 4 * step, y - 2 * step)
        if tip.is_visible():
            break
    expect(tip).to_contain_text("network says")
    assert "image/jpeg" in page.locator(".picture").evaluate("e => e.style.backgroundImage")
    page.mouse.move(x, y - 2000)
    expect(tip).to_be_hidden()


def test_nothing_of_patterns_sticks_out(address: str, browser_page: Page) -> None:
    for part in ("space", "image", "counts"):
        browser_page.goto(f"{address}?view=patterns&show={part}")
        watch(browser_page)
        assert browser_page.get_by_test_id("stException").count() == 0
        for width in (1440, 820):
            browser_page.set_viewport_size({"width": width, "height": 900})
            settle(browser_page)
            # A table takes its new width some time after the page.
            browser_page.wait_for_function(FITS, timeout=20_000)
