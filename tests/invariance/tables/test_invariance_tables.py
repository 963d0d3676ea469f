"""Tables of invariances: a made study whose numbers are known, and loops over its anchors."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from invariance_study import (
    AUGMENTATIONS,
    INVERTED,
    LAYERS,
    STATES,
    invariance_groups,
    make_cards,
    make_indices,
    make_invariances,
    planted_free,
    planted_likeness,
)

import actsense
from actsense.errors import ConfigError
from actsense.invariance.kept.estimates import Estimate, anchor_draws, anchor_mean
from actsense.invariance.kept.quality import image_quality
from actsense.invariance.stored import StoredInvariances
from actsense.invariance.tables.comparison import (
    TABLES,
    compare_invariances,
    network_rows,
)
from actsense.invariance.tables.effects import LayerEffects
from actsense.invariance.tables.paired import compared
from actsense.store import read_facts, read_table, write_facts, write_tables

Tables = dict[str, pd.DataFrame]
ANCHORS, SAMPLES, BOOTSTRAP, SEED = 12, 4, 100, 5
NUMBERS = ["value", "low", "high"]


def compare(
    folder: Path, stores: Mapping[str, Path], indices: Mapping[tuple[str, str], Path] | None = None
) -> Tables:
    """Compare networks whose cards are in folders of their names."""
    states = [(network, state) for network in stores for state in STATES]
    return compare_invariances(
        stores,
        faithful={
            (own, state): folder / own / f"autoencoder/{state}.json" for own, state in states
        },
        flows=[
            folder / own / f"flows/{state}/{layer}.json"
            for own, state in states
            for layer in LAYERS
        ],
        indices=indices or {},
        bootstrap=BOOTSTRAP,
        seed=SEED,
    )


def rows_of(
    change: Callable[[xr.Dataset], xr.Dataset] | None = None,
    designs: Mapping[str, LayerEffects] | None = None,
    **made: Any,
) -> Tables:
    """Return the tables of one network that was made in memory, and perhaps changed."""
    groups, attributes = invariance_groups(**({"inversion": False, "judge": False} | made))
    for name in groups:
        if name and change is not None:
            groups[name] = change(groups[name])
    tree = xr.DataTree.from_dict(groups)
    tree.attrs |= attributes
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for name, row in network_rows(
        StoredInvariances(tree), designs or {}, bootstrap=BOOTSTRAP, seed=SEED
    ):
        found[name].append(row)
    return {name: pd.DataFrame(own, columns=[*TABLES[name]]) for name, own in found.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two networks: cards, stores, and indices of one."""
    home = tmp_path_factory.mktemp("invariances")
    for seed, network in enumerate(("net", "007")):
        make_cards(home / network, network)
        size = {"anchors": ANCHORS, "samples": SAMPLES, "seed": seed}
        make_invariances(home / network / "kept.zarr", network=network, **size)
    layers = {layer: (0.1, 0.3, 0.2, 0.3, 0.1) for layer in LAYERS}
    make_indices(home / "indices.zarr", layers)
    return home


@pytest.fixture(scope="module")
def tables(folder: Path) -> Tables:
    stores = {network: folder / network / "kept.zarr" for network in ("net", "007")}
    return compare(folder, stores, {("net", "colour"): folder / "indices.zarr"})


@pytest.fixture(scope="module")
def stored(folder: Path) -> StoredInvariances:
    return StoredInvariances.open(folder / "net/kept.zarr")


def rows(table: pd.DataFrame, **labels: object) -> pd.DataFrame:
    """Return the rows with some labels."""
    for name, label in labels.items():
        table = table[table[name] == label]
    return table


def numbers(table: pd.DataFrame, **labels: object) -> np.ndarray:
    """Return value, low and high of the one row with some labels."""
    (found,) = rows(table, **labels)[NUMBERS].to_numpy(dtype=float)
    return found


# All tables.


def test_every_table_is_there_with_its_columns_for_all_networks(tables: Tables) -> None:
    assert {name: tuple(table) for name, table in tables.items()} == TABLES
    for name, table in tables.items():
        networks = ["net"] if name == "invariance_effects" else ["net", "007"]
        assert list(table["network"].unique()) == networks
        assert not table["limited"].isna().any()


def test_what_is_read_of_a_layer_is_not_held(folder: Path) -> None:
    opened = StoredInvariances.open(folder / "007/kept.zarr")
    assert len([*network_rows(opened, {}, bootstrap=BOOTSTRAP, seed=SEED)]) > 100
    for group in opened.groups:
        for name in ("pixel_mean", "sample_latent", "features"):
            assert not group.data[name].variable._in_memory


def test_a_row_is_there_once(tables: Tables) -> None:
    for table in tables.values():
        texts = table.select_dtypes(exclude=["number", "bool"])
        assert not texts.duplicated().any()


def test_tables_are_written_the_same_twice_and_read_back(
    tables: Tables, folder: Path, tmp_path: Path
) -> None:
    again = compare(
        folder,
        {network: folder / network / "kept.zarr" for network in ("net", "007")},
        {("net", "colour"): folder / "indices.zarr"},
    )
    for number, own in enumerate((tables, again)):
        write_tables(own, {name: tmp_path / f"{number}_{name}.csv" for name in own})
    for name, table in tables.items():
        first, second = (tmp_path / f"{number}_{name}.csv" for number in (0, 1))
        assert first.read_bytes() == second.read_bytes()
        found = read_table(first)
        pd.testing.assert_frame_equal(found, table, check_dtype=False)
        assert found["limited"].dtype == bool


def test_a_study_offers_stores_and_tables(tables: Tables, tmp_path: Path) -> None:
    home = tmp_path / "study"
    made = {"anchors": 4, "random": False, "judge": False, "inversion": False}
    make_invariances(home / "net/invariance/kept.zarr", **made)
    write_facts(home / "net/card.json", {})
    place = home / "invariance/tables"
    write_tables(tables, {name: place / f"{name}.csv" for name in tables})
    study = actsense.open_study(home)
    assert set(TABLES) <= set(study.tables)
    opened = study["net"].invariances
    assert [group.layer for group in opened.of("trained")] == [*LAYERS]
    found = study.table("invariance_kept")
    pd.testing.assert_frame_equal(found, tables["invariance_kept"], check_dtype=False)


# Cards.


def test_rows_of_cards_are_what_cards_say(tables: Tables, folder: Path) -> None:
    table = tables["invariance_autoencoder"]
    for network in ("net", "007"):
        for state in STATES:
            card = read_facts(folder / network / f"autoencoder/{state}.json")
            for layer, cosine in card["networks"][network]["cosine"].items():
                (row,) = rows(table, network=network, state=state, layer=layer).to_dict("records")
                assert row["cosine"] == cosine
                assert row["agreement"] == card["networks"][network]["agreement"]
                assert row["limited"] != card["gate"][network][layer]
                for name in ("images", "absolute", "squared", "explained", "divergence", "noise"):
                    assert row[name] == card[name]


def test_rows_of_flows_are_what_their_cards_say(tables: Tables) -> None:
    table = tables["invariance_flows"]
    assert len(table) == 2 * len(STATES) * len(LAYERS)
    row = rows(table, network="net", state="random", layer="logits").to_dict("records")[0]
    expected = {
        **{"latent": 8, "train_images": 400, "validation_images": 100, "parameters": 12_345},
        **{"train_nats": 7.5, "validation_nats": 8.25, "gap_nats": 0.75, "shuffled_nats": 21.0},
        **{"learned_nats": 12.75, "train_bits": 1.35, "validation_bits": 1.49},
        **{"train_mean_square": 0.99, "mean_square": 1.02, "ks": 0.04, "ks_p": 0.6},
        **{"std_lowest": 0.95, "std_highest": 1.08, "correlation": 0.1, "inverse_error": 3e-6},
        **{"steps": 300, "best_step": 200, "limited": True},
    }
    assert {name: row[name] for name in expected} == expected


def test_a_flow_without_a_condition_has_learned_nothing_from_it(tmp_path: Path) -> None:
    make_cards(tmp_path)
    path = tmp_path / "flows/trained/logits.json"
    write_facts(path, read_facts(path) | {"shuffled_nats": None})
    found = compare_invariances(
        {},
        faithful={("net", "trained"): tmp_path / "autoencoder/trained.json"},
        flows=[path],
        **{"indices": {}, "bootstrap": BOOTSTRAP, "seed": SEED},
    )
    table = found["invariance_flows"]
    assert table[["shuffled_nats", "learned_nats"]].isna().all(axis=None)
    assert table["validation_nats"].tolist() == [8.25]
    for name in set(TABLES) - {"invariance_flows", "invariance_autoencoder"}:
        assert found[name].empty
        assert tuple(found[name]) == TABLES[name]


def test_the_gate_of_the_card_marks_every_table(tables: Tables, folder: Path) -> None:
    """All of random weights fail by agreement, and nothing of trained ones does."""
    for table in tables.values():
        for state, limited in (("trained", False), ("random", True), ("trained - random", True)):
            assert (rows(table, state=state)["limited"] == limited).all()


def test_a_difference_is_limited_by_either_side() -> None:
    one = {("m",): Estimate(np.arange(5.0))}
    measured = {("trained", "a"): one, ("trained", "b"): one, ("trained", "c"): one}
    limited = {where: where[1] == "b" for where in measured}
    found = {row["layer"]: row["limited"] for row in compared(measured, limited, ["measure"])}
    assert found == {"a": False, "b": True, "c": False, "b - a": True, "c - b": True}


# What is kept.


def test_variance_left_is_what_was_planted() -> None:
    found = rows_of(anchors=250, samples=8, side=4)
    kept, moved = found["invariance_kept"], found["invariance_moved"]
    planted = {}
    for state in STATES:
        for depth, layer in enumerate(LAYERS):
            planted[state, layer] = planted_free(state, depth)
            value, low, high = numbers(kept, state=state, layer=layer, measure="explained_latent")
            share = planted[state, layer].mean()
            assert abs(value - share) < 0.03
            assert low - 0.01 < share < high + 0.01
            assert high - low < 0.1
            for number, name in enumerate(AUGMENTATIONS):
                value, low, high = numbers(
                    moved, state=state, layer=layer, augmentation=name, measure="free"
                )
                assert abs(value - planted[state, layer][2 * number]) < 0.1
                assert low < value < high
    for layer in LAYERS:
        expected = (planted["trained", layer] - planted["random", layer]).mean()
        value, low, high = numbers(
            kept, state="trained - random", layer=layer, measure="explained_latent"
        )
        assert abs(value - expected) < 0.03
        assert low < value < high
    value, *_ = numbers(kept, state="trained", layer="hidden - stage2", measure="explained_latent")
    assert abs(value - 0.25) < 0.03


def test_variance_left_of_latents_and_pixels_is_that_of_loops(
    tables: Tables, stored: StoredInvariances
) -> None:
    group = stored.group("trained", "hidden")
    pixels = {name: group.data[f"pixel_{name}"].to_numpy() for name in ("mean", "variance")}
    latents = group.sample_latents.astype(float)
    measured = {
        "explained_latent": (latents.mean(axis=1), latents.var(axis=1, ddof=1).sum(axis=1)),
        "explained_pixel": (pixels["mean"], pixels["variance"].sum(axis=(1, 2, 3))),
    }
    for measure, (mean, within) in measured.items():
        spread = mean.reshape(ANCHORS, -1).var(axis=0, ddof=1).sum()
        expected = within.mean() / (spread + (1 - 1 / SAMPLES) * within.mean())
        value, low, high = numbers(
            tables["invariance_kept"],
            **{"network": "net", "state": "trained", "layer": "hidden", "measure": measure},
        )
        np.testing.assert_allclose(value, expected, rtol=1e-4)
        assert low < value < high


def test_likeness_is_the_mean_over_anchors_and_what_it_gains(
    tables: Tables, stored: StoredInvariances
) -> None:
    kept = tables["invariance_kept"]
    names = {
        **{"cosine": "centred", "cosine_floor": "cosine_floor", "raw_cosine": "cosine"},
        **{"agreement": "agreement", "agreement_floor": "agreement_floor"},
        "cosine_ceiling": "reconstructed_centred",
        "agreement_ceiling": "reconstructed_agreement",
    }
    for group in stored.groups:
        where = {"network": "net", "state": group.state, "layer": group.layer}
        depth = [*LAYERS].index(group.layer)
        planted = planted_likeness(group.state, depth)
        values = {}
        for measure, name in names.items():
            value, low, high = numbers(kept, **where, measure=measure)
            np.testing.assert_allclose(value, planted[name], rtol=1e-9)
            assert low < value < high
            values[measure] = value
        gains = {
            "cosine_gain": values["cosine"] - values["cosine_floor"],
            "agreement_gain": values["agreement"] - values["agreement_floor"],
            "cosine_of_ceiling": values["cosine"] / values["cosine_ceiling"],
        }
        for measure, value in gains.items():
            np.testing.assert_allclose(numbers(kept, **where, measure=measure)[0], value)
        strength = numbers(kept, **where, measure="strength")[0]
        np.testing.assert_allclose(strength, group.data["pixel_variance"].mean(), rtol=1e-5)
    counts = kept[["anchors", "samples"]].drop_duplicates().to_numpy().tolist()
    assert counts == [[ANCHORS, SAMPLES]]


def test_intervals_of_differences_are_those_of_the_same_anchors(
    tables: Tables, stored: StoredInvariances
) -> None:
    draws = anchor_draws(ANCHORS, BOOTSTRAP, seed=SEED)

    def centred(state: str, layer: str) -> np.ndarray:
        return stored.group(state, layer).kept.samples.centred

    pairs = {
        ("trained - random", "hidden"): (("trained", "hidden"), ("random", "hidden")),
        ("trained", "hidden - stage2"): (("trained", "hidden"), ("trained", "stage2")),
        ("random", "logits - hidden"): (("random", "logits"), ("random", "hidden")),
    }
    for (state, layer), (one, other) in pairs.items():
        apart = centred(*one) - centred(*other)
        means = np.sort([(apart * drawn).sum() / ANCHORS for drawn in draws[1:]])
        # With 100 resamples 2.5 % lie below the third.
        expected = [apart.mean(), means[2], means[-3]]
        found = numbers(
            tables["invariance_kept"],
            **{"network": "net", "state": state, "layer": layer, "measure": "cosine"},
        )
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_what_is_the_same_in_both_states_differs_by_exactly_nothing() -> None:
    trained: dict[str, xr.Dataset] = {}

    def as_trained(data: xr.Dataset) -> xr.Dataset:
        known = trained.setdefault(data.attrs["layer"], data)  # trained layers come first
        return known.assign_attrs(data.attrs)

    found = rows_of(as_trained, anchors=6)
    for name in ("invariance_kept", "invariance_moved"):
        apart = rows(found[name], state="trained - random")
        assert len(apart) > 20
        assert (apart[NUMBERS] == 0).all(axis=None)


def test_differences_are_of_states_and_of_next_layers(tables: Tables) -> None:
    kept = rows(tables["invariance_kept"], network="net", measure="explained_latent")
    first, second, third = LAYERS
    steps = [f"{second} - {first}", f"{third} - {second}"]
    assert rows(kept, state="trained")["layer"].tolist() == [*LAYERS, *steps]
    assert rows(kept, state="random")["layer"].tolist() == [*LAYERS, *steps]
    assert rows(kept, state="trained - random")["layer"].tolist() == [*LAYERS]


# Quality.


def test_quality_is_that_of_samples_beside_real_halves(
    tables: Tables, stored: StoredInvariances
) -> None:
    table = tables["invariance_quality"]
    group = stored.group("random", "hidden")
    assert stored.real_features is not None
    assert group.features is not None
    both = image_quality(stored.real_features, group.features, seed=SEED)
    for kind, expected in zip(("samples", "real halves"), both, strict=True):
        own = rows(table, network="net", state="random", layer="hidden", kind=kind)
        for name in ("frechet", "kernel", "precision", "coverage"):
            measure = getattr(expected, name)
            found = numbers(own, measure=name)
            np.testing.assert_array_equal(found, [measure.value, measure.low, measure.high])
        plain = numbers(own, measure="frechet_plain")
        np.testing.assert_array_equal(plain, [expected.frechet_plain, np.nan, np.nan])
        assert own[["images", "features"]].drop_duplicates().to_numpy().tolist() == [[30, 5]]
        assert own["judge"].unique().tolist() == ["bag"]
        assert own["judge_layer"].unique().tolist() == ["features"]


# What invariances move along.


def test_shares_add_up_and_lengths_are_of_all_anchors(
    tables: Tables, stored: StoredInvariances
) -> None:
    own = rows(tables["invariance_moved"], network="net", state="trained", layer="hidden")
    for start in ("", "expected_"):
        shapley = rows(own, measure=f"{start}shapley")["value"]
        assert len(shapley) == len(AUGMENTATIONS)
        together = numbers(own, augmentation="", measure=f"{start}together")[0]
        np.testing.assert_allclose(shapley.sum(), together)
    for number, name in enumerate(AUGMENTATIONS):
        alone, expected, free = (
            numbers(own, augmentation=name, measure=measure)[0]
            for measure in ("alone", "expected_alone", "free")
        )
        # Rooms are at right angles: what is lost without one is what it has alone.
        last = numbers(own, augmentation=name, measure="last")[0]
        np.testing.assert_allclose(last, alone)
        assert 0 < expected < 1
        assert free > 0
        squares = np.square(stored.lengths[:, number])
        length = numbers(own, augmentation=name, measure="length")
        np.testing.assert_allclose(length[0], np.sqrt(squares.mean()))
        draws = anchor_draws(ANCHORS, BOOTSTRAP, seed=SEED)
        low, high = anchor_mean(squares, draws).interval
        np.testing.assert_allclose(length[1:], np.sqrt([low, high]))
    lengths = rows(tables["invariance_moved"], measure="length")
    assert set(lengths["state"]) == set(STATES)
    assert set(lengths["layer"]) == set(LAYERS)


# Inversion.


def test_inverted_images_stand_beside_samples_of_the_same_anchors(
    tables: Tables, stored: StoredInvariances
) -> None:
    table = rows(tables["invariance_inversion"], network="net")
    for group in stored.groups:
        own = rows(table, state=group.state, layer=group.layer)
        assert own["anchors"].unique().tolist() == [INVERTED]
        assert group.inverted_distance is not None
        like = group.kept.samples
        expected = {
            ("samples", "distance"): like.distance[:INVERTED].mean(),
            ("inverted", "distance"): group.inverted_distance.mean(),
            ("samples", "agreement"): like.agreement[:INVERTED].mean(),
            ("inverted", "agreement"): 1.0,
        }
        for (images, measure), value in expected.items():
            found = numbers(own, images=images, measure=measure)
            np.testing.assert_allclose(found[0], value, rtol=1e-9)
        for measure in ("distance", "agreement"):
            apart = numbers(own, images="samples - inverted", measure=measure)[0]
            difference = expected["samples", measure] - expected["inverted", measure]
            np.testing.assert_allclose(apart, difference, rtol=1e-9)


def test_an_inverted_image_that_is_taken_for_another_does_not_agree() -> None:
    def wrong(data: xr.Dataset) -> xr.Dataset:
        axis, predicted = data["inverted_predicted"].dims, data["inverted_predicted"].to_numpy()
        return data.assign(
            inverted_predicted=(axis, predicted + np.eye(1, INVERTED, dtype=int)[0])
        )

    found = rows_of(wrong, anchors=6, random=False, inversion=True)["invariance_inversion"]
    agreement = rows(found, images="inverted", measure="agreement")["value"]
    np.testing.assert_allclose(agreement, 1 - 1 / INVERTED)


# What a study may lack.


def test_a_study_without_judge_inversion_random_weights_and_augmentations() -> None:
    effect = np.ones((1, 1))
    known = dict.fromkeys(("S1", "ST", "shapley"), effect)
    design = LayerEffects(("logits",), ("hue",), known, known, replicates=2)
    found = rows_of(None, {"colour": design}, anchors=4, random=False, augmentations=())
    lacking = {f"invariance_{name}" for name in ("quality", "moved", "effects", "inversion")}
    of_cards = {"invariance_autoencoder", "invariance_flows"}
    assert {name for name, table in found.items() if table.empty} == lacking | of_cards
    assert set(found["invariance_kept"]["state"]) == {"trained"}


def test_too_few_images_have_no_quality_which_is_said(caplog: pytest.LogCaptureFixture) -> None:
    found = rows_of(anchors=4, samples=3, random=False, judge=True)
    assert found["invariance_quality"].empty
    assert "hidden (trained) look is not told, for there are 12 images" in caplog.text


def test_a_dead_layer_has_no_cosine() -> None:
    def dead(data: xr.Dataset) -> xr.Dataset:
        if (data.attrs["state"], data.attrs["layer"]) == ("trained", "hidden"):
            return data.assign(centred=np.nan * data["centred"])
        return data

    kept = rows_of(dead, anchors=6)["invariance_kept"]
    undefined = kept[kept["value"].isna()]
    assert set(undefined["measure"]) == {"cosine", "cosine_gain", "cosine_of_ceiling"}
    where = [*zip(undefined["state"], undefined["layer"], strict=True)]
    assert set(where) == {
        ("trained", "hidden"),
        ("trained - random", "hidden"),
        ("trained", "hidden - stage2"),
        ("trained", "logits - hidden"),
    }


def test_a_layer_that_the_autoencoder_was_not_judged_by_is_said(tmp_path: Path) -> None:
    make_cards(tmp_path)
    path = tmp_path / "flows/trained/logits.json"
    write_facts(path, read_facts(path) | {"layer": "fc"})
    with pytest.raises(ConfigError, match=r"the card of the autoencoder, net.*'fc'"):
        compare_invariances(
            {},
            faithful={("net", "trained"): tmp_path / "autoencoder/trained.json"},
            flows=[path],
            **{"indices": {}, "bootstrap": BOOTSTRAP, "seed": SEED},
        )
