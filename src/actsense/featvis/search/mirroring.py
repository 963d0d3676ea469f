"""What lies beyond the border of an image: its mirror image, and that of this, without end."""

__all__ = ["mirrored"]

import torch
from torch import Tensor


def mirrored(positions: Tensor, length: int) -> Tensor:
    """Return where the pixels at positions inside or outside of an image are found in it.

    Pixels on the border are repeated: -1 is found at 0, as `length` is at `length - 1`.

    Arguments:
        positions: Rows or columns, int64, of any shape.
        length: Rows or columns of the image.
    """
    folded = positions.remainder(2 * length)
    return torch.minimum(folded, 2 * length - 1 - folded)
