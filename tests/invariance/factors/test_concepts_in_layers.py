"""What layers keep of concepts, in a world where that is known; and what tables say of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from factor_study import KEPT, PLACES, SIZES, FactorStudy
from factor_world import true_factors

from actsense.errors import ConfigError
from actsense.invariance.factors.evaluate.explain import explain_factors, list_places
from actsense.invariance.factors.stored import StoredFactors
from actsense.invariance.factors.tables import (
    COLUMNS,
    compare_factors,
    explained_table,
    response_table,
    size_table,
)
from actsense.invariance.kept.estimates import anchor_draws
from actsense.invariance.recorded import latent_rows
from actsense.store import read_table, write_facts, write_tables

CARD = {
    "sizes": {"digit": 3, "background": 2, "residual": 3},
    "rule": "published",
    "scores": {
        "digit": {"value": 0.4, "error": 0.01, "rank": 5.5},
        "background": {"value": 0.2, "error": 0.02, "rank": 2.0},
    },
    "rules": {"published": {"digit": 3, "background": 2, "residual": 3}, "rank": None},
}


@pytest.fixture(scope="module")
def explained(stored: StoredFactors) -> pd.DataFrame:
    return explained_table(stored, anchor_draws(stored.anchors, 300, seed=0))


# What is found.


def test_the_layer_keeps_what_it_says_and_half_of_what_is_mixed(explained: pd.DataFrame) -> None:
    """Closed forms: 1, 1/2 and 0."""
    trained = explained[explained["state"] == "trained"].set_index("factor")
    for part, value in KEPT.items():
        low, high = trained.loc[part, ["low", "high"]]
        assert trained.loc[part, "value"] == pytest.approx(value, abs=0.12), part
        assert low - 0.05 <= value <= high + 0.05
        assert high - low < 0.4
    assert trained.loc["sure", "value"] == pytest.approx(1, abs=1e-3)


def test_places_are_told_by_state_layer_and_epoch(
    explained: pd.DataFrame, stored: StoredFactors
) -> None:
    found = explained[explained["factor"] == "sure"]
    assert found["state"].tolist() == [state for state, _ in PLACES]
    epochs = [np.nan if epoch is None else epoch for _, epoch in PLACES]
    np.testing.assert_array_equal(found["epoch"], epochs)
    assert found["limited"].tolist() == [False, True, False, False]
    assert {*found["layer"]} == {"said"}
    assert [place.state for place in stored.course] == ["epoch_0", "epoch_1", "trained"]


def test_the_same_representations_are_the_same_numbers(explained: pd.DataFrame) -> None:
    """All states sample with the same noise."""
    values = explained.pivot_table(index="state", columns="factor", values="value")
    assert (values == values.iloc[0]).all().all()


def test_accuracy_is_that_of_recorded_validation_images(
    made: FactorStudy, stored: StoredFactors
) -> None:
    rows, labels = made.subject.pool.validation(10_000)
    recorded = latent_rows(made.watched.latents).validation
    assert len(rows) > len(recorded) > stored.anchors
    labels, rows = labels[np.isin(rows, recorded)], rows[np.isin(rows, recorded)]
    expected = (made.subject.predictions(rows).numpy() == labels).mean()
    assert 0.7 < expected < 0.9  # every fifth image has the wrong label
    for place in stored.places:
        assert place.accuracy == pytest.approx(expected, abs=1e-12)


def test_spreads_are_those_of_the_parts_of_samples(
    made: FactorStudy, stored: StoredFactors
) -> None:
    """Of one anchor, by hand: the mean of parts is the part of the mean, which is known."""
    rows = stored.data["dataset_row"].to_numpy()
    said = made.subject.tap(["said"])(made.subject.read(rows))["said"]
    turned, conditional = made.watched.factors.flow, made.world.conditional
    means = turned.transform(made.world.embed(said))[0].detach().numpy()  # type: ignore[arg-type]
    matrix = turned.matrix.numpy()  # type: ignore[attr-defined]
    variance = np.diag(matrix @ conditional @ matrix.T).clip(min=0)  # of what is said: 0
    start = 0
    for part, size in SIZES.items():
        spread = stored.places[0].spread(part)
        place = slice(start, start + size)
        error = np.sqrt(variance[place] / stored.samples)
        assert (abs(spread.mean - means[:, place]) < 5 * error + 1e-3).all()
        expected = variance[place].sum()
        assert spread.within.mean() == pytest.approx(expected, rel=0.1, abs=1e-4), part
        start += size


def test_what_the_network_says_depends_on_what_it_sees_alone(stored: StoredFactors) -> None:
    own, other, said = stored.exchanged("residual")
    np.testing.assert_array_equal(said, own)
    np.testing.assert_array_equal(stored.response("residual").drawn.T, [own] * stored.samples)
    np.testing.assert_array_equal(other[:-1], own[1:])
    assert other[-1] == own[0]
    assert (stored.exchanged("sure")[2] != own).any()


def test_anchors_get_the_part_of_the_next_one(made: FactorStudy, stored: StoredFactors) -> None:
    rows = stored.data["dataset_row"].to_numpy()
    latents = made.world.encode(made.subject.read(rows))[0]
    parts = made.watched.factors.split(latents)
    given = parts | {"sure": torch.cat([parts["sure"][1:], parts["sure"][:1]])}
    images = made.world.decode(made.watched.factors.joined(given))
    expected = made.subject.logits(images).argmax(dim=1).numpy()
    np.testing.assert_array_equal(stored.exchanged("sure")[2], expected)


def test_swapped_images_are_those_of_other_parts(made: FactorStudy, stored: StoredFactors) -> None:
    swapped, images = stored.images("swapped"), stored.images("image")
    assert swapped.shape == (3, 6, 6, 3, 2, 2)
    assert stored.images("walked").shape == (3, 2, 7, 3, 2, 2)
    for number in range(6):
        for part in range(3):
            difference = swapped[part, number, number].astype(int) - images[number]
            assert abs(difference).max() <= 1
    latents = made.world.encode(torch.from_numpy(images) / 255)[0]
    factors = made.watched.factors
    parts = [factors.split(latents[[k]]) for k in (1, 4)]
    joined = factors.joined({**parts[0], "half": parts[1]["half"]})
    expected = (255 * made.world.decode(joined)).round().numpy()[0]
    assert abs(swapped[1, 1, 4] - expected).max() <= 1
    start = stored.images("walked")[:, :, 0].astype(int)
    assert abs(start - images[:2]).max() <= 1


def test_factors_of_other_latents_are_told(made: FactorStudy, tmp_path: Path) -> None:
    wrong = replace(made.watched, factors=true_factors())
    with pytest.raises(ConfigError, match=r"of 6 numbers; these have 12\. Train factors ag"):
        explain_factors(made.subject, lambda _: made.subject, wrong, [], folder=tmp_path)


def test_places_get_the_files_of_their_state() -> None:
    described = [
        {"state": "trained", "layer": "a", "epoch": 3},
        {"state": "trained", "layer": "b", "epoch": 3},
        {"state": "epoch_1", "layer": "b", "epoch": 1},
    ]
    found = list_places(described, ["ta", "tb", "eb"], ["t", "e"])
    assert [(place.layer, str(place.flow), str(place.card)) for place in found] == [
        ("a", "ta", "t"),
        ("b", "tb", "t"),
        ("b", "eb", "e"),
    ]
    with pytest.raises(ValueError, match="zip"):
        list_places(described, ["ta", "tb"], ["t", "e"])


# What tables say.


def test_shares_are_those_of_a_sum_over_anchors(
    explained: pd.DataFrame, stored: StoredFactors
) -> None:
    """Brute force, one anchor after the other."""
    for part in SIZES:
        spread = stored.places[0].spread(part)
        centre = spread.mean.mean(axis=0)
        between = sum(((own - centre) ** 2).sum() for own in spread.mean) / (len(spread.mean) - 1)
        within = sum(spread.within) / len(spread.within)
        total = between + (1 - 1 / stored.samples) * within
        chosen = explained[(explained["state"] == "trained") & (explained["factor"] == part)]
        assert chosen["value"].item() == pytest.approx(1 - within / total, rel=1e-9)
        assert chosen["anchors"].item() == 60
        assert chosen["samples"].item() == 6


def test_responses_are_counts(stored: StoredFactors) -> None:
    draws = anchor_draws(stored.anchors, 200, seed=0)
    table = response_table(stored, draws).set_index(["factor", "measure"])
    own = stored.data["own"].to_numpy()
    for number, part in enumerate(SIZES):
        drawn, said = (stored.data[name].to_numpy()[number] for name in ("drawn", "exchanged"))
        changed = [a != b for a, row in zip(own, drawn, strict=True) for b in row]
        follows, stays = [], []
        for k in range(len(own)):
            partner = own[(k + 1) % len(own)]
            if partner != own[k]:
                follows.append(said[k] == partner)
                stays.append(said[k] == own[k])
        expected: dict[str, Any] = {"changed": changed, "follows": follows, "stays": stays}
        expected["scatter"] = [np.std(row) for row in drawn]
        for measure, values in expected.items():
            row = table.loc[(part, measure)]
            assert row["value"] == pytest.approx(np.mean(values)), (part, measure)
            assert row["low"] <= row["value"] <= row["high"]
    assert table.loc[("sure", "changed"), "value"] > 0.1
    assert table.loc[("residual", "changed"), ["value", "low", "high"]].tolist() == [0, 0, 0]


def test_sizes_are_told_by_every_rule() -> None:
    table = size_table(CARD).set_index(["rule", "factor"])
    assert table["size"].fillna(-1).tolist() == [3, 2, 3, -1, -1, -1]
    assert table["chosen"].tolist() == [True] * 3 + [False] * 3
    assert table.loc[("published", "background"), "error"] == 0.02
    assert np.isnan(table.loc[("published", "residual"), "score"])


def test_tables_of_a_study_are_written_and_read(store: Path, tmp_path: Path) -> None:
    write_facts(tmp_path / "card.json", CARD)
    tables = compare_factors(tmp_path / "card.json", {"linear": store}, bootstrap=50, seed=0)
    assert {name: tuple(table.columns) for name, table in tables.items()} == COLUMNS
    paths = {name: tmp_path / f"{name}.csv" for name in tables}
    write_tables(tables, paths)
    for name, table in tables.items():
        pd.testing.assert_frame_equal(read_table(paths[name]), table, check_dtype=False)
    again = compare_factors(tmp_path / "card.json", {"linear": store}, bootstrap=50, seed=0)
    assert all(again[name].equals(table) for name, table in tables.items())
