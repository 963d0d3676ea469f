r"""A canvas that pictures are windows of, so that what is drawn in the middle moves on.

The published method enlarges the start image, cuts another window out of it now and then, and
pastes the picture back at a place drawn anew in every iteration. What is drawn thus drifts out of
the middle, where the gradient is strongest, and makes room. Here

- the start image goes on beyond its border as its mirror image, where the published canvas is
  that image enlarged, which the windows soon cover with copies of another size;
- a picture is put back where it was taken from, and only when the next window is taken: the
  published collage of copies, each moved by chance, has no use of its own;
- the first window is the start image itself, in the middle.

The canvas is `size` times as long as the picture; along either axis a window's place is normal
around the middle of the free margin M, with a standard deviation of `spread` M, and at most at its
ends.
"""

__all__ = ["Canvas"]

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from actsense.draws.counter import counter_keys, counter_normal
from actsense.featvis.search.mirroring import mirrored


@dataclass
class Canvas:
    """The canvas of every picture.

    Attributes:
        images: The canvases, (pictures, 3, length, length) in [0, 1].
        place: First row and column of the window that the picture is, (pictures, 2) int64.
    """

    images: Tensor
    place: Tensor

    @classmethod
    def around(cls, starts: Tensor, size: float) -> Self:
        """Return canvases around start images.

        Arguments:
            starts: Start images, (pictures, 3, side, side).
            size: Length of the canvas in sides of the picture, 1 or more.
        """
        side = starts.shape[-1]
        margin = round(side * size) - side
        at = torch.arange(-(margin // 2), side + margin - margin // 2, device=starts.device)
        source = mirrored(at, side)
        place = torch.full((len(starts), 2), margin // 2, device=starts.device)
        return cls(starts.detach()[:, :, source][..., source], place)

    def move(self, images: Tensor, keys: Tensor, iteration: int, *, spread: float) -> Tensor:
        """Put pictures back into their canvases, and return other windows of these.

        Arguments:
            images: Pictures, (pictures, 3, side, side).
            keys: Their keys, (pictures,) int64. A place depends on key and iteration alone.
            iteration: Number of the iteration.
            spread: Standard deviation of a place, in free margins.

        Returns:
            Images of the windows, (pictures, 3, side, side).
        """
        side = images.shape[-1]
        margin = self.images.shape[-1] - side
        own = counter_keys("window of a canvas in an iteration", [keys, iteration])
        place = margin / 2 + spread * margin * counter_normal(own, 2).to(images.device)
        before = _inside(self.place, side)
        self.images[before] = images.detach().permute(0, 2, 3, 1)
        self.place = place.round().long().clamp(0, margin)
        return self.images[_inside(self.place, side)].permute(0, 3, 1, 2)


def _inside(place: Tensor, side: int) -> tuple[Tensor, slice, Tensor, Tensor]:
    """Return the index of windows: of images, their colours, rows and columns."""
    at = torch.arange(side, device=place.device)
    rows, columns = (place[:, axis, None] + at for axis in (0, 1))
    pictures = torch.arange(len(place), device=place.device)
    return pictures[:, None, None], slice(None), rows[:, :, None], columns[:, None, :]
