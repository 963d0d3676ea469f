"""An installation is held to its references: numbers within tolerances, the first stage named.

That a run of the study agrees with them is what CI shows, with `make check-install`.
"""

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from pipeline import REPOSITORY

from actsense.acceptance import installation
from actsense.acceptance.fixed_network import build
from actsense.acceptance.installation import check_installation, differences, write_references
from actsense.acceptance.stages import STAGES, Stage
from actsense.augment import AUGMENTATIONS
from actsense.errors import ConfigError
from actsense.study.study import Study

CPU = torch.device("cpu")


def reference(name: str) -> pd.DataFrame:
    return pd.read_csv(str(files("actsense.acceptance") / f"reference/{name}.csv"))


class Named:
    """A study of which only the name is asked."""

    def __init__(self, name: str) -> None:
        self.name, self.path = name, Path(name)


def test_weights_follow_from_whole_numbers() -> None:
    network = build()
    number = 0
    for weights in network.parameters():
        shape = [*weights.shape]
        width = 4 / np.prod(shape[1:]) ** 0.5 if len(shape) > 1 else 0.2
        for value in weights.detach().flatten()[:5].tolist():
            number += 1
            exact = (number * 40503 % 65521 / 65521 - 0.5) * width
            assert value == np.float32(exact)
        number += weights.numel() - 5
    assert number == 3 * 6 * 9 + 6 + 6 * 8 * 9 + 8 + 1280 + 10


def test_augmentations_come_to_their_reference() -> None:
    found = STAGES["augmentations"].table(Named("install"), CPU)
    known = reference("augmentations")
    assert differences(found, known, *STAGES["augmentations"].tolerance) == ""
    assert [*dict.fromkeys(known["augmentation"])] == [*AUGMENTATIONS]
    # Every one of them changes the image beyond the tolerance, and so does each draw.
    by_draw = known.set_index(["augmentation", "draw"])
    for name, augmentation in AUGMENTATIONS.items():
        one, other = by_draw.loc[(name, 0)], by_draw.loc[(name, 2)]
        moves = bool(augmentation.parameters(32, 32))
        assert ((one - other).abs().max() > 1e-3) == moves, name


def test_every_stage_has_a_reference_that_ships() -> None:
    folder = files("actsense.acceptance") / "reference"
    assert {path.name for path in folder.iterdir()} == {f"{name}.csv" for name in STAGES}
    for name in STAGES:
        assert len(reference(name)) >= 4, name
    packaged = (REPOSITORY / "pyproject.toml").read_text()
    assert '"actsense.acceptance" = ["numbers/*.csv", "reference/*.csv"]' in packaged
    settings = yaml.safe_load((REPOSITORY / "workflow/studies/install.yaml").read_text())
    study = Study.load(settings).settings
    (design,) = study.designs.values()
    assert set(reference("contrast")["augmentation"]) == {*design.augmentations}
    layers = study.networks["fixed"].layers
    assert [*dict.fromkeys(reference("activations")["layer"])] == [*layers]


KNOWN = pd.DataFrame(
    {"layer": ["a", "b"], "order": ["x > y", None], "n": [3, 4], "value": [0.5, np.nan]}
)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ""),
        ({"value": [0.509, np.nan]}, ""),
        ({"value": [0.511, np.nan]}, r"1 of 8 .*row 0 \(layer a, order x > y\): value is 0.511"),
        ({"value": [0.5, 0.5]}, r"row 1 \(layer b.*value is 0.5 instead of nan"),
        ({"value": [np.nan, np.nan]}, "row 0"),
        ({"n": [3, 5]}, "n is 5 instead of 4"),
        ({"layer": ["a", "c"]}, "layer is c instead of b"),
        ({"order": ["x > y", ""]}, ""),
        ({"order": ["y > x", ""]}, "order is y > x instead of x > y"),
        ({"more": [1, 2]}, "has columns layer, order, n, value, more instead of"),
    ],
)  # fmt: skip
def test_differences_are_named(change: dict[str, Any], said: str) -> None:
    told = differences(KNOWN.assign(**change), KNOWN, 0, 0.01)
    assert (told == "") == (said == "")
    assert pd.Series([told]).str.contains(said).all()


def test_a_lacking_row_and_relative_tolerances_are_named() -> None:
    assert differences(KNOWN[:1], KNOWN, 0, 1) == "has 1 rows instead of 2"
    large = KNOWN.assign(value=[1000.0, np.nan])
    assert differences(large.assign(value=[1000.9, np.nan]), large, 1e-3, 0) == ""
    assert "1001.1" in differences(large.assign(value=[1001.1, np.nan]), large, 1e-3, 0)


def test_the_first_stage_that_differs_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = {
        name: Stage(lambda study, device, k=k: pd.DataFrame({"x": [float(k)]}), (0, 0.1), f"d{k}")
        for k, name in enumerate(("images", "network", "indices"))
    }
    monkeypatch.setattr(installation, "STAGES", made)
    assert [path.name for path in write_references(Named("install"), tmp_path)] == [
        "images.csv",
        "network.csv",
        "indices.csv",
    ]
    monkeypatch.setattr(installation, "files", lambda package: tmp_path.parent)
    monkeypatch.setattr(installation, "REFERENCE", tmp_path.name)
    agrees, text = check_installation(Named("install"))
    assert agrees
    assert "the installation works" in text
    for later in ("network", "indices"):
        (tmp_path / f"{later}.csv").write_text("x\n9.0\n")
    agrees, text = check_installation(Named("install"))
    assert not agrees
    assert "images        agrees, 1 cells" in text
    assert "x is 1.0 instead of 9.0" in text
    assert "The first stage that differs is `network`: look at d1." in text


def test_another_study_is_refused() -> None:
    with pytest.raises(ConfigError, match="checked by the study `install`"):
        check_installation(Named("digits"))
