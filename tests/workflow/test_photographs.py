"""The study of a network that everybody knows, in a light form: the same kinds, less of each."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pipeline import REPOSITORY, snakemake

from actsense.data.crops import SUBJECTS
from actsense.store import read_results
from actsense.study.study import Study

STUDY = REPOSITORY / "workflow/studies/photographs.yaml"
RESULTS = Path("results/photographs")
NETWORK = RESULTS / "efficientnet"
LAYERS = ["blocks.2", "blocks.4", "probabilities"]
MADE = (NETWORK / "colour/indices.zarr", NETWORK / "spatial/transforms.zarr")


def light() -> dict[str, Any]:
    """Return the study with a few crops, points and images."""
    settings: dict[str, Any] = yaml.safe_load(STUDY.read_text())
    settings["networks"]["efficientnet"]["layers"] = LAYERS
    settings["dataset"]["samples_per_class"] = {"train": 2, "validation": 3}
    settings["designs"]["colour"] |= {"base_points": 2, "replicates": 2}
    settings["spatial"]["transforms"] |= {"images": 18, "divisions": [1, 8], "saturations": [2]}
    return settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("photographs")
    (made / "config.yaml").write_text(yaml.safe_dump(light()))
    result = snakemake(made, *map(str, MADE))
    assert result.returncode == 0, result.stdout + result.stderr
    return made


def test_the_network_knows_what_photographs_show(folder: Path) -> None:
    """Of crops that ImageNet has a class for; of shuffled patches it knows far less."""
    found = read_results(folder / MADE[1]).to_dataset()
    named = found["label"] >= 0
    assert named.sum() == 15  # an astronaut is none of ImageNet's classes
    right = (found["predicted"] == found["label"]).isel(image=np.flatnonzero(named)).mean("image")
    assert right.sel(condition=found["transform"] == "none").item() >= 0.75
    assert right.sel(condition=found["transform"] == "patch_shuffle").max() <= 0.5


def test_its_weights_came_with_the_package(folder: Path) -> None:
    card = json.loads((folder / NETWORK / "card.json").read_text())
    assert card["weights"]["source"] == "packaged"
    assert card["parameters"] == 4_652_008


def test_every_unit_has_indices(folder: Path) -> None:
    indices = read_results(folder / MADE[0])
    assert list(indices["layer"].to_numpy()) == [*LAYERS, "network"]
    assert np.isfinite(indices["blocks.4"]["shapley"]).mean() > 0.9


def test_every_analysis_is_part_of_the_study() -> None:
    study = Study.load(yaml.safe_load(STUDY.read_text()))
    assert study.analysed("efficientnet") == ["colour", "geometry"]
    assert study.survey["classes"] == len(SUBJECTS)
