"""The command line as a whole: what it lists, and what it says of itself."""

from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

from actsense.__main__ import COMMANDS, main
from actsense.store import write_results


def test_without_a_command_it_lists_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    listed = capsys.readouterr().out
    assert all(command.SUMMARY.split()[0] in listed for command in COMMANDS)
    assert "plot-shuffle" in listed


def test_every_command_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        name = command.__name__.rpartition(".")[2].rstrip("_").replace("_", "-")
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0
        told = " ".join(capsys.readouterr().out.split())
        assert f"{command.SUMMARY[1:]}." in told


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"actsense {version('actsense')}\n"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a study with the results of one network; the working directory is above it."""
    monkeypatch.chdir(tmp_path)
    spread = {name: (("factor", "unit"), [[0.5, 0.4]]) for name in ("shapley", "shapley_ci")}
    whole = xr.Dataset(coords={"factor": ["hue"], "layer": ["stem", "network"]})
    write_results(
        Path("results/animals/net/colour/indices.zarr"),
        {"": whole, "stem": xr.Dataset(spread)},
        attributes={},
    )
    table = Path("results/animals/spatial/tables/shuffle_curves.csv")
    table.parent.mkdir(parents=True)
    row = {"network": "net", "mode": "grid", "k": 1, "top1": 0.9, "top1_low": 0.8}
    row |= {"top1_high": 1.0, "chance": 0.1, "relative": 1.0}
    pd.DataFrame([row]).to_csv(table, index=False)
    return Path("results/animals")


FIND = ["find", "results/animals", "--factor", "hue", "-o"]
PLOT = ["plot-shuffle", "results/animals", "-o"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ([*FIND, "results"], "results: is a folder. Give the name of a file."),
        ([*FIND, "mine/x.csv"], "mine/x.csv: mine is no folder, and cannot become one."),
        ([*FIND, "mine/y/x.csv"], "mine/y/x.csv: mine/y is no folder, and cannot become one."),
        ([*PLOT, "results.png"], "results.png: is a folder."),
        ([*PLOT, "curves.pdf"], "curves.pdf: figures are PNG."),
        (["plot-shuffle", "mine"], "mine: cannot be read"),
        (["findings", "results/animals", "--into", "x.md"], "x.md: no such file."),
        (["explore", "results", "--port", "70000"], "--port: 70000 is no port, from 1 to 65535."),
        (["export", "results", "--hdf5", "out"], "results: holds no results of a study."),
    ],
)
def test_what_cannot_be_written_or_read_is_one_line_and_nothing_is_lost(
    study: Path, capsys: pytest.CaptureFixture[str], asked: list[str], said: str
) -> None:
    Path("mine").write_text("a,b\n1,2\n1,2,3\n")
    Path("results.png").mkdir()
    before = sorted(map(str, Path().rglob("*")))
    assert main(asked) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith(said)
    assert sorted(map(str, Path().rglob("*"))) == before


def test_a_study_without_findings_says_how_to_come_to_some(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["findings", "results/animals"]) == 0
    assert "no findings yet. All tables are made with: snakemake all" in capsys.readouterr().out
