"""The workflow as a module of another: its rules plan the same, and those of the other stay."""

import json
import shutil
import subprocess
from pathlib import Path

import yaml
from pipeline import REPOSITORY, TINY, command, planned, surroundings

HOST = """
import json

configfile: "host.yaml"

rule own:
    output: "own.txt"
    script: "own.py"

module actsense:
    snakefile: "{snakefile}"
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
    "prefix": shell._process_prefix,
    "config": list(config),
}}
with open("facts.json", "w") as file:
    json.dump(facts, file)
"""


def run(folder: Path, snakefile: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a workflow around `snakefile` in a folder."""
    settings = yaml.safe_load(TINY.read_text())
    shutil.copy(TINY, folder / "config.yaml")
    (folder / "host.yaml").write_text(yaml.safe_dump({"own": 1, "actsense": settings}))
    (folder / "workflow").mkdir()
    (folder / "workflow/own.py").touch()
    (folder / "workflow/Snakefile").write_text(HOST.format(snakefile=snakefile))
    program = command()[0]
    return subprocess.run(
        [program, "--cores", "1", "--dry-run", "--quiet", "host", "reason", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=surroundings(folder) | {"COLUMNS": "200"},
        check=False,
    )


def test_another_workflow_goes_on_from_the_tables(tmp_path: Path) -> None:
    result = run(tmp_path, REPOSITORY / "workflow/Snakefile", "--config", "own=2")
    assert result.returncode == 0, result.stdout + result.stderr
    jobs = planned(result)
    assert {"own", "last", "actsense_train_network", "actsense_estimate_indices"} <= {*jobs}
    assert all(name in ("own", "last") or name.startswith("actsense_") for name in jobs)
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["own"] == ["None"]
    assert facts["conda"] == str(REPOSITORY / "envs/actsense.yaml")
    assert f"PYTHONPATH={REPOSITORY / 'src'} " in facts["prefix"]
    assert facts["config"] == ["own", "actsense"]


def test_what_snakedeploy_copies_is_the_study_at_the_top() -> None:
    assert (REPOSITORY / "config/config.yaml").read_text() == (
        REPOSITORY / "config.yaml"
    ).read_text()
    usage = yaml.safe_load((REPOSITORY / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert {"mandatory-flags", "software-stack-deployment", "report"} <= {*usage}
