"""Hue, saturation and value of images: one channel each for what a colour is made of."""

__all__ = ["to_hsv"]

import torch
from torch import Tensor

TINY = 1e-30  # keeps 0 / 0 at 0 where all three channels are equal, or all are 0


def to_hsv(images: Tensor) -> Tensor:
    r"""Convert RGB to hue, saturation and value.

    With low and high the smallest and largest channel, and chroma = high - low,

        value = high        saturation = chroma / high
        hue = sign(G - B) (1 + (G + B - R - low) / chroma) / 6      in turns, modulo 1.

    Hue is an angle: red lies at 0, and just below 1. A pixel whose channels are equal has no hue;
    it gets 0, with saturation 0, and so does black.

    Arguments:
        images: Images as the eye sees them, not normalised for a network, (batch, 3, height,
            width) in [0, 1].

    Returns:
        The three channels, (batch, 3, height, width); hue in [0, 1), the others in [0, 1].

    Source:
        Smith (1978), SIGGRAPH 12, 12-19, in the form of `actsense.augment.color.hue`.
    """
    red, green, blue = images.unbind(dim=1)
    low, high = images.amin(dim=1), images.amax(dim=1)
    chroma = high - low
    # Differences first: each is exact or small against chroma, also where chroma is small.
    sixths = ((green - red) + (blue - low)) / chroma.clamp_min(TINY) + 1
    hue = (sixths.copysign(green - blue) / 6).remainder(1)
    # The remainder of a tiny negative number rounds to 1.
    hue = torch.where((chroma > 0) & (hue < 1), hue, 0)
    return torch.stack([hue, chroma / high.clamp_min(TINY), high], dim=1)
