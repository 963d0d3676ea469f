"""Ctrl-C ends a run and its jobs with one line."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from actsense.job.interrupt import command_line

JOB = """
import signal, sys, time
from actsense.job.log import logged
with logged(sys.argv[1]):
    try:
        print("working", flush=True)
        time.sleep(60)
    finally:
        print("tidied", flush=True)
"""
RUN = """
import logging, subprocess, sys
from actsense.job.interrupt import Interrupt
interrupt = Interrupt("Interrupted. To go on: again")
interrupt.watch(logging.getLogger("speaker"))
ignoring = ["sh", "-c", "trap '' INT; exec \\"$@\\"", "sh"]
job = subprocess.Popen([*ignoring, sys.executable, "-c", *sys.argv[1:]])
try:
    print("begun", flush=True)
    job.wait()
except KeyboardInterrupt:
    print(job.wait(), flush=True)
    logging.getLogger("speaker").error("jobs failed")
    raise
"""


def test_ctrl_c_ends_jobs_and_leaves_one_line(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, JOB, str(log)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert run.stdout
    while "working" not in run.stdout.readline():
        assert run.poll() is None
    assert os.getpgid(run.pid) == run.pid  # its own group, so nobody else's
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does
    printed, errors = run.communicate()
    assert printed.split() == ["tidied", str(128 + signal.SIGINT)]
    assert errors.strip() == "Interrupted. To go on: again"
    assert run.returncode == -signal.SIGINT
    assert log.read_text().rstrip().endswith("the run was interrupted.")


def test_other_errors_are_told_as_ever() -> None:
    program = RUN.replace("job = ", "raise ValueError('of its own')\njob = ")
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "ValueError: of its own" in run.stderr


def test_the_command_is_what_a_shell_takes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command_line(["/a b/snakemake", "x y"]) == "'/a b/snakemake' 'x y'"
    (tmp_path / "snakemake").touch(0o755)
    assert command_line(["/a b/snakemake", "plan"]) == "snakemake plan"
