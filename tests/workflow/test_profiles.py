"""The profiles: what they leave to each other, and that `--profile slurm` finds its own."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
import yte
from pipeline import REPOSITORY, TINY, planned, snakemake

from actsense.planning.work import WorkTable
from actsense.study.study import Study

SLURM = REPOSITORY / "profiles/slurm/config.yaml"


def tiny(**changes: object) -> Study:
    return Study.load(yaml.safe_load(TINY.read_text()) | changes)


def read(path: Path) -> dict[str, object]:
    return dict(yte.process_yaml(path.read_text()))


def test_top_level_keys_are_disjoint() -> None:
    """The profile that is always loaded would win over the other one, key by key."""
    default = yaml.safe_load((REPOSITORY / "profiles/default/config.yaml").read_text())
    assert not set(read(SLURM)) & set(default)


def test_every_rule_that_runs_a_network_asks_for_a_gpu() -> None:
    on_gpu = read(SLURM)["set-resources"]
    assert isinstance(on_gpu, dict)
    text = "\n".join(path.read_text() for path in (REPOSITORY / "workflow/rules").glob("*.smk"))
    rules = re.split(r"^ *(?:use )?rule (?=\w+(?: as \w+ with)?:)", text, flags=re.MULTILINE)[1:]
    networks = {
        body.split(":")[0]
        for body in rules
        if re.search(r"^ +\*\*(of_config\(.*\"device\"|OPENED)", body, re.MULTILINE)
    }
    # A rule that is another one with other files runs what that one runs.
    copies = [re.match(r"(\w+) as (\w+) with:", body) for body in rules]
    networks |= {copy[2] for copy in copies if copy and copy[1] in networks}
    one = tiny().plain["networks"]["one"]
    asked = {  # for all that invariances can be
        "networks": {"one": one, "two": one},
        "invariance": {"networks": ["one", "two"], "factors": {}},
    }
    tables = [WorkTable(tiny(activations=way, **asked).facts) for way in ("store", "stream")]
    works = [work for table in tables for own in table.studies.values() for work in own]
    assert (
        set(on_gpu) - {"measure_speed"}
        == networks
        == {work.rule for work in works if work.opened or work.on_device}
    )
    assert all("gpu" in asked["gres"] for asked in on_gpu.values())


def test_the_block_at_the_top_decides(tmp_path: Path) -> None:
    text = SLURM.read_text().replace('account: ""', "account: lab")
    text = text.replace("gpu_partition: gpu", "gpu_partition: a100").replace(
        '"gpu:1"', "gpu:a100:1"
    )
    profile = tmp_path / "config.yaml"
    profile.write_text(text)
    made = read(profile)
    assert made["default-resources"]["slurm_account"] == "lab"  # type: ignore[index]
    asked = made["set-resources"]["sample_activations"]  # type: ignore[index]
    assert asked == {"slurm_partition": "a100", "gres": "gpu:a100:1"}


@pytest.mark.parametrize("link", ["slurm", str(SLURM.parent)])
def test_the_profile_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: str) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    for _ in range(2):  # a second time changes nothing
        subprocess.run(
            ["make", "--no-print-directory", "slurm-profile", "ENVIRONMENT="],
            cwd=REPOSITORY,
            env=os.environ,
            check=True,
            capture_output=True,
        )
    (tmp_path / "config.yaml").write_text(TINY.read_text())
    jobs = planned(snakemake(tmp_path, "-n", "--profile", link))
    assert jobs["sample_activations"] == 1


def test_a_profile_of_the_users_own_is_left_alone(tmp_path: Path) -> None:
    own = tmp_path / "snakemake/slurm"
    own.mkdir(parents=True)
    result = subprocess.run(
        ["make", "slurm-profile", "ENVIRONMENT="],
        cwd=REPOSITORY,
        env=os.environ | {"XDG_CONFIG_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert "is there already" in result.stdout + result.stderr
    assert own.is_dir()
    assert not own.is_symlink()
