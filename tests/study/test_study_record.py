"""What a run leaves for messages about its results, and the commands that follow from it."""

import os
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from made.pipeline import tiny
from snakemake.cli import get_argument_parser, parse_config

from actsense.layout import make_command, program, recorded, report_command
from actsense.study.configuration import typed as typed_as
from actsense.study.record import keep_record
from actsense.study.study import Study


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Return a study that is run in a folder with a workflow."""
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    Path("Snakefile").touch()
    return Study.load(tiny())


def test_a_command_asks_as_the_run_before_it_did(own: Study) -> None:
    changes = {"seed": 3, "lda": {"folds": 2}, "device": "cpu", "keep_activations": True}
    changes |= {"store_budget_gb": None}
    given = [Path("a b.yaml").absolute(), Path("/elsewhere/c.yaml")]
    keep_record(own, Path("Snakefile"), given, changes)
    typed = shlex.split(make_command("lda", own.results / "one/analysis/tables/lda.csv"))
    assert typed[:4] == ["snakemake", "lda", "--cores", "all"]
    assert typed[4:8] == ["--configfile", "a b.yaml", "/elsewhere/c.yaml", "--config"]
    parsed = get_argument_parser().parse_args(typed[1:])
    assert list(parsed.targets) == ["lda"]
    assert typed_as(parse_config(parsed.config)) == changes


def test_the_designs_that_are_analysed_are_kept(own: Study) -> None:
    keep_record(own, Path("Snakefile"), [], {})
    networks = own.settings.networks
    assert recorded(own.results)["analysed"] == {name: own.analysed(name) for name in networks}
    assert any(own.analysed(name) for name in networks)


def test_a_run_of_the_usual_configuration_needs_no_options(own: Study) -> None:
    keep_record(own, Path("Snakefile").absolute(), [], {})
    again = make_command("indices", own.results, "r")
    assert again == "snakemake indices --cores all --forcerun r"
    assert report_command(own.results) == f"snakemake --report {own.results}/report.html"


def test_a_workflow_that_would_not_be_found_is_named(own: Study) -> None:
    workflow = Path("workflow/Snakefile")
    workflow.parent.mkdir()
    workflow.touch()
    keep_record(own, workflow.absolute(), [], {})
    assert make_command("lda", own.results).endswith(" --snakefile workflow/Snakefile")
    Path("Snakefile").unlink()
    keep_record(own, workflow.absolute(), [], {})
    assert make_command("lda", own.results) == "snakemake lda --cores all"


def test_from_elsewhere_a_command_goes_where_the_study_was_run(
    own: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_record(own, Path("Snakefile"), [Path("a.yaml")], {})
    results, home = own.results.absolute(), Path.cwd()
    monkeypatch.chdir(home.parent)
    expected = f"cd {home} && snakemake lda --cores all --configfile a.yaml"
    assert make_command("lda", results / "one") == expected
    assert make_command("lda", results.relative_to(home.parent)) == expected
    report = report_command(results)
    assert report.startswith(f"cd {home} && snakemake --report results/{own.name}/report.html ")
    monkeypatch.chdir(results)
    assert make_command("lda", Path("one")) == expected
    moved = home.parent / own.name
    results.rename(moved)
    monkeypatch.chdir(home)
    command, _, note = make_command("lda", moved).partition("  # ")
    assert command == expected.partition(" && ")[2]
    assert note == "where the study was run: its folder was moved"


def test_without_a_path_the_study_that_was_run_last_is_meant(own: Study) -> None:
    assert make_command("lda") == "snakemake lda --cores all"
    for age, name in enumerate(("new", "old")):
        record = Path("results", name, "study.json")
        record.parent.mkdir(parents=True)
        record.write_text(f'{{"options": "--configfile {name}.yaml"}}')
        os.utime(record, (1000 - age, 1000 - age))
    assert make_command("lda", rule="r").endswith(" --configfile new.yaml --forcerun r")


@pytest.mark.parametrize(
    "damaged",
    [b"{half", b"\xff\x00", b"[]", b"5", b'{"options": "", "analysed": ["net"]}'],
)
def test_a_damaged_record_names_the_target_and_says_what_is_lacking(
    own: Study, damaged: bytes
) -> None:
    own.results.mkdir(parents=True)
    (own.results / "study.json").write_bytes(damaged)
    assert recorded(own.results) == {}
    command, _, note = make_command("indices", own.results / "x").partition("  # ")
    assert command == "snakemake indices --cores all"
    assert note == "study.json is damaged: add the --configfile of the study"


def test_two_studies_in_one_folder_keep_their_own_records(own: Study) -> None:
    other = replace(own, settings=own.settings.model_copy(update={"study": "other"}))
    keep_record(own, Path("Snakefile"), [Path("a.yaml")], {})
    keep_record(other, Path("Snakefile"), [Path("b.yaml")], {})
    assert make_command("lda", own.results).endswith(" --configfile a.yaml")
    assert make_command("lda", other.results).endswith(" --configfile b.yaml")


def test_programs_are_named_as_a_shell_finds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert program("snakemake") == "snakemake"  # of the active environment
    assert program("of no environment") == "of no environment"
    beside = tmp_path / "env/bin/snakemake"
    other = tmp_path / "other/snakemake"
    for path in (beside, other):
        path.parent.mkdir(parents=True)
        path.write_text("#!/bin/sh")
        path.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(beside.with_name("python")))
    for path in (other.parent, ""):  # another one is found, or none
        monkeypatch.setenv("PATH", str(path))
        monkeypatch.chdir(other.parent)
        assert program("snakemake") == str(beside)
        monkeypatch.chdir(tmp_path)
        assert program("snakemake") == "env/bin/snakemake"
        assert program("snakemake", other.parent) == str(beside)
    monkeypatch.setenv("PATH", str(beside.parent))
    assert program("snakemake") == "snakemake"
