"""What a project keeps beside its code: licence, citation, hooks."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


def test_citation_and_licence_agree_with_the_package() -> None:
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"] == "MIT"
    assert (REPOSITORY / "LICENSE").read_text().startswith("MIT License")
    newest = re.search(r"^## (\S+)", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == PROJECT["version"]


def test_hooks_are_valid_and_run_what_lint_runs() -> None:
    program = Path(sys.executable).with_name("pre-commit")
    subprocess.run([program, "validate-config"], cwd=REPOSITORY, check=True)
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())["repos"]
    entries = " ".join(hook["entry"] for repo in hooks for hook in repo["hooks"])
    for tool in ("ruff check", "ruff format", "snakefmt", "mypy"):
        assert tool in entries
