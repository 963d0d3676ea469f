"""What part of an image a unit sees."""

__all__ = ["Box", "receptive_fields"]

from collections.abc import Sequence

import torch
from torch import Tensor

from actsense.networks.subject import Subject

Box = tuple[int, int, int, int]
IMAGES = 4  # of noise; where one unit is silent or is the smaller one, others are not


def receptive_fields(
    subject: Subject, layer: str, positions: Sequence[tuple[int, ...]]
) -> list[Box]:
    """Return the part of an image on which the units at some positions of a layer depend.

    It is the smallest rectangle around all pixels with a gradient, of any channel there, on images
    of noise: a unit depends on nothing outside it, and may depend on its edges by little.

    Arguments:
        subject: The network.
        layer: Name of a layer.
        positions: Row and column of each unit in the map of its channel; nothing in a vector.

    Returns:
        For every position top, left, bottom and right, pixels, the last two exclusive. All zero
        where nothing has a gradient.

    Raises:
        ConfigError: If there is no such layer.
    """
    side = subject.images.image_size
    draws = torch.Generator().manual_seed(0)
    noise = torch.rand(IMAGES, 3, side, side, generator=draws)
    images = noise.to(subject.device).requires_grad_()
    with torch.enable_grad():
        response = subject.tap([layer])(images)[layer]
        # No channel may cancel another.
        weights = torch.rand(response.shape[1], generator=draws).to(response) + 0.5
        found = []
        for position in positions:
            own = response
            for place in reversed(position):  # the last axis goes first
                own = own[..., place]
            (slope,) = torch.autograd.grad((own * weights).sum(), images, retain_graph=True)
            found.append(_around(slope.abs().amax(dim=(0, 1)) > 0))
    return found


def _around(touched: Tensor) -> Box:
    """Return the rectangle around what is true, (height, width)."""
    rows, cols = (touched.any(dim=axis).nonzero().flatten() for axis in (1, 0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(rows[0]), int(cols[0]), int(rows[-1]) + 1, int(cols[-1]) + 1
