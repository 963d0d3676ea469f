"""What samples of two networks keep: shares by hand, and the files that they go to."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from demo_study import ANCHORS, CLASSES, FIRST_ROW, make_demos

from actsense.data.manifest import write_manifest
from actsense.data.photographs import PHOTOGRAPHS
from actsense.errors import ConfigError
from actsense.invariance.demos.bias import bias_rows, known_cues
from actsense.invariance.demos.figures.show import compare_bias
from actsense.invariance.demos.opening import DemoSet, Faithful, open_demos, open_pair
from actsense.invariance.demos.texture import Biased
from actsense.invariance.kept.estimates import anchor_draws
from actsense.invariance.settings import Demos
from actsense.store import read_table


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demos(tmp_path_factory.mktemp("bias") / "made")


def pair(study: Path) -> tuple[DemoSet, DemoSet]:
    return open_demos(study, "net"), open_demos(study, "twin")


def test_shares_are_those_of_counting_one_by_one() -> None:
    rng = np.random.default_rng(0)
    judged = rng.integers(3, size=(2, 2, 7, 4))
    predicted = rng.integers(3, size=(2, 7))
    images = torch.zeros(7, 3, 2, 2)
    biased = Biased(
        ("a", "b"),
        images,
        torch.zeros(2, 7, 4, 3, 2, 2),
        torch.from_numpy(predicted),
        torch.from_numpy(judged),
    )
    cue = np.array([0, 2, -1, 1, 1, 0, -1])  # of two images nothing is known
    cues = {"a": {"class": cue}, "b": {"prediction": predicted[1]}}
    rows = bias_rows(biased, cues, anchor_draws(7, 50, seed=0))

    assert [(row.judge, row.network, row.cue, row.images) for row in rows] == [
        *(("a", "a", "class", 5), ("a", "b", "class", 5)),
        *(("b", "a", "prediction", 7), ("b", "b", "prediction", 7)),
    ]
    for row in rows:
        j, n, known = "ab".index(row.judge), "ab".index(row.network), cues[row.judge][row.cue]
        own, others = [], []
        for i in np.flatnonzero(known != -1):
            own.append(np.mean([said == known[i] for said in judged[j, n, i]]))
            rest = [said == known[i] for k in range(7) if k != i for said in judged[j, n, k]]
            others.append(np.mean(rest))
        assert row.kept.value == pytest.approx(np.mean(own))
        assert row.floor.value == pytest.approx(np.mean(others))


def test_cues_are_outputs_that_a_network_has(study: Path) -> None:
    demos = pair(study)[0]
    predicted, labels = np.arange(ANCHORS) % 2, demos.labels
    behind = ["red", "green", "sky", "red", "sky", "blue"]  # some are called like outputs

    assert {*known_cues(demos, predicted, labels, None)} == {"prediction", "class"}
    cues = known_cues(demos, predicted, labels, behind)
    assert cues["background"].tolist() == [0, 1, -1, 0, -1, 2]
    assert cues["class"].tolist() == labels.tolist()
    assert "background" not in known_cues(demos, predicted, labels, ["sky"] * ANCHORS)


def test_bias_is_a_figure_and_a_table_by_layer_judge_and_network(
    study: Path, tmp_path: Path
) -> None:
    outputs = {"bias": tmp_path / "bias.png", "invariance_bias": tmp_path / "bias.csv"}
    manifest = tmp_path / "manifest.csv"
    rows = [
        (f"digit{k:04d}/{[*PHOTOGRAPHS][k % 10]}/y0000x0000", CLASSES[k % 3], k % 3, "train", "")
        for k in range(FIRST_ROW + 7 * ANCHORS)
    ]
    write_manifest(rows, manifest)
    how: dict[str, Any] = {"seed": 3, "bootstrap": 50, "title": "s", "dpi": 40}
    layers, settings = ["stage4", "logits"], Demos(samples=2)

    compare_bias(pair(study), layers, settings, outputs, manifest=manifest, **how)
    table = read_table(outputs["invariance_bias"])
    png = outputs["bias"].read_bytes()
    first, second = pair(study)
    second.faithful["stage4"] = Faithful(passes=False, agreement=0.5, cosine=0.9)  # type: ignore[index]
    compare_bias((first, second), layers, settings, outputs, manifest=manifest, **how)
    again = read_table(outputs["invariance_bias"])
    both = (again["judge"] == "net") & (again["network"] == "net")

    assert list(table["layer"].unique()) == layers
    assert len(table) == 2 * 4 * 2  # no output is a photograph
    assert {*table["cue"]} == {"prediction", "class"}
    assert table.groupby("layer")["limited"].agg(["min", "max"]).loc["logits"].all()
    assert not table.loc[table["layer"] == "stage4", "limited"].any()
    assert table["value"].between(0, 1).all()
    assert (table["value_low"] <= table["value_high"]).all()
    assert again.drop(columns="limited").equals(table.drop(columns="limited"))
    assert (again["limited"] == ((again["layer"] == "logits") | ~both)).all()
    assert outputs["bias"].read_bytes() != png  # hatched


def test_a_pair_is_opened_from_the_files_of_a_job(study: Path) -> None:
    names, described = ("net", "twin"), {"kind": "trained", "width": 1}
    first, second = open_pair(
        [str(study / name / "weights.pt") for name in names],
        str(study / "invariance/autoencoder.pt"),
        [str(study / name / "invariance/kept.zarr") for name in names],
        [
            str(study / name / f"invariance/flows/trained/{layer}.pt")
            for name in names
            for layer in ("stage4", "logits")
        ],
        [{"network": [name, described], "seed": 0, "precision": "float32"} for name in names],
        batch_size=64,
        device=torch.device("cpu"),
    )

    assert [own.network for own in (first, second)] == ["net", "twin"]
    assert first.layers == second.layers == ["stage4", "logits"]
    assert all("twin" in path.parts for path in second.flows.values())


def test_networks_without_the_layer_or_the_same_are_refused(study: Path, tmp_path: Path) -> None:
    outputs = {"bias": tmp_path / "bias.png", "invariance_bias": tmp_path / "bias.csv"}
    how: dict[str, Any] = {"seed": 3, "bootstrap": 50, "title": "s", "dpi": 40}
    first, second = pair(study)

    with pytest.raises(ConfigError, match="layer: 'conv' is not known"):
        compare_bias((first, second), ["conv"], Demos(), outputs, **how)
    with pytest.raises(ConfigError, match="two different ones are compared"):
        compare_bias((first, first), ["logits"], Demos(), outputs, **how)
    assert not outputs["invariance_bias"].exists()
