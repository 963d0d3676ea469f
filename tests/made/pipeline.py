"""The Snakefile of the checkout, run in folders of tests."""

import os
import re
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import yaml

from actsense.errors import ConfigError
from actsense.study.study import SURVEY, Study

REPOSITORY = Path(__file__).parents[2]
TINY = REPOSITORY / "workflow/studies/test.yaml"


def command(*arguments: str) -> list[str]:
    """Return the command that runs the checkout's Snakefile in the working directory."""
    program = str(Path(sys.executable).with_name("snakemake"))
    return [program, "--snakefile", str(REPOSITORY / "Snakefile"), "--cores", "2", *arguments]


def surroundings(folder: Path) -> dict[str, str]:
    """Return the environment of a run that inherits what this process knows of its study.

    To lay out the networks a run imports PyTorch, which takes longer than all the rest of a dry
    run. A run of another configuration than the folder's does not inherit and looks itself.
    """
    settings = yaml.safe_load((folder / "config.yaml").read_text())
    if "python" in {network.get("kind") for network in settings["networks"].values()}:
        return dict(os.environ)  # its module may have the name of another test's
    try:
        with chdir(folder), pytest.MonkeyPatch.context() as environment:
            environment.setenv(SURVEY, "{}")
            Study.load(settings).bequeath()
            return dict(os.environ)
    except ConfigError:
        return dict(os.environ)


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a folder that holds `config.yaml`, with the checkout's Snakefile."""
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=surroundings(folder) | {"COLUMNS": "200"},
        check=False,
    )


def tiny(**changes: Any) -> dict[str, Any]:
    """Return the configuration of the tiny study with some sections replaced.

    Invariances are left out where the networks of the study are others, or images too small.
    """
    settings: dict[str, Any] = yaml.safe_load(TINY.read_text())
    changed = settings | changes
    own, side = settings["invariance"]["networks"], changed["dataset"].get("image_size", 32)
    if "invariance" not in changes and (not {*own} <= {*changed["networks"]} or side < 32):
        del changed["invariance"]
    return changed


def configure(folder: Path, **changes: Any) -> None:
    (folder / "config.yaml").write_text(yaml.safe_dump(tiny(**changes)))


def planned(result: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """Return how many jobs of each rule a dry run announced."""
    assert result.returncode == 0, result.stdout + result.stderr
    text = result.stdout + result.stderr
    if "Nothing to be done" in text:
        return {}
    table = text[text.rindex("Job stats:") :]
    rows = re.findall(r"^(\w+)\s+(\d+)$", table, flags=re.MULTILINE)
    return {rule: int(count) for rule, count in rows if rule != "total"}
