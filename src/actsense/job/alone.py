"""Whether a run is alone in its working directory: a lock of the system ends with its process.

Snakemake's own locks are files, and stay behind when their run is killed.
"""

__all__ = ["enter", "note_cluster"]

import fcntl
import os
import shutil
import socket
from contextlib import suppress
from pathlib import Path

FOLDER = Path(".snakemake")  # what Snakemake remembers of the working directory
RUNNING = "running"  # in it: the host of the last run, locked while a run is alive
CLUSTER = "cluster"

_held: list[int] = []  # open as long as the process lives


def enter(folder: Path = FOLDER) -> str:
    """Note that a run works here; remove the locks of one that was killed, if no other is alive.

    They stay if that one was on another host, or had jobs on a cluster, which may be alive.

    Arguments:
        folder: Where Snakemake keeps its locks, in `locks`.

    Returns:
        Whose locks stayed, or nothing.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        own = os.open(folder / RUNNING, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:  # nothing can be noted here
        return ""
    _held.append(own)
    try:
        fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
        stayed = _clear(own, folder / "locks")
    except OSError:  # another one is alive, or this file system has no such locks
        stayed = ""
    with suppress(OSError):
        fcntl.flock(own, fcntl.LOCK_SH)
    return stayed


def note_cluster(folder: Path = FOLDER) -> None:
    """Note that the jobs of this run may outlive it."""
    note = folder / RUNNING
    if note.is_file():
        note.write_text(f"{socket.gethostname()} {CLUSTER}", encoding="utf-8")


def _clear(own: int, locks: Path) -> str:
    here = socket.gethostname()
    if locks.is_dir() and any(locks.iterdir()):
        before = os.pread(own, 4096, 0).decode(errors="replace").split()
        if before != [here]:
            host = before[0] if before else "a host that is not known"
            jobs = ", with jobs on its cluster" if CLUSTER in before[1:] else ""
            return f"A run on {host}{jobs} was killed here, or is still at work."
        shutil.rmtree(locks, ignore_errors=True)
    os.ftruncate(own, 0)
    os.pwrite(own, here.encode(), 0)
    return ""
