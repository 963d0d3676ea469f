"""Networks that learn which photograph is behind a digit, on the images that others learn from."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from actsense.data.build import build_cache
from actsense.data.cache import ImageCache
from actsense.data.photographs import PHOTOGRAPHS
from actsense.data.settings import Digits
from actsense.errors import ConfigError
from actsense.networks.opening import open_subject
from actsense.networks.settings import Trained, read_network
from actsense.networks.training import Training, train_network
from actsense.study.configuration import check

OWN = {"kind": "trained", "width": 4, "epochs": 2, "learns": "background"}
DESIGNS = {"colour": {"augmentations": ["hue"], "base_points": 64, "replicates": 2}}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("shared")
    paths = folder / "images.zarr", folder / "manifest.csv"
    build_cache(Digits(image_size=16, patches_per_digit=1, photographs="shared"), 1, *paths)
    return paths


@pytest.fixture(scope="module")
def trained(files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("texture")
    training = Training({"name": "texture", **OWN}, ImageCache.open(*files), 1)
    train_network(training, folder / "weights.pt", folder / "card.json")
    return folder


def test_its_outputs_are_photographs_and_its_card_says_so(
    files: tuple[Path, Path], trained: Path
) -> None:
    card = json.loads((trained / "card.json").read_text())
    cache = ImageCache.open(*files)
    subject = open_subject(
        *(*files, trained / "weights.pt"),
        {"network": ["texture", OWN], "seed": 1, "precision": "float32"},
        batch_size=256,
        device=torch.device("cpu"),
    )
    rows = cache.partition_rows("validation")
    behind = cache.manifest["path"].str.split("/").str[1].to_numpy()[rows]
    said = np.array(subject.classes)[subject.predictions(rows).numpy()]

    assert card["classes"] == subject.classes == [*PHOTOGRAPHS]
    assert card["settings"]["learns"] == "background"
    assert card["accuracy"]["validation"] == pytest.approx((said == behind).mean())
    assert card["accuracy"]["validation"] > 0.25  # one in ten by chance
    # No class is an output: no study can take a photograph for a digit.
    assert subject.label == "prediction"
    assert (subject.outputs.places == -1).all()


def test_networks_that_learn_classes_are_told_as_before() -> None:
    plain, named = (
        Trained.model_validate({"width": 2, **own}) for own in ({}, {"learns": "class"})
    )

    assert "learns" not in plain.plain()
    assert named.plain() == plain.plain()
    assert plain.outputs is None
    assert read_network(OWN).outputs == tuple(PHOTOGRAPHS)
    assert "photographs" not in Digits().plain()
    with pytest.raises(ValidationError, match="learns"):
        read_network(OWN | {"learns": "colour"})


@pytest.mark.parametrize(
    ("dataset", "own", "told"),
    [
        ({"kind": "digits"}, {}, "dataset.photographs: shared"),
        ({"kind": "photographs"}, {}, "can be learned from the dataset of digits alone"),
        (
            {"kind": "digits", "photographs": "shared"},
            {"teacher": "plain"},
            "a student learns the classes of its teacher",
        ),
    ],
)
def test_backgrounds_that_cannot_be_learned_are_refused_in_a_line(
    dataset: dict[str, str], own: dict[str, str], told: str
) -> None:
    networks = {"texture": OWN | own, "plain": {"kind": "trained"}}
    given = {"study": "s", "dataset": dataset, "networks": networks, "designs": DESIGNS}

    with pytest.raises(ConfigError, match=told) as refused:
        check(given)
    assert sum("networks.texture.learns" in line for line in str(refused.value).split("\n")) == 1
