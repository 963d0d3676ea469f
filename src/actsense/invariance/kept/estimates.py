"""Estimates over anchors, with their resamples: intervals, and differences that are paired."""

__all__ = ["Estimate", "anchor_draws", "anchor_mean"]

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actsense.statistics.resampling import defined_interval, resample

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number and what it would have been with other anchors.

    Attributes:
        samples: The estimate, and its resamples behind it, (1 + draws,). What two estimates from
            the same draws differ by is a paired difference: `Estimate(a.samples - b.samples)`.
    """

    samples: Floats

    @property
    def value(self) -> float:
        """The estimate; NaN where it is undefined."""
        return float(self.samples[0])

    @property
    def interval(self) -> tuple[float, float]:
        """Both ends of the interval; NaN where a single resample is undefined."""
        low, high = defined_interval(self.samples[:, None])
        return float(low[0]), float(high[0])


def anchor_draws(anchors: int, draws: int, *, seed: int) -> Floats:
    """Return how often each anchor is drawn, (1 + draws, anchors), the same for all measures."""
    return resample(anchors, draws, seed, "resampled anchors")


def anchor_mean(values: Floats, draws: Floats) -> Estimate:
    """Return the mean over anchors; those whose number is NaN do not count.

    Arguments:
        values: A number of every anchor, (anchors,).
        draws: From `anchor_draws`, (1 + draws, anchors).
    """
    defined = np.isfinite(values)
    count = draws @ defined
    total = draws @ np.where(defined, values, 0)
    return Estimate(total / np.where(count == 0, np.nan, count))
