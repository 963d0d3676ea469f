"""Measures with intervals from images, channels or whatever else is drawn again.

Samples are an estimate in their first row and its resamples below, (1 + draws, ...): whatever is
computed from them along the other axes keeps its estimate and its resamples together.
"""

__all__ = [
    "curve_area",
    "defined_interval",
    "half_way",
    "image_draws",
    "interval",
    "middle",
    "resample",
    "sample_ratio",
]


import numpy as np
from numpy.typing import NDArray

from actsense.draws import stream
from actsense.statistics import CONFIDENCE

Floats = NDArray[np.float64]
Samples = NDArray[np.floating]


def resample(count: int, draws: int, seed: int, *purpose: str | int) -> Floats:
    """Return how often each of some things is drawn, (1 + draws, count); once in the first row.

    Arguments:
        count: Number of things; as many are drawn, each time from all of them.
        draws: How often that is done.
        seed: Seed of the study.
        purpose: Of the draws, as of `stream`: what has the same purpose is drawn together, so
            that differences are paired.
    """
    samples = np.ones((1 + draws, count))
    generator, even = stream(seed, *purpose), np.full(count, 1 / count)
    for sample in samples[1:]:  # at once, in whole numbers, they would need as much memory again
        sample[:] = generator.multinomial(count, even)
    return samples


def image_draws(images: int, draws: int, *, seed: int) -> Floats:
    """Return how often each image is drawn, (1 + draws, images), the same for all measures."""
    return resample(images, draws, seed, "resampled images")


def sample_ratio(numerator: Floats, denominator: Floats, draws: Floats) -> Floats:
    """Return ratios of sums over images, (1 + draws, columns).

    Arguments:
        numerator: What is summed above, (images, columns).
        denominator: What is summed below, (images,); ones make means of the ratios.
        draws: From `image_draws`, (1 + draws, images).

    Returns:
        Samples of the ratios; NaN where a denominator is 0.
    """
    below = draws @ denominator
    return (draws @ numerator) / np.where(below == 0, np.nan, below)[:, None]


def interval(samples: Samples, confidence: float = CONFIDENCE) -> tuple[Floats, Floats]:
    """Return the middle of the resamples, see `middle`, without the estimate in the first row."""
    return middle(samples[1:], confidence)


def defined_interval(samples: Floats) -> tuple[Floats, Floats]:
    """Return the interval of samples, NaN where a single one of them is undefined."""
    low, high = interval(samples)
    undefined = np.isnan(samples).any(axis=0)
    return np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)


def middle(values: Samples, confidence: float = CONFIDENCE) -> tuple[Floats, Floats]:
    """Return the ends that most values lie between, along the first axis.

    Ends are values themselves, the next ones outwards: nothing lies between a number and NaN,
    which ranks above all numbers.
    """
    ordered = np.sort(values, axis=0)
    low = int((1 - confidence) / 2 * (len(ordered) - 1))
    return ordered[low], ordered[len(ordered) - 1 - low]


def curve_area(places: Floats, curve: Floats) -> Floats:
    """Return the area under straight lines between points over their width: a mean height.

    Arguments:
        places: Where the points are, ascending, (points,).
        curve: How high they are, (..., points).
    """
    return np.asarray(np.trapezoid(curve, places, axis=-1) / (places[-1] - places[0]))


def half_way(places: Floats, curve: Floats, floor: float) -> Floats:
    """Return where a curve, linear between its points, first has fallen half way to a floor.

    Arguments:
        places: Where the points are, ascending, (points,).
        curve: How high they are, (..., points).
        floor: What the fall from the first point is measured against.

    Returns:
        Places, (...); NaN where the curve stays above, or starts at the floor or below.
    """
    start = curve[..., :1]
    target = (start + floor) / 2
    fallen = (curve <= target) & (start > floor)
    # A start above the floor lies above the target: a point comes before the first that fell.
    after = np.where(fallen.any(axis=-1), fallen.argmax(axis=-1), 1)[..., None]
    above, below = (np.take_along_axis(curve, after - k, axis=-1) for k in (1, 0))
    with np.errstate(divide="ignore", invalid="ignore"):  # where nothing falls
        part = (above - target) / (above - below)
    crossing = places[after - 1] + part * (places[after] - places[after - 1])
    return np.where(fallen.any(axis=-1), crossing[..., 0], np.nan)
