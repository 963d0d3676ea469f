"""A small study of random numbers in the layout of a real one."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from actsense.inspection import RunResults, open_study
from benchmarks.made_results import make_study

LAYERS = {"conv": (3, 4, 5), "tokens": (4, 6), "fc": (7,)}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the study once; tests must not change it."""
    folder = tmp_path_factory.mktemp("made") / "results" / "study"
    return make_study(folder, layers=LAYERS, side=16)


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """Return a copy of the study that a test may damage."""
    return Path(shutil.copytree(made, tmp_path / "results" / "study"))


@pytest.fixture
def run(made: Path) -> RunResults:
    return open_study(made)["made", "mixed"]


def page() -> None:
    import os
    from pathlib import Path

    from actsense.explorer.page import show

    show(Path(os.environ["EXPLORED"]))


@pytest.fixture
def visit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AppTest]]:
    """Return a function that opens a link to the page on a folder."""

    def open_link(path: Path, **query: str) -> AppTest:
        monkeypatch.setenv("EXPLORED", str(path))
        test = AppTest.from_function(page, default_timeout=60)
        for name, value in query.items():
            test.query_params[name] = value
        test.run()
        assert not test.exception
        return test

    return open_link
