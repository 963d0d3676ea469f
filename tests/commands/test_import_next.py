"""What `actsense import` says to do next, wherever its results are."""

from pathlib import Path

import pytest

from actsense.commands.import_ import _next_command


def test_what_comes_next_is_run_where_the_results_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    asked = "actsense run results/theirs/study.yaml figures correlation lda"
    assert _next_command(Path("results/theirs/study.yaml")) == asked
    monkeypatch.chdir(tmp_path)
    away = _next_command(Path("home/results/theirs/study.yaml"))
    assert away == f"cd {tmp_path / 'home'} && {asked}"
    assert _next_command(Path("theirs/study.yaml")) == (
        f"move theirs into a folder called results, and beside that folder: {asked}"
    )
