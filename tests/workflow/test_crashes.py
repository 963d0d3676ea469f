"""Runs that are killed, damaged files and full disks: nothing lost, nothing silently wrong."""

import base64
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pipeline import command, configure, planned, snakemake, surroundings

from actsense.sensitivity.moments_file import open_moments

RESULTS = Path("results/tiny/one/mixed")
MOMENTS = RESULTS / "moments"
# From images to an analysis that runs a network.
TARGETS = (str(RESULTS / "indices.zarr"), str(RESULTS / "masking.zarr"))
# Moments to kill a run, one in every kind of job, as files that show they have come.
STAGES = (
    "results/tiny/data/.*.partial",
    "results/tiny/logs/train_network/*.log",
    f"{RESULTS}/shards/.*.zarr.zip.*.partial",
    f"{RESULTS}/shards/*[0-9].zarr.zip",
    f"{RESULTS}/moments/*.zarr.zip",
    f"{RESULTS}/.indices.zarr.*.partial",
    "results/tiny/logs/evaluate_masks/*/*.log",
)


def start(folder: Path, *targets: str) -> "subprocess.Popen[bytes]":
    """Start a run in a process group of its own, as a terminal does."""
    with (folder / "stderr").open("wb") as stderr:
        return subprocess.Popen(
            command(*targets),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=surroundings(folder),
            start_new_session=True,
        )


def kill(process: "subprocess.Popen[bytes]", folder: Path, stage: str) -> None:
    """Kill a run that goes on as soon as it has made a file."""
    wait_for(process, folder, stage)
    process.send_signal(signal.SIGKILL)
    process.wait()


def interrupt(process: "subprocess.Popen[bytes]", folder: Path, stage: str) -> None:
    """Press Ctrl-C as soon as a run has made a file: all its processes are told."""
    wait_for(process, folder, stage)
    assert os.getpgid(process.pid) == process.pid
    os.killpg(process.pid, signal.SIGINT)
    process.wait()


def wait_for(process: "subprocess.Popen[bytes]", folder: Path, stage: str) -> None:
    """Wait until a run that has begun its jobs sees a new file.

    The file may be one that a job of the run before it, which was killed, goes on to write.
    """
    begun, deadline = time.time(), time.monotonic() + 120

    def came(paths: Iterable[Path]) -> bool:
        return any(_changed(path) > begun for path in paths)

    while not (came(folder.glob(stage)) and came(_locks(folder))):
        assert process.poll() is None, stage
        assert time.monotonic() < deadline, stage
        time.sleep(0.01)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0


def finished_shards(folder: Path) -> dict[Path, int]:
    """Return when every shard was finished whose job Snakemake saw end well."""
    markers = [path.name for path in (folder / ".snakemake/incomplete").glob("*")]
    unfinished = {base64.urlsafe_b64decode(name).decode() for name in markers}
    times = {}
    for path in (folder / "results/tiny/benchmarks/sample_activations").rglob("*.tsv"):
        if str(RESULTS / f"shards/{path.stem}.zarr.zip") not in unfinished:
            times[path] = path.stat().st_mtime_ns
    return times


def test_a_run_that_is_killed_at_every_stage_ends_with_the_same_bits(
    finished: Path, tmp_path: Path
) -> None:
    configure(tmp_path)
    done: dict[Path, int] = {}
    for stage in STAGES[:-1]:
        kill(start(tmp_path, *TARGETS), tmp_path, stage)
        done = finished_shards(tmp_path) | done
        assert _locks(tmp_path)
    _unlock(tmp_path)
    interrupt(start(tmp_path, *TARGETS), tmp_path, STAGES[-1])
    done = finished_shards(tmp_path) | done
    told = (tmp_path / "stderr").read_text()
    again = shlex.join(["snakemake", *command(*TARGETS)[1:]])  # the shell of tests finds it
    assert told.endswith(f"What is finished is kept. To go on: {again}\n")
    assert not [word for word in ("Traceback", "Error in rule", "WorkflowError") if word in told]
    assert not _locks(tmp_path)

    result = snakemake(tmp_path, *TARGETS)
    assert result.returncode == 0, result.stdout + result.stderr
    assert done
    assert all(path.stat().st_mtime_ns == moment for path, moment in done.items())
    assert not list((tmp_path / RESULTS).glob("shards/*"))
    assert not [path for path in tmp_path.rglob("*.partial") if ".snakemake" not in path.parts]
    expected = _numbers(finished / "results")
    made = _numbers(tmp_path / "results")
    assert made == {name: expected[name] for name in made}
    assert {name.split("/")[3] for name in made if "/mixed/" in name} >= {
        *("indices.zarr", "masking.zarr", "tables")
    }


def _locks(folder: Path) -> list[Path]:
    return [*(folder / ".snakemake/locks").glob("*")]


def _unlock(folder: Path) -> None:
    """Do what is to be typed after a crash on another host, which may still be at work."""
    (folder / ".snakemake/running").write_text("another")
    result = snakemake(folder, "--unlock")
    told = result.stdout + result.stderr
    assert result.returncode == 0, told
    assert "A run on another was killed here, or is still at work." in told
    assert " --unlock" in told
    assert not _locks(folder)


def _numbers(folder: Path) -> dict[str, bytes]:
    """Return every chunk, table and weight of the results."""
    numbers = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and ("/c/" in name or name.endswith((".csv", ".pt"))):
            numbers[name] = path.read_bytes()
    assert numbers
    return numbers


def test_a_job_ends_with_its_workflow(tmp_path: Path) -> None:
    configure(tmp_path)
    kill(start(tmp_path, "data"), tmp_path, "results/tiny/logs/cache_images.log")
    deadline = time.monotonic() + 20
    while _workers(tmp_path):
        assert time.monotonic() < deadline, _workers(tmp_path)
        time.sleep(0.2)


def _workers(folder: Path) -> list[str]:
    """List the processes whose working directory is the study's."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder:
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    ("damaged", "lost", "reader", "makers"),
    [
        (
            MOMENTS / "replicates_0-1.zarr.zip",
            MOMENTS / "replicates_0-1.zarr.zip",
            "indices.zarr",
            {"accumulate", "estimate_indices"},
        ),
        (
            "results/tiny/data/images.zarr/c/0/0/0/0",
            "results/tiny/data",
            "contrast.zarr",
            {"cache_images", "estimate_contrast"},
        ),
        (
            "results/tiny/one/weights.pt",
            "results/tiny/one/weights.pt",
            "contrast.zarr",
            {"train_network", "estimate_contrast"},
        ),
    ],
    ids=["moments", "images", "weights"],
)
def test_a_flipped_bit_is_named_and_the_file_is_made_again_once_deleted(
    copied: Path, damaged: Path, lost: Path, reader: str, makers: set[str]
) -> None:
    path, target = copied / damaged, RESULTS / reader
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    shutil.rmtree(copied / target)
    result = snakemake(copied, str(target))
    assert result.returncode != 0
    told = result.stdout + result.stderr
    assert f"{damaged}" in told
    assert "damaged" in told
    shutil.rmtree(copied / lost) if (copied / lost).is_dir() else (copied / lost).unlink()
    assert makers <= planned(snakemake(copied, "-n", str(target))).keys()


@pytest.fixture
def small_disk(copied: Path) -> Iterator[Path]:
    """Put the results, less the moments, on a file system with a megabyte left."""
    results, kept = copied / "results", copied / "kept"
    (copied / MOMENTS / "replicates_0-1.zarr.zip").unlink()
    results.rename(kept)
    results.mkdir()
    if os.geteuid() or not _mounted("-t", "tmpfs", "-o", "size=1g", "none", results):
        pytest.skip("only root can make a small file system")
    shutil.copytree(kept, results, dirs_exist_ok=True)
    assert _mounted("-o", f"remount,size={shutil.disk_usage(results).used + 2**20}", results)
    yield results
    subprocess.run(["umount", "--lazy", results], check=True)


def _mounted(*arguments: str | Path) -> bool:
    return subprocess.run(["mount", *arguments], check=False).returncode == 0


def test_a_full_disk_is_one_clear_error_and_then_the_run_goes_on(
    copied: Path, finished: Path, small_disk: Path
) -> None:
    moments = str(MOMENTS / "replicates_0-1.zarr.zip")
    result = snakemake(copied, "--cores", "1", moments)
    told = result.stdout + result.stderr
    assert result.returncode != 0
    assert f"no space left on the file system mounted at {small_disk}" in told
    assert "GB needed for this shard" in told
    assert "store_budget_gb" in told
    assert "Traceback" not in told
    assert not list((small_disk / "tiny/one/mixed/shards").glob("*.zarr.zip"))
    assert _mounted("-o", "remount,size=1g", small_disk)
    result = snakemake(copied, "--cores", "1", moments)
    assert result.returncode == 0, result.stdout + result.stderr
    states = []
    for study in (copied, finished):
        with open_moments(study / moments) as (_, state):
            states.append(state.read())
    np.testing.assert_array_equal(states[0].sums, states[1].sums)
