"""What `envs/install.sh` asks uv for, with a uv that only writes it down."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
LOCK = (REPOSITORY / "envs/requirements.txt").read_text()
WITH_CUDA = re.compile(r"(torch|torchvision|triton|nvidia-|cuda-)")
UV = """#!/bin/sh
echo "$@" >>asked
case "$*" in
venv*) mkdir -p .venv/bin && ln -s /bin/true .venv/bin/python ;;
*torch-backend*) [ ! -e offline ] ;;
esac
"""


def entries(lock: str) -> dict[str, str]:
    """Return the entries of a lock by the name that each begins with, hashes and all."""
    return {entry.partition(" ")[0]: entry for entry in re.split(r"\n(?=\S)", lock.strip())}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "envs").symlink_to(REPOSITORY / "envs")
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs/uv").write_text(UV)
    (tmp_path / "programs/uv").chmod(0o755)
    return tmp_path


def install(folder: Path, torch: str) -> subprocess.CompletedProcess[str]:
    programs = f"{folder / 'programs'}:{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "envs/install.sh"],
        cwd=folder,
        env=os.environ | {"PATH": programs, "PYTHON": sys.executable, "TORCH": torch},
        capture_output=True,
        text=True,
        check=False,
    )


def asked(folder: Path, words: str) -> list[str]:
    return [line for line in (folder / "asked").read_text().splitlines() if words in line]


def test_without_cuda_only_pytorch_comes_from_elsewhere(folder: Path) -> None:
    result = install(folder, "cpu")
    assert result.returncode == 0, result.stderr
    (sync,), (pytorch,) = asked(folder, "pip sync"), asked(folder, "--torch-backend cpu")
    assert "--require-hashes .venv/requirements-cpu.txt" in sync
    kept = entries((folder / ".venv/requirements-cpu.txt").read_text())
    locked = entries(LOCK)
    assert kept == {name: text for name, text in locked.items() if not WITH_CUDA.match(name)}
    assert len(locked) - 30 < len(kept) < len(locked) - 10
    pair = {name for name in locked if re.match("torch(vision)?==", name)}
    assert len(pair) == 2
    assert {*pytorch.split("--torch-backend cpu ")[1].split()} == pair
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert (folder / ".venv/complete").read_text() == f"{version} cpu\n"

    (folder / "asked").unlink()
    assert install(folder, "").returncode == 0  # as `make` says nothing of it
    (sync,) = asked(folder, "pip sync")
    assert "--require-hashes envs/requirements.txt" in sync
    assert not asked(folder, "torch-backend")
    assert not asked(folder, "venv --quiet")  # the environment itself stays
    assert (folder / ".venv/complete").read_text() == f"{version} locked\n"


def test_an_index_out_of_reach_is_said_and_nothing_is_complete(folder: Path) -> None:
    (folder / "offline").touch()
    result = install(folder, "cpu")
    assert result.returncode == 1
    assert "PyTorch's own package index" in result.stderr
    assert not (folder / ".venv/complete").exists()


def test_another_word_is_refused(folder: Path) -> None:
    result = install(folder, "gpu")
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        "TORCH is 'gpu'; it can be cpu, for PyTorch without CUDA, or locked, for that of the lock."
    ]
    assert not (folder / "asked").exists()
