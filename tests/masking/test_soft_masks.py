"""Masks that are the index itself, and inputs that are drawn several times."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from masked_study import (
    AUGMENTATIONS,
    CLASSES,
    FACTORS,
    SETTINGS,
    SHAPES,
    network,
    sampling,
    store,
    values,
)
from scipy import stats

from actsense.draws import stream
from actsense.masking.evaluate import evaluate_masks, masking_table
from actsense.masking.plan import SOFT, conditions
from actsense.masking.profiles import profile_masks
from actsense.masking.settings import Masking
from actsense.sampling.designs import ORIGINAL
from actsense.store import write_results

DEAD, DRAWS = (1, 2, 3), 3
WANTED = {"draws": DRAWS, "soft": True, "levels": ["activation", "channel"], "images": 16}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, xr.Dataset]:
    indices = store(tmp_path_factory.mktemp("soft"), dead=[DEAD])
    return evaluate_masks(sampling(), indices, Masking(**SETTINGS | WANTED))


def soft(rule: str, level: str, layer: str, value: str, factor: str) -> np.ndarray:
    """Return what units are multiplied by, (channel, row, col) or (channel, 1, 1)."""
    index = values(layer, value)[FACTORS.index(factor)]
    purpose, count = "positions", index[0].size
    if level == "channel":
        index, purpose, count = index.mean(axis=(1, 2), keepdims=True), "channels", len(index)
    elif layer == "1":
        index[DEAD] = 0
    kept = np.minimum(np.maximum(index, 0), 1)
    kept = 1 - kept if rule.startswith("inverse") else kept
    if rule.endswith("permuted"):
        order = stream(0, "masking", layer, purpose).permutation(count)
        rows = kept if level == "channel" else kept.reshape(len(kept), -1)
        kept = (rows[order] if level == "channel" else rows[:, order]).reshape(kept.shape)
    return kept


def inputs(name: str, draw: int) -> tuple[torch.Tensor, np.ndarray]:
    """Return the normalised images of a draw, and their labels."""
    own = sampling()
    rows, labels = own.law.pool.validation(16)
    if name == ORIGINAL:
        shown = own.evaluate.inputs(own.law.alone(rows, -1, np.empty((len(rows), 0))))
    else:
        which = AUGMENTATIONS.index(name)
        count = len(own.law.parameters[which])
        drawn = [stream(0, "masked inputs", name, int(row)).random(3 * count) for row in rows]
        u = np.stack(drawn).reshape(len(rows), 3, count)[:, draw]
        shown = own.evaluate.inputs(own.law.alone(rows, which, u))
    return (shown - 0.5) / 0.25, labels


def by_hand(name: str, draw: int, multipliers: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    """Return masked and unmasked logits, and the labels."""
    images, labels = inputs(name, draw)
    net = network().module
    plain = net(images).double().numpy()
    for layer, factor in multipliers.items():
        scale = torch.from_numpy(factor).float()
        net.get_submodule(layer).register_forward_hook(lambda _m, _i, y, s=scale: y * s)
    return net(images).double().numpy(), plain, labels


def found(data: xr.Dataset, **names: Any) -> xr.Dataset:
    chosen = np.ones(data.sizes["condition"], dtype=bool)
    for key, value in names.items():
        chosen &= data[key].to_numpy() == value
    assert chosen.sum() == 1
    return data.isel(condition=int(chosen.argmax()))


@pytest.mark.parametrize(("name", "level"), [(ORIGINAL, "activation"), ("rolling", "channel")])
@pytest.mark.parametrize("rule", SOFT)
def test_soft_masks_are_hooks_that_multiply_by_the_index(
    results: dict[str, xr.Dataset], rule: str, name: str, level: str
) -> None:
    key = {"rule": rule, "level": level, "value": "S1", "factor": "rolling", "input": name}
    if name != ORIGINAL and rule.endswith("permuted"):
        key["input"] = name = ORIGINAL  # controls in other places see untouched images alone
    one = found(results[""], **key)
    multipliers = {layer: soft(rule, level, layer, "S1", "rolling") for layer in SHAPES}
    divergence = []
    for draw in range(1 if name == ORIGINAL else DRAWS):
        logits, plain, _ = by_hand(name, draw, multipliers)
        p, q = (np.exp(x - x.max(axis=1, keepdims=True)) for x in (plain, logits))
        divergence.append(stats.entropy(p, q, axis=1))
    assert one["kl"] == pytest.approx(np.mean(divergence), rel=1e-4)
    assert one["masked_units"] == sum(int(np.prod(shape)) for shape in SHAPES.values())
    assert np.isnan([one["scale"], one["fraction"]]).all()


def test_metrics_are_means_over_draws(results: dict[str, xr.Dataset]) -> None:
    key = {"rule": "soft", "level": "activation", "value": "shapley", "factor": "hue"}
    key |= {"factor": "order", "input": "brightness"}
    one = found(results[""], **key)
    multipliers = {
        layer: soft("soft", "activation", layer, "shapley", "order") for layer in SHAPES
    }
    drawn = [by_hand("brightness", draw, multipliers) for draw in range(DRAWS)]
    predicted = np.stack([logits.argmax(axis=1) for logits, _, _ in drawn])
    labels = drawn[0][2]
    assert len({tuple(row) for row in np.stack([p for _, p, _ in drawn]).round(6)[:, 0]}) == DRAWS
    assert one["top1"] == pytest.approx((predicted == labels).mean())
    assert one["top5"] == 1  # of four classes
    counts = np.bincount(predicted.ravel(), minlength=CLASSES)
    np.testing.assert_array_equal(one["predicted"], counts)
    assert one["entropy"] == pytest.approx(stats.entropy(counts))
    recall = [(predicted == k)[:, labels == k].mean() for k in range(CLASSES)]
    np.testing.assert_allclose(one["recall"], recall, rtol=1e-6)


def test_the_first_draw_is_the_only_one_of_before(
    results: dict[str, xr.Dataset], tmp_path: Path
) -> None:
    wanted = Masking(**SETTINGS | WANTED | {"draws": 1, "soft": False})
    once = evaluate_masks(sampling(), store(tmp_path, dead=[DEAD]), wanted)
    assert "draws" not in once[""].attrs
    for rule in ("none", "top"):
        for name in ("predictions", ""):
            axis = "prediction" if name else "condition"
            before, now = (
                data.isel({axis: (data["rule"] == rule).to_numpy()})
                for data in (once[name], results[name])
            )
            if name:
                np.testing.assert_array_equal(now["classes"], before["classes"])
                continue
            original = (before["input"] == ORIGINAL).to_numpy()
            same = np.isclose(now["kl"], before["kl"])
            assert same[original].all()
            assert not same[~original & (before["kl"] > 0).to_numpy()].any()


def test_tables_profiles_and_figures_are_made_of_draws(
    results: dict[str, xr.Dataset], tmp_path: Path
) -> None:
    table = masking_table(results[""])
    assert set(SOFT) < set(table["rule"])
    write_results(tmp_path / "masking.zarr", results, attributes={})
    tables = profile_masks(tmp_path / "masking.zarr", seed=0)
    effects = tables["effects"]
    assert (effects["images"] == 16).all()
    one = effects.query(
        "input == 'rolling' and factor == 'rolling' and value == 'S1' and scale == 0 "
        "and level == 'activation'"
    )
    own = table.query("input == 'rolling' and scale == 0 and level == 'activation'")
    top = own.query("rule == 'top' and factor == 'rolling' and value == 'S1'")["top1"]
    random = own.query("rule == 'random'")["top1"]
    assert one["effect"].item() == pytest.approx(top.mean() - random.mean(), abs=1e-6)


def test_soft_masks_and_draws_cost_what_is_planned() -> None:
    settings = Masking(**SETTINGS | WANTED)
    plain = settings.model_copy(update={"soft": False})
    places = {"augmentations": AUGMENTATIONS, "factors": FACTORS, "map_layers": ["0", "1"]}
    more = [*conditions(settings, **places)]
    fewer = [*conditions(plain, **places)]
    guides, inputs = 2 * len(FACTORS), 1 + len(AUGMENTATIONS)
    own = 2 * len(AUGMENTATIONS)  # guides that are an input themselves
    first = 2 * guides * inputs + 2 * (guides + own)
    other = 2 * (guides + own) + 2 * guides
    assert len(more) - len(fewer) == first + other
    assert len(set(more)) == len(more)


def test_settings_as_before_are_written_as_before() -> None:
    assert not {"draws", "soft"} & Masking().plain().keys()
    assert Masking(**Masking(soft=True, draws=3).plain()).draws == 3
