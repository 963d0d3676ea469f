"""The strongest responses of every unit in the making, with the numbers of their pictures."""

__all__ = ["NONE", "UNITS_PER_TILE", "Strongest"]

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.device.memory import Memory
from actsense.sensitivity.tiles import run_tiles

NONE = 2**31 - 1  # number of no picture; more than any picture has
UNITS_PER_TILE = 1024  # what is kept of them stays in a core's second-level cache
MANY = 1 / 16  # of the units of a tile: where more are moved, it is quicker to look at all of them
UNITS_PER_DEVICE_TILE = 65_536


class Strongest:
    """The strongest responses of every unit so far, each with the number of its picture.

    Arguments:
        ranks: How many to keep, one per image.
        units: Units of the network.
        device: Where to compare; on the host if the device has no room.

    Attributes:
        responses: The strongest responses, strongest first, (ranks, units) float32.
        numbers: The numbers of their pictures, (ranks, units) int32.
        lowest: The weakest response to any image, (units,) float32.
    """

    def __init__(self, ranks: int, units: int, device: torch.device | str = "cpu") -> None:
        self._memory = Memory(torch.device(device), UNITS_PER_DEVICE_TILE, "units")
        made = [
            self._memory.empty(ranks, units),
            self._memory.empty(ranks, units, dtype=torch.int32),
            self._memory.empty(units),
        ]
        # The last one shows whether all of them had room.
        self.responses, self.numbers, self.lowest = (part.to(made[-1].device) for part in made)
        self.responses.fill_(-np.inf)
        self.numbers.fill_(NONE)
        self.lowest.fill_(np.inf)

    def add(self, responses: Tensor, first: NDArray[np.int32]) -> None:
        """Add some images.

        Arguments:
            responses: Responses to every draw of every image, (images, draws, units) float32.
            first: Number of the first draw of every image, (images,); others follow it.
        """
        if self.responses.is_cuda:
            self._add_on_device(responses, first)
            return
        run_tiles(
            _kernel,
            -(-responses.shape[2] // UNITS_PER_TILE),
            self.responses.numpy(),
            self.numbers.numpy(),
            self.lowest.numpy(),
            responses.cpu().numpy(),
            first,
        )

    def _add_on_device(self, responses: Tensor, first: NDArray[np.int32]) -> None:
        """Add the same with array operations only, for accelerators."""
        ranks, device = len(self.responses), self.responses.device
        draws = torch.arange(responses.shape[1], dtype=torch.int32, device=device)
        numbers = torch.from_numpy(first).to(device)[:, None] + draws

        def add(units: slice) -> None:
            fresh = _keys(responses[:, :, units].to(device), numbers[:, :, None]).amax(dim=1)
            kept = _keys(self.responses[:, units], self.numbers[:, units])
            best = torch.cat([kept, fresh]).topk(ranks, dim=0).values
            lowest = torch.minimum(self.lowest[units], _responses(fresh.amin(dim=0)))
            # Nothing is changed before all of it is there: memory may run out in between.
            self.responses[:, units] = _responses(best)
            self.numbers[:, units] = NONE - (best & NONE).to(torch.int32)
            self.lowest[units] = lowest

        self._memory.run(responses.shape[2], add)


def _keys(responses: Tensor, numbers: Tensor) -> Tensor:
    """Join responses with numbers of pictures: integers in the order of the ranks, int64.

    The bits of a float32 are ordered like the float once those below the sign of negative ones
    are turned around.
    """
    bits = (torch.nan_to_num(responses, -np.inf, np.inf, -np.inf) + 0.0).view(torch.int32)
    return (_turned(bits).to(torch.int64) << 32) | (NONE - numbers)


def _responses(keys: Tensor) -> Tensor:
    return _turned((keys >> 32).to(torch.int32)).view(torch.float32)


def _turned(bits: Tensor) -> Tensor:
    return bits ^ ((bits >> 31) & NONE)


@numba.njit(cache=True, nogil=True)
def _kernel(
    first_tile: int,
    end: int,
    kept: NDArray[np.float32],
    numbers: NDArray[np.int32],
    lowest: NDArray[np.float32],
    responses: NDArray[np.float32],
    first: NDArray[np.int32],
) -> None:  # pragma: no cover (compiled)
    """One pass over the responses; few of them move anything."""
    images, draws, units = responses.shape
    last = len(kept) - 1
    best = np.empty(UNITS_PER_TILE, responses.dtype)
    number = np.empty(UNITS_PER_TILE, first.dtype)
    moved = np.zeros(UNITS_PER_TILE, np.uint8)
    words = moved.view(np.uint64)  # eight units at a time, of which mostly none moves anything
    for tile in range(first_tile, end):
        low = tile * UNITS_PER_TILE
        stop = min(low + UNITS_PER_TILE, units)
        width = stop - low
        weakest, at_weakest, least = (
            kept[last, low:stop],
            numbers[last, low:stop],
            lowest[low:stop],
        )
        for i in range(images):
            best[:] = -np.inf
            number[:] = first[i]
            for d in range(draws):
                row, this = responses[i, d, low:stop], first[i] + d
                for u in range(width):
                    stronger = row[u] > best[u]
                    best[u] = row[u] if stronger else best[u]
                    number[u] = this if stronger else number[u]
            moving = 0
            for u in range(width):
                least[u] = best[u] if best[u] < least[u] else least[u]
                same = (best[u] == weakest[u]) & (number[u] < at_weakest[u])
                moved[u] = (best[u] > weakest[u]) | same
                moving += moved[u]
            if moving > MANY * width:
                for rank in range(last + 1):
                    _exchange(kept[rank, low:stop], numbers[rank, low:stop], best, number)
            elif moving:
                for word in range(-(-width // 8)):
                    if words[word]:
                        for u in range(8 * word, min(8 * word + 8, width)):
                            if moved[u]:
                                _insert(kept[:, low + u], numbers[:, low + u], best[u], number[u])


@numba.njit(cache=True)
def _exchange(
    kept: NDArray[np.float32],
    numbers: NDArray[np.int32],
    best: NDArray[np.float32],
    number: NDArray[np.int32],
) -> None:  # pragma: no cover (compiled)
    """Put in what is stronger, and go on with what was there, for all units of a tile."""
    for u in range(len(kept)):
        weaker, at_weaker, own, this = kept[u], numbers[u], best[u], number[u]
        stronger = (own > weaker) | ((own == weaker) & (this < at_weaker))
        kept[u] = own if stronger else weaker
        best[u] = weaker if stronger else own
        numbers[u] = this if stronger else at_weaker
        number[u] = at_weaker if stronger else this


@numba.njit(cache=True)
def _insert(
    kept: NDArray[np.float32], numbers: NDArray[np.int32], best: np.float32, number: np.int32
) -> None:  # pragma: no cover (compiled)
    """Move what is weaker down by one rank, and the weakest out."""
    last = len(kept) - 1
    rank = last
    while rank >= 0 and (best > kept[rank] or (best == kept[rank] and number < numbers[rank])):
        if rank < last:
            kept[rank + 1] = kept[rank]
            numbers[rank + 1] = numbers[rank]
        kept[rank] = best
        numbers[rank] = number
        rank -= 1
