"""The workflow as a module of another: its rules plan the same, and those of the other stay."""

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from git import Actor, Repo
from pipeline import REPOSITORY, TINY, command, planned, surroundings
from snakemake.sourcecache import GenericSourceFile, GithubFile, LocalGitFile, SourceFile

HOST = """
import json

configfile: "host.yaml"

rule own:
    output: "own.txt"
    script: "own.py"

module actsense:
    snakefile: {snakefile}
    config: config["actsense"]

use rule * from actsense as actsense_*

rule last:
    default_target: True
    input: "own.txt", "results/tiny/one/mixed/tables/layers.csv"
    output: "last.txt"
    shell: "touch {{output}}"

own, theirs = workflow.get_rule("own"), workflow.get_rule("actsense_estimate_indices")
facts = {{
    "own": [str(own.conda_env), *own.log],
    "conda": str(theirs.conda_env),
    "rules": str(theirs.basedir),
    "prefix": shell._process_prefix,
    "config": list(config),
}}
with open("facts.json", "w") as file:
    json.dump(facts, file)
"""


ADDRESS = 'github("owner/actsense", path="workflow/Snakefile", tag="v1")'


def run(
    folder: Path, snakefile: str, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a workflow around `snakefile`, a path or an address, in a folder."""
    settings = yaml.safe_load(TINY.read_text())
    shutil.copy(TINY, folder / "config.yaml")
    (folder / "host.yaml").write_text(yaml.safe_dump({"own": 1, "actsense": settings}))
    (folder / "workflow").mkdir()
    (folder / "workflow/own.py").touch()
    (folder / "workflow/Snakefile").write_text(HOST.format(snakefile=snakefile))
    program = command()[0]
    return subprocess.run(
        [program, "--cores", "1", "--quiet", "host", "reason", "--dry-run", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=surroundings(folder) | {"COLUMNS": "200"} | environment,
        check=False,
    )


def test_another_workflow_goes_on_from_the_tables(tmp_path: Path) -> None:
    result = run(tmp_path, f'"{REPOSITORY / "workflow/Snakefile"}"', "--config", "own=2")
    assert result.returncode == 0, result.stdout + result.stderr
    jobs = planned(result)
    assert {"own", "last", "actsense_train_network", "actsense_estimate_indices"} <= {*jobs}
    assert all(name in ("own", "last") or name.startswith("actsense_") for name in jobs)
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["own"] == ["None"]
    assert facts["conda"] == str(REPOSITORY / "envs/actsense.yaml")
    assert f"PYTHONPATH={REPOSITORY / 'src'} " in facts["prefix"]
    assert facts["config"] == ["own", "actsense"]


def commit(folder: Path) -> Repo:
    """Make a repository of one commit, tagged `v1`, of all that lies in a folder."""
    repository = Repo.init(folder, initial_branch="main")
    repository.git.add("--all", "--force")
    somebody = Actor("somebody", "somebody@example.org")
    repository.index.commit("All", author=somebody, committer=somebody)
    repository.create_tag("v1")
    return repository


def test_by_its_address_a_module_brings_its_whole_commit(tmp_path: Path) -> None:
    """Git is told that the host is a folder; nothing is asked of the network."""
    served, host = tmp_path / "served/owner/actsense", tmp_path / "host"
    for name in ("workflow", "src", "envs", "notebooks", "scripts"):
        unread = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(REPOSITORY / name, served / name, ignore=unread)
    told = commit(served).head.commit.hexsha
    host.mkdir()
    elsewhere = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{tmp_path / 'served'}/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    result = run(host, ADDRESS, "results/tiny/figures/augmentations.png", **elsewhere)
    assert {*planned(result)} == {"actsense_cache_images", "actsense_plot_images"}
    laid = host / ".snakemake/actsense/commits" / told
    assert (laid / "src/actsense/layout.py").is_file()
    facts = json.loads((host / "facts.json").read_text())
    assert facts["conda"] == str(laid / "envs/actsense.yaml")
    assert facts["rules"] == str(laid / "workflow/rules")
    assert f"PYTHONPATH={laid / 'src'} " in facts["prefix"]


def locate(basedir: SourceFile, folder: Path) -> Mapping[str, Any]:
    """Return the names of the rule file that looks for the checkout, run in a folder."""
    file = REPOSITORY / "workflow/rules/checkout.smk"
    names = {"workflow": SimpleNamespace(current_basedir=basedir)}
    with chdir(folder):
        exec(compile(file.read_text(), file, "exec"), names)
    return names


def test_a_commit_is_laid_down_once(tmp_path: Path) -> None:
    """Tags move, branches go on: each commit has a folder of its own, also beside others."""
    theirs, mine, other = (tmp_path / name for name in ("theirs", "mine", "other"))
    for folder in (theirs, mine, other):
        folder.mkdir()
    (theirs / "what").write_text("first")
    repository = commit(theirs)
    asked = LocalGitFile(str(theirs), "workflow/rules", ref="main")
    first = locate(asked, mine)["HERE"]
    assert first.is_absolute()
    assert (first / "what").read_text() == "first"
    (first / "kept").touch()
    assert locate(asked, mine)["HERE"] == first
    assert (first / "kept").is_file()
    (theirs / "what").write_text("second")
    repository.index.add("what")
    repository.index.commit("second")
    second = locate(asked, mine)
    assert (second["HERE"] / "what").read_text() == "second"
    assert second["RULES"] == second["HERE"] / "workflow/rules"
    tagged = GithubFile("any/one", path="workflow/rules", tag="v1")
    tagged._hosted_repos[GithubFile, "github.com", "any/one"] = SimpleNamespace(repo=repository)
    assert locate(tagged, mine)["HERE"] == first
    assert (locate(tagged, other)["HERE"] / "what").read_text() == "first"
    assert {path.name for path in first.parent.iterdir()} == {first.name, second["HERE"].name}


def test_what_a_module_lacks_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = GenericSourceFile("https://example.org/workflow/rules")
    with pytest.raises(SystemExit, match=r"^https://example.org\S+: one file .*tag=") as told:
        locate(page, tmp_path)
    assert "\n" not in str(told.value)
    find = importlib.util.find_spec

    def spec(name: str) -> ModuleSpec | None:
        return None if name in ("torch", "pydantic") else find(name)

    monkeypatch.setattr(importlib.util, "find_spec", spec)
    (tmp_path / "what").touch()
    commit(tmp_path)
    with pytest.raises(SystemExit, match=r"lacks pydantic, torch.*pip install") as told:
        locate(LocalGitFile(str(tmp_path), "workflow/rules", ref="main"), tmp_path)
    assert sys.prefix in str(told.value)


def test_what_snakedeploy_copies_is_the_study_at_the_top() -> None:
    assert (REPOSITORY / "config/config.yaml").read_text() == (
        REPOSITORY / "config.yaml"
    ).read_text()
    usage = yaml.safe_load((REPOSITORY / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert {"mandatory-flags", "software-stack-deployment", "report"} <= {*usage}
