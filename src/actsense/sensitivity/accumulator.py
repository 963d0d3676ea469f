"""The accumulation of moments: one pass over every block of responses."""

__all__ = ["Accumulator"]

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.models.precision import arithmetic
from actsense.sampling.designs import Block
from actsense.sampling.memory import Memory
from actsense.sensitivity.moments import Moments, layout
from actsense.sensitivity.tiles import run_tiles

UNITS_PER_TILE = 1024  # all sums of a tile stay in a core's second-level cache
UNITS_PER_DEVICE_TILE = 65_536


class Accumulator:
    """Moments in the making: takes blocks of responses, one at a time.

    Arguments:
        factors: Names of the factors.
        walks: Walks per base point.
        units: Units per evaluation.
        device: Where to sum up; on the host if the device has no room.
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
        self._next = 0  # unit to come next
        rows = layout(len(factors))["cross"].stop
        self._memory = Memory(torch.device(device), UNITS_PER_DEVICE_TILE, "units")
        self.sums = self._memory.empty(rows, units, dtype=torch.float64).zero_()

    def add(
        self, responses: Tensor, place: NDArray[np.int64], block: Block, *, start: int = 0
    ) -> None:
        """Add one block, or some of its units: all of them in turn, from the first on.

        Arguments:
            responses: Activations of the distinct evaluations, (rows, units), any float type, on
                the device or on the host.
            place: Row of every node of every base point, (points, nodes).
            block: The block behind them.
            start: Which unit the first column belongs to.

        Raises:
            ValueError: If the responses have another number of units.
        """
        units = self.sums.shape[1]
        if start != self._next or start + responses.shape[1] > units:
            raise ValueError(
                f"Expected units {self._next} to {units}; got {responses.shape[1]} from {start}."
            )
        if self.sums.is_cuda:
            sums = self.sums[:, start : start + responses.shape[1]]
            _add_block_on_device(sums, responses, place, block, self._memory)
        else:
            _add_block_on_cpu(self.sums, start, responses.cpu(), place, block)
        self._next = (start + responses.shape[1]) % units
        if not self._next:
            self.points += len(place)
            self.forwards += len(responses)

    def moments(self) -> Moments:
        """Return what has been summed so far, in whole blocks."""
        if self._next:
            raise ValueError(f"The last block ended at unit {self._next}.")
        sums = self.sums.cpu().numpy()
        return Moments(self.factors, self.walks, self.points, self.forwards, sums)


def _add_block_on_cpu(
    sums: Tensor, start: int, responses: Tensor, place: NDArray[np.int64], block: Block
) -> None:
    steps = np.take_along_axis(place[:, None], block.path, axis=2)
    tiles = -(-responses.shape[1] // UNITS_PER_TILE)
    arrays = (responses.numpy(), place, steps, block.exchanged)
    run_tiles(_kernel, tiles, sums.numpy(), start, *arrays)


# No fast mathematics: fused operations would make the last bit depend on how this was compiled.
@numba.njit(cache=True, nogil=True)
def _kernel(
    first: int,
    end: int,
    sums: NDArray[np.float64],
    start: int,
    responses: NDArray[np.float32],
    place: NDArray[np.int64],
    steps: NDArray[np.int64],
    exchanged: NDArray[np.int64],
) -> None:  # pragma: no cover (compiled)
    """One pass over the responses: every row of a tile is read once and stays in cache."""
    units = responses.shape[1]
    points, walks, factors = exchanged.shape
    head = 2 + 3 * factors
    for tile in range(first, end):
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
                sums[row, start + low + u] += part[row, u]


def _add_block_on_device(
    sums: Tensor, responses: Tensor, place: NDArray[np.int64], block: Block, memory: Memory
) -> None:
    """Add the same sums with array operations only, for accelerators."""
    steps = np.take_along_axis(place[:, None], block.path, axis=2)
    at, steps_at, exchanged = (
        torch.from_numpy(array).to(sums.device) for array in (place, steps, block.exchanged)
    )

    def add(units: slice) -> None:
        part = responses[:, units].to(sums.device)
        # Complete before it is added: memory may run out in between.
        sums[:, units] += _tile_sums(part, at, steps_at, exchanged)

    with arithmetic("float32", sums.device):
        memory.run(responses.shape[1], add)


def _tile_sums(part: Tensor, at: Tensor, steps: Tensor, exchanged: Tensor) -> Tensor:
    """Return what a block adds to the sums of some units, (rows of the sums, units) float64."""
    _, walks, factors = exchanged.shape
    rows = layout(factors)
    pairs = torch.triu_indices(factors, factors, device=part.device)
    a, b = part[at[:, 0]], part[at[:, 1]]  # (points, units)
    gap = a - b
    p = part[at[:, 2 : 2 + factors]] - a[:, None]  # (points, factors, units)
    q = part[at[:, 2 + factors : 2 + 2 * factors]] - b[:, None]
    added = torch.zeros(rows["cross"].stop, part.shape[1], dtype=torch.float64, device=part.device)
    added[rows["sum"]] = (a + b).sum(dim=0)
    added[rows["gap"]] = gap.square().sum(dim=0)
    added[rows["total"]] = (p.square() + q.square()).sum(dim=0)
    added[rows["swapped"]] = (q - p - gap[:, None]).square().sum(dim=0)
    for walk in range(walks):
        change = part[steps[:, walk, :-1]] - part[steps[:, walk, 1:]]
        credit = (gap[:, None] * change).double().flatten(0, 1)  # (points factors, units)
        added[rows["walk"]].index_add_(0, exchanged[:, walk].reshape(-1), credit)
    cross = torch.einsum("njt,nkt->jkt", p, q)
    added[rows["cross"]] = (cross + cross.transpose(0, 1))[pairs[0], pairs[1]].double()
    return added
