"""A small study of random numbers in the layout of a real one."""

import shutil
from pathlib import Path

import pytest

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
