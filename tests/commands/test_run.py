"""`actsense run` calls Snakemake so that a target stays a target."""

from pathlib import Path

import pytest
from snakemake.cli import get_argument_parser

from actsense.commands.run import SNAKEFILE, snakemake_call
from actsense.errors import ConfigError


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text("study: one\n")
    return Path("study.yaml")


def test_snakemake_understands_the_call(configuration: Path) -> None:
    program, *call = snakemake_call(configuration, ["indices", "-n", "--config", "seed=3"])
    assert Path(program).name == "snakemake"
    assert Path(program).is_file()
    parsed = get_argument_parser().parse_args(call)
    assert list(parsed.targets) == ["indices"]
    assert [Path(path) for path in parsed.configfile] == [configuration]
    assert parsed.cores == "all" or parsed.cores > 0
    assert Path(parsed.snakefile) == SNAKEFILE
    assert parsed.dryrun


@pytest.mark.parametrize(
    "asked", [["--cores", "1"], ["-c1"], ["--cores=1"], ["--profile", "slurm"]]
)
def test_cores_that_are_asked_for_are_left(configuration: Path, asked: list[str]) -> None:
    assert "all" not in snakemake_call(configuration, asked)


def test_a_workflow_in_the_working_directory_is_taken(configuration: Path) -> None:
    Path("Snakefile").touch()
    assert not any("snakefile" in part for part in snakemake_call(configuration, []))


def test_a_package_without_its_workflow_says_so(
    configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actsense.commands.run.SNAKEFILE", Path("nowhere/Snakefile"))
    with pytest.raises(ConfigError, match=r"^nowhere/Snakefile: no workflow beside the package"):
        snakemake_call(configuration, [])


def test_a_configuration_that_is_not_there_is_named(configuration: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"^indices: no such file\. .* actsense run config\.yaml"
    ):
        snakemake_call(Path("indices"), [])
