"""From stored pixels to the numbers that augmentations and networks compute with."""

__all__ = ["unit_images"]

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def unit_images(pixels: NDArray[np.uint8], device: torch.device | str = "cpu") -> Tensor:
    """Return images in [0, 1], float32, of the same shape, on the device.

    Arguments:
        pixels: Images as they are stored, of any shape.
        device: Where they go.
    """
    return torch.from_numpy(pixels).to(device).float() / 255
