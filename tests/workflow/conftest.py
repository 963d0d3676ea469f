"""One real run of the tiny study, shared by every test of the workflow."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import FileLock
from playwright.sync_api import Browser, Page, sync_playwright

from actsense.errors import ConfigError
from actsense.study import SURVEY, Study

REPOSITORY = Path(__file__).parents[2]
SCHEMA = REPOSITORY / "workflow/schemas/config.schema.yaml"
TINY = REPOSITORY / "workflow/studies/test.yaml"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
# Without these it looks for hosts of its maker at every start.
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files: short ones then level out what the processes have to do."""
    items.sort(key=lambda item: "workflow" not in item.path.parts)


def command(*arguments: str) -> list[str]:
    """Return the command that runs the checkout's Snakefile in the working directory."""
    program = str(Path(sys.executable).with_name("snakemake"))
    return [program, "--snakefile", str(REPOSITORY / "Snakefile"), "--cores", "2", *arguments]


def surroundings(folder: Path) -> dict[str, str]:
    """Return the environment of a run that inherits what this process knows of its study.

    To lay out the networks a run imports PyTorch, which takes longer than all the rest of a dry
    run. A run of another configuration than the folder's does not inherit and looks itself.
    """
    settings = yaml.safe_load((folder / "config.yaml").read_text())
    if "python" in {network.get("kind") for network in settings["networks"].values()}:
        return dict(os.environ)  # its module may have the name of another test's
    try:
        with chdir(folder), pytest.MonkeyPatch.context() as environment:
            environment.setenv(SURVEY, "{}")
            Study.load(settings, SCHEMA).bequeath()
            return dict(os.environ)
    except ConfigError:
        return dict(os.environ)


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a folder that holds `config.yaml`, with the checkout's Snakefile."""
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=surroundings(folder) | {"COLUMNS": "200"},
        check=False,
    )


def tiny(**changes: Any) -> dict[str, Any]:
    """Return the configuration of the tiny study with some sections replaced."""
    settings: dict[str, Any] = yaml.safe_load(TINY.read_text())
    return settings | changes


def configure(folder: Path, **changes: Any) -> None:
    (folder / "config.yaml").write_text(yaml.safe_dump(tiny(**changes)))


def planned(result: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """Return how many jobs of each rule a dry run announced."""
    assert result.returncode == 0, result.stdout + result.stderr
    text = result.stdout + result.stderr
    if "Nothing to be done" in text:
        return {}
    table = text[text.rindex("Job stats:") :]
    rows = re.findall(r"^(\w+)\s+(\d+)$", table, flags=re.MULTILINE)
    return {rule: int(count) for rule, count in rows if rule != "total"}


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
