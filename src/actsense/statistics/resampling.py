"""Measures of images with intervals from images that are drawn again.

Samples are an estimate in their first row and its resamples below, (1 + draws, ...): whatever is
computed from them along the other axes keeps its estimate and its resamples together.
"""

__all__ = ["curve_area", "half_way", "image_draws", "interval", "sample_ratio"]


import numpy as np
from numpy.typing import NDArray

from actsense.draws import stream

CONFIDENCE = 0.95

Floats = NDArray[np.float64]


def image_draws(images: int, count: int, *, seed: int) -> Floats:
    """Return how often each image is drawn, (1 + count, images); once each in the first row.

    The same for everything that is measured on the same images, so that differences are paired.
    """
    drawn = stream(seed, "resampled images of spatial").multinomial(
        images, np.full(images, 1 / images), size=count
    )
    return np.concatenate([np.ones((1, images)), drawn])


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


def interval(samples: Floats, confidence: float = CONFIDENCE) -> tuple[Floats, Floats]:
    """Return the middle of the resamples, from the first axis, as its lower and upper end.

    Ends are resamples themselves, the next ones outwards: nothing lies between a number and NaN,
    which ranks above all numbers.
    """
    ordered = np.sort(samples[1:], axis=0)
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
    found = places[after - 1] + part * (places[after] - places[after - 1])
    return np.where(fallen.any(axis=-1), found[..., 0], np.nan)
