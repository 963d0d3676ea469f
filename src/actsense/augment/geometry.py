"""Operations that move or remove pixels: erasing, rolling, hflip and rotation.

Images are (batch, 3, height, width) in [0, 1].
"""

__all__ = ["erasing", "hflip", "rolling", "rotation"]

import torch
from torch import Tensor
from torch.nn import functional


def erasing(images: Tensor, rectangle: Tensor) -> Tensor:
    """Set a rectangle to zero; what reaches over the border is cut off, never moved.

    Arguments:
        images: Images, (batch, 3, height, width).
        rectangle: Row and column of the center (pixels, rounded), area as a share of the
            image, logarithm of height over width, (batch, 4).
    """
    height, width = images.shape[2:]
    row, column, scale, log_ratio = rectangle.unbind(dim=1)
    area = height * width * scale
    rows = _outside(row, (area * log_ratio.exp()).sqrt(), height)
    columns = _outside(column, (area / log_ratio.exp()).sqrt(), width)
    kept = torch.maximum(rows[:, :, None], columns[:, None, :])
    return images * kept[:, None]


def rolling(images: Tensor, shifts: Tensor) -> Tensor:
    """Shift circularly.

    Arguments:
        images: Images, (batch, 3, height, width).
        shifts: Shift down and to the right, pixels, rounded, (batch, 2).
    """
    batch, channels, height, width = images.shape
    down, right = shifts.round().long().unbind(dim=1)
    row = (torch.arange(height, device=images.device) - down[:, None]) % height

    # Every row twice in a line: a rolled row is then one stretch of memory.
    twice = torch.cat([images, images], dim=3).contiguous()
    stretches = twice.as_strided((twice.numel() - width + 1, width), (1, 1))
    plane = torch.arange(batch * channels, device=images.device).view(batch, channels, 1)
    start = (plane * height + row[:, None]) * (2 * width) + (-right % width)[:, None, None]
    return stretches.index_select(0, start.flatten()).view(images.shape)


def hflip(images: Tensor, nothing: Tensor) -> Tensor:
    """Mirror left and right."""
    return images.flip(3)


def rotation(images: Tensor, angle: Tensor) -> Tensor:
    """Rotate and enlarge so that the largest inscribed crop of the same shape fills the image.

    One bilinear resampling does both. A crop that is `zoom` times smaller fits inside the
    rotated image if zoom >= cos + max(height / width, width / height) |sin|.

    Arguments:
        images: Images, (batch, 3, height, width).
        angle: Degrees, counter-clockwise, (batch, 1).
    """
    height, width = images.shape[2:]
    radians = torch.deg2rad(angle)
    cos, sin = radians.cos(), radians.sin()
    zoom = cos.abs() + max(height / width, width / height) * sin.abs()
    cos, sin = (cos / zoom)[:, :, None], (sin / zoom)[:, :, None]

    # Source of every pixel from the center; grid_sample counts from -1 to 1 over the image.
    y = (torch.arange(height, device=images.device) - (height - 1) / 2).view(1, height, 1)
    x = (torch.arange(width, device=images.device) - (width - 1) / 2).view(1, 1, width)
    source = images.new_empty(len(images), height, width, 2)
    torch.sub((cos * x) * (2 / width), (sin * y) * (2 / width), out=source[..., 0])
    torch.add((sin * x) * (2 / height), (cos * y) * (2 / height), out=source[..., 1])
    # The outermost samples lie up to half a pixel beyond the last pixel centers.
    return functional.grid_sample(
        images, source, padding_mode="border", align_corners=False
    ).clamp_(0, 1)


def _outside(center: Tensor, size: Tensor, length: int) -> Tensor:
    """Zero on the rectangle's side along one axis and one elsewhere, (batch, length)."""
    size = size.round()[:, None]
    start = center.round()[:, None] - (size / 2).floor()
    position = torch.arange(length, device=center.device)
    return ((position < start) | (position >= start + size)).to(center.dtype)
