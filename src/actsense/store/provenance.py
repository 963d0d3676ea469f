"""Where a result comes from: configuration, versions, commit, hashes."""

__all__ = ["file_hash", "provenance"]

import hashlib
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

LIBRARIES = ("actsense", "numpy", "scipy", "torch", "torchvision", "xarray", "zarr")


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def provenance(**facts: Any) -> dict[str, Any]:
    """Return the given facts with the versions of everything that computed the result."""
    return facts | {
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES},
        "commit": _commit(),
    }


def _commit() -> str:
    """Return the commit of the running source, marked if the tree differs from it."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown: not run from a git checkout"
    return described.stdout.strip()
