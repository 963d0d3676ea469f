"""The table of a configured design, from the command line: no network, no images."""

from contextlib import chdir
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from pipeline import tiny

from actsense.__main__ import main
from actsense.data.manifest import write_manifest
from actsense.errors import ConfigError, MissingResultError
from actsense.store import read_table
from actsense.study.designed import designed_table
from actsense.study.opening import open_configuration

ROWS = [
    (f"{k}.png", str(k % 3), k % 3, ("train", "validation")[k // 3 % 2], "0") for k in range(12)
]
DESIGN = {"augmentations": ["hue", "hflip"], "base_points": 16, "replicates": 2}


def configured(folder: Path, **networks: Any) -> Path:
    own = {name: {"kind": "trained"} | described for name, described in networks.items()}
    settings = tiny(networks=own, designs={"mixed": DESIGN}) if own else tiny()
    (folder / "my.yaml").write_text(yaml.safe_dump(settings))
    return folder / "my.yaml"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "results/tiny/data").mkdir(parents=True)
    write_manifest(ROWS, tmp_path / "results/tiny/data/manifest.csv")
    return tmp_path


def test_the_command_writes_every_evaluation(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = configured(home, plain={})
    with chdir(home):
        table = designed_table(open_configuration(path), "mixed")
        assert main(["design", str(path), "--design", "mixed", "-o", "rows.csv"]) == 0
    written = read_table(home / "rows.csv").fillna({"order": ""})
    assert capsys.readouterr().out == f"rows.csv: {len(written)} evaluations\n"
    assert len(written) == 2 * 16 * table.design.nodes
    pd.testing.assert_frame_equal(
        written.astype(table.block(0, 0).dtypes.to_dict()), table.whole()
    )
    assert written.groupby("replicate")["base_point"].nunique().tolist() == [16, 16]


def test_networks_have_base_points_of_their_own(home: Path) -> None:
    path = configured(home, plain={}, large={"base_points": 32})
    with chdir(home):
        study = open_configuration(path)
        with pytest.raises(
            ConfigError, match=r"\(16, 32\)\. Name one with --network: large, plain"
        ):
            designed_table(study, "mixed")
        assert designed_table(study, "mixed", "large").design.base_points == 32
        with pytest.raises(ConfigError, match=r"'lrge' is not known. Nearest: large"):
            designed_table(study, "mixed", "lrge")
        with pytest.raises(ConfigError, match=r"'mixd' is not known. Nearest: mixed"):
            designed_table(study, "mixd", "large")


def test_images_that_are_not_prepared_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = configured(tmp_path).rename(tmp_path / "my study.yaml")
    asked = ["design", path.name, "--design", "mixed", "-o", "rows.csv"]
    with chdir(tmp_path):
        assert main(asked) == 1
    assert "Make it with: actsense run 'my study.yaml' data\n" in capsys.readouterr().err
    with chdir(tmp_path), pytest.raises(MissingResultError, match="snakemake data --cores"):
        designed_table(open_configuration(path), "mixed")


@pytest.mark.parametrize(
    ("text", "said"),
    [("- a\n- b", "no configuration"), ("a: [", "no YAML"), (None, "No such file")],
)
def test_what_is_no_configuration_is_said(tmp_path: Path, text: str | None, said: str) -> None:
    if text:
        (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(ConfigError, match=f"own.yaml: {said}"):
        open_configuration(tmp_path / "own.yaml")
