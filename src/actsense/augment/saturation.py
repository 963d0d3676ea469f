"""Saturation: push every pixel value towards black and white, or towards grey."""

__all__ = ["saturate"]

import math

from torch import Tensor

IDENTITY = 2  # the level that changes nothing


def saturate(images: Tensor, level: float) -> Tensor:
    r"""Take the distance of every value v from grey to a power.

        S_p(v) = 1/2 + 1/2 sign(2v - 1) |2v - 1|^(2 / p)

    Above p = 2 texture fades and edges stay, up to black and white alone; below, everything fades
    to grey. 0, 1/2 and 1 stay where they are, and S_p after S_q is S_(p q / 2).

    Arguments:
        images: Values in [0, 1], any shape, dimensionless.
        level: p, above 0; at 2 the images themselves come back.

    Raises:
        ValueError: If the level is not a finite number above 0.

    Source:
        Zhang & Zhu (2019), Interpreting adversarially trained convolutional neural networks, ICML.
    """
    if not (math.isfinite(level) and level > 0):
        raise ValueError(f"level must be a finite number above 0; got {level}.")
    if level == IDENTITY:
        return images
    distance = 2 * images - 1
    return (1 + distance.sign() * distance.abs().pow(2 / level)) / 2
