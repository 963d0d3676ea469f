"""From stored pixels to the numbers that augmentations and networks compute with."""

__all__ = ["send", "unit_images"]

from typing import Any

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
    return send(pixels, device).float() / 255


def send(array: NDArray[Any], device: torch.device | str) -> Tensor:
    """Send an array to a device without waiting for what the device still works on."""
    tensor = torch.from_numpy(array)
    pinned = tensor.pin_memory() if torch.device(device).type == "cuda" else tensor
    return pinned.to(device, non_blocking=True)
