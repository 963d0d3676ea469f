"""Pictures as pixels."""

__all__ = ["Pixels"]

import torch
from torch import Tensor


class Pixels:
    """Pictures whose colours, 0 to 1, are changed themselves; never rounded.

    What a step has pushed out of the range is put back to its border before the picture is next
    looked at. A picture that were clamped instead would leave such pixels outside, where they
    have no gradient and never return.

    Arguments:
        starts: Start images, (pictures, 3, side, side) in [0, 1].

    Attributes:
        parameters: The pixels, (pictures, 3, side, side).
        rate: Rate of learning for Adam.
        editable: Whether `images` returns what `replace` was given.
    """

    rate = 0.02
    editable = True

    def __init__(self, starts: Tensor) -> None:
        pixels = starts.detach().clone(memory_format=torch.contiguous_format)
        self.parameters = [pixels.requires_grad_()]

    def images(self) -> Tensor:
        """Return the pictures, (pictures, 3, side, side) in [0, 1]."""
        (pixels,) = self.parameters
        with torch.no_grad():
            pixels.clamp_(0, 1)
        return pixels.clone()  # hooks of an iteration must not stay with the leaf

    def replace(self, images: Tensor) -> None:
        """Put in other images, in place."""
        with torch.no_grad():
            self.parameters[0].copy_(images)
