"""Locks of runs that were killed, and of those that are alive."""

import multiprocessing
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from actsense.job import alone


@pytest.fixture
def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return what Snakemake remembers of a folder in which a run was killed."""
    monkeypatch.setattr(alone, "_held", [])
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/0.output.lock").write_text("a file")
    (tmp_path / alone.RUNNING).write_text(socket.gethostname())
    yield tmp_path
    for held in alone._held:
        os.close(held)


def test_locks_of_a_killed_run_are_removed(killed: Path) -> None:
    assert not alone.enter(killed)
    assert not (killed / "locks").exists()


def _live(
    folder: Path, begun: "multiprocessing.Queue[str]", end: "multiprocessing.Queue[str]"
) -> None:
    alone.enter(folder)
    (folder / "locks").mkdir()
    (folder / "locks/0.output.lock").write_text("a file")
    begun.put("")
    end.get()


def test_locks_of_a_run_that_is_alive_stay_until_it_is_killed(killed: Path) -> None:
    context = multiprocessing.get_context("fork")
    begun: multiprocessing.Queue[str] = context.Queue()
    run = context.Process(target=_live, args=(killed, begun, context.Queue()))
    run.start()
    begun.get()
    assert not alone.enter(killed)
    assert (killed / "locks/0.output.lock").exists()
    run.kill()
    run.join()
    os.close(alone._held.pop())
    assert not alone.enter(killed)
    assert not (killed / "locks").exists()


@pytest.mark.parametrize("before", ["another", "", "here cluster"])
def test_locks_of_what_may_be_alive_stay_and_are_named(killed: Path, before: str) -> None:
    (killed / alone.RUNNING).write_text(before.replace("here", socket.gethostname()))
    told = alone.enter(killed)
    assert (before.split() or ["not known"])[-1].replace("cluster", "on its cluster") in told
    os.close(alone._held.pop())
    assert alone.enter(killed) == told
    assert (killed / "locks/0.output.lock").exists()


def test_a_run_on_a_cluster_is_noted(killed: Path) -> None:
    assert not alone.enter(killed)
    alone.note_cluster(killed)
    assert (killed / alone.RUNNING).read_text() == f"{socket.gethostname()} cluster"


def test_a_folder_that_cannot_be_written_to_has_no_notes(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not alone.enter(tmp_path / "file")
