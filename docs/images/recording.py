"""Record the explorer: `explorer.webp`.

`make recording` runs this on the finished demo. A browser shows the page, a pointer of our own
goes where clicks go, and a line below says what happens. Anything that a scene looks for and does
not find ends the program, and leaves the old recording as it was.
"""

import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page

from benchmarks.explorer import opened, serving, settle, watch

SIZE = {"width": 1400, "height": 860}  # pixels of the window
SHOWN = 1200  # pixels of the recording's width
QUALITY = 92  # below, shadows of earlier scenes are seen
MOST = 2_000_000  # bytes
MOVE, STEPS = 45, 7  # milliseconds of a frame while the pointer moves, and frames of a move
TURNS = 9  # steps of the slider
READ, LAST = 2600, 3500  # milliseconds that a scene stands, and the last one
# The pointer, and the line below. Both are above all, and let clicks through.
OURS = """() => {
  const add = (name, style, html) => {
    const own = document.createElement("div");
    own.id = name;
    own.style.cssText = `position:fixed;z-index:9999999;pointer-events:none;${style}`;
    own.innerHTML = html;
    document.documentElement.append(own);
  };
  add("our-words", "left:0;right:0;bottom:0;padding:14px;text-align:center;color:white;" +
    "font:600 23px sans-serif;background:#1d2733", "");
  add("our-pointer", "left:0;top:0", '<svg width="34" height="34" viewBox="0 0 24 24">' +
    '<path d="M4 2 L4 19 L8.5 15 L11.5 22 L14.5 20.7 L11.5 14 L17.5 14 Z" fill="black" ' +
    'stroke="white" stroke-width="1.4"/></svg>');
}"""
Frames = list[tuple[Image.Image, int]]


class Recorder:
    """Shots of a page, with the milliseconds that each stands, and where the pointer is."""

    def __init__(self, page: Page) -> None:
        """Begin in the middle of a page."""
        self.page = page
        self.frames: Frames = []
        self.at = (SIZE["width"] / 2, SIZE["height"] / 2)
        page.evaluate(OURS)
        self._point(self.at)

    def say(self, words: str) -> None:
        """Write what happens."""
        script = "words => document.getElementById('our-words').textContent = words"
        self.page.evaluate(script, words)

    def stand(self, milliseconds: int = READ) -> None:
        """Keep what is shown, once nothing changes."""
        settle(self.page)
        self.shoot(milliseconds)

    def shoot(self, milliseconds: int) -> None:
        """Keep what is shown now."""
        shot = Image.open(BytesIO(self.page.screenshot())).convert("RGB")
        side = (SHOWN, round(shot.height * SHOWN / shot.width))
        self.frames.append((shot.resize(side, Image.Resampling.LANCZOS), milliseconds))

    def go(self, place: Locator, *, right: float = 0.5, down: float = 0.5) -> tuple[float, float]:
        """Move the pointer to a place of an element; return where that is."""
        place.scroll_into_view_if_needed()
        settle(self.page)
        box = place.bounding_box()
        assert box is not None
        end = (box["x"] + right * box["width"], box["y"] + down * box["height"])
        for point in np.linspace(self.at, end, STEPS + 1)[1:]:
            self._point((float(point[0]), float(point[1])))
            self.shoot(MOVE)
        self.at = end
        return end

    def click(self, place: Locator, *, right: float = 0.5, down: float = 0.5) -> None:
        """Move the pointer to a place of an element, and click there."""
        self.page.mouse.click(*self.go(place, right=right, down=down))
        self.shoot(MOVE)

    def drag(self, place: Locator, right: float, down: float) -> None:
        """Press in the middle of an element, and pull by so many pixels."""
        start = self.go(place)
        self.page.mouse.down()
        for share in np.linspace(0, 1, 2 * STEPS)[1:]:
            point = (start[0] + share * right, start[1] + share * down)
            self.page.mouse.move(*point)
            self._point(point)
            self.page.wait_for_timeout(60)
            self.shoot(2 * MOVE)
            self.at = point
        self.page.mouse.up()

    def view(self, name: str) -> None:
        """Choose one of several buttons that stand side by side."""
        self.page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")
        self.click(self.page.get_by_role("radio", name=name, exact=True))

    def _point(self, at: tuple[float, float]) -> None:
        self.page.evaluate(
            "at => { const own = document.getElementById('our-pointer');"
            "own.style.left = at[0] + 'px'; own.style.top = at[1] + 'px'; }",
            list(at),
        )


def overview(record: Recorder) -> None:
    """Show the first page, and choose a channel there."""
    record.say("What each layer of a network feels, and the channels that feel it most")
    record.stand()
    strongest = record.page.locator(".strong").filter(has_text="hue").locator("button").first
    record.click(strongest)
    record.say("A click: where in the channel the factor is felt, and how certainly")
    record.stand()


def unit(record: Recorder) -> None:
    """Look at one unit: its map, its images, a picture under sliders."""
    record.click(record.page.locator("[data-axes]").first, right=0.3, down=0.3)
    record.say("A place of the map: that unit under every factor")
    record.stand()
    record.view("Top images")
    record.say("The images that drive it most, untouched and under an augmentation")
    record.stand()
    record.view("Your picture")
    record.click(record.page.get_by_test_id("stMain").locator("label").filter(has_text="hue").last)
    record.say("Any picture, under augmentations set by hand: the network answers")
    record.stand()
    slider = record.page.get_by_test_id("stMain").get_by_role("slider").first
    record.go(record.page.get_by_test_id("stSlider").first)
    for _ in range(TURNS):
        slider.press("ArrowRight")
        record.stand(5 * MOVE)
    record.stand()


def study(record: Recorder) -> None:
    """Go through the views of the whole study."""
    record.view("Where things are")
    record.say("How much the networks depend on where things are in an image")
    record.stand()
    record.view("Patterns")
    record.stand(MOVE)
    record.say("Images as the network sees them: drag to turn")
    record.drag(record.page.locator("canvas").first, 190, 60)
    record.stand()
    record.view("Pictures")
    record.say("What layers and units look for, beside natural images")
    record.stand()
    record.view("Invariances")
    record.view("Representations")
    record.say("Images that a layer cannot tell from one image: what it discards")
    record.stand(LAST)


SCENES: tuple[Callable[[Recorder], None], ...] = (overview, unit, study)


def write(frames: Frames, path: Path) -> int:
    """Write frames as a moving picture, whole or not at all; return its bytes.

    Raises:
        ValueError: If it would be too large for a page.
    """
    first, *others = (image for image, _ in frames)
    file = BytesIO()
    first.save(
        file,
        "WEBP",
        save_all=True,
        append_images=others,
        duration=[milliseconds for _, milliseconds in frames],
        loop=0,
        quality=QUALITY,
        method=4,
        kmax=30,
    )
    if file.tell() > MOST:
        raise ValueError(f"{path}: {file.tell():,} bytes are more than {MOST:,}.")
    part = path.with_suffix(".part")
    part.write_bytes(file.getvalue())
    part.replace(path)
    return file.tell()


def main(results: Path, path: Path) -> None:
    """Record the explorer on some results.

    Arguments:
        results: The folder of the finished demo.
        path: The file to write.
    """
    with serving(results) as address, opened() as page:
        page.set_viewport_size(SIZE)
        page.goto(address)
        watch(page)
        record = Recorder(page)
        for scene in SCENES:
            scene(record)
    length = sum(milliseconds for _, milliseconds in record.frames) / 1000
    size = write(record.frames, path)
    print(f"{path}: {len(record.frames)} frames, {length:.0f} s, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
