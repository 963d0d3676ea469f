"""What a project keeps beside its code: licence, citation, hooks, pages."""

import itertools
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
FILES = subprocess.run(
    ["git", "ls-files"], cwd=REPOSITORY, check=True, capture_output=True, text=True
).stdout.split()


def test_citation_and_licence_agree_with_the_package() -> None:
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"] == "MIT"
    assert (REPOSITORY / "LICENSE").read_text().startswith("MIT License")
    newest = re.search(r"^## (\S+)", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == PROJECT["version"]


def test_styles_and_scripts_of_pages_are_installed_with_their_modules() -> None:
    tools = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]
    named = tools["setuptools"]["package-data"]
    beside = [Path(name) for name in FILES if re.fullmatch(r"src/.*\.(css|js)", name)]
    assert beside
    for path in beside:
        package = ".".join(path.parent.parts[1:])
        assert path.name in named.get(package, []), path


def test_hooks_are_valid_and_run_what_lint_runs() -> None:
    program = Path(sys.executable).with_name("pre-commit")
    subprocess.run([program, "validate-config"], cwd=REPOSITORY, check=True)
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())["repos"]
    entries = " ".join(hook["entry"] for repo in hooks for hook in repo["hooks"])
    for tool in ("ruff check", "ruff format", "snakefmt", "mypy"):
        assert tool in entries


def made_later() -> set[str]:
    """Return the paths that patches of the documentation add, or that are built on demand."""
    patches = (REPOSITORY / "docs/examples").glob("*.patch")
    added = [re.findall(r"^\+\+\+ b/(\S+)", patch.read_text(), re.MULTILINE) for patch in patches]
    return {"docs/reference", "docs/site", *itertools.chain(*added)}


@pytest.mark.parametrize("page", [path for path in FILES if path.endswith(".md")])
def test_paths_and_names_of_a_page_are_there(page: str) -> None:
    text, folder = (REPOSITORY / page).read_text(), (REPOSITORY / page).parent
    folders = {path.split("/")[0] for path in FILES if "/" in path} - {"results"}
    paths = re.findall(rf"(?<![\w/.<>-])(?:{'|'.join(folders)})/[\w./*-]*\w", text)
    lost = {path for path in paths if not any(REPOSITORY.glob(path))}
    assert not lost - made_later()
    links = re.findall(r"\]\((?!\w+:)([^)#]+)", text)
    assert not [link for link in links if not (folder / link).exists()]
    for name in re.findall(r"(?<![\w/])actsense(?:\.[A-Za-z_]\w*)+", text):
        assert pkgutil.resolve_name(name) is not None


def test_tables_are_read_in_one_way() -> None:
    """Whatever else reads a CSV file takes a layer called "1" for a number."""
    sources = [path for path in FILES if re.match(r"(src|scripts|notebooks)/.*\.py$", path)]
    guessing = r"\bread_csv\(|pd\.read_table\(|genfromtxt|loadtxt"
    readers = [path for path in sources if re.search(guessing, (REPOSITORY / path).read_text())]
    assert readers == ["src/actsense/store/tables.py"]
