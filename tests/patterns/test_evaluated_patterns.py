"""Embeddings of all states of a network, from recorded features to tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

from actsense.patterns.alignment import procrustes
from actsense.patterns.evaluate import embed_patterns
from actsense.patterns.radial import posterior
from actsense.patterns.samples import targets
from actsense.patterns.settings import Patterns
from actsense.patterns.tables.comparison import TABLES, compare_patterns
from actsense.store import write_results
from actsense.store.columns import Column
from actsense.store.rows import Rows, write_rows

IMAGES, CLASSES, WIDE, CHANNELS, GRID, SIDE = 40, 4, 6, 5, 2, 4
STATES = [
    {"name": "final", "kind": "final"},
    {"name": "epoch 1", "kind": "checkpoint", "epoch": 1},
    {"name": "epoch 3", "kind": "checkpoint", "epoch": 3},
    {"name": "random", "kind": "random"},
    {"name": "step 2", "kind": "attack", "step": 2},
    {"name": "step 4", "kind": "attack", "step": 4},
]
LABELS = np.arange(IMAGES) % CLASSES
SETTINGS = Patterns(others=20, seeds=2, baselines=("pca",), bootstrap=100)

Made = tuple[Rows, xr.DataTree]


def write_features(path: Path) -> Rows:
    """Write features of two layers that know the class the better the later the epoch."""
    generator = np.random.default_rng(0)
    prototypes = generator.normal(size=(CLASSES, WIDE + 2 * CHANNELS))
    columns = {f"map_{layer}": Column((CHANNELS, GRID, GRID), "float32") for layer in range(2)}
    columns |= {"hidden": Column((WIDE,), "float32"), "logits": Column((CLASSES,), "float32")}
    columns |= {name: Column((), "int64") for name in ("row", "label")}
    with write_rows(path, columns) as writer:
        writer.attributes |= {
            "layers": ["early", "late"],
            "grid": [GRID, GRID],
            "images": IMAGES,
            "classes": ["ant", "bee", "cat", "dog"],
            "states": STATES,
        }
        for state in STATES:
            known = {"random": 0.05, "checkpoint": 0.3 * state.get("epoch", 0)}
            labels = (LABELS + (state["kind"] == "attack")) % CLASSES
            share = known.get(state["kind"], 1.5)
            own = share * prototypes[labels] + generator.normal(
                0, 0.3, (IMAGES, prototypes.shape[1])
            )
            maps = own[:, WIDE:].reshape(IMAGES, 2, CHANNELS, 1, 1)
            maps = maps + generator.normal(0, 0.2, (IMAGES, 2, CHANNELS, GRID, GRID))
            sure = 8 * share * np.eye(CLASSES)[labels]
            rows = {f"map_{layer}": maps[:, layer] for layer in range(2)}
            rows |= {"hidden": own[:, :WIDE], "logits": sure + generator.normal(size=sure.shape)}
            rows = {name: values.astype(np.float32) for name, values in rows.items()}
            writer.append(rows | {"row": 3 * np.arange(IMAGES), "label": LABELS})
    return Rows(path)


def write_attack(path: Path) -> None:
    """Write an attack that turns three images of four."""
    predictions = np.stack([LABELS, LABELS, (LABELS + (np.arange(IMAGES) % 4 > 0)) % CLASSES], 1)
    columns = {name: Column((), "int64") for name in ("row", "label", "target")}
    with write_rows(path, columns | {"predictions": Column((3,), "int64")}) as writer:
        writer.attributes |= {"targeted": False, "norm": "linf", "epsilon": 0.03, "step": 0.01}
        writer.attributes |= {"steps": 4, "largest": 0.03}
        rows = {"row": 3 * np.arange(IMAGES), "label": LABELS, "target": 0 * LABELS - 1}
        writer.append(rows | {"predictions": predictions})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rows, xr.DataTree]:
    folder = tmp_path_factory.mktemp("patterns")
    features = write_features(folder / "features.zarr")
    groups = embed_patterns(features, SETTINGS, seed=1)
    named = {name or "/": data for name, data in groups.items()}
    return features, xr.DataTree.from_dict(named)


def test_states_are_those_recorded_and_a_control(made: Made) -> None:
    _, tree = made
    expected = ["final", "epoch 1", "epoch 3", "random", "shuffled", "step 2", "step 4"]
    assert tree["state"].to_numpy().tolist() == expected
    assert tree["epoch"].to_numpy()[1:3].tolist() == [1, 3]
    assert np.isfinite(tree["loss"][:5]).all()
    assert np.isnan(tree["loss"][5:]).all()


def test_attacked_images_and_regions_are_placed_by_the_finished_network(
    made: Made,
) -> None:
    """A linear map that has seen the finished network's points sends attacked ones to theirs."""
    features, tree = made
    for column, values in (
        ("hidden", tree["embedding"].to_numpy()),
        ("map_1", tree["regions_1"]["embedding"].to_numpy()),
    ):
        shape = (IMAGES, -1, GRID * GRID if column != "hidden" else 1)
        seen, attacked = (
            features.read(np.arange(first, first + IMAGES), column)
            .reshape(shape)
            .swapaxes(1, 2)
            .reshape(-1, shape[1] if shape[1] > 0 else WIDE if column == "hidden" else CHANNELS)
            .astype(np.float64)
            for first in (0, 5 * IMAGES)
        )
        placed = values.reshape(len(values), -1, 3)
        projection, *_ = np.linalg.lstsq(seen, placed[0], rcond=None)
        np.testing.assert_allclose(seen @ projection, placed[0], atol=1e-4)
        np.testing.assert_allclose(attacked @ projection, placed[-1], atol=1e-4)


def test_regions_have_the_mean_length_one(made: Made) -> None:
    lengths = np.linalg.norm(made[1]["regions_0"]["embedding"], axis=-1).mean(axis=(1, 2))
    np.testing.assert_allclose(lengths[:5], 1, rtol=1e-5)
    assert (abs(lengths[5:] - 1) > 1e-4).all()


def test_what_the_network_says_is_softened_and_shuffled(made: Made) -> None:
    features, tree = made
    logits = torch.from_numpy(features.read(np.arange(IMAGES), "logits"))
    said = tree["probability"].to_numpy()
    np.testing.assert_allclose(said[0], targets(logits, temperature=4.0).numpy(), atol=1e-11)
    assert not np.array_equal(said[0], said[4])
    np.testing.assert_array_equal(np.sort(said[0], axis=0), np.sort(said[4], axis=0))


def test_checkpoints_are_turned_onto_the_next(made: Made) -> None:
    """What has been turned onto something cannot be turned any further."""
    placed = torch.from_numpy(made[1]["embedding"].to_numpy())
    for earlier, later in ((2, 0), (1, 2)):
        torch.testing.assert_close(
            procrustes(placed[earlier], placed[later]), torch.eye(3).double(), atol=1e-4, rtol=0
        )


def test_what_never_responds_lies_at_the_origin(tmp_path: Path, made: Made) -> None:
    """A dead layer, a state whose last vector is dead, a class that is impossible in another."""
    features, broken = made[0], tmp_path / "broken.zarr"
    rows = {name: features.read(np.arange(len(features)), name) for name in features.columns}
    rows["map_0"][:] = 0
    rows["hidden"][:IMAGES] = 0
    rows["logits"][IMAGES : 2 * IMAGES, 0] = -1e6
    with write_rows(broken, features.columns) as writer:
        writer.attributes |= features.attributes
        writer.append(rows)
    groups = embed_patterns(Rows(broken), SETTINGS, seed=1)
    assert (groups["regions_0"]["embedding"] == 0).all()
    assert (groups[""]["embedding"][0] == 0).all()
    assert np.isfinite(groups[""]["embedding"]).all()
    assert np.isfinite(groups["regions_1"]["embedding"]).all()
    assert (groups[""]["embedding"][1] != 0).any()


def test_a_network_that_knows_more_has_more_reliable_points(
    tables: dict[str, pd.DataFrame],
) -> None:
    own = "network == 'net' and configured and layer == 'late'"
    points = tables["knowledge_points"].query(own).set_index("state")
    assert points.loc["final", "ratio"] > 0.9
    assert points.loc["final", "reliable"] >= points.loc["epoch 3", "reliable"]
    assert points.loc["epoch 3", "reliable"] > points.loc["epoch 1", "reliable"]
    for control in ("shuffled", "random", "regions"):
        assert points.loc[control, "reliable"] < 0.5 * points.loc["final", "reliable"]


@pytest.fixture(scope="module")
def tables(made: Made, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("compared")
    groups = {"" if name == "/" else name: node.to_dataset() for name, node in _groups(made[1])}
    store, attack = folder / "patterns.zarr", folder / "attack.zarr"
    write_results(store, groups, attributes={"network": "net"})
    write_attack(attack)
    stores, attacks = {"net": store, "same": store}, {"net": attack, "same": attack}
    return compare_patterns(stores, attacks, threshold=0.4, exchanged=True, bootstrap=100, seed=1)


def _groups(tree: xr.DataTree) -> list[tuple[str, xr.DataTree]]:
    return [("/", tree), *tree.children.items()]


def test_tables_have_the_columns_that_are_promised(tables: dict[str, pd.DataFrame]) -> None:
    for name, columns in TABLES.items():
        assert tuple(tables[name].columns) == columns
        assert len(tables[name]) > 0
        assert not [c for c in columns if tables[name][c].isna().all()]


def test_checkpoints_say_how_far_images_still_go(
    made: Made, tables: dict[str, pd.DataFrame]
) -> None:
    placed = made[1]["embedding"].to_numpy().astype(np.float64)
    rows = tables["embeddings"].query("network == 'net'").set_index("state")
    for name, earlier, later in (("epoch 1", 1, 2), ("epoch 3", 2, 0)):
        way = np.linalg.norm(placed[earlier] - placed[later]) / np.linalg.norm(placed[later])
        assert rows.loc[name, "moved"] == pytest.approx(way, rel=1e-4)


def test_points_are_those_of_brute_force(made: Made, tables: dict[str, pd.DataFrame]) -> None:
    _, tree = made
    rows = tables["knowledge_points"].query("network == 'net' and layer == 'early'")
    embedding, direction = tree["regions_0"]["embedding"].to_numpy(), tree["direction"].to_numpy()
    for state in (0, 1):
        found = right = 0
        for image in range(IMAGES):
            for region in range(GRID * GRID):
                point = torch.from_numpy(embedding[state, image, region])
                probable = posterior(point, torch.from_numpy(direction[state])).numpy()
                found += probable.max() >= 0.3
                right += probable.max() >= 0.3 and probable.argmax() == LABELS[image]
        chosen = (rows["threshold"] == 0.3) & (rows["state"] == tree["state"].to_numpy()[state])
        assert rows[chosen]["points"].item() == pytest.approx(found / IMAGES)
        assert rows[chosen]["reliable"].item() == pytest.approx(right / IMAGES)
        assert right > 0


def test_equal_networks_do_not_differ(tables: dict[str, pd.DataFrame]) -> None:
    assert (
        (tables["knowledge_differences"][["difference", "low", "high"]].fillna(0) == 0)
        .to_numpy()
        .all()
    )


def test_an_attack_is_counted_image_by_image(tables: dict[str, pd.DataFrame]) -> None:
    row = tables["attacks"].iloc[0]
    assert row["accuracy_clean"] == 1
    assert row["accuracy_attacked"] == 0.25
    assert row["success"] == 0.75
    moved = tables["attack_points"].query("network == 'net' and layer == 'late'")
    assert (moved["points"] > 0.5).all()
