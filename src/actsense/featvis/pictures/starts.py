"""Where pictures start."""

__all__ = ["start_images"]

from typing import Literal

import torch
from torch import Tensor

from actsense.draws.counter import counter_keys, counter_normal
from actsense.featvis.pictures.statistics import ImageStatistics, frequencies

FAINT = 0.01  # of noise in every start, in colours of 0 to 1: an eye does not see it
LOUD = 0.25  # of a start from noise
LEVELS = 255


def start_images(
    start: Literal["mean", "image", "grey", "noise"],
    keys: Tensor,
    statistics: ImageStatistics,
    *,
    members: Tensor | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """Return the image that every picture starts at.

    All carry a little noise of their keys, half of it in long waves and half in short ones: on an
    even grey many units have no gradient, and pictures of one target would stay alike.

    Arguments:
        start: Kind of start, as in the section `picture`.
        keys: Keys of the pictures, (pictures,) int64.
        statistics: What the study's images are like; tells side and colours of the noise.
        members: For `mean` and `image`: images in order of their weight, (pictures, members, 3,
            side, side) uint8.
        weights: For `mean`: their weights, (pictures, members), which sum to 1.

    Returns:
        Images, (pictures, 3, side, side) float32 in [0, 1], on the device of the keys.

    Raises:
        ValueError: If members or weights are needed and missing.
    """
    loudness = LOUD if start == "noise" else FAINT
    noise = loudness * _noise(keys, statistics.to(keys.device))
    if start in ("grey", "noise"):
        return (0.5 + noise).clamp(0, 1)
    if members is None or (start == "mean" and weights is None):
        raise ValueError(f"A start from `{start}` needs members, and `mean` their weights.")
    if start == "image":
        image = members[:, 0].to(keys.device).float()
    else:
        image = _mean(members, weights).to(keys.device)
    return (image / LEVELS + noise).clamp(0, 1)


def _mean(members: Tensor, weights: Tensor | None) -> Tensor:
    """Return weighted means of members, picture by picture: bytes need little room."""
    assert weights is not None
    pairs = zip(members, weights, strict=True)
    return torch.stack([torch.tensordot(w.float(), m.float(), dims=1) for m, w in pairs])


def _noise(keys: Tensor, statistics: ImageStatistics) -> Tensor:
    """Return noise whose amplitude falls with the frequency, (pictures, 3, side, side).

    Its brightest axis of colours has a standard deviation of 1.
    """
    side = statistics.side
    own = counter_keys("noise that a picture starts with", [keys])
    white = counter_normal(own, 3 * side**2).view(-1, 3, side, side)
    falling = 1 / frequencies(side, keys.device)
    z = torch.fft.irfft2(torch.fft.rfft2(white) * falling, s=(side, side))
    return torch.einsum("dc,nchw->ndhw", statistics.colours, z / z.new_tensor(_power(side)).sqrt())


def _power(side: int) -> float:
    """Return the mean of squared amplitudes over all waves."""
    axis = torch.fft.fftfreq(side, dtype=torch.float64)
    squares = (axis[:, None] ** 2 + axis**2).clamp(min=1 / side**2)
    return float((1 / squares).mean())
