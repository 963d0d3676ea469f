"""How images are divided into cells, and where pixels come from when cells change places.

Numbers of cells are tensors with one row per image, or with one for all images that are divided
alike; orders and maps have the same rows. Nothing here looks at the numbers of a GPU, except for
`Division.of` and `Division.drawn` where they say so.
"""

__all__ = ["MODES", "Cells", "Division"]

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from actsense.draws.counter import counter_keys, counter_noise

MODES = ("grid", "bands")
LAST = torch.iinfo(torch.int64).max

Cells = int | tuple[int, int] | Tensor  # per side; rows and columns; per side of every image


@dataclass(frozen=True)
class Division:
    """Images of one size, divided into cells.

    Attributes:
        height: Rows of pixels.
        width: Columns of pixels.
        down: Rows of cells, int64, (images, 1).
        across: Columns of cells, int64, (images, 1).
        most: Upper bounds of both.
    """

    height: int
    width: int
    down: Tensor
    across: Tensor
    most: tuple[int, int]

    @classmethod
    def of(cls, size: Sequence[int], k: Cells, device: torch.device) -> "Division":
        """Divide images, after a look at a tensor of numbers.

        Arguments:
            size: Height and width of the images.
            k: Cells per side; or rows and columns of cells; or cells per side of every image,
                int64, (images,).
            device: Where the images are.

        Raises:
            ValueError: If `k` is below 1 or above the side of the images.
        """
        if isinstance(k, Tensor):
            down = across = k.to(device)[:, None]
            least, largest = (int(end) for end in k.aminmax())
            most = (largest, largest)
        else:
            most = k if isinstance(k, tuple) else (k, k)
            least = min(most)
            down, across = torch.tensor(most, device=device).view(2, 1, 1)
        height, width = size
        if least < 1 or most[0] > height or most[1] > width:
            raise ValueError(
                f"k must lie between 1 and the side of the images, {height} x {width} pixels; "
                f"got {k}."
            )
        return cls(height, width, down, across, most)

    def parts(self, order: Tensor, mode: str) -> list[tuple[Tensor, Tensor]]:
        """Split orders into those that are permuted apart, each with how many numbers it has."""
        if mode == "grid":
            return [(order, self.down * self.across)]
        rows, columns = order.tensor_split((self.most[0],), dim=1)
        return [(rows, self.down), (columns, self.across)]

    def drawn(self, keys: Tensor, mode: str, *, derange: bool = False) -> Tensor:
        """Draw an order for every key, (keys, numbers).

        Arguments:
            keys: int64, (images,).
            mode: `grid` for an order of all cells, `bands` for one of the rows and one of the
                columns.
            derange: Whether to draw again, as long as that takes, where a cell is in its own
                place: what is left is uniform over all orders that move every cell.
        """
        order = self._drawn(keys, mode)
        attempt = 0
        while derange and (stuck := self.unmoved(order, mode) > 0).any():
            attempt += 1
            again = self._drawn(counter_keys(attempt, [keys]), mode)
            order = torch.where(stuck[:, None], again, order)
        return order

    def _drawn(self, keys: Tensor, mode: str) -> Tensor:
        if mode == "grid":
            return _order(keys, self.down * self.across, self.most[0] * self.most[1])
        rows = _order(keys, self.down, self.most[0])
        columns = _order(counter_keys("columns", [keys]), self.across, self.most[1])
        return torch.cat([rows, columns], dim=1)

    def permutes(self, order: Tensor, mode: str) -> Tensor:
        """Say whether every order is one of an image's own cells, ()."""
        valid = torch.tensor(True, device=order.device)
        for part, count in self.parts(order, mode):
            number = torch.arange(part.shape[1], device=order.device)
            valid = valid & (part.sort(dim=1).values == number).all()
            valid = valid & ((part < count) == (number < count)).all()
        return valid

    def unmoved(self, order: Tensor, mode: str) -> Tensor:
        """Count the cells that are in their own place, (images,)."""
        count = torch.ones(len(order), dtype=torch.int64, device=order.device)
        for part, numbers in self.parts(order, mode):
            number = torch.arange(part.shape[1], device=order.device)
            count *= ((part == number) & (number < numbers)).sum(dim=1)
        return count

    def cells(self, mode: str) -> Tensor:
        """Number the cell of every pixel row by row from 1, (images, height * width).

        Cells of a `grid` are equal and in the middle; what they leave over is 0. Cells of `bands`
        cover the image.
        """
        number = torch.arange(1, self.most[0] * self.most[1] + 1, device=self.down.device)
        return self.spread(number.expand(len(self.down), -1), mode)

    def spread(self, table: Tensor, mode: str) -> Tensor:
        """Give every pixel the entry of its cell, and 0 in the border, (images, height * width).

        Arguments:
            table: One entry per cell, row by row, (images, entries).
            mode: As in `cells`.
        """
        parts = _grid if mode == "grid" else _bands
        row, column = parts(self.height, self.down), parts(self.width, self.across)
        # Cells of every row, then pixels: an index of every pixel would take longer to make.
        first = (row * self.across).clamp(min=0)[:, :, None]
        cells = (first + torch.arange(self.most[1], device=row.device)).expand(len(table), -1, -1)
        entries = table.gather(1, cells.flatten(1)).view(cells.shape)
        entries = functional.pad(entries.masked_fill((row < 0)[:, :, None], 0), (1, 0))
        return entries.gather(
            2, (column + 1)[:, None].expand(len(table), self.height, -1)
        ).flatten(1)

    def source(self, order: Tensor, mode: str) -> Tensor:
        """Return the pixel that every pixel is taken from, (images, height * width).

        Arguments:
            order: Which cell, or which band, each one is taken from; see `drawn`.
            mode: `grid` or `bands`.
        """
        if mode == "bands":
            (rows, down), (columns, across) = self.parts(order, mode)
            row = _exchanged(rows, _bands(self.height, down))
            column = _exchanged(columns, _bands(self.width, across))
            return ((row * self.width)[:, :, None] + column[:, None, :]).flatten(1)

        number = torch.arange(order.shape[1], device=order.device)
        start = number // self.across * (self.height // self.down * self.width)
        start = start + number % self.across * (self.width // self.across)
        shift = start.expand_as(order).gather(1, order) - start
        pixel = torch.arange(self.height * self.width, device=order.device)
        return self.spread(shift, mode).add_(pixel)


def _grid(side: int, count: Tensor) -> Tensor:
    """Equal part that every pixel of a side lies in; -1 in the border, (images, side)."""
    position = torch.arange(side, device=count.device) - side % count // 2
    part = position.div(side // count, rounding_mode="floor").clamp_(min=-1)
    return part.masked_fill_(part >= count, -1)


def _bands(side: int, count: Tensor) -> Tensor:
    """Band that every pixel of a side lies in, larger bands first, (images, side).

    The first expression counts bands of the larger size and the second those of the smaller one;
    each falls behind where the other is right.
    """
    position, small = torch.arange(side, device=count.device), side // count
    return torch.maximum(position // (small + 1), (position - side % count) // small)


def _exchanged(order: Tensor, band: Tensor) -> Tensor:
    """Sort the pixels of a side by where their bands go, (images, side)."""
    place = order.argsort(dim=1)
    return place.gather(1, band.expand(len(order), -1)).argsort(dim=1, stable=True)


def _order(keys: Tensor, count: Tensor, most: int) -> Tensor:
    """Draw an order of 0 to count - 1 for every key; what lies beyond stays, (keys, most)."""
    beyond = torch.arange(most, device=keys.device) >= count
    return counter_noise(keys, most).masked_fill_(beyond, LAST).argsort(dim=1, stable=True)
