"""In which order cells are masked: by their scores, at random, or by a greedy search.

An order is a rank of every cell, 0 for the first. The cells that are masked at a budget are those
of smaller rank, so the masks of all budgets are nested.
"""

__all__ = ["CellOrder", "greedy_order", "permutations", "random_order", "rank_cells"]

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.draws.counter import counter_keys, counter_permutations
from actsense.progress import Progress
from actsense.spatial.cells.plan import greedy_budgets
from actsense.spatial.cells.trials import CellTrial, Masks


@dataclass(frozen=True)
class CellOrder:
    """The order in which the cells of every image are masked.

    Attributes:
        method: Where it comes from: a kind of map, `random` or `greedy`.
        ranks: Rank of every cell, (images, cells) int64, on the CPU. A greedy search may have
            fewer images; the cells that it did not come to all rank last.
        source: The network whose map it is, or empty.
        fill: What masked cells show, or empty for all fills.
        draw: Number of the random order.
    """

    method: str
    ranks: Tensor
    source: str = ""
    fill: str = ""
    draw: int = 0


def rank_cells(scores: Tensor, ties: Tensor) -> Tensor:
    """Return the rank of every cell, 0 for the highest score, (images, cells) int64.

    Arguments:
        scores: Score of every cell, (images, cells).
        ties: The order in which cells of equal scores follow each other, (images, cells).
    """
    order = scores.gather(1, ties).argsort(dim=1, descending=True, stable=True)
    return ties.gather(1, order).argsort(dim=1)


def random_order(rows: NDArray[np.int64], cells: int, draw: int, *, seed: int) -> CellOrder:
    """Draw an order for every image, the same for all networks.

    Arguments:
        rows: Dataset rows of the images, (images,).
        cells: Cells of an image.
        draw: Number of the order.
        seed: Seed of the study.
    """
    ranks = permutations(seed, "random order of cells", rows, cells, draw)
    return CellOrder("random", ranks, draw=draw)


def permutations(
    seed: int, purpose: str, rows: NDArray[np.int64], cells: int, draw: int = 0
) -> Tensor:
    """Return a permutation of the cells for every image, (images, cells) int64.

    Arguments:
        seed: Seed of the study.
        purpose: What the permutations are for.
        rows: Dataset rows of the images, (images,).
        cells: Cells of an image.
        draw: Number of the permutation.
    """
    keys = counter_keys(seed, [purpose, torch.from_numpy(rows), draw])
    return counter_permutations(keys, cells)


def greedy_order(trial: CellTrial, fill: int) -> tuple[CellOrder, Tensor]:
    """Mask, again and again, the one cell that leaves the least probability.

    All images take a step at a time; of equal cells the first is masked. The search ends at the
    last of `greedy_budgets`.

    Arguments:
        trial: The network and the images.
        fill: Number of the fill among those of the trial.

    Returns:
        The order, and the probability after every step, (images, steps).
    """
    steps = greedy_budgets(trial.cells)[-1]
    ranks = torch.full((len(trial.rows), trial.cells), trial.cells)
    images = torch.arange(len(ranks))
    trace = []
    with Progress(
        steps * ranks.numel(), desc=f"search, {trial.fills[fill]}", unit="image"
    ) as known:
        for step in range(steps):
            masked = ranks < step
            masks = _each_more(masked.to(trial.device))
            found = trial.probabilities([fill] * trial.cells, masks, known)
            found[masked] = torch.inf
            lowest, cell = found.min(dim=1)
            ranks[images, cell] = step
            trace.append(lowest)
    order = CellOrder("greedy", ranks, fill=trial.fills[fill])
    return order, torch.stack(trace, dim=1)


def _each_more(masked: Tensor) -> Masks:
    """Mask each of the cells in turn beside those that are masked, (images, cells)."""
    cells = torch.arange(masked.shape[1], device=masked.device)

    def masks(image: Tensor, cell: Tensor) -> Tensor:
        return masked[image] | (cells == cell[:, None])

    return masks
