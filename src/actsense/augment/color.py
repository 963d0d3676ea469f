"""Color operations with one factor per image: brightness, contrast, saturation, hue, gray.

They follow torchvision's functional operations on float images, but take one factor per
image, (batch, 1). Images are (batch, 3, height, width) in [0, 1]; every result is clamped.
"""

__all__ = ["brightness", "contrast", "grayscaling", "hue", "saturation"]

import torch
from torch import Tensor

# torchvision's weights. They sum to 0.9999, so that gray loses 1e-4 of its brightness.
RED, GREEN, BLUE = 0.2989, 0.587, 0.114
TINY = 1e-30  # keeps 0 / chroma at 0 where chroma is 0


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply by the factor."""
    return (images * _per_image(factor)).clamp_(0, 1)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Stretch around the image's own mean gray by the factor."""
    # Columns first, then rows: one row's sum never depends on how many images there are.
    red, green, blue = (images.sum(dim=3).sum(dim=2) / images[0, 0].numel()).unbind(dim=1)
    mean = (red * RED).add_(green, alpha=GREEN).add_(blue, alpha=BLUE)
    shift = (1 - factor) * mean[:, None]
    return (images * _per_image(factor)).add_(_per_image(shift)).clamp_(0, 1)


def saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Stretch every pixel around its own gray by the factor."""
    shift = _gray(images).mul_(_per_image(1 - factor))
    return (images * _per_image(factor)).add_(shift).clamp_(0, 1)


def grayscaling(images: Tensor, nothing: Tensor) -> Tensor:
    """Replace all three channels by gray."""
    return _gray(images).clamp_(0, 1).repeat(1, 3, 1, 1)


def hue(images: Tensor, shift: Tensor) -> Tensor:
    r"""Turn the hue of every pixel, keeping the value and saturation of its HSV color.

    With low and high the smallest and largest channel, chroma = high - low, and channels
    scaled to [0, 1] as c' = (c - low) / chroma, the hue in sixths of a turn is

        h = sign(G - B) (1 + G' + B' - R')                      from -3 to 3, red is 0.

    Turned and wrapped back to [-3, 3], it gives the channels without any case distinction:

        c = low + chroma clamp(||h - h_c| - 3| - 1, 0, 1)       h_c = 0, 2, -2 for R, G, B.

    Arguments:
        images: Images, (batch, 3, height, width).
        shift: Turns, (batch, 1); one turn is the identity.

    Source:
        Derived from the HSV hexagon; equal to torchvision's adjust_hue.
    """
    red, green, blue = images.unsqueeze(2).unbind(dim=1)  # (batch, 1, height, width)
    low = torch.minimum(red, green)
    torch.minimum(low, blue, out=low)
    chroma = torch.maximum(red, green)
    torch.maximum(chroma, blue, out=chroma)
    chroma -= low

    h = (green + blue).sub_(red).sub_(low).div_(chroma.clamp_min(TINY)).add_(1)
    h = h.copysign_(green - blue).add_(_per_image(6 * shift))
    h -= (h / 6).round_().mul_(6)

    centers = torch.tensor([0.0, 2.0, -2.0], device=images.device).view(1, 3, 1, 1)
    wave = (h - centers).abs_().sub_(3).abs_().sub_(1).clamp_(0, 1)
    return wave.mul_(chroma).add_(low).clamp_(0, 1)


def _per_image(values: Tensor) -> Tensor:
    """From (batch, 1) to (batch, 1, 1, 1)."""
    return values[:, :, None, None]


def _gray(images: Tensor) -> Tensor:
    """Gray of every pixel, (batch, 1, height, width)."""
    red, green, blue = images.unsqueeze(2).unbind(dim=1)
    return (red * RED).add_(green, alpha=GREEN).add_(blue, alpha=BLUE)
