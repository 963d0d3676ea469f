"""The activations alive on disk: how much they may take together, and what is left over.

Snakemake's tokens keep running jobs within the budget. What tokens do not see is what a killed
job leaves behind, and a shard whose sums failed: so every writer also counts the files.
A shard in the making is a reservation, `.<shard>.<host>.<bytes>.reserved`, that its writer keeps
locked; a complete one counts by its size.
"""

__all__ = ["allowance", "remove_orphans", "reserve"]

import fcntl
import math
import random
import re
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from actsense.errors import ConfigError
from actsense.store.atomic import partials, remove
from actsense.store.damage import DiskFullError

SHARDS = "*/*/shards"  # below the folder of a study: <network>/<design>/shards
# Folders of parts of other results, beside the result.
PARTS = {"contrast_parts": "contrast.zarr", "masking_parts": "masking.zarr"}
# A part of a replicate, or several whole ones.
SHARD = re.compile(
    r"((?P<replicate>\d+)_\d+|(?P<replicates>\d+-\d+))(?P<moments>\.moments)?\.zarr\.zip"
)
RESERVED = re.compile(r"\.(?P<shard>.+)\.(?P<host>[^.]+)\.(?P<size>\d+)\.reserved")
HOST = socket.gethostname().partition(".")[0]
ADVICE = (
    "Make room, lower `store_budget_gb`, set more `shards` per design for smaller files, or "
    "choose `activations: stream`, which writes none."
)


def allowance(settings: Mapping[str, Any]) -> float:
    """Return the bytes that all activations of a study may take: no bound where they are kept."""
    return math.inf if settings["keep_activations"] else settings["store_budget_gb"] * 1e9


@contextmanager
def reserve(
    shard: Path, size: int, budget: float, *, patience: float = 60.0, pause: float = 2.0
) -> Iterator[None]:
    """Hold room for a shard while the block writes it.

    Arguments:
        shard: The file to be written, `<study>/<network>/<design>/shards/<name>`.
        size: The most it can take, bytes.
        budget: The most that all shards of the study may take together, bytes.
        patience: Seconds to wait for room.
        pause: Seconds between two looks, at most.

    Raises:
        ConfigError: If no room came up, with the shards that take it.
        DiskFullError: If the file system has no room for the shard, before or during its writing.
    """
    study, deadline = shard.parents[3], time.monotonic() + patience
    shard.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as lease:
        while True:
            lease.enter_context(_reservation(shard, size))
            alive = _alive(study)
            if sum(alive.values()) <= budget:
                break
            lease.close()  # with nothing held while waiting, two that wait cannot block each other
            if time.monotonic() > deadline:
                raise ConfigError(_no_room(shard, size, budget, alive))
            time.sleep(pause * random.random())
        needed = f"{size / 1e9:.3f} GB needed for this shard"
        if shutil.disk_usage(shard.parent).free < size:
            raise DiskFullError(shard, needed, ADVICE)
        try:
            yield
        except DiskFullError as error:
            raise DiskFullError(shard, needed, ADVICE) from error


def remove_orphans(study: Path, expected: set[Path], *, keep: bool) -> list[Path]:
    """Remove what interrupted runs left in the shard folders; return what was removed.

    Call it when a run has ended well. Files that no configured job makes, halves of files, and
    shards that are summed up already serve nobody.

    Arguments:
        study: The folder of the study's results.
        expected: Shards of the present configuration, activations and moments; and parts of other
            results.
        keep: Whether complete shards of activations are results to be kept.
    """
    parts = [file for folder in PARTS for file in study.glob(f"*/*/{folder}/*")]
    orphans = [file for file in parts if file not in expected or _is_read(file)]
    for file in sorted(study.glob(f"{SHARDS}/*")):
        shard = SHARD.fullmatch(file.name)
        if shard is None or file not in expected:
            orphans.append(file)
        elif not (keep and not shard["moments"]):
            whole = f"replicates_{shard['replicates']}"
            name = whole if shard["replicates"] else f"replicate_{shard['replicate']}"
            merged = file.parents[1] / "moments" / f"{name}.zarr.zip"
            if merged.exists() and merged.stat().st_mtime >= file.stat().st_mtime:
                orphans.append(file)
    for file in orphans:
        remove(file)
    return sorted(orphans)


def _is_read(part: Path) -> bool:
    """Tell whether the result that a part is of is there, and younger."""
    whole = part.parents[1] / PARTS[part.parent.name]
    return whole.exists() and whole.stat().st_mtime >= part.stat().st_mtime


@contextmanager
def _reservation(shard: Path, size: int) -> Iterator[None]:
    for left in _reservations(shard):  # of an attempt that was killed
        remove(left)
    path = shard.with_name(f".{shard.name}.{HOST}.{size}.reserved")
    beside = path.with_suffix(f".{uuid4().hex[:8]}.partial")
    with beside.open("w") as file:
        with suppress(OSError):  # a file system without locks: it counts until it is replaced
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        beside.rename(path)  # it is locked from the moment it can be seen
        try:
            yield
        finally:
            remove(path)


def _reservations(shard: Path) -> list[Path]:
    return sorted(shard.parent.glob(f".{shard.name}.*.reserved"))


def _alive(study: Path) -> dict[str, int]:
    """Return the bytes of every shard that is on disk or reserved, by name."""
    alive: dict[str, int] = {}
    for file in study.glob(f"{SHARDS}/*"):
        shard, reserved = SHARD.fullmatch(file.name), RESERVED.fullmatch(file.name)
        if reserved is not None and not _abandoned(file, reserved):
            alive[str(file)] = int(reserved["size"])
        elif shard is not None and not shard["moments"]:
            with suppress(FileNotFoundError):  # used up since it was listed
                alive[str(file)] = file.stat().st_size
    return alive


def _abandoned(file: Path, reserved: re.Match[str]) -> bool:
    """Tell whether the writer is dead for certain, and clear up after it.

    Locks of other hosts are not relied on: some file systems keep them to themselves, others
    have none.
    """
    if reserved["host"] != HOST:
        return False
    try:
        with file.open(encoding="utf-8") as opened:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    for partial in partials(file.with_name(reserved["shard"])):
        remove(partial)
    remove(file)
    return True


def _no_room(shard: Path, size: int, budget: float, alive: dict[str, int]) -> str:
    mine = f".{shard.name}."
    others = {name: taken for name, taken in alive.items() if mine not in name}
    gigabytes = math.fsum(others.values()) / 1e9
    return (
        f"{shard}: needs {size / 1e9:.3f} GB of store_budget_gb, {budget / 1e9:.3f}, but "
        f"{gigabytes:.3f} GB are taken by {', '.join(sorted(others)[:5])}. Shards stay when "
        "their `accumulate` failed: read its log, or delete them, and run again."
    )
