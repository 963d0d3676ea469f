"""Blurring and sharpening: gaussian_blur, sharpness_const and elliptic_local_blur.

Images are (batch, 3, height, width) in [0, 1]. Beyond the border an image continues as its
mirror image without repeating the border pixel, however small it is.
"""

__all__ = ["elliptic_local_blur", "gaussian_blur", "local_blur_sizes", "sharpness_const"]

from math import ceil

import torch
from torch import Tensor
from torch.nn import functional

RADIUS = 3  # of gaussian_blur: 7 x 7 pixels
SHARPNESS = 1.5
LOCAL_SIZES = (3 / 224, 10 / 224, 32 / 224)  # see local_blur_sizes, in shorter sides of the image
# The same in pixels, at least. Photographs of 32 pixels then change like those of 224: by 0.1 to 1
# of 255 steps on average and by 41 or more somewhere; without, by 0.02 to 0.2 and by 7 to 11.
SMALLEST_LOCAL_SIZES = (1.0, 2.0, 4.0)


def gaussian_blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Blur with a 7 x 7 Gaussian.

    Arguments:
        images: Images, (batch, 3, height, width).
        sigma: Standard deviation, pixels, (batch, 1).
    """
    height, width = images.shape[2:]
    distance = torch.arange(RADIUS + 1, device=images.device)
    weights = torch.exp(-0.5 * (distance / sigma) ** 2)  # (batch, 1 + RADIUS)
    weights = weights / (weights[:, :1] + 2 * weights[:, 1:].sum(dim=1, keepdim=True))

    padded = _frame(images, RADIUS)
    rows = _correlate(padded, weights, dim=2, length=height)
    return _correlate(rows, weights, dim=3, length=width).clamp_(0, 1)


def sharpness_const(images: Tensor, nothing: Tensor) -> Tensor:
    """Move away from a 3 x 3 smoothing by the factor 1.5; border pixels stay.

    The smoothing weighs the center 5/13 and its eight neighbors 1/13 each.
    """
    height, width = images.shape[2:]
    result = images.clone(memory_format=torch.contiguous_format)
    if height < 3 or width < 3:
        return result
    rows = images[:, :, :-2] + images[:, :, 1:-1]
    rows += images[:, :, 2:]
    square = rows[..., :-2] + rows[..., 1:-1]
    square += rows[..., 2:]

    inside = result[:, :, 1:-1, 1:-1]
    inside.mul_(SHARPNESS - (SHARPNESS - 1) * 4 / 13)
    inside.sub_(square, alpha=(SHARPNESS - 1) / 13)
    return result.clamp_(0, 1)


def local_blur_sizes(side: int) -> tuple[float, float, float]:
    """Return the standard deviation of the local blur, and the ends of its semi-axes, in pixels.

    They follow the image, but stop where pixels are too coarse to show them: the first below 75
    pixels, the ends below 45 and 28. Every other augmentation is visible at 16 pixels as it is.

    Arguments:
        side: The shorter side of the images, pixels.
    """
    sizes = zip(LOCAL_SIZES, SMALLEST_LOCAL_SIZES, strict=True)
    sigma, shortest, longest = (max(share * side, least) for share, least in sizes)
    return sigma, shortest, longest


def elliptic_local_blur(images: Tensor, ellipse: Tensor) -> Tensor:
    """Replace the inside of an ellipse by the Gaussian blur of the image.

    A pixel is inside if its center is. The standard deviation of the blur is that of
    `local_blur_sizes`, its kernel reaches to three standard deviations. Only a window that holds
    every ellipse of the range is blurred; a larger ellipse is cut at the window.

    Arguments:
        images: Images, (batch, 3, height, width).
        ellipse: First and second semi-axis, shift of the center from the center of the image
            to the right and down (pixels), counter-clockwise angle of the first axis from the
            horizontal (degrees), (batch, 5).
    """
    height, width = images.shape[2:]
    sigma, _, longest = local_blur_sizes(min(height, width))
    radius, reach = ceil(3 * sigma), ceil(longest)

    row = (height - 1) / 2 + ellipse[:, 3:4]
    column = (width - 1) / 2 + ellipse[:, 2:3]
    rows = _window(row, reach, height)  # (batch, window rows)
    columns = _window(column, reach, width)
    inside = _inside_ellipse(rows - row, columns - column, ellipse)

    mirrored = _around(rows, radius, height), _around(columns, radius, width)
    around = _flat(images).gather(2, _places(*mirrored, width))
    around = around.view(*images.shape[:2], mirrored[0].shape[1], mirrored[1].shape[1])
    down = _band(rows.shape[1], radius, sigma, images.device)
    across = _band(columns.shape[1], radius, sigma, images.device)
    blurred = (down @ around @ across.T).clamp_(0, 1)
    sharp = around[:, :, radius:-radius, radius:-radius]

    result = images.clone(memory_format=torch.contiguous_format)
    mixed = torch.lerp(sharp, blurred, inside[:, None])
    _flat(result).scatter_(2, _places(rows, columns, width), mixed.flatten(2))
    return result


def _mirror(positions: Tensor, length: int) -> Tensor:
    """Position inside the image that a position outside of it repeats."""
    period = max(2 * (length - 1), 1)
    positions = positions % period
    return torch.minimum(positions, period - positions)


def _frame(images: Tensor, radius: int) -> Tensor:
    """Continue the images by `radius` mirrored pixels on all sides."""
    height, width = images.shape[2:]
    if radius < min(height, width):
        return functional.pad(images, [radius] * 4, mode="reflect")
    # torch refuses a frame as wide as the image.
    rows = torch.arange(-radius, height + radius, device=images.device)
    columns = torch.arange(-radius, width + radius, device=images.device)
    images = images.index_select(2, _mirror(rows, height))
    return images.index_select(3, _mirror(columns, width))


def _correlate(padded: Tensor, weights: Tensor, *, dim: int, length: int) -> Tensor:
    """Weigh the neighbors along `dim` by symmetric weights, (batch, 1 + radius)."""
    radius = weights.shape[1] - 1
    center, *sides = weights[:, :, None, None, None].unbind(dim=1)
    result = padded.narrow(dim, radius, length) * center
    for distance, weight in enumerate(sides, start=1):
        left = padded.narrow(dim, radius - distance, length)
        right = padded.narrow(dim, radius + distance, length)
        result.addcmul_(left + right, weight)
    return result


def _window(center: Tensor, reach: int, length: int) -> Tensor:
    """Neighboring positions around a center, all inside the image, (batch, positions)."""
    size = min(2 * reach + 1, length)
    start = (center.round().long() - reach).clamp_(0, length - size)
    return start + torch.arange(size, device=center.device)


def _around(positions: Tensor, radius: int, length: int) -> Tensor:
    """The window with `radius` more positions at both ends, mirrored into the image."""
    wider = torch.arange(-radius, positions.shape[1] + radius, device=positions.device)
    return _mirror(positions[:, :1] + wider, length)


def _inside_ellipse(down: Tensor, right: Tensor, ellipse: Tensor) -> Tensor:
    """One inside the ellipse and zero outside, (batch, rows, columns)."""
    side = torch.deg2rad(ellipse[:, 4:5])[..., None]
    cos, sin = side.cos(), side.sin()
    down, right = down[:, :, None], right[:, None, :]
    first = (cos * right - sin * down) / ellipse[:, 0:1, None]
    second = (sin * right + cos * down) / ellipse[:, 1:2, None]
    return (first.square() + second.square() <= 1).to(ellipse.dtype)


def _places(rows: Tensor, columns: Tensor, width: int) -> Tensor:
    """Places of rows x columns in the flat channels of every image, (batch, 3, places)."""
    places = rows[:, :, None] * width + columns[:, None, :]
    return places.flatten(1)[:, None].expand(-1, 3, -1)


def _flat(images: Tensor) -> Tensor:
    """All pixels of a channel in one line, (batch, 3, height width)."""
    return images.contiguous().view(*images.shape[:2], -1)


def _band(length: int, radius: int, sigma: float, device: torch.device) -> Tensor:
    """Matrix that blurs length + 2 radius positions to length, (length, length + 2 radius)."""
    distance = torch.arange(-radius, length + radius, device=device) - torch.arange(
        length, device=device
    ).unsqueeze(1)
    band = torch.exp(-0.5 * (distance / sigma) ** 2) * (distance.abs() <= radius)
    return band / band.sum(dim=1, keepdim=True)
