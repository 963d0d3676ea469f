"""Demos opened from results alone: what they need, and what is said where it is missing."""

from pathlib import Path

import numpy as np
import pytest
import torch
from demo_study import (
    ANCHORS,
    CLASSES,
    DESCRIBED,
    FIRST_ROW,
    LATENT,
    LAYERS,
    anchor_pixels,
    make_demos,
)

from actsense.errors import ConfigError, MissingResultError
from actsense.invariance.demos.mixing import mix_images
from actsense.invariance.demos.opening import Faithful, open_demo_files, open_demos
from actsense.networks.network import load_network, normalise
from actsense.networks.settings import read_network


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demos(tmp_path_factory.mktemp("demos") / "made")


def test_anchors_and_names_are_those_of_the_store(study: Path) -> None:
    demos = open_demos(study, "twin")

    assert not (study / "data").exists()
    assert demos.network == "twin"
    assert demos.layers == list(LAYERS)
    assert demos.seed == 1
    assert (list(demos.classes), list(demos.outputs)) == (list(CLASSES), list(CLASSES))
    np.testing.assert_array_equal(demos.rows, FIRST_ROW + 7 * np.arange(ANCHORS))
    np.testing.assert_array_equal(demos.labels, [0, 1, 2, 0, 1, 2])
    np.testing.assert_array_equal((demos.images * 255).round().numpy(), anchor_pixels())


def test_network_and_layers_are_those_of_the_files(study: Path) -> None:
    demos = open_demos(study, "net")
    network = load_network(
        *("net", read_network(DESCRIBED), study / "net/weights.pt"), classes=3, image_size=32
    )
    looked = demos.view("logits").look(demos.images)

    with torch.inference_mode():
        said = network.module(normalise(demos.images, network.mean, network.std))
    torch.testing.assert_close(looked.said, said)
    assert looked.v.shape == (ANCHORS, LATENT)
    assert demos.view("logits") is demos.view("logits")
    assert demos.view("stage4").look(demos.images).said.shape[1:] == LAYERS["stage4"]


def test_anchors_stand_in_for_the_dataset(study: Path) -> None:
    subject = open_demos(study, "net").subject
    rows, classes = subject.pool.validation(4)

    assert len(rows) == 4
    assert set(rows) < set(FIRST_ROW + 7 * np.arange(ANCHORS))
    np.testing.assert_array_equal((rows - FIRST_ROW) // 7 % 3, classes)
    np.testing.assert_array_equal(
        (subject.read(rows) * 255).round(), anchor_pixels()[(rows - FIRST_ROW) // 7]
    )
    assert subject.classes == list(CLASSES)
    with pytest.raises(ConfigError, match=r"anchors alone"):
        subject.read(np.array([FIRST_ROW + 1]))


def test_limits_are_those_of_the_trained_state(study: Path) -> None:
    demos = open_demos(study, "net")

    assert [demos.limited(layer) for layer in LAYERS] == [False, False, True]
    assert demos.faithful["stage4"] == Faithful(passes=True, agreement=0.95, cosine=0.9)
    with pytest.raises(ConfigError, match=r"layer: 'stage5' is not known.*Nearest: stage4"):
        demos.limited("stage5")


def test_some_anchors_are_chosen_by_number_or_row(study: Path) -> None:
    demos = open_demos(study, "net")

    assert demos.chosen(4).tolist() == [0, 1, 2, 3]
    assert demos.chosen([FIRST_ROW + 14, FIRST_ROW]).tolist() == [2, 0]
    with pytest.raises(ConfigError, match=r"9 of 6 anchors. Allowed: 2 to 6"):
        demos.chosen(9)
    with pytest.raises(ConfigError, match=r"row 3 is that of no anchor. Allowed: 100, 107"):
        demos.chosen([FIRST_ROW, 3])


@pytest.mark.parametrize(
    "lacking",
    ["net/weights.pt", "invariance/autoencoder.pt", "net/invariance/kept.zarr"],
)
def test_missing_files_name_the_target(study: Path, lacking: str) -> None:
    away = study / "away"
    (study / lacking).rename(away)
    try:
        with pytest.raises(
            MissingResultError, match=r"Make it with: snakemake invariance --cores all$"
        ):
            open_demos(study, "net")
    finally:
        away.rename(study / lacking)


def test_missing_or_foreign_flows_are_refused_when_asked_for(study: Path) -> None:
    files = [study / f"net/{own}" for own in ("weights.pt", "invariance/kept.zarr")]
    flows = [study / "net/invariance/flows/trained/logits.pt", study / "hidden_relu.pt"]
    demos = open_demo_files(files[0], study / "invariance/autoencoder.pt", files[1], flows)

    assert demos.layers == ["hidden_relu", "logits"]
    mix_images(demos.view("logits"), demos.images)
    with pytest.raises(MissingResultError, match=r"hidden_relu.pt: not there"):
        demos.view("hidden_relu")
    with pytest.raises(ConfigError, match=r"Allowed: hidden_relu, logits"):
        demos.view("stage4")
