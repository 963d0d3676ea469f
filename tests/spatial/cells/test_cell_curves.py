"""Curves of masked cells, against masks put on by hand; maps are stand-ins that are known."""

import logging
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from spatial_study import convolutions, noise, subject
from torch import Tensor, nn

from actsense.errors import ConfigError
from actsense.networks.subject import Subject
from actsense.spatial.cells import map_orders
from actsense.spatial.cells.evaluate import evaluate_cells
from actsense.spatial.cells.plan import cell_budgets, count_passes
from actsense.spatial.cells.settings import Cells
from actsense.spatial.cells.trials import fill_images
from actsense.store import read_results, write_results

SEED, SIDE, CELLS = 3, 16, 16
SETTINGS: dict[str, Any] = {
    "images": 8,
    "size": 4,
    "methods": ["gradient", "integrated_gradients", "regions", "evidence"],
    "fills": ["mean", "zero", "blur"],
    "random_orders": 2,
    "greedy_images": 3,
    "samples": 5,
    "steps": 5,
}
BAGS = ("bag",)  # networks with evidence
Groups = dict[str, xr.Dataset]


def attribute(
    method: str, source: Subject, rows: Any, targets: Tensor, *, settings: Any, seed: int
) -> Tensor:
    """Return a map that is a function of the image, the class, the method and the network."""
    images = source.read(rows).mean(dim=1).cpu()
    return (images * len(method) + targets[:, None, None] * 0.37 + len(source.network.name)).cos()


@pytest.fixture(autouse=True)
def maps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_orders, "attribute", attribute)
    monkeypatch.setattr(
        map_orders, "can_attribute", lambda m, s: m != "evidence" or s.network.name in BAGS
    )
    monkeypatch.setattr(
        map_orders, "region_maps", lambda source, rows, seed: torch.ones(len(rows), SIDE, SIDE)
    )


def study() -> dict[str, Subject]:
    """Return a tested network, a bag, another one, and one of other outputs."""
    modules = {"tested": 4, "bag": 4, "other": 4, "seven": 7}
    return {
        name: subject(convolutions(outputs, seed=seed), name=name, batch_size=50)
        for seed, (name, outputs) in enumerate(modules.items())
    }


def evaluated(
    net: Subject | None = None, sources: dict[str, Subject] | None = None, **changes: Any
) -> Groups:
    net = net or study()["tested"]
    return evaluate_cells(net, sources or {}, Cells(**(SETTINGS | changes)), SEED)


def names(data: xr.Dataset, *columns: str) -> list[tuple[Any, ...]]:
    return [*zip(*(data[name].to_numpy().tolist() for name in columns), strict=True)]


def chosen(data: xr.Dataset, **held: Any) -> xr.Dataset:
    """Return the curves with these coordinates."""
    kept = np.ones(data.sizes["curve"], dtype=bool)
    for name, value in held.items():
        kept &= data[name].to_numpy() == value
    return data.isel(curve=kept)


def masked_by_hand(net: Subject, data: xr.Dataset, orders: xr.Dataset, curve: int) -> np.ndarray:
    """Mask image by image what a curve's coordinates say, (images, budgets)."""
    one = data.isel(curve=curve)
    ranks = orders["rank"].isel(order=int(one["order"])).to_numpy()
    found = np.empty((one.sizes["image"], one.sizes["budget"]))
    for image, row in enumerate(data["row"].to_numpy()):
        intact = net.read(np.array([row]))
        filled = fill_images(intact, str(one["fill"].values), torch.full((3,), 0.5), 4)
        for budget, cells in enumerate(data["cells"].to_numpy()):
            first = torch.from_numpy(ranks[image].reshape(4, 4) < cells)
            first = first.repeat_interleave(4, 0).repeat_interleave(4, 1)
            shown = torch.where(first, filled, intact)
            if one["direction"] == "insertion":
                shown = torch.where(first, intact, filled)
            p = net.logits(shown).double().softmax(dim=1)
            found[image, budget] = p[0, int(data["prediction"][image])]
    return found


def test_curves_are_those_of_masks_put_on_by_hand() -> None:
    net = study()["tested"]
    groups = evaluated(net)
    data, orders = groups[""], groups["orders"]
    assert names(data, "method", "fill", "direction", "draw")[-3:] == [
        ("greedy", fill, "deletion", 0) for fill in SETTINGS["fills"]
    ]
    for curve in (0, 3, 4, 9, 17, data.sizes["curve"] - 1):
        found = data["probability"].isel(curve=curve).to_numpy()
        there = np.isfinite(found)
        expected = masked_by_hand(net, data, orders, curve)
        np.testing.assert_allclose(found[there], expected[there], rtol=1e-4)


def test_every_order_has_every_fill_both_ways_and_the_search_is_for_deletion() -> None:
    data = evaluated()[""]
    own = [("tested", "gradient", 0), ("tested", "integrated_gradients", 0)]
    own += [("tested", "regions", 0), ("", "random", 0), ("", "random", 1)]
    expected = [
        (*order, fill, direction)
        for order in own
        for fill in SETTINGS["fills"]
        for direction in ("deletion", "insertion")
    ]
    expected += [("", "greedy", 0, fill, "deletion") for fill in SETTINGS["fills"]]
    assert names(data, "source", "method", "draw", "fill", "direction") == expected


def test_curves_begin_and_end_with_the_intact_and_the_filled_image() -> None:
    net = study()["tested"]
    data = chosen(evaluated(net)[""], draw=0)
    images = net.read(data["row"].to_numpy())
    classes = torch.from_numpy(data["prediction"].to_numpy())

    def asked(shown: Tensor) -> np.ndarray:
        return net.logits(shown).softmax(dim=1).gather(1, classes[:, None])[:, 0].numpy()

    intact = asked(images)
    np.testing.assert_allclose(data["intact"], intact, rtol=1e-5)
    assert (classes == net.logits(images).argmax(dim=1)).all()
    for fill in SETTINGS["fills"]:
        filled = asked(fill_images(images, fill, torch.full((3,), 0.5), 4))
        for direction, ends in (("deletion", (intact, filled)), ("insertion", (filled, intact))):
            curves = chosen(data, fill=fill, direction=direction)
            curves = curves.isel(curve=curves["method"].to_numpy() != "greedy")["probability"]
            for budget, end in zip((0, -1), ends, strict=True):
                each = curves.isel(budget=budget)
                np.testing.assert_allclose(each, np.broadcast_to(end, each.shape), rtol=1e-5)


def test_masks_are_nested_and_hold_as_many_cells_as_the_budget() -> None:
    groups = evaluated()
    ranks = groups["orders"]["rank"].to_numpy()
    searched = groups["orders"]["method"].to_numpy() == "greedy"
    assert (np.sort(ranks[~searched], axis=2) == np.arange(CELLS)).all()
    assert (np.sort(ranks[searched][:, :3], axis=2) == np.arange(CELLS)).all()
    assert (ranks[searched][:, 3:] == CELLS).all()
    assert groups[""]["cells"].to_numpy().tolist() == cell_budgets(CELLS)
    np.testing.assert_array_equal(groups[""]["share"], np.array(cell_budgets(CELLS)) / CELLS)


class Additive(nn.Module):
    """Two logits: a weighted sum of all pixels, and zero."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = weights

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        logit = (images * self.weights).sum(dim=(1, 2, 3))
        return torch.stack([logit, torch.zeros_like(logit)], dim=1)


@pytest.mark.parametrize("fill", ["mean", "zero", "blur"])
def test_true_attributions_of_an_additive_network_are_the_best_order_of_all(
    monkeypatch: pytest.MonkeyPatch, fill: str
) -> None:
    """At every budget: the least logit over all subsets of nine cells, and so for the search."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(3, 12, 12, generator=generator) * 0.05
    net = subject(Additive(weights), noise(8, side=12), np.arange(8) % 2)

    def effects(rows: Any) -> Tensor:
        images = net.read(rows)
        filled = fill_images(images, fill, torch.full((3,), 0.5), 4)
        return (weights * (images - filled) / 0.25).sum(dim=1)

    def own(method: str, source: Subject, rows: Any, targets: Tensor, **_: Any) -> Tensor:
        return effects(rows) * (1 - 2 * targets[:, None, None])

    monkeypatch.setattr(map_orders, "attribute", own)
    data = evaluated(net, methods=["gradient"], fills=[fill])[""]
    assert len(set(data["prediction"].to_numpy())) == 2
    each = own("", net, data["row"].to_numpy(), torch.from_numpy(data["prediction"].to_numpy()))
    each = each.double().view(8, 3, 4, 3, 4).sum(dim=(2, 4)).flatten(1).numpy()
    intact = data["intact"].to_numpy().astype(np.float64)
    for method, images in (("gradient", 8), ("greedy", 3)):
        curve = chosen(data, method=method, direction="deletion")["probability"][0].to_numpy()
        for budget, cells in enumerate(data["cells"].to_numpy()):
            subsets = [*combinations(range(9), int(cells))]
            most = np.array([[one[[*subset]].sum() for subset in subsets] for one in each])
            logit = np.log(intact / (1 - intact)) - most.max(axis=1)
            there = np.isfinite(curve[:, budget])
            assert there.sum() == images
            np.testing.assert_allclose(
                curve[there, budget], 1 / (1 + np.exp(-logit[there])), rtol=1e-3, atol=1e-6
            )


def test_a_search_of_one_cell_is_at_least_as_good_as_any_order() -> None:
    data = evaluated()[""].isel(image=slice(3), budget=1)
    for fill in SETTINGS["fills"]:
        found = chosen(data, fill=fill, direction="deletion")
        best = chosen(found, method="greedy")["probability"].to_numpy()
        assert (found["probability"].to_numpy() >= best * (1 - 1e-5)).all()


def test_the_search_stops_early_and_is_on_the_first_images() -> None:
    data = evaluated(size=2, fills=["zero"], methods=["gradient"])[""]
    there = np.isfinite(chosen(data, method="greedy")["probability"][0].to_numpy())
    assert data["cells"].to_numpy()[there[0]].tolist() == [0, 1, 2, 5, 8, 13]
    assert (there[:3] == there[0]).all()
    assert not there[3:].any()


def test_without_images_there_is_no_search() -> None:
    assert "greedy" not in evaluated(greedy_images=0)[""]["method"].to_numpy().tolist()


@pytest.mark.parametrize("batch_size", [7, 1000])
def test_batches_move_probabilities_by_roundings_alone(batch_size: int) -> None:
    usual, other = (
        evaluated(subject(convolutions(), name="tested", batch_size=size))
        for size in (50, batch_size)
    )
    xr.testing.assert_identical(usual["orders"], other["orders"])
    xr.testing.assert_allclose(usual[""], other[""], rtol=1e-4)


def test_all_networks_have_the_same_random_orders() -> None:
    first, second = (evaluated(study()[name])["orders"] for name in ("tested", "other"))
    random = [each["rank"].isel(order=each["method"] == "random") for each in (first, second)]
    np.testing.assert_array_equal(*random)
    assert (random[0][0] != random[0][1]).any()


def test_cells_of_a_plain_map_follow_each_other_at_random() -> None:
    orders = evaluated()["orders"]
    method = orders["method"].to_numpy()
    plain = orders["rank"].to_numpy()[method == "regions"][0]
    assert len({tuple(ranks) for ranks in plain.tolist()}) == 8
    for random in orders["rank"].to_numpy()[method == "random"]:  # other ones, either way round
        assert (plain != random).any(axis=1).all()
        assert (plain.argsort(axis=1) != random).any(axis=1).all()


def test_other_networks_lend_one_map_and_those_of_other_outputs_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nets = study()
    with caplog.at_level(logging.INFO):
        data = evaluated(nets["tested"], nets)["orders"]
    lent = [pair for pair in names(data, "source", "method") if pair[0] not in ("", "tested")]
    assert lent == [("bag", "evidence"), ("other", "integrated_gradients")]
    assert "Cells of tested: maps of seven are left out, its outputs are others" in caplog.text
    data = evaluated(nets["bag"], nets, methods=["gradient", "evidence"])["orders"]
    maps = [pair for pair in names(data, "source", "method") if pair[0]]
    assert maps == [("bag", "gradient"), ("bag", "evidence")]


def test_maps_are_of_the_class_that_the_tested_network_predicts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = {}

    def keep(method: str, source: Subject, rows: Any, targets: Tensor, **given: Any) -> Tensor:
        asked[source.network.name, method] = targets
        assert given["seed"] == SEED
        assert given["settings"]["steps"] == 5
        return attribute(method, source, rows, targets, **given)

    monkeypatch.setattr(map_orders, "attribute", keep)
    nets = study()
    data = evaluated(nets["tested"], nets)[""]
    assert len(asked) == 4
    for targets in asked.values():
        np.testing.assert_array_equal(targets, data["prediction"])


def test_the_passes_counted_are_those_made() -> None:
    """Maps aside, which the stand-ins make for nothing, and two that look for the regions."""
    module, shown = convolutions(4), []
    module.register_forward_hook(lambda _module, inputs, _output: shown.append(len(inputs[0])))
    net = subject(module, name="tested")
    settings = Cells(**SETTINGS | {"methods": ["gradient", "regions"]})
    assert net.classes  # finding these takes passes of its own
    shown.clear()
    evaluate_cells(net, {}, settings, SEED)
    for_maps, to_find_regions = 8 * (3 + 1), 2
    assert sum(shown) == count_passes(settings, SIDE, 1) - for_maps + to_find_regions


def test_a_borrowed_map_costs_what_an_own_one_costs() -> None:
    between = len(cell_budgets(CELLS)) - 2
    each = 8 * (3 * SETTINGS["steps"] + 3 * 2 * between)  # map; fills, directions and budgets
    usual = Cells(**SETTINGS | {"methods": ["integrated_gradients"]})
    none, own = (
        count_passes(usual.model_copy(update={"methods": methods}), SIDE, 1)
        for methods in ([], usual.methods)
    )
    assert own - none == each
    lent = count_passes(usual, SIDE, 4)
    assert lent - own == 3 * each


def test_maps_that_are_not_finite_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_orders, "attribute", lambda *a, **k: attribute(*a, **k) / 0)
    with pytest.raises(ConfigError, match="methods: gradient of tested is not finite"):
        evaluated()


def test_results_come_back_from_the_store(tmp_path: Path) -> None:
    groups = evaluated()
    assert all(
        array.attrs["description"] for data in groups.values() for array in data.data_vars.values()
    )
    write_results(tmp_path / "cells.zarr", groups, attributes={"commit": "none"})
    tree = read_results(tmp_path / "cells.zarr")
    np.testing.assert_array_equal(tree["probability"], groups[""]["probability"])
    np.testing.assert_array_equal(tree["orders/rank"], groups["orders"]["rank"])
    assert list(tree["orders/method"].to_numpy()) == list(groups["orders"]["method"].to_numpy())
    assert tree.attrs["network"] == "tested"
