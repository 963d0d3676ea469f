"""One real run of the tiny study, shared by every test of the workflow."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from pipeline import command, configure
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
# Without these it looks for hosts of its maker at every start.
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files: short ones then level out what the processes have to do."""
    items.sort(key=lambda item: "workflow" not in item.path.parts)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the whole tiny study for real, once for all processes; tests must not change it."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder = shared / "finished"
    with FileLock(shared / "finished.lock"):
        if not folder.exists():
            making = shared / "making"
            making.mkdir(exist_ok=True)
            configure(making)
            # Without `surroundings`: this run looks at its networks itself.
            result = subprocess.run(
                command(), cwd=making, capture_output=True, text=True, check=False
            )
            assert result.returncode == 0, result.stdout + result.stderr
            making.rename(folder)
    return folder


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """Return a copy of the finished study that a test may change."""
    return Path(shutil.copytree(finished, tmp_path / "study", symlinks=True))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the system's Chromium, without a window."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        arguments = [*QUIET, "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield started
        started.close()


@pytest.fixture
def browser_page(browser: Browser) -> Iterator[Page]:
    """Open an empty page that fails the test when it fails: errors, or requests without answer."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(f"error: {error}"))
    page.on("console", lambda m: failures.append(m.text) if m.type == "error" else None)
    page.on("requestfailed", lambda request: failures.append(f"no answer: {request.url}"))
    yield page
    seen = list(failures)
    page.close()  # ends what is under way, which is no failure
    assert not seen
