"""How widely channels respond to natural images: what responses are measured in."""

__all__ = ["Spread"]

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

ROUNDED = 1e-6  # share of a channel's largest value that rounding in float32 may move it by


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of every channel over images.

    Attributes:
        mean: In the layer's own unit, (channels,) float64.
        std: Likewise. Of a channel that answers all images alike, the median of the others', or 1
            if there is none: never 0.
        responds: Which channels do not answer all images alike, (channels,).
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    responds: NDArray[np.bool_]

    @classmethod
    def of(cls, values: NDArray[np.floating[Any]]) -> Self:
        """Measure the spread of finite values, (images, channels)."""
        exact = values.astype(np.float64)
        # What rounding alone has moved would count as much as any channel.
        responds = np.ptp(exact, axis=0) > ROUNDED * abs(exact).max(axis=0)
        std = exact.std(axis=0)
        responds &= std.astype(np.float32) > np.finfo(np.float32).tiny
        usual = np.median(std[responds]) if responds.any() else 1.0
        return cls(exact.mean(axis=0), np.where(responds, std, usual), responds)

    def standardise(self, values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return values in standard deviations from the mean, (..., channels).

        Channels that answer all images alike are 0.
        """
        return np.where(self.responds, (values - self.mean) / self.std, 0)
