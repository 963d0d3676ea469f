"""What a network says of images whose cells are masked one after another.

The class that is asked about is the one predicted for the intact image. Deletion masks the first
cells of an order; insertion masks all but these. A good order makes the curve of deletion fall,
and that of insertion rise, early.
"""

__all__ = ["DIRECTIONS", "evaluate_cells"]

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from actsense.networks.subject import Subject
from actsense.progress import Progress
from actsense.spatial.cells.map_orders import map_orders
from actsense.spatial.cells.orders import CellOrder, greedy_order, random_order
from actsense.spatial.cells.plan import cell_budgets, greedy_budgets
from actsense.spatial.cells.settings import Cells
from actsense.spatial.cells.trials import CellTrial, Masks

DIRECTIONS = ("deletion", "insertion")
LABEL = "number of the output that is right, -1 if none is the class"
ORDER = ("source", "method", "draw")  # what tells one order from another, beside the fill


def evaluate_cells(
    subject: Subject,
    sources: Mapping[str, Subject],
    settings: Cells,
    seed: int,
) -> dict[str, xr.Dataset]:
    """Mask cells of validation images in the order of maps, at random, and of a greedy search.

    Maps are those of `map_orders`. The greedy search masks, again and again, the one cell that
    lowers the probability most; it is for deletion only, on the first images, and ends early.

    Orders depend on seed and image, not on what else is evaluated; another `batch_size` moves
    logits by roundings.

    Arguments:
        subject: The tested network, and its images.
        sources: The networks of the study, by name.
        settings: The section `spatial.cells` of the configuration.
        seed: Seed of the study.

    Returns:
        The root: `probability`, (curve, image, budget), NaN where the greedy search has no value.
        `orders`: `rank` of every cell, (order, image, cell), from which masks can be drawn again;
        the coordinate `order` of a curve is the number of its order.

    Raises:
        ConfigError: If cells are too large, or maps or logits not finite.
    """
    rows, labels = subject.validation(settings.images)
    targets = subject.predictions(rows)
    trial = CellTrial(subject, rows, targets, settings.size, settings.fills)
    orders = map_orders(trial, sources, settings, seed)
    for draw in range(settings.random_orders):
        orders.append(random_order(rows, trial.cells, draw, seed=seed))
    ends = _ends(trial)
    curves = [_full_curves(trial, orders, ends)]
    searched = []
    for fill in range(len(trial.fills)) if settings.greedy_images else ():
        order, curve = _search(trial, fill, settings.greedy_images, ends[0])
        searched.append(order)
        curves.append(curve[None])
    data = _curves(trial, torch.cat(curves), ends[0]).assign_coords(
        _curve_coordinates(orders, searched, trial.fills)
        | {"label": ("image", labels, {"description": LABEL})}
    )
    return {"": data, "orders": _orders([*orders, *searched], len(rows))}


def _ends(trial: CellTrial) -> Tensor:
    """Return probabilities of intact images, then of wholly filled ones, (1 + fills, images).

    With these the curves of all orders begin and end.
    """

    def masks(image: Tensor, masking: Tensor) -> Tensor:
        return (masking > 0)[:, None].expand(-1, trial.cells)

    return trial.probabilities([0, *range(len(trial.fills))], masks).T


def _full_curves(trial: CellTrial, orders: Sequence[CellOrder], ends: Tensor) -> Tensor:
    """Return probabilities of every order, fill and direction, (curves, images, budgets)."""
    budgets = torch.tensor(cell_budgets(trial.cells))
    ranks = torch.stack([order.ranks for order in orders]).to(trial.device)
    between = budgets[1:-1].to(trial.device)
    shape = (len(orders), len(trial.fills), len(DIRECTIONS), len(trial.rows), len(budgets))
    curves = ends.new_empty(shape)
    intact, *filled = ends
    places = [*product(range(len(trial.fills)), range(len(DIRECTIONS)))]
    count = len(orders) * len(between)
    with Progress(len(places) * count * len(intact), desc="masking", unit="image") as known:
        for fill, direction in places:
            reveal = DIRECTIONS[direction] == "insertion"
            masks = _first_cells(ranks, between, reveal=reveal)
            found = trial.probabilities([fill] * count, masks, known)
            curve = curves[:, fill, direction]
            curve[..., 1:-1] = found.view(len(intact), len(orders), -1).transpose(0, 1)
            first, last = (-1, 0) if reveal else (0, -1)
            curve[..., first], curve[..., last] = intact, filled[fill]
    return curves.flatten(0, 2)


def _first_cells(ranks: Tensor, budgets: Tensor, *, reveal: bool) -> Masks:
    """Mask, or reveal alone, the first cells of every order, (orders, images, cells)."""

    def masks(image: Tensor, masking: Tensor) -> Tensor:
        order, budget = masking // len(budgets), masking % len(budgets)
        first = ranks[order, image] < budgets[budget, None]
        return first ^ reveal

    return masks


def _search(trial: CellTrial, fill: int, count: int, intact: Tensor) -> tuple[CellOrder, Tensor]:
    """Search on the first images; return the order and probabilities, (images, budgets)."""
    few = replace(trial, rows=trial.rows[:count], targets=trial.targets[:count])
    order, trace = greedy_order(few, fill)
    reached = greedy_budgets(trial.cells)
    curve = trace.new_full((len(intact), len(cell_budgets(trial.cells))), torch.nan)
    steps = torch.cat([intact[:count, None], trace], dim=1)
    curve[:count, : len(reached)] = steps[:, reached]
    return order, curve


def _curves(trial: CellTrial, curves: Tensor, intact: Tensor) -> xr.Dataset:
    """Label the curves, (curves, images, budgets), and the probabilities of intact images."""
    return xr.Dataset(
        {
            "probability": (
                ("curve", "image", "budget"),
                curves.float().numpy(),
                {"description": "probability of the class predicted for the intact image"},
            ),
            "intact": (
                "image",
                intact.float().numpy(),
                {"description": "that probability when nothing is masked"},
            ),
        },
        coords={
            **_budget_coordinates(trial.cells),
            "row": ("image", trial.rows, {"description": "row of the image in the dataset"}),
            "prediction": (
                "image",
                trial.targets.numpy(),
                {"description": "number of the output predicted for the intact image"},
            ),
        },
        attrs={
            "network": trial.subject.network.name,
            "label": trial.subject.label,
            "size": trial.size,
            "side": trial.subject.side,
            "across": trial.across,
        },
    )


def _curve_coordinates(
    orders: Sequence[CellOrder], searched: Sequence[CellOrder], fills: Sequence[str]
) -> dict[str, Any]:
    """Return what every curve is of: full orders with every fill both ways, then searches."""
    curves = [
        (number, order, fill, direction)
        for number, order in enumerate(orders)
        for fill in fills
        for direction in DIRECTIONS
    ]
    curves += [
        (number, order, order.fill, "deletion")
        for number, order in enumerate(searched, start=len(orders))
    ]
    numbers, own, filled, directions = (list(column) for column in zip(*curves, strict=True))
    named = {name: [getattr(order, name) for order in own] for name in ORDER}
    columns = {"order": numbers, **named, "fill": filled, "direction": directions}
    return {name: ("curve", values) for name, values in columns.items()}


def _budget_coordinates(cells: int) -> dict[str, Any]:
    budgets = np.array(cell_budgets(cells))
    return {
        "cells": (
            "budget",
            budgets,
            {"description": "first cells of the order: deletion masks them, insertion shows them"},
        ),
        "share": ("budget", budgets / cells, {"description": "their share of all cells"}),
    }


def _orders(orders: Sequence[CellOrder], images: int) -> xr.Dataset:
    cells = orders[0].ranks.shape[1]
    ranks = np.full((len(orders), images, cells), cells, dtype=np.int32)
    for number, order in enumerate(orders):
        ranks[number, : len(order.ranks)] = order.ranks
    return xr.Dataset(
        {
            "rank": (
                ("order", "image", "cell"),
                ranks,
                {
                    "description": "place of the cell in the order, 0 for the first; "
                    "the number of cells where a search did not come to it"
                },
            )
        },
        coords={
            name: ("order", [getattr(order, name) for order in orders])
            for name in (*ORDER, "fill")
        },
    )
