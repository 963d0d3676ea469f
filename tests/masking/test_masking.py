"""Masked predictions, against the same masks put on by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from masked_study import (
    AUGMENTATIONS,
    CLASSES,
    FACTORS,
    IMAGES,
    SETTINGS,
    network,
    sampling,
)
from scipy import stats

from actsense.errors import ConfigError
from actsense.masking.evaluate import evaluate_masks, masking_table
from actsense.masking.metrics import METRICS, Outcomes, outcomes, summarize
from actsense.masking.plan import COORDINATES, MaskPlan
from actsense.masking.ranks import MaskRanks
from actsense.masking.settings import Masking
from actsense.masking.trials import shown
from actsense.networks.network import Network
from actsense.networks.subject import Subject
from actsense.sampling.opening import Sampling
from actsense.statistics.resampling import image_draws
from actsense.store import read_results, write_results

ORIGINAL = "original"
Groups = dict[str, xr.Dataset]


def evaluated(
    indices: Path, own: Sampling | None = None, net: Network | None = None, **changes: Any
) -> Groups:
    settings = Masking(**SETTINGS).model_copy(update=changes)  # few images, too
    return evaluate_masks(own or sampling(net), indices, settings)


@pytest.fixture(scope="module")
def results(indices: Path) -> Groups:
    return evaluated(indices, levels=["activation", "channel"], layers=["together", "each"])


def chosen(data: xr.Dataset, **names: Any) -> xr.Dataset:
    """Return the conditions with these coordinates."""
    axis = data["input"].dims[0]
    held = np.ones(data.sizes[axis], dtype=bool)
    for name, value in names.items():
        held &= data[name].to_numpy() == value
    return data.isel({axis: held})


def one(data: xr.Dataset, **names: Any) -> xr.Dataset:
    found = chosen(data, **names)
    assert found.sizes["condition"] == 1
    return found.isel(condition=0)


def by_hand(indices: Path, plan: MaskPlan, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return logits of all images with and without hooks that scale, and their labels."""
    own, net = sampling(), network()
    rows, labels = own.law.pool.validation(SETTINGS["images"])
    images = (shown(own, rows, name) - 0.5) / 0.25
    ranks = MaskRanks(indices, "small", seed=0)
    plain = net.module(images)

    def scale(layer: str) -> Any:
        low, high = ranks.window(plan, layer)
        masked = (ranks.ranks(plan, layer) >= low) & (ranks.ranks(plan, layer) < high)
        factor = torch.from_numpy(np.where(masked, plan.scale or 0.0, 1.0)).float()
        means = torch.from_numpy(masked * ranks.means(layer) * (plan.rule == "mean")).float()
        return lambda _module, _inputs, output: output * factor + means

    for layer in ranks.masked_layers(plan):
        net.module.get_submodule(layer).register_forward_hook(scale(layer))
    return net.module(images).double().numpy(), plain.double().numpy(), labels


PLAN = MaskPlan("top", "S1", "order", 1.5, 0.5, "activation", "together")
BY_HAND = [
    (ORIGINAL, PLAN),
    ("rolling", PLAN),
    ("contrast", MaskPlan("random", "", "", 0.0, 0.2, "activation", "together", 1)),
    (ORIGINAL, replace(PLAN, rule="mean", scale=None)),
    ("rolling", replace(PLAN, rule="permuted", factor="rolling", value="shapley")),
    (ORIGINAL, replace(PLAN, rule="least", scale=0.0)),
    (ORIGINAL, replace(PLAN, level="channel", scale=0.0, layers="3")),
    (ORIGINAL, replace(PLAN, level="channel", rule="mean", scale=None)),
    (ORIGINAL, replace(PLAN, layers="1", scale=0.0)),
]


@pytest.mark.parametrize(("name", "plan"), BY_HAND)
def test_metrics_are_those_of_masks_put_on_by_hand(
    results: Groups, indices: Path, name: str, plan: MaskPlan
) -> None:
    logits, plain, labels = by_hand(indices, plan, name)
    held = {k: v for k, v in vars(plan).items() if v is not None}
    found = one(results[""], input=name, **held)
    predicted = logits.argmax(axis=1)
    p, q = (np.exp(x - x.max(axis=1, keepdims=True)) for x in (plain, logits))
    assert found["top1"] == pytest.approx((predicted == labels).mean())
    assert found["kl"] == pytest.approx(stats.entropy(p, q, axis=1).mean(), rel=1e-4)
    counts = np.bincount(predicted, minlength=CLASSES)
    np.testing.assert_array_equal(found["predicted"], counts)
    assert found["entropy"] == pytest.approx(stats.entropy(counts))
    recall = [(predicted == k)[labels == k].mean() for k in range(CLASSES)]
    np.testing.assert_allclose(found["recall"], recall, rtol=1e-6)


def test_the_masks_put_on_by_hand_change_predictions(results: Groups) -> None:
    top = chosen(results[""], rule="top")
    assert float(top["kl"].min()) > 0
    assert float(top["top1"].max() - top["top1"].min()) > 0.1


def test_the_unmasked_network_does_not_diverge_whatever_is_evaluated(
    results: Groups, indices: Path
) -> None:
    fewer = evaluated(indices, values=["S1"], factors="augmentations", scales=[0.0])[""]
    for name in (ORIGINAL, *AUGMENTATIONS):
        plain = one(results[""], input=name, rule="none")
        xr.testing.assert_identical(plain, one(fewer, input=name, rule="none"))
        assert plain["kl"] == plain["masked_units"] == 0


def test_scaling_by_one_changes_nothing(indices: Path) -> None:
    data = evaluated(indices, scales=[1.0], values=["S1"])[""]
    for name in (ORIGINAL, *AUGMENTATIONS):
        plain = one(data, input=name, rule="none")
        for rule in ("top", "random", "magnitude"):
            scaled = chosen(data, input=name, rule=rule)
            assert scaled.sizes["condition"] > 0
            np.testing.assert_array_equal(scaled["top1"], plain["top1"])
            np.testing.assert_allclose(scaled["kl"], 0, atol=1e-9)


def test_a_network_of_which_nothing_is_left_predicts_one_class(indices: Path) -> None:
    data = evaluated(indices, scales=[0.0], fractions=[1.0, 0.1], values=["S1"])[""]
    nothing = chosen(data, rule="top", fraction=1.0)
    np.testing.assert_allclose(nothing["top1"], 1 / CLASSES)  # balanced images
    np.testing.assert_array_equal(nothing["entropy"], 0)
    np.testing.assert_array_equal(nothing["entropy_high"], 0)


def test_numbers_of_a_condition_fit_together(results: Groups) -> None:
    data = results[""]
    assert (data["top1"] <= data["top5"]).all()
    assert (data["predicted"].sum("class") == SETTINGS["images"]).all()
    np.testing.assert_allclose(data["recall"].mean("class"), data["top1"], rtol=1e-6)
    for name in METRICS:
        assert (data[f"{name}_low"] <= data[name] + 1e-9).all()
        assert (data[name] <= data[f"{name}_high"] + 1e-9).all()


def test_predictions_are_kept_for_maps_and_the_unmasked_network(results: Groups) -> None:
    data, kept = results[""], results["predictions"]
    assert set(kept["rule"].to_numpy()) == {"none", "top"}
    assert set(kept["level"].to_numpy()) == {"", "activation"}
    assert set(kept["layers"].to_numpy()) == {"", "together"}
    top = chosen(kept, rule="top")
    own = (top["input"] == ORIGINAL) | (top["input"] == top["factor"])
    assert own.all()
    assert top.sizes["prediction"] == 2 * 2 * 2 * (len(FACTORS) + 3)
    for k in range(kept.sizes["prediction"]):
        held = kept.isel(prediction=k)
        hits = float((held["classes"].isel(rank=0) == held["label"]).mean())
        names = ("input", "value", "factor", "rule", "level", "layers")
        names += () if held["rule"] == "none" else ("scale", "fraction")
        found = one(data, **{name: held[name].item() for name in names})
        assert hits == pytest.approx(float(found["top1"]))
        assert (np.sort(held["classes"], axis=1) == np.arange(CLASSES)).all()  # each once


def test_of_layers_masked_alone_every_condition_can_be_told(indices: Path) -> None:
    found = evaluated(indices, layers=["each", "together"], images=8, bootstrap=100)
    conditions, kept = (
        pd.DataFrame({name: found[group][name].to_numpy() for name in COORDINATES})
        for group in ("", "predictions")
    )
    first = conditions[conditions["first_place"]]
    assert set(first["layers"]) == {"", "1", "3"}
    assert set(first["input"]) == {ORIGINAL, *AUGMENTATIONS}
    assert not conditions.duplicated(list(COORDINATES)).any()
    assert set(kept["layers"]) == {"", "1", "3"}
    assert kept["first_place"].all()
    table = masking_table(found[""])
    assert not table.duplicated([n for n in COORDINATES if n != "draw"]).any()
    assert table["first_place"].dtype == bool


def test_results_come_back_from_the_store_and_are_the_same_again(
    results: Groups, indices: Path, tmp_path: Path
) -> None:
    again = evaluated(indices, levels=["activation", "channel"], layers=["together", "each"])
    for name, data in results.items():
        xr.testing.assert_identical(data, again[name])
    write_results(tmp_path / "masking.zarr", results, attributes={"commit": "none"})
    tree = read_results(tmp_path / "masking.zarr")
    np.testing.assert_array_equal(tree["top1"], results[""]["top1"])
    np.testing.assert_array_equal(tree["predictions/classes"], results["predictions"]["classes"])
    assert list(tree["rule"].to_numpy()) == list(results[""]["rule"].to_numpy())
    assert tree.attrs["label"] == "class"


@pytest.mark.parametrize("batch_size", [1, 5, 40])
def test_batches_move_logits_by_roundings_alone(indices: Path, batch_size: int) -> None:
    changes = {"values": ["S1"], "scales": [0.0], "factors": "augmentations", "images": 12}
    usual = evaluated(indices, **changes)
    other = evaluated(indices, sampling(batch_size=batch_size), **changes)
    xr.testing.assert_identical(usual["predictions"], other["predictions"])
    np.testing.assert_allclose(usual[""]["kl"], other[""]["kl"], rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("name", [ORIGINAL, *AUGMENTATIONS])
def test_an_image_is_shown_alike_whatever_is_shown_beside_it(name: str) -> None:
    own = sampling()
    rows, _ = own.law.pool.validation(12)
    together, alone = shown(own, rows, name), shown(own, rows[5:6], name)
    torch.testing.assert_close(together[5:6], alone, rtol=0, atol=0)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_augmentations_change_what_the_network_sees(name: str) -> None:
    """Also brightness and contrast, which a stretch behind them would undo."""
    own = sampling()
    rows, _ = own.law.pool.validation(12)
    moved = (shown(own, rows, name) - shown(own, rows, ORIGINAL)).abs().mean(dim=(1, 2, 3))
    still = int((moved == 0).sum())
    assert still == (2 if name == "rolling" else 0)  # of these small images two roll by no pixel
    assert moved.sort().values[still] > 1e-3


def test_every_image_has_parameters_of_its_own() -> None:
    own = sampling()
    rows, _ = own.law.pool.validation(12)
    own.subject.images.read = lambda rows: np.full((len(rows), 3, 8, 8), 100, dtype=np.uint8)
    brightness = shown(own, rows, "brightness").mean(dim=(1, 2, 3))
    assert len(brightness.unique()) == 12


def test_images_are_from_validation_each_once_and_balanced() -> None:
    pool = sampling().law.pool
    rows, classes = pool.validation(40)
    assert len(set(rows)) == 40
    np.testing.assert_array_equal(np.bincount(classes), [10] * CLASSES)
    for row, label in zip(rows, classes, strict=True):
        assert row in pool.rows[1][label]
    assert len(pool.validation(10_000)[0]) == IMAGES * CLASSES


def test_other_outputs_are_compared_with_the_unmasked_predictions(indices: Path) -> None:
    found = evaluated(indices, net=network(outputs=7), values=["S1"], scales=[0.0])
    assert found[""].attrs["label"] == "prediction"
    assert found[""].sizes["class"] == 7
    plain = one(found[""], input=ORIGINAL, rule="none")
    assert plain["top1"] == 1
    assert 0 < one(found[""], input="rolling", rule="none")["top1"] < 1
    label, order = (found["predictions"][name].to_numpy() for name in ("label", "classes"))
    np.testing.assert_array_equal(order[0, :, 0], label)


NAMES = ("dog", "x", "Ant", "y", "bee", "z", "w")
PLACES = {"ant": 2, "bee": 4, "dog": 0}  # a cow is none of them


def test_classes_are_right_by_the_names_of_the_outputs(indices: Path) -> None:
    found = evaluated(indices, net=network(7, NAMES), values=["S1"], scales=[0.0])
    root, own = found[""], sampling(network(7, NAMES))
    classes = own.subject.images.class_names
    rows, places = [], []
    for row in own.law.pool.validation(10_000)[0]:
        (kind,) = (k for k, group in enumerate(own.law.pool.rows[1]) if row in group)
        if classes[kind] in PLACES and len(rows) < SETTINGS["images"]:
            rows.append(row)
            places.append(PLACES[classes[kind]])
    labels = np.array(places)
    order = own.subject.answers(np.array(rows)).numpy().argsort(axis=1)[:, ::-1]
    plain = one(root, input=ORIGINAL, rule="none")
    assert root.attrs["images"] == len(labels) == 3 * IMAGES
    assert root.attrs["label"] == "class"
    assert 0 < plain["top1"] < 1
    assert plain["top1"] == pytest.approx((order[:, 0] == labels).mean())
    assert plain["top5"] == pytest.approx((order[:, :5] == labels[:, None]).any(axis=1).mean())
    assert root["class"].to_numpy().tolist() == [*NAMES]
    for k, name in enumerate(NAMES):
        hits = order[labels == k, 0] == k
        recall = plain["recall"].sel({"class": name})
        assert recall == pytest.approx(hits.mean()) if hits.size else np.isnan(recall)
    np.testing.assert_array_equal(found["predictions"]["label"], labels)


def test_a_network_that_returns_probabilities_is_measured_like_its_logits(
    results: Groups, indices: Path
) -> None:
    net = network()
    net.module.append(torch.nn.Softmax(dim=1))
    found = evaluated(indices, net=replace(net, returns="probabilities"))[""]
    for condition in found["condition"].to_numpy()[::7]:
        own = found.isel(condition=condition)
        names = {name: own[name].item() for name in COORDINATES}
        held = {k: v for k, v in names.items() if v == v}
        expected = one(results[""], **held)
        assert own["top1"] == expected["top1"]
        assert own["kl"] == pytest.approx(expected["kl"].item(), rel=1e-3, abs=1e-6)


def test_labels_are_compared_with_unmasked_predictions(
    indices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[np.ndarray, np.ndarray]] = []
    monkeypatch.setattr(Subject, "compare", lambda _, *both: told.append(both))
    own = sampling()
    evaluated(indices, own, values=["S1"], scales=[0.0])
    rows, classes = own.subject.pool.validation(SETTINGS["images"])
    ((labels, predicted),) = told
    np.testing.assert_array_equal(labels, classes)
    np.testing.assert_array_equal(predicted, own.subject.predictions(rows))


def test_a_single_class_is_refused(indices: Path) -> None:
    own = sampling()
    own.subject.images.class_names = ["ant"]
    with pytest.raises(ConfigError, match="Predictions need two classes at least; the dataset"):
        evaluated(indices, own)


def test_logits_that_are_not_finite_are_refused(indices: Path) -> None:
    with pytest.raises(ConfigError, match="logits are not finite under input 'original'"):
        evaluated(indices, scales=[1e38])


def test_equal_logits_rank_by_class_and_probabilities_have_no_part() -> None:
    logits = torch.tensor([[[90.0, 200.0, 200.0, 91.0]]])
    found = outcomes(logits, logits[0], 4)
    np.testing.assert_array_equal(found.order[0, 0], [1, 2, 3, 0])
    assert found.divergence[0, 0] == 0


def test_intervals_of_shares_are_binomial() -> None:
    """Of 400 images and hits of known shares: normal, within a few percent of the width."""
    generator, images = np.random.default_rng(0), 400
    shares = np.array([0.5, 0.8, 0.95])
    order = np.where(generator.random((3, images)) < shares[:, None], 0, 1)[..., None]
    found = Outcomes(order.astype(np.int16), np.zeros((3, images), dtype=np.float32))
    draws = torch.from_numpy(image_draws(images, 4000, seed=0)).float()
    numbers = summarize([found], np.zeros(images, dtype=np.int64), 2, draws)
    top1 = numbers["top1"].astype(np.float64)
    width = 2 * 1.96 * np.sqrt(top1 * (1 - top1) / images)
    np.testing.assert_allclose(numbers["top1_high"] - numbers["top1_low"], width, rtol=0.1)
    np.testing.assert_allclose(
        numbers["recall_high"][:, 0] - numbers["recall_low"][:, 0], width, rtol=0.1
    )
    assert np.isnan(numbers["recall"][:, 1]).all()  # no image of that class


@pytest.mark.parametrize(("hits", "low", "high"), [(0, 0, 0.3244), (8, 0.6756, 1)])
def test_shares_of_images_that_are_all_alike_are_not_certain(
    hits: int, low: float, high: float
) -> None:
    """None, or all, of eight images: the ends of Wilson's interval in closed form."""
    order = np.where(np.arange(8) < hits, 0, 1).astype(np.int16)[None, :, None]
    found = Outcomes(order, np.zeros((1, 8), dtype=np.float32))
    draws = torch.from_numpy(image_draws(8, 50, seed=0)).float()
    numbers = summarize([found], np.zeros(8, dtype=np.int64), 2, draws)
    for name in ("top1", "top5", "recall"):
        ends = [float(numbers[f"{name}_{end}"].flat[0]) for end in ("low", "high")]
        np.testing.assert_allclose(ends, [low, high], atol=1e-4)


def test_resampled_entropies_lie_around_the_entropy() -> None:
    """Plain resampling would lower it by about (classes - 1) / (2 images)."""
    order = (np.arange(200) % 10).astype(np.int16)[None, :, None]
    found = Outcomes(order, np.zeros((1, 200), dtype=np.float32))
    draws = torch.from_numpy(image_draws(200, 2000, seed=0)).float()
    numbers = summarize([found], np.arange(200) % 10, 10, draws)
    assert numbers["entropy"][0] == pytest.approx(np.log(10))
    assert numbers["entropy_low"][0] < np.log(10) < numbers["entropy_high"][0]
    assert numbers["entropy_high"][0] - numbers["entropy_low"][0] < 0.1


def test_draws_of_a_random_mask_share_a_row(results: Groups) -> None:
    table = masking_table(results[""])
    random = table[table["rule"] == "random"]
    assert (random["draws"] == 2).all()
    assert (table.loc[table["rule"] != "random", "draws"] == 1).all()
    assert len(table) == results[""].sizes["condition"] - len(random)
    first = random.iloc[0]
    names = ("input", "rule", "scale", "fraction", "level", "layers")
    both = chosen(results[""], **{name: first[name] for name in names})
    assert first["top1"] == pytest.approx(float(both["top1"].mean()))
    within = float((both["top1_high"] - both["top1"]).mean())
    between = float(np.quantile(both["top1"], 0.975) - both["top1"].mean())
    assert first["top1_high"] - first["top1"] == pytest.approx(np.hypot(within, between))


def test_rows_of_single_conditions_are_those_of_the_store(results: Groups) -> None:
    table = masking_table(results[""]).set_index("rule")
    data = chosen(results[""], rule="top")
    for name in ("top1", "kl_low", "entropy_high", "masked_units", "certain_share"):
        np.testing.assert_allclose(table.loc["top", name], data[name], rtol=1e-5, atol=1e-9)
