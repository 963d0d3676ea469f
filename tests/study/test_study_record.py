"""What a run leaves for messages about its results."""

import shlex
from pathlib import Path

import pytest
from made.pipeline import tiny

from actsense.layout import make_command
from actsense.study.record import keep_record
from actsense.study.study import Study


def test_a_command_asks_as_the_run_before_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Study.load(tiny())
    monkeypatch.chdir(tmp_path)
    keep_record(own, [Path("a b.yaml")], {"seed": 3, "lda": {"folds": 2}, "device": "cpu"})
    typed = shlex.split(make_command("lda", own.results / "one/analysis/tables/lda.csv"))
    assert typed[:4] == ["snakemake", "lda", "--cores", "all"]
    assert typed[4:7] == ["--configfile", "a b.yaml", "--config"]
    assert typed[7:] == ["seed=3", 'lda={"folds": 2}', "device=cpu"]


def test_a_run_of_the_usual_configuration_needs_no_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Study.load(tiny())
    monkeypatch.chdir(tmp_path)
    keep_record(own, [], {})
    assert (
        make_command("indices", own.results, "r") == "snakemake indices --cores all --forcerun r"
    )


def test_without_a_readable_record_the_target_is_named_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text("{half")
    assert make_command("indices", tmp_path / "x") == "snakemake indices --cores all"
