"""Orders of cells from the maps themselves."""

from typing import Any

import numpy as np
import torch
from spatial_study import CLASSES, convolutions, subject

from actsense.attribution.methods import METHODS, attribute
from actsense.networks.bag import BagNetwork
from actsense.networks.subject import Subject
from actsense.spatial.cells.map_orders import map_orders
from actsense.spatial.cells.orders import greedy_order
from actsense.spatial.cells.settings import Cells
from actsense.spatial.cells.trials import CellTrial, cell_means

SETTINGS: dict[str, Any] = {"size": 4, "methods": [*METHODS, "regions"], "steps": 3, "samples": 3}


def study() -> dict[str, Subject]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        bag = BagNetwork(CLASSES, receptive_field=5)
    modules = {"net": convolutions(), "bag": bag}
    return {name: subject(module, name=name) for name, module in modules.items()}


def trial(net: Subject) -> CellTrial:
    rows, _ = net.validation(6)
    targets = net.logits(net.read(rows)).argmax(dim=1)
    return CellTrial(net, rows, targets, SETTINGS["size"], ("zero",))


def test_a_network_makes_all_maps_it_can_and_borrows_what_a_bag_is_made_for() -> None:
    nets = study()
    found = {
        name: [
            (order.source, order.method)
            for order in map_orders(trial(net), nets, Cells(**SETTINGS), 0)
        ]
        for name, net in nets.items()
    }
    own = [method for method in SETTINGS["methods"] if method != "evidence"]
    assert found["net"] == [*(("net", method) for method in own), ("bag", "evidence")]
    assert found["bag"] == [
        *(("bag", method) for method in SETTINGS["methods"]),
        ("net", "integrated_gradients"),
    ]


def test_every_map_orders_cells_by_its_means() -> None:
    nets = study()
    own = trial(nets["bag"])
    for order in map_orders(own, nets, Cells(**SETTINGS), 0):
        assert (order.ranks.sort(dim=1).values == torch.arange(16)).all()
        if order.method in METHODS:
            source = nets[order.source]
            maps = attribute(
                order.method, source, own.rows, own.targets, settings=SETTINGS, seed=0
            )
            scores = cell_means(maps, 4).gather(1, order.ranks.argsort(dim=1))
            assert (scores.diff(dim=1) <= 0).all()


def test_occlusion_finds_the_first_cell_of_the_greedy_search() -> None:
    own = trial(study()["net"])
    (order,) = map_orders(own, {}, Cells(**(SETTINGS | {"methods": ["occlusion"]})), 0)
    searched, _ = greedy_order(own, 0)
    first = order.ranks.argmin(dim=1)
    assert len(np.unique(first)) > 2
    np.testing.assert_array_equal(first, searched.ranks.argmin(dim=1))
