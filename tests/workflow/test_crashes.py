"""Runs that are killed, damaged files and full disks: nothing lost, nothing silently wrong."""

import base64
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import REPOSITORY, configure, snakemake

RESULTS = Path("results/tiny/one/mixed")
MOMENTS = RESULTS / "moments"
KILLS = 20
# Moments that a random time would rarely hit, as files that show they have come.
CAUSES = {
    0: "shards/.*.zarr.zip.*.partial",
    1: "moments",
    2: "shards/*.zarr.zip",
    3: "indices.zarr",
}


def start(folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [
            str(Path(sys.executable).with_name("snakemake")),
            *("--snakefile", str(REPOSITORY / "Snakefile")),
            *("--directory", str(folder), "--cores", "2"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def finished_shards(folder: Path) -> dict[Path, int]:
    """Return when every shard was finished whose job Snakemake saw end well."""
    markers = [path.name for path in (folder / ".snakemake/incomplete").glob("*")]
    unfinished = {base64.urlsafe_b64decode(name).decode() for name in markers}
    times = {}
    for path in (folder / "results/tiny/benchmarks/sample_activations").glob("*.tsv"):
        shard = path.stem.removeprefix("one_mixed_")
        if str(RESULTS / f"shards/{shard}.zarr.zip") not in unfinished:
            times[path] = path.stat().st_mtime_ns
    return times


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bits(
    finished: Path, tmp_path: Path
) -> None:
    folder, moments = tmp_path / "study", random.Random(7)
    folder.mkdir()
    configure(folder)
    done: dict[Path, int] = {}
    killed = 0
    while killed < KILLS:
        process = start(folder)
        cause = CAUSES.get(killed)
        deadline = time.monotonic() + (60 if cause else moments.uniform(2, 10))
        while time.monotonic() < deadline and process.poll() is None:
            if cause and list((folder / RESULTS).glob(cause)):
                break
            time.sleep(0.01)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed += 1
        done = finished_shards(folder) | done
        if killed == 1:
            _unlock(folder)
        shutil.rmtree(folder / ".snakemake/locks", ignore_errors=True)  # the same, but faster
    assert killed >= len(CAUSES)

    result = snakemake(folder)
    assert result.returncode == 0, result.stdout + result.stderr
    assert done
    assert all(path.stat().st_mtime_ns == moment for path, moment in done.items())
    assert not list((folder / RESULTS).glob("shards/*"))
    assert not [path for path in folder.rglob("*.partial") if ".snakemake" not in path.parts]
    assert _numbers(folder / "results") == _numbers(finished / "results")


def _unlock(folder: Path) -> None:
    """Do what the README says to type after a crash."""
    result = snakemake(folder, "--unlock")
    assert result.returncode == 0, result.stdout + result.stderr


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
    process = start(tmp_path)
    log = tmp_path / "results/tiny/logs/cache_images.log"
    while not log.exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
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
    ("damaged", "lost", "remade"),
    [
        (MOMENTS / "replicate_0.zarr.zip", MOMENTS / "replicate_0.zarr.zip", "indices.zarr"),
        ("results/tiny/data/images.zarr/c/0/0/0/0", "results/tiny/data", "contrast.zarr"),
        ("results/tiny/one/weights.pt", "results/tiny/one/weights.pt", "contrast.zarr"),
    ],
    ids=["moments", "images", "weights"],
)
def test_a_flipped_bit_is_named_and_deleting_the_file_repairs_the_run(
    copied: Path, finished: Path, damaged: Path, lost: Path, remade: str
) -> None:
    path, target = copied / damaged, RESULTS / remade
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    shutil.rmtree(copied / target)
    result = snakemake(copied, str(target))
    assert result.returncode != 0
    told = result.stdout + result.stderr
    assert str(damaged) in told
    assert "damaged" in told
    shutil.rmtree(copied / lost) if (copied / lost).is_dir() else (copied / lost).unlink()
    result = snakemake(copied, str(target))
    assert result.returncode == 0, result.stdout + result.stderr
    assert _numbers(copied / target) == _numbers(finished / target)


@pytest.fixture
def small_disk(copied: Path) -> Iterator[Path]:
    """Put the results, less one replicate, on a file system with a megabyte left."""
    results, kept = copied / "results", copied / "kept"
    (copied / MOMENTS / "replicate_0.zarr.zip").unlink()
    shutil.rmtree(copied / RESULTS / "indices.zarr")
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
    result = snakemake(copied, "--cores", "1")
    told = result.stdout + result.stderr
    assert result.returncode != 0
    assert f"no space left on the file system mounted at {small_disk}" in told
    assert "GB needed for this shard" in told
    assert "store_budget_gb" in told
    assert "Traceback" not in told
    assert not list((small_disk / "tiny/one/mixed/shards").glob("*.zarr.zip"))
    assert _mounted("-o", "remount,size=1g", small_disk)
    result = snakemake(copied, "--cores", "1")
    assert result.returncode == 0, result.stdout + result.stderr
    assert _numbers(copied / "results") == _numbers(finished / "results")
