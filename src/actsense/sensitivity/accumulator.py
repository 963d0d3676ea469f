"""The accumulation of moments: one pass over every block of responses."""

__all__ = ["Accumulator"]

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.sampling.designs import Block
from actsense.sensitivity.moments import Moments, layout

UNITS_PER_TILE = 1024  # all sums of a tile stay in a core's second-level cache
UNITS_PER_DEVICE_TILE = 65_536
MOST_THREADS = numba.get_num_threads()  # read before anything lowers it


class Accumulator:
    """Moments in the making: takes blocks of responses, one at a time.

    Arguments:
        factors: Names of the factors.
        walks: Walks per base point.
        units: Units per evaluation.
        device: Where the responses lie.
    """

    def __init__(
        self,
        factors: tuple[str, ...],
        walks: int,
        units: int,
        device: torch.device | str = "cpu",
    ) -> None:
        self.factors = factors
        self.walks = walks
        self.points = 0
        self.forwards = 0
        rows = layout(len(factors))["cross"].stop
        self.sums = torch.zeros(rows, units, dtype=torch.float64, device=device)

    def add(self, responses: Tensor, place: NDArray[np.int64], block: Block) -> None:
        """Add one block.

        Arguments:
            responses: Activations of the distinct evaluations, (rows, units), any float type.
            place: Row of every node of every base point, (points, nodes).
            block: The block behind them.

        Raises:
            ValueError: If the responses have another number of units.
        """
        if responses.shape[1] != self.sums.shape[1]:
            raise ValueError(
                f"Expected {self.sums.shape[1]} units per evaluation; got {responses.shape[1]}."
            )
        add = _add_block_on_device if responses.is_cuda else _add_block_on_cpu
        add(self.sums, responses, place, block)
        self.points += len(place)
        self.forwards += len(responses)

    def moments(self) -> Moments:
        """Return what has been summed so far."""
        sums = self.sums.cpu().numpy()
        return Moments(self.factors, self.walks, self.points, self.forwards, sums)


def _add_block_on_cpu(
    sums: Tensor, responses: Tensor, place: NDArray[np.int64], block: Block
) -> None:
    steps = np.take_along_axis(place[:, None], block.path, axis=2)
    numba.set_num_threads(min(torch.get_num_threads(), MOST_THREADS))
    _kernel(sums.numpy(), responses.numpy(), place, steps, block.exchanged)


# No fast mathematics: fused operations would make the last bit depend on how this was compiled.
@numba.njit(parallel=True, cache=True)
def _kernel(
    sums: NDArray[np.float64],
    responses: NDArray[np.float32],
    place: NDArray[np.int64],
    steps: NDArray[np.int64],
    exchanged: NDArray[np.int64],
) -> None:  # pragma: no cover (compiled)
    """One pass over the responses: every row of a tile is read once and stays in cache."""
    units = responses.shape[1]
    points, walks, factors = exchanged.shape
    head = 2 + 3 * factors
    for tile in numba.prange((units + UNITS_PER_TILE - 1) // UNITS_PER_TILE):
        low = tile * UNITS_PER_TILE
        width = min(UNITS_PER_TILE, units - low)
        part = np.zeros((sums.shape[0], UNITS_PER_TILE), responses.dtype)
        p = np.empty((factors, UNITS_PER_TILE), responses.dtype)
        q = np.empty((factors, UNITS_PER_TILE), responses.dtype)
        gap = np.empty(UNITS_PER_TILE, responses.dtype)
        for i in range(points):
            at_a, at_b = place[i, 0], place[i, 1]
            for u in range(width):
                a = responses[at_a, low + u]
                b = responses[at_b, low + u]
                gap[u] = a - b
                part[0, u] += a + b
                part[1, u] += gap[u] * gap[u]
            for j in range(factors):
                at_c, at_e = place[i, 2 + j], place[i, 2 + factors + j]
                for u in range(width):
                    p[j, u] = responses[at_c, low + u] - responses[at_a, low + u]
                    q[j, u] = responses[at_e, low + u] - responses[at_b, low + u]
                    swap = q[j, u] - p[j, u] - gap[u]
                    part[2 + j, u] += p[j, u] * p[j, u] + q[j, u] * q[j, u]
                    part[2 + factors + j, u] += swap * swap
            row = head
            for j in range(factors):
                for k in range(j, factors):
                    for u in range(width):
                        part[row, u] += p[j, u] * q[k, u] + p[k, u] * q[j, u]
                    row += 1
            for w in range(walks):
                for s in range(factors):
                    before, after = steps[i, w, s], steps[i, w, s + 1]
                    row = 2 + 2 * factors + exchanged[i, w, s]
                    for u in range(width):
                        step = responses[before, low + u] - responses[after, low + u]
                        part[row, u] += gap[u] * step
        for row in range(sums.shape[0]):
            for u in range(width):
                sums[row, low + u] += part[row, u]


def _add_block_on_device(
    sums: Tensor, responses: Tensor, place: NDArray[np.int64], block: Block
) -> None:
    """Add the same sums with array operations only, for accelerators."""
    points, walks, factors = block.exchanged.shape
    rows = layout(factors)
    device = responses.device
    at = torch.from_numpy(place).to(device)
    steps = torch.from_numpy(np.take_along_axis(place[:, None], block.path, axis=2)).to(device)
    exchanged = torch.from_numpy(block.exchanged).to(device).reshape(-1)
    pairs = torch.triu_indices(factors, factors, device=device)
    for low in range(0, responses.shape[1], UNITS_PER_DEVICE_TILE):
        tile = slice(low, low + UNITS_PER_DEVICE_TILE)
        part = responses[:, tile]
        a, b = part[at[:, 0]], part[at[:, 1]]  # (points, units)
        gap = a - b
        p = part[at[:, 2 : 2 + factors]] - a[:, None]  # (points, factors, units)
        q = part[at[:, 2 + factors : 2 + 2 * factors]] - b[:, None]
        into = sums[:, tile]
        into[rows["sum"]] += (a + b).sum(dim=0)
        into[rows["gap"]] += gap.square().sum(dim=0)
        into[rows["total"]] += (p.square() + q.square()).sum(dim=0)
        into[rows["swapped"]] += (q - p - gap[:, None]).square().sum(dim=0)
        for walk in range(walks):
            change = part[steps[:, walk, :-1]] - part[steps[:, walk, 1:]]
            credit = (gap[:, None] * change).double().flatten(0, 1)  # (points factors, units)
            which = exchanged.view(points, walks, factors)[:, walk].reshape(-1)
            into[rows["walk"]].index_add_(0, which, credit)
        cross = torch.einsum("njt,nkt->jkt", p, q)
        into[rows["cross"]] += (cross + cross.transpose(0, 1))[pairs[0], pairs[1]]
