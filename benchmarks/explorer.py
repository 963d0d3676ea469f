"""Every interaction with the explorer in a browser, on results as large as AlexNet's."""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

from benchmarks.made_results import make_study
from benchmarks.measure import Measurement

ROUNDS = 3
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# Notes when something was pressed, and when the page changed for the last time. What tables write
# inside their canvas is for screen readers: it is not drawn, and waits until nothing has changed.
WATCH = """() => {
  window.changed = performance.now();
  window.pressed = performance.now();
  const press = () => { window.pressed = performance.now(); };
  addEventListener('pointerdown', press, true);
  addEventListener('keydown', press, true);
  const drawn = change => change.target.nodeName !== 'CANVAS' || change.type === 'attributes';
  new MutationObserver(changes => {
    if (changes.some(drawn)) window.changed = performance.now();
  }).observe(
    document.body, {subtree: true, childList: true, attributes: true, characterData: true});
}"""
SETTLED = """quiet => {
  const app = document.querySelector('[data-testid=stApp]');
  return app && app.dataset.testScriptState === 'notRunning'
    && document.querySelector('[data-testid=stAppViewContainer] [data-testid=stVerticalBlock]')
    && !document.querySelector('[data-testid=stSkeleton]')
    && performance.now() - Math.max(window.changed, window.pressed) > quiet;
}"""
Action = Callable[[Page], None]


def measurements() -> Iterator[Measurement]:
    """Measure every interaction, from the press to the last change of the page."""
    with tempfile.TemporaryDirectory() as folder:
        make_study(Path(folder) / "alexnet")
        times = {name: [] for name in INTERACTIONS} | {"load": []}  # type: dict[str, list[float]]
        with serving(Path(folder)) as address, opened() as page:
            for _ in range(ROUNDS):
                start = time.perf_counter()
                page.goto(f"{address}?view=units")
                watch(page)
                times["load"].append(time.perf_counter() - start)
                for name, action in INTERACTIONS.items():
                    times[name].append(timed(page, action))
    load = times.pop("load")
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    every = [seconds for one in times.values() for seconds in one]
    slowest = max(medians, key=lambda name: medians[name])
    listed = ", ".join(f"{name} {seconds:.2f}" for name, seconds in medians.items())
    busy = f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    yield Measurement(
        "explorer_interaction_median",
        statistics.median(every),
        1,
        0.5,
        "s",
        f"from press to the last change of the page, {len(every)} of them; first and later loads "
        f"of the page {load[0]:.1f} and {statistics.median(load[1:]):.1f} s; {busy}",
    )
    yield Measurement(
        "explorer_slowest_interaction",
        medians[slowest],
        1,
        0.5,
        "s",
        f"{slowest}; largest of all {max(every):.2f} s; medians of {ROUNDS}: {listed}",
    )


@contextmanager
def serving(path: Path, log: Path | None = None) -> Iterator[str]:
    """Start the explorer; yield its address.

    Arguments:
        path: A study, or a folder of studies.
        log: Where what the server says goes.
    """
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "actsense", "explore", str(path)]
    command += ["--port", str(port), "--no-browser"]
    with (log or Path(os.devnull)).open("w") as said:
        server = subprocess.Popen(command, stdout=said, stderr=said)
        try:
            address = f"http://localhost:{port}"
            _wait(address, server)
            yield address
        finally:
            server.terminate()
            server.wait()


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=5).close()
            return
        except OSError:
            assert server.poll() is None, "the server ended"
            time.sleep(0.2)
    raise TimeoutError(address)


@contextmanager
def opened() -> Iterator[Page]:
    """Open a page in the system's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=ARGUMENTS,
        )
        yield browser.new_page(viewport={"width": 1400, "height": 900})
        browser.close()


def watch(page: Page) -> None:
    """Follow the changes of a page that was just opened, until there are none."""
    page.evaluate(WATCH)
    settle(page)


def settle(page: Page, *, quiet: float = 400) -> None:
    """Wait until the script has run and nothing has changed for so many milliseconds."""
    page.wait_for_function(SETTLED, arg=quiet, timeout=120_000, polling=50)


def timed(page: Page, action: Action) -> float:
    """Do something; return the seconds from the last press to the last change."""
    action(page)
    settle(page)
    return float(page.evaluate("() => (window.changed - window.pressed) / 1000"))


def processor_seconds() -> float:
    """Return the processor time of the server and the browser so far."""
    spent = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            spent += sum(process.cpu_times()[:2])
    return spent


def choose(label: str, option: str) -> Action:
    """Choose an option of a selectbox."""

    def act(page: Page) -> None:
        box = page.get_by_test_id("stSelectbox").filter(has_text=label)
        box.get_by_role("combobox").first.click()
        page.get_by_role("option", name=option, exact=True).click()

    return act


def press(name: str) -> Action:
    """Press a button."""
    return lambda page: page.get_by_role("button", name=name, exact=True).first.click()


def view(name: str) -> Action:
    """Choose one of several buttons that stand side by side."""
    return lambda page: page.get_by_role("radio", name=name, exact=True).click(force=True)


def number(label: str, value: int) -> Action:
    """Type a number."""

    def act(page: Page) -> None:
        field = page.get_by_role("spinbutton", name=label, exact=True)
        field.fill(str(value))
        field.press("Enter")

    return act


def row(place: int) -> Action:
    """Click a row of the ranking."""

    def act(page: Page) -> None:
        table = page.get_by_test_id("stDataFrame").first
        table.click(position={"x": 120, "y": 36 + 28 * place + 14})

    return act


def card(place: int) -> Action:
    """Click one of the strongest channels on the overview."""
    return lambda page: page.locator("button[data-choice]").nth(place).click()


def dot(place: int) -> Action:
    """Click a dot of the first chart."""
    return lambda page: page.locator("[aria-roledescription=circle]").nth(place).click(force=True)


def pixel(across: float, down: float) -> Action:
    """Click a place of the first map, by shares of its width and height."""

    def act(page: Page) -> None:
        box = page.locator("[data-axes]").first
        box.scroll_into_view_if_needed()
        place = box.bounding_box()
        assert place is not None
        page.mouse.click(place["x"] + across * place["width"], place["y"] + down * place["height"])

    return act


INTERACTIONS: Mapping[str, Action] = {
    "layer": choose("Layer", "conv3"),
    "factor": choose("Factor", "hue"),
    "index": choose("Index", "S1, first order"),
    "row of the table": row(4),
    "channel": number("Channel", 200),
    "row": number("Row", 7),
    "pixel": pixel(0.3, 0.7),
    "strongest position": press("Strongest position"),
    "order": choose("Channels by", "lower end of its interval"),
    "colors": choose("Colors", "0 to 1"),
    "search of all layers": choose("Among", "of all layers: the surest"),
    "found channel": row(2),
    "one layer again": choose("Among", "of this layer"),
    "top images": view("Top images"),
    "another augmentation": choose("Under", "rotation"),
    "contrast": view("Contrast"),
    "compare": view("Compare"),
    "another factor": choose("with", "rotation"),
    "vector layer": choose("Layer", "fc6"),
    "two layers": view("two layers"),
    "masking": view("Masking"),
    "another measure": choose("Measure", "entropy of the predictions, nats"),
    "where things are": view("Where things are"),
    "masked cells": view("Masked cells"),
    "units": view("Units and maps"),
    "unit": number("Unit", 4095),
    "design": choose("Design", "other"),
    "another layer": choose("Layer", "conv5"),
    "overview": view("Overview"),
    "overview of another design": choose("Design", "mixed"),
    "dot": dot(20),
    "overview again": view("Overview"),
    "strongest channel": card(0),
}
