"""Color operations in torchvision's order of operations, on floats and on 8 bits.

They take one factor per image, (batch, 1), and images, (batch, 3, height, width). Where the next
step cuts to 8 bits, the last bit of a float decides about a level; so every product and sum stands
here as torchvision has it. In 8 bits every result is cut down to a level, gray included.
"""

__all__ = [
    "brightness_in_8_bits",
    "contrast",
    "contrast_in_8_bits",
    "grayscaling",
    "grayscaling_in_8_bits",
    "hue",
    "hue_in_8_bits",
    "saturation",
    "saturation_in_8_bits",
]

import torch
from torch import Tensor

from actsense.augment.color import BLUE, GREEN, RED
from actsense.augment.published.levels import LEVELS, to_images, to_levels


def brightness_in_8_bits(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply levels by the factor."""
    return to_images((to_levels(images) * _per_image(factor)).clamp_(0, LEVELS))


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Blend with the image's own mean gray."""
    return _blend(images, _mean(_gray(images)), factor, 1)


def contrast_in_8_bits(images: Tensor, factor: Tensor) -> Tensor:
    """Blend levels with the mean of their gray levels, which is none."""
    levels = to_levels(images)
    return to_images(_blend(levels, _mean(_gray(levels).floor_()), factor, LEVELS))


def saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Blend every pixel with its own gray."""
    return _blend(images, _gray(images), factor, 1)


def saturation_in_8_bits(images: Tensor, factor: Tensor) -> Tensor:
    """Blend the levels of every pixel with its own gray level."""
    levels = to_levels(images)
    return to_images(_blend(levels, _gray(levels).floor_(), factor, LEVELS))


def grayscaling(images: Tensor, nothing: Tensor) -> Tensor:
    """Replace all three channels by gray."""
    return _gray(images).repeat(1, 3, 1, 1)


def grayscaling_in_8_bits(images: Tensor, nothing: Tensor) -> Tensor:
    """Replace all three channels by the gray level."""
    return to_images(_gray(to_levels(images))).repeat(1, 3, 1, 1)


def hue(images: Tensor, shift: Tensor) -> Tensor:
    """Turn the hue of every pixel by way of its HSV color.

    `actsense.augment.color.hue` gives the same to 2e-6, faster.

    Arguments:
        images: Images, (batch, 3, height, width).
        shift: Turns, (batch, 1).

    Source:
        torchvision's adjust_hue, operation by operation.
    """
    red, green, blue = images.unbind(dim=1)
    largest, smallest = images.amax(dim=1), images.amin(dim=1)
    chroma = largest - smallest
    gray = chroma == 0
    share = chroma / largest.masked_fill(gray, 1)
    divisor = chroma.masked_fill(gray, 1)
    from_red, from_green, from_blue = ((largest - c) / divisor for c in (red, green, blue))
    sixths = torch.where(
        largest == red,
        from_blue - from_green,
        torch.where(largest == green, 2.0 + from_red - from_blue, 4.0 + from_green - from_red),
    )
    turned = _fraction(_fraction(sixths / 6.0 + 1.0) + shift[:, :, None])

    sixths = turned.mul_(6.0)
    sector = sixths.floor()  # 6 is 0 once more
    rest = sixths.sub_(sector)
    even = _fraction(sector / 2) == 0
    rest = torch.where(even, 1.0 - rest, rest)  # there, the middle channel rises
    middle = (largest * (1.0 - share * rest)).clamp_(0, 1)[:, None]
    least = (largest * (1.0 - share)).clamp_(0, 1)[:, None]
    # The largest channel is that whose own hue the sector touches, the middle one the next.
    own = torch.tensor((-0.5, 1.5, 3.5), device=images.device).view(1, 3, 1, 1)
    near = (sector[:, None] - own).abs_().sub_(3).abs_()
    return torch.where(near > 2, largest[:, None], torch.where(near > 1, middle, least))


def hue_in_8_bits(images: Tensor, shift: Tensor) -> Tensor:
    """Turn the hue of levels; torchvision 0.9 cut the result down, as later ones do not quite."""
    return to_images(hue(images, shift).mul_(LEVELS))


def _per_image(values: Tensor) -> Tensor:
    """From (batch, 1) to (batch, 1, 1, 1)."""
    return values[:, :, None, None]


def _fraction(numbers: Tensor) -> Tensor:
    """What lies beyond the next lower whole number, exactly, unless tiny and negative: then 1."""
    return numbers - numbers.floor()


def _blend(images: Tensor, other: Tensor, factor: Tensor, top: int) -> Tensor:
    """Take the factor of the images and the rest of the other ones, from 0 to `top`."""
    rest = other * _per_image(1 - factor)
    return (images * _per_image(factor)).add_(rest).clamp_(0, top)


def _gray(images: Tensor) -> Tensor:
    """Gray of every pixel, (batch, 1, height, width)."""
    red, green, blue = images.unsqueeze(2).unbind(dim=1)
    return (red * RED).add_(green * GREEN).add_(blue * BLUE)


def _mean(gray: Tensor) -> Tensor:
    """Mean of every image, (batch, 1, 1, 1); one row's sum never depends on the batch."""
    total = gray.double().sum(dim=3, keepdim=True).sum(dim=2, keepdim=True)
    return (total / gray[0].numel()).to(gray.dtype)
