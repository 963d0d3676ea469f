"""What a finished run says of where to look."""

import shutil
import sys
from pathlib import Path

import pytest

from actsense.inspection.guide import guide


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the relative folder of a study with indices and a spatial study, no analyses."""
    monkeypatch.chdir(tmp_path)
    Path("results/animals/net/colour/indices.zarr").mkdir(parents=True)
    Path("results/animals/spatial/tables").mkdir(parents=True)
    Path("results/animals/spatial/tables/shuffle.csv").touch()
    return Path("results/animals")


def test_only_what_is_there_is_named(results: Path) -> None:
    said = guide(results)
    assert "Study 'animals'" in said
    assert "results/animals/spatial " in said
    assert "results/animals/<network>/<design> " in said
    assert "single classes" not in said
    assert "describe results/animals " in said
    assert "describe results/animals/net/colour/indices.zarr" in said


def test_a_study_without_designs_is_guided_through_its_networks(results: Path) -> None:
    shutil.rmtree(results / "net")
    assert ".zarr" not in guide(results)
    (results / "net/spatial/cells.zarr").mkdir(parents=True)
    (results / "net/card.json").touch()
    said = guide(results)
    assert "Study 'animals'" in said
    assert "<design>" not in said
    assert "actsense explore results/animals " in said
    assert "describe results/animals/net/spatial/cells.zarr " in said


def test_nothing_is_said_of_nothing(tmp_path: Path) -> None:
    assert guide(tmp_path) == ""


def test_programs_are_named_as_a_shell_finds_them(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "  actsense explore results/animals " in guide(results)
    monkeypatch.setenv("PATH", "")
    beside = Path(sys.executable).with_name("actsense")
    assert f"  {beside} explore results/animals " in guide(results)


def test_the_configuration_of_the_run_is_repeated(results: Path) -> None:
    (results / "study.json").write_text('{"options": "--configfile my.yaml"}')
    said = guide(results)
    assert "  snakemake notebooks --cores all --configfile my.yaml " in said
    assert "  snakemake --report results/animals/report.html --configfile my.yaml " in said


def test_a_run_in_another_folder_than_the_shell_says_so(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PWD", str(Path.cwd()))
    assert "Look at it with\n" in guide(results)
    monkeypatch.setenv("PWD", "/")
    assert f"Look at it in {Path.cwd()} with\n" in guide(results)
