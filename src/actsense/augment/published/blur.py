"""Blurring and sharpening as in the published study: in 8 bits wherever an image is.

Images are (batch, 3, height, width) in [0, 1].
"""

__all__ = ["elliptic_local_blur", "gaussian_blur_in_8_bits", "sharpness_const_in_8_bits"]

from math import floor

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from actsense.augment import blur
from actsense.augment.blur import SHARPNESS
from actsense.augment.published.ellipse import filled_ellipses
from actsense.augment.published.levels import LEVELS, to_images, to_levels

PASSES = 3  # box blurs that stand for a Gaussian
UNIT = 2**24  # PIL's weights are whole shares of it


def gaussian_blur_in_8_bits(images: Tensor, sigma: Tensor) -> Tensor:
    """Blur with a 7 x 7 Gaussian and round to levels."""
    return to_images(blur.gaussian_blur(images, sigma).mul_(LEVELS).round_())


def sharpness_const_in_8_bits(images: Tensor, nothing: Tensor) -> Tensor:
    """Move levels away from a 3 x 3 smoothing, itself rounded to levels; border pixels stay."""
    levels = to_levels(images)
    if min(images.shape[2:]) > 2:
        rows = levels[:, :, :-2] + levels[:, :, 1:-1] + levels[:, :, 2:]
        square = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
        inside = levels[:, :, 1:-1, 1:-1]
        smooth = ((square + 4 * inside) / 13).round_()
        inside.mul_(SHARPNESS).sub_(smooth.mul_(SHARPNESS - 1)).clamp_(0, LEVELS)
    return to_images(levels)


def elliptic_local_blur(images: Tensor, ellipse: Tensor) -> Tensor:
    """Replace the inside of an ellipse by the blurred image, all of it in 8 bits.

    The ellipse stands around row height // 2 and column width // 2, shifted; its numbers are
    rounded. The blur is PIL's Gaussian, three box blurs in each direction, every one rounded to
    levels. Only a window that holds every ellipse of the range is blurred; a larger ellipse is cut
    at the window. New images hold 256 levels.

    Arguments:
        images: Images, (batch, 3, height, width).
        ellipse: First and second semi-axis, shift of the center to the right and down (pixels),
            counter-clockwise angle of the first axis from the horizontal (degrees), (batch, 5).
    """
    height, width = images.shape[2:]
    sigma, _, longest = blur.local_blur_sizes(min(height, width))
    radius = _box_radius(sigma)
    reach, margin = round(longest), PASSES * (floor(radius) + 1)
    numbers = ellipse.round().long()
    inside = filled_ellipses(numbers[:, :2], -numbers[:, 4], reach + 1)
    inside[:, [0, -1]] = False  # stands for all that lies farther outside
    inside[:, :, [0, -1]] = False

    rows, down = _window(height // 2 + numbers[:, 3:4], reach, margin, height)
    columns, across = _window(width // 2 + numbers[:, 2:3], reach, margin, width)
    number = torch.arange(len(images), device=images.device)[:, None, None]
    inside = inside[number, down[:, :, None], across[:, None, :]]

    levels = to_levels(images)
    flat = levels.flatten(2)
    places = (rows[:, :, None] * width + columns[:, None, :]).flatten(1)[:, None]
    places = places.expand(-1, 3, -1)
    sharp = flat.gather(2, places).view(-1, 3, rows.shape[1], columns.shape[1])
    blurred = sharp.double()
    for dim in (3, 2):
        for _ in range(PASSES):
            blurred = _box_blur(blurred, radius, dim)
    mixed = torch.where(inside[:, None], blurred.to(levels.dtype), sharp)
    flat.scatter_(2, places, mixed.flatten(2))
    return to_images(flat).view(images.shape)


def _box_radius(sigma: float) -> float:
    """Radius of the box whose blur, repeated, has the standard deviation; float32 as in PIL.

    Source:
        Gwosdek et al. (2011), Theoretical foundations of Gaussian convolution by extended box
        filtering, SSVM; PIL's GaussianBlur.
    """
    variance = np.float32(sigma) * np.float32(sigma) / np.float32(PASSES)
    length = np.float32(np.sqrt(12 * float(variance) + 1))
    whole = floor((float(length) - 1) / 2)
    part = np.float32((2 * whole + 1) * (whole * (whole + 1) - 3 * float(variance)))
    part = np.float32(float(part) / (6 * (float(variance) - (whole + 1) ** 2)))
    return float(np.float32(whole + part))


def _box_blur(levels: Tensor, radius: float, dim: int) -> Tensor:
    """Average over `radius` pixels on both sides, the outermost in part, and round to levels.

    Beyond the border an image repeats its last pixel. Float64 holds PIL's whole numbers exactly.

    Arguments:
        levels: Levels, (batch, 3, height, width) float64.
        radius: Pixels, at least 0.
        dim: 2 for rows, 3 for columns.
    """
    whole = floor(radius)
    weight = floor(np.float32(UNIT) / (np.float32(radius) * np.float32(2) + np.float32(1)))
    edge = (UNIT - (2 * whole + 1) * weight) // 2
    length, reach = levels.shape[dim], whole + 1
    frame = (reach, reach, 0, 0) if dim == 3 else (0, 0, reach, reach)
    padded = functional.pad(levels, frame, mode="replicate")
    total = padded.narrow(dim, 1, length).clone()
    for start in range(2, 2 * whole + 2):
        total += padded.narrow(dim, start, length)
    ends = padded.narrow(dim, 0, length) + padded.narrow(dim, 2 * reach, length)
    return total.mul_(weight).add_(ends, alpha=edge).add_(UNIT // 2).div_(UNIT).floor_()


def _window(center: Tensor, reach: int, margin: int, length: int) -> tuple[Tensor, Tensor]:
    """Neighboring positions around a center, and their places in the square of its ellipse.

    All positions are inside the image. The ends of the window are the image's own, or `margin`
    away from the ellipse, so that what the blur repeats beyond them does not reach it.

    Arguments:
        center: Positions, (batch, 1) int64.
        reach: From the center to the ends of the longest ellipse.
        margin: How far the blur reaches.
        length: Of the image.

    Returns:
        Positions and places, (batch, positions) int64 each.
    """
    size = min(2 * (reach + margin) + 1, length)
    start = (center - reach - margin).clamp(0, length - size)
    positions = start + torch.arange(size, device=center.device)
    return positions, (positions - center + reach + 1).clamp_(0, 2 * reach + 2)
