"""The accumulation of moments: one pass over every block of responses."""

__all__ = ["Accumulator"]

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.device.memory import Memory
from actsense.sampling.designs import Block
from actsense.sensitivity.moment_kernels import SPLIT, UNITS_PER_TILE, add_block
from actsense.sensitivity.moments import Moments, layout, row_count
from actsense.sensitivity.tiles import run_tiles

UNITS_PER_DEVICE_TILE = 65_536


class Accumulator:
    """Moments in the making: takes blocks of responses, one at a time.

    Arguments:
        factors: Names of the factors.
        walks: Walks per base point.
        units: Units per evaluation.
        device: Where to sum up; on the host if the device has no room.
        parts: Names of the parts of the last factor.
    """

    def __init__(
        self,
        factors: tuple[str, ...],
        walks: int,
        units: int,
        device: torch.device | str = "cpu",
        *,
        parts: tuple[str, ...] = (),
    ) -> None:
        self.factors, self.parts = factors, parts
        self.walks = walks
        self.points = 0
        self.forwards = 0
        self._next = self._point = 0  # unit and base point of its block to come next
        rows = row_count(len(factors), len(parts))
        self._memory = Memory(torch.device(device), UNITS_PER_DEVICE_TILE, "units")
        self.sums = self._memory.empty(rows, units, dtype=torch.float64).zero_()
        self._carried = self.sums  # of a block that is not complete; the first needs no others

    def add(
        self,
        responses: Tensor,
        place: NDArray[np.int64],
        block: Block,
        *,
        start: int = 0,
        fresh: int | None = None,
    ) -> None:
        """Add one block; or some of its units, or some of its base points, all of them in turn.

        Arguments:
            responses: Activations of the distinct evaluations, (rows, units), any float type, on
                the device or on the host.
            place: Row of every node of every base point, (points, nodes).
            block: The block behind them.
            start: Which unit the first column belongs to.
            fresh: How many evaluations are new in the block; by default all of them.

        Raises:
            ValueError: If the responses have another number of units.
        """
        units = self.sums.shape[1]
        if start != self._next or start + responses.shape[1] > units:
            raise ValueError(
                f"Expected units {self._next} to {units}; got {responses.shape[1]} from {start}."
            )
        points = slice(self._point, self._point + len(place))
        if points.stop < len(block.path) and self.points > points.start:  # not the first block
            self._carried = self._apart()
        counts = len(self.factors), len(self.parts)
        turn = points.start == 0, points.stop == len(block.path)
        steps = np.take_along_axis(place[:, None], block.path[points], axis=2)
        walks = steps, block.exchanged[points]
        if self.sums.is_cuda:
            there = slice(start, start + responses.shape[1])
            sums, carried = self.sums[:, there], self._carried[:, there]
            _add_on_device(sums, carried, turn, responses, place, *walks, *counts, self._memory)
        else:
            arrays = (
                self.sums.numpy(),
                self._carried.numpy(),
                *turn,
                start,
                responses.cpu().numpy(),
            )
            tiles = -(-responses.shape[1] // UNITS_PER_TILE)
            run_tiles(add_block, tiles, *arrays, place, *walks, *counts)
        self._next = (start + responses.shape[1]) % units
        if not self._next:
            self._point = points.stop % len(block.path)
            self.points += len(place)
            self.forwards += len(responses) if fresh is None else fresh

    def _apart(self) -> Tensor:
        """Return what the sums of an incomplete block are carried in beside those of others."""
        return torch.empty_like(self.sums) if self._carried is self.sums else self._carried

    def moments(self) -> Moments:
        """Return what has been summed so far, in whole blocks."""
        if self._next:
            raise ValueError(f"The last block ended at unit {self._next}.")
        if self._point:
            raise ValueError(f"The last block ended at base point {self._point}.")
        sums = self.sums.cpu().numpy()
        return Moments(self.factors, self.walks, self.points, self.forwards, sums, self.parts)


def _add_on_device(
    sums: Tensor,
    carried: Tensor,
    turn: tuple[bool, bool],
    responses: Tensor,
    place: NDArray[np.int64],
    steps: NDArray[np.int64],
    exchanged: NDArray[np.int64],
    factors: int,
    parts: int,
    memory: Memory,
) -> None:
    """Add the same sums with array operations only, for accelerators."""
    at, steps_at, exchanged_at = (
        torch.from_numpy(array).to(sums.device) for array in (place, steps, exchanged)
    )
    begins, ends = turn

    def add(units: slice) -> None:
        part = responses[:, units].to(sums.device).double()
        # Complete before it is added: memory may run out in between.
        added = _tile_sums(part, at, steps_at, exchanged_at, factors, parts)
        if not begins:
            added += carried[:, units]
            carried[:, units] = 0
        if not ends:
            carried[:, units] = added
            return
        high = added * (SPLIT if responses.element_size() == 4 else 1)
        sums[:, units] += high - (high - added)

    memory.run(responses.shape[1], add)


def _tile_sums(
    part: Tensor, at: Tensor, steps: Tensor, exchanged: Tensor, factors: int, parts: int
) -> Tensor:
    """Return what a block adds to the sums of some units, (rows of the sums, units) float64."""
    inner = max(0, parts - 1)
    groups = factors + 2 * inner
    rows = layout(factors, parts)
    a, b = part[at[:, 0]], part[at[:, 1]]  # (points, units)
    gap = a - b
    p = part[at[:, 2 : 2 + groups]] - a[:, None]  # (points, groups, units)
    q = part[at[:, 2 + groups : 2 + 2 * groups]] - b[:, None]
    squares = p.square() + q.square()
    added = torch.zeros(
        row_count(factors, parts), part.shape[1], dtype=torch.float64, device=part.device
    )
    added[rows["sum"]] = (a + b).sum(dim=0)
    added[rows["gap"]] = gap.square().sum(dim=0)
    added[rows["total"]] = torch.cat(
        [squares[:, :factors], squares[:, factors + inner :]], dim=1
    ).sum(dim=0)
    swaps = (q - p - gap[:, None])[:, :factors].square()
    added[rows["swapped"]] = swaps.sum(dim=0)
    added[rows["first"]] = -2 * (p * q)[:, : factors + inner].sum(dim=0)
    added[rows["spread"]] = (gap.square() + swaps.mean(dim=1)).square().sum(dim=0)
    added[rows["spread_total"]] = squares[:, :factors].square().sum(dim=0)
    added[rows["spread_first"]] = (2 * p * q)[:, :factors].square().sum(dim=0)
    added[rows["walk"]] = _walk_sums(part, gap, (a, b), steps, exchanged, factors, inner)
    cross = torch.einsum("njt,nkt->jkt", p, q)
    cross = cross + cross.transpose(0, 1)
    pairs = torch.triu_indices(factors, factors, 1, device=part.device)
    second = cross[factors : factors + inner, : factors - 1].flatten(0, 1)
    added[rows["cross"]] = torch.cat([cross[pairs[0], pairs[1]], second])
    return added


def _walk_sums(
    part: Tensor,
    gap: Tensor,
    ends: tuple[Tensor, Tensor],
    steps: Tensor,
    exchanged: Tensor,
    factors: int,
    inner: int,
) -> Tensor:
    """Return what the walks add to the effects of factors and parts, (rows, units) float64."""
    atoms = factors + inner
    credit = torch.zeros(2 * atoms, part.shape[1], dtype=torch.float64, device=part.device)
    for walk in range(steps.shape[1]):
        before, after = part[steps[:, walk, :-1]], part[steps[:, walk, 1:]]
        near, far = (ends[1], -1) if walk % 2 == 0 else (ends[0], 1)
        from_both = gap[:, None] * (before - after)
        from_one = far * (2 * near[:, None] - before - after) * (before - after)
        atom = exchanged[:, walk].reshape(-1)
        credit.index_add_(0, atom, from_both.flatten(0, 1))
        credit.index_add_(0, atoms + atom, from_one.flatten(0, 1))
    whole = credit[factors - 1 : atoms].sum(dim=0, keepdim=True)
    own = credit[atoms + factors - 1 : 2 * atoms - 1]
    return torch.cat([credit[: factors - 1], whole, own])
