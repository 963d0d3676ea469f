"""Orders of cells: by score, at random, and greedy."""

from collections import Counter
from itertools import permutations as orders_of

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from spatial_study import subject

from actsense.spatial.cells.orders import greedy_order, random_order, rank_cells
from actsense.spatial.cells.trials import FILLS, CellTrial, fill_images


def test_ranks_are_those_of_sorted_cells() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randint(0, 4, (50, 12), generator=generator).double()
    ties = torch.rand(50, 12, generator=generator).argsort(dim=1)
    ranks = rank_cells(scores, ties)
    for score, tie, rank in zip(scores.tolist(), ties.tolist(), ranks.tolist(), strict=True):
        order = sorted(range(12), key=lambda cell: (-score[cell], tie.index(cell)))
        assert [rank[cell] for cell in order] == [*range(12)]


def test_random_orders_are_uniform() -> None:
    rows = np.arange(4800)
    ranks = random_order(rows, 4, 0, seed=1).ranks
    counts = Counter(map(tuple, ranks.tolist()))
    assert {*counts} == {*orders_of(range(4))}
    assert chisquare([*counts.values()]).pvalue > 0.001


@pytest.mark.parametrize("change", [{"seed": 2}, {"draw": 1}, {"rows": np.arange(100, 200)}])
def test_random_orders_depend_on_seed_draw_and_row(change: dict[str, object]) -> None:
    usual = {"rows": np.arange(100), "cells": 16, "draw": 0, "seed": 1}
    first, other = (random_order(**each).ranks for each in (usual, usual | change))
    assert (first != other).any(dim=1).all()


def test_an_image_has_its_random_order_whatever_is_beside_it() -> None:
    rows = np.array([7, 3, 90])
    together = random_order(rows, 16, 2, seed=1).ranks
    for row, ranks in zip(rows, together, strict=True):
        np.testing.assert_array_equal(random_order(row[None], 16, 2, seed=1).ranks[0], ranks)


def test_random_orders_leave_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    random_order(np.arange(5), 16, 0, seed=1)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("fill", range(len(FILLS)))
@pytest.mark.parametrize("size", [4, 3])
def test_the_greedy_search_is_that_of_loops(fill: int, size: int) -> None:
    net = subject()
    trial = CellTrial(net, np.array([4, 30]), torch.tensor([1, 3]), size, FILLS)
    order, trace = greedy_order(trial, fill)
    assert trace.shape == (2, {4: 16, 3: 14}[size])
    for image, (row, target) in enumerate(zip(trial.rows, trial.targets, strict=True)):
        intact = net.read(np.array([row]))
        filled = fill_images(intact, FILLS[fill], torch.full((3,), 0.5), size)
        rank = torch.full((trial.cells,), trial.cells)
        shown = intact.clone()
        bounds = np.cumsum([0, 4, 3, 3, 3, 3]) if size == 3 else np.arange(0, 17, 4)
        for step in range(trace.shape[1]):
            best = None
            for cell in np.flatnonzero(rank == trial.cells):
                i, j = divmod(cell, trial.across)
                place = (
                    *(slice(None), slice(None)),
                    slice(bounds[i], bounds[i + 1]),
                    slice(bounds[j], bounds[j + 1]),
                )
                tried = shown.clone()
                tried[place] = filled[place]
                p = float(net.logits(tried).double().softmax(dim=1)[0, target])
                if best is None or p < best[0]:
                    best = p, cell, tried
            lowest, cell, shown = best
            rank[cell] = step
            assert float(trace[image, step]) == pytest.approx(lowest, rel=1e-5)
        np.testing.assert_array_equal(order.ranks[image], rank)
