"""One cluster for all tests of this folder; without one they are skipped."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cluster as slurm
import pytest

REPOSITORY = Path(__file__).parents[2]
TINY = REPOSITORY / "workflow/studies/test.yaml"
# One node without an accounting database, and nobody to spare: ask `squeue`, and ask often.
IMPATIENT = [
    *("--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "1"),
    *("--max-status-checks-per-second", "1"),
]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[slurm.Cluster]:
    if missing := slurm.unavailable():
        pytest.skip(missing)
    with slurm.started(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def command(folder: Path, *arguments: str) -> list[str]:
    """Return the command that runs the study of a folder on the cluster."""
    return [
        str(Path(sys.executable).with_name("snakemake")),
        *("--snakefile", str(REPOSITORY / "Snakefile")),
        *("--directory", str(folder)),
        *("--profile", str(REPOSITORY / "profiles/slurm")),
        *IMPATIENT,
        *arguments,
    ]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, *arguments),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


@pytest.fixture(scope="session")
def finished(cluster: slurm.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the whole tiny study on the cluster; tests must not change its folder."""
    folder = tmp_path_factory.mktemp("finished")
    shutil.copy(TINY, folder / "config.yaml")
    result = run(folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


@pytest.fixture
def study(finished: Path, tmp_path: Path) -> Path:
    """Return a folder of its own for the tiny study, its images cached, its network untrained."""
    folder = Path(shutil.copytree(finished, tmp_path / "study"))
    for name in ("weights.pt", "card.json"):
        (folder / "results/tiny/one" / name).unlink()
    return folder


def wait_for(cluster: slurm.Cluster, rule: str, state: str, *, seconds: int = 180) -> str:
    """Return the number of the newest job of a rule once it is in a state."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        jobs = [job for job in cluster.jobs() if rule in job.get("Comment", "")]
        if jobs and jobs[-1]["JobState"] == state:
            return jobs[-1]["JobId"]
        time.sleep(0.2)
    raise TimeoutError(f"No job of {rule} was {state} within {seconds} s.")
