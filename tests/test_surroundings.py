"""What is compiled is kept wherever something can be kept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from actsense.surroundings import SETTING, keep_compiled

PROGRAM = "import actsense.statistics.signed_ranks, os; print(os.environ.get('NUMBA_CACHE_DIR'))"


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a package that cannot be written to, without a home, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    monkeypatch.setenv("HOME", "/dev/null/nobody")
    for name in (SETTING, "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(SETTING, "")  # so that what is set is taken back
    monkeypatch.delenv(SETTING)
    return tmp_path


def test_without_a_home_the_working_directory_keeps_it(closed: Path) -> None:
    keep_compiled(closed)
    assert Path(os.environ[SETTING]) == closed / ".snakemake/actsense/numba"
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    run = [sys.executable, "-c", PROGRAM]
    found = subprocess.check_output(run, text=True, env=environment)  # Numba takes it
    assert found.strip() == os.environ[SETTING]
    assert [*(closed / ".snakemake/actsense/numba").iterdir()]


def test_a_cache_that_the_user_names_is_left_to_numba(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(closed / "cache"))
    keep_compiled(closed)
    assert SETTING not in os.environ


def test_where_nothing_can_be_written_a_folder_of_the_process_serves(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".snakemake").write_text("no folder")
    keep_compiled(closed)
    assert Path(os.environ[SETTING]).is_dir()
    assert not Path(os.environ[SETTING]).is_relative_to(closed)


def test_a_package_that_can_be_written_to_needs_nothing(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: True)
    keep_compiled(closed)
    assert SETTING not in os.environ
