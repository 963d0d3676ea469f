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
INDICES = NETWORK / "colour/indices.zarr"


def light() -> dict[str, Any]:
    """Return the study with a few crops and points."""
    settings: dict[str, Any] = yaml.safe_load(STUDY.read_text())
    settings["networks"]["efficientnet"]["layers"] = LAYERS
    settings["dataset"]["samples_per_class"] = {"train": 2, "validation": 3}
    few = {"augmentations": ["brightness", "hue"], "base_points": 2, "replicates": 2}
    settings["designs"]["colour"] |= few
    return settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("photographs")
    (made / "config.yaml").write_text(yaml.safe_dump(light()))
    result = snakemake(made, str(INDICES))
    assert result.returncode == 0, result.stdout + result.stderr
    return made


def test_its_weights_came_with_the_package(folder: Path) -> None:
    card = json.loads((folder / NETWORK / "card.json").read_text())
    assert card["weights"]["source"] == "packaged"
    assert card["parameters"] == 4_652_008


def test_every_unit_has_indices(folder: Path) -> None:
    indices = read_results(folder / INDICES)
    assert list(indices["layer"].to_numpy()) == [*LAYERS, "network"]
    assert np.isfinite(indices["blocks.4"]["shapley"]).mean() > 0.9


def test_every_analysis_is_part_of_the_study() -> None:
    study = Study.load(yaml.safe_load(STUDY.read_text()))
    assert study.analysed("efficientnet") == ["colour"]
    assert study.survey["classes"] == len(SUBJECTS)
