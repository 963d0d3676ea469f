"""Paired differences of every unit in the making: their sums, and codes that keep their order.

A difference is coded by its float32 bits, the sign moved to the lowest place: codes are ordered by
magnitude, zero is 0, and no other difference is. An exact code keeps all bits. A short one keeps
exponent and seven bits of the mantissa, 128 codes per octave from the smallest float32 to 4e31;
all that is larger has one code. The short codes of the first images are kept. When one more image
comes, they become a histogram in the same memory. Its bins go to spans of four octaves in
proportion to how many of the first differences lie there, so that ranks stay sharp wherever the
differences of a unit are; a gap between them has one bin.

Images are added one by one, in float64: no number depends on how they come in batches.
"""

__all__ = ["Differences", "Responses"]

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from actsense.device.memory import Memory
from actsense.sensitivity.cuts import LARGEST_COUNT, kept_columns
from actsense.sensitivity.difference_kernels import (
    DROPPED,
    LANES,
    MAGNITUDE,
    RAISED,
    SPAN_BITS,
    SPANS,
    UNITS_PER_TILE,
    add_control,
    add_pairs,
)
from actsense.sensitivity.tiles import run_tiles

UNITS_PER_DEVICE_TILE = 262_144
GROUPS_PER_DEVICE_TILE = UNITS_PER_DEVICE_TILE // LANES


class Differences:
    """Differences between augmented and untouched responses of some units, as they come.

    Arguments:
        units: Which units of the network.
        images: Images that will come.
        exact: Whether to keep the exact code of every difference.
        device: Where to count; on the host if the device has no room.

    Attributes:
        images: Images that have come.
        sums: Sums of d, of d^2 and of (y - o)^2 over images, with y the augmented response, d its
            difference from the untouched one, and o the origin, (3, units) float64.
        codes: Codes of the differences so far, or counts per bin once there are more images than
            columns: two bins per magnitude, rising and falling, (groups, columns, `LANES`): the
            units of a group lie side by side, and the last group is filled up with any numbers.
    """

    def __init__(
        self, units: slice, images: int, exact: bool, device: torch.device | str = "cpu"
    ) -> None:
        self.units, self.images, self._expected = units, 0, images
        self._dropped = 0 if exact else DROPPED
        total, columns = units.stop - units.start, kept_columns(images, exact)
        wide = exact or images > LARGEST_COUNT
        groups = -(-total // LANES)
        self._memory = Memory(torch.device(device), GROUPS_PER_DEVICE_TILE, f"times {LANES} units")
        made = [
            # Unsigned numbers; PyTorch has few operations on such.
            self._memory.empty(groups, columns, LANES, dtype=torch.int32 if wide else torch.int16),
            self._memory.empty(total, SPANS if images > columns else 0, dtype=torch.int16),
            self._memory.empty(3, total, dtype=torch.float64),
        ]
        # The last one shows whether all of them had room.
        self._codes, self._spans, self.sums = (part.to(made[-1].device) for part in made)
        self.sums.zero_()

    @property
    def codes(self) -> NDArray[np.unsignedinteger]:
        """The codes or counts, on the host."""
        return _unsigned(self._codes.cpu())

    @property
    def counted(self) -> bool:
        """Whether codes have become counts."""
        return self.images > self._codes.shape[1]

    @property
    def state(self) -> dict[str, NDArray[np.generic]]:
        """All that is kept, for `resume`."""
        kept = {"codes": self._codes, "spans": self._spans, "sums": self.sums}
        return {name: part.cpu().numpy() for name, part in kept.items()}

    def resume(self, images: int, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Go on from what another one had kept after some images."""
        self.images = images
        for part, name in ((self._codes, "codes"), (self._spans, "spans"), (self.sums, "sums")):
            part.copy_(torch.from_numpy(state[name]))

    @property
    def nbytes(self) -> int:
        """Bytes of all that is kept."""
        return self._codes.nbytes + self._spans.nbytes + self.sums.nbytes

    def add(self, origin: Tensor, control: Tensor, treated: Tensor) -> None:
        """Add some images.

        Arguments:
            origin: What responses are measured from, (all units,) float32.
            control: Untouched responses, (images, all units) float32.
            treated: Responses to every draw of the augmentation, (images, draws, all units).

        Raises:
            ValueError: If more images come than were announced.
        """
        if self.images + len(control) > self._expected:
            raise ValueError(
                f"Expected {self._expected} images; got {self.images + len(control)}."
            )
        if self.sums.is_cuda:
            self._add_on_device(origin, control, treated)
        else:
            run_tiles(
                add_pairs,
                -(-self.sums.shape[1] // UNITS_PER_TILE),
                self.sums.numpy(),
                _unsigned(self._codes),
                _unsigned(self._spans),
                self._dropped,
                self.images,
                self.units.start,
                origin.cpu().numpy(),
                control.cpu().numpy(),
                treated.cpu().numpy(),
            )
        self.images += len(control)

    def _add_on_device(self, origin: Tensor, control: Tensor, treated: Tensor) -> None:
        """Add the same with array operations only, for accelerators."""
        device, columns = self.sums.device, self._codes.shape[1]
        first = max(0, min(columns - self.images, len(control)))  # so many codes find room

        def add(groups: slice) -> None:
            start, stop = LANES * groups.start, min(LANES * groups.stop, self.sums.shape[1])
            part, units = (
                slice(start, stop),
                slice(self.units.start + start, self.units.start + stop),
            )
            x = control[:, units].to(device).double()
            y = treated[:, 0, units].to(device).double()
            for draw in range(1, treated.shape[1]):
                y += treated[:, draw, units].to(device)
            y /= treated.shape[1]
            d = y - x
            added = torch.stack([d, d * d, (y - origin[units].to(device)).square()])
            codes = _codes_of(d, self._dropped).T
            by_group = self._codes[groups]
            kept = by_group.transpose(1, 2).reshape(-1, columns)[: stop - start]
            kept[:, self.images : self.images + first] = codes[:, :first].to(kept.dtype)
            spans = self._spans[part]
            if first < len(control):
                if self.images + first == columns:
                    mask = (1 << 8 * kept.element_size()) - 1
                    known = kept.to(torch.int64) & mask
                    spans = _shared_out(known, columns)
                    kept.zero_()
                    _count(kept, spans, known)
                _count(kept, spans, codes[:, first:])
            filled = functional.pad(kept, (0, 0, 0, LANES * len(by_group) - len(kept)))
            # Complete before it is added: memory may run out in between.
            by_group.copy_(filled.view(-1, LANES, columns).transpose(1, 2))
            self._spans[part] = spans
            for image in range(len(control)):  # in turn: the order decides the last bit
                self.sums[:, part] += added[:, image]

        self._memory.run(len(self._codes), add)


class Responses:
    """Sums of the untouched responses of every unit, measured from those to the first image.

    So a response that is the same for all images has sums of exactly 0, whatever it is.

    Arguments:
        units: Units of the network.
        device: Where to sum up; on the host if the device has no room.

    Attributes:
        images: Images that have come.
        origin: Responses to the first image, (units,) float32.
        sums: Sums of x - o and of its square over images, (2, units) float64.
    """

    def __init__(self, units: int, device: torch.device | str = "cpu") -> None:
        self.images = 0
        self._memory = Memory(torch.device(device), UNITS_PER_DEVICE_TILE, "units")
        made = [
            self._memory.empty(units),
            self._memory.empty(2, units, dtype=torch.float64),
        ]
        self.origin, self.sums = (part.to(made[-1].device) for part in made)
        self.sums.zero_()

    @property
    def state(self) -> dict[str, NDArray[np.generic]]:
        """All that is kept, for `resume`."""
        return {"origin": self.origin.cpu().numpy(), "sums": self.sums.cpu().numpy()}

    def resume(self, images: int, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Go on from what another one had kept after some images."""
        self.images = images
        self.origin.copy_(torch.from_numpy(state["origin"]))
        self.sums.copy_(torch.from_numpy(state["sums"]))

    def add(self, control: Tensor) -> None:
        """Add the responses to some images, (images, units) float32."""
        if not self.images:
            self.origin.copy_(control[0])
        if self.sums.is_cuda:
            self._add_on_device(control)
        else:
            tiles = -(-control.shape[1] // UNITS_PER_TILE)
            arrays = (self.sums.numpy(), self.origin.numpy(), control.cpu().numpy())
            run_tiles(add_control, tiles, *arrays)
        self.images += len(control)

    def _add_on_device(self, control: Tensor) -> None:
        """Add the same with array operations only, for accelerators."""

        def add(units: slice) -> None:
            x = control[:, units].to(self.sums.device).double() - self.origin[units]
            added = torch.stack([x, x * x])
            for image in range(len(control)):
                self.sums[:, units] += added[:, image]

        self._memory.run(control.shape[1], add)


def _unsigned(kept: Tensor) -> NDArray[np.unsignedinteger]:
    return kept.numpy().view(np.uint16 if kept.dtype == torch.int16 else np.uint32)


def _codes_of(difference: Tensor, dropped: int) -> Tensor:
    """Return the codes of float64 differences, int64."""
    rounded = (difference * (RAISED if dropped else 1.0)).float()
    bits = rounded.contiguous().view(torch.int32).to(torch.int64)
    magnitude = ((bits & MAGNITUDE) >> dropped).clamp_(min=1)  # of what is not 0, however small
    return torch.where(difference == 0, 0, magnitude << 1 | (difference < 0))


def _shared_out(codes: Tensor, columns: int) -> Tensor:
    """Share out the bins among the spans: first bin and number of bins of each, (units, spans)."""
    moved = (codes != 0).to(torch.int64)
    counts = torch.zeros(len(codes), SPANS, dtype=torch.int64, device=codes.device)
    counts.scatter_add_(1, codes >> (SPAN_BITS + 1), moved)
    counts += (counts == 0).all(dim=1, keepdim=True)
    used = counts > 0
    # Spans without differences share one bin with their empty neighbours.
    begins = ~used & torch.cat([torch.ones_like(used[:, :1]), used[:, :-1]], dim=1)
    free = columns // 2 - (used | begins).sum(dim=1, keepdim=True)
    total = counts.sum(dim=1, keepdim=True)
    bins = torch.where(used, 1 + free * counts // total, begins.to(torch.int64))
    first = bins.cumsum(dim=1) - torch.where(used | begins, bins, 1)
    return (first << 8 | bins.clamp_(min=1)).to(torch.int16)


def _count(counts: Tensor, spans: Tensor, codes: Tensor) -> None:
    """Count codes in the bins of their units; both (units, any number)."""
    magnitude = codes >> 1
    span = spans.to(torch.int64).gather(1, magnitude >> SPAN_BITS)
    within = (magnitude & ((1 << SPAN_BITS) - 1)) * (span & 255) >> SPAN_BITS
    place = 2 * ((span >> 8) + within) + (codes & 1)
    counts.scatter_add_(1, place, (codes != 0).to(counts.dtype))
