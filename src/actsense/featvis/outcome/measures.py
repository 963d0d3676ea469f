"""What came of pictures, beside natural images.

A picture that drives a target may still be noise, or grey: so pictures are compared with natural
images in all that is measured.
"""

__all__ = [
    "contrast",
    "cosine",
    "grey_pictures",
    "high_frequency",
    "likeness",
    "percentile",
    "ratio_to_best",
    "specificity",
]

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pictures = NDArray[np.uint8]

LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue, ITU-R BT.601
FAST = 0.25  # cycles per pixel: half of the fastest that pixels can show along an axis
USUAL = 0.05  # share of the natural images that may have less contrast than is usual
FAINT = 0.5  # of that contrast, below which a picture shows nothing


def contrast(pictures: Pictures) -> Floats:
    """Return the standard deviation of every picture's luminance, (pictures,), in [0, 1/2].

    Arguments:
        pictures: Pictures, (pictures, 3, height, width) uint8.
    """
    return np.asarray(_luminance(pictures).std(axis=(1, 2)))


def high_frequency(pictures: Pictures) -> Floats:
    """Return which share of the energy has more than a quarter cycle per pixel, (pictures,).

    Of the luminance without its mean, under a Hann window: borders of natural images do not meet,
    and would look like edges. Pictures without any energy have 0.

    Arguments:
        pictures: Pictures, (pictures, 3, height, width) uint8.
    """
    values = _luminance(pictures)
    height, width = values.shape[1:]
    window = np.outer(_hann(height), _hann(width))
    mean = np.tensordot(values, window) / window.sum()
    values = (values - mean[:, None, None]) * window
    energy = np.abs(np.fft.fft2(values)) ** 2
    fast = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)) > FAST
    total = energy.sum(axis=(1, 2))
    return np.where(total > 1e-12, energy[:, fast].sum(axis=1) / np.maximum(total, 1e-12), 0.0)


def grey_pictures(contrasts: Floats, natural: Floats) -> NDArray[np.bool_]:
    """Tell which pictures show nothing, (pictures,).

    Arguments:
        contrasts: Of the pictures, (pictures,).
        natural: Of natural images, (images,).
    """
    return contrasts < FAINT * np.quantile(natural, USUAL)


def percentile(values: Floats, natural: Floats) -> Floats:
    """Return the percentage of natural images below every value, ties by half, (pictures,).

    Arguments:
        values: Activations of the pictures, (pictures,).
        natural: Those of natural images along the same targets, (images, pictures).
    """
    below = (natural < values).mean(axis=0) + 0.5 * (natural == values).mean(axis=0)
    return np.asarray(100 * below)


def ratio_to_best(values: Floats, natural: Floats) -> Floats:
    """Return activations in activations of the best natural image, (pictures,).

    Both are counted from the mean of natural images, which is 0. NaN where the best one is not
    above it.

    Arguments:
        values: As of `percentile`.
        natural: As of `percentile`.
    """
    best = natural.max(axis=0)
    return np.where(best > 0, values / np.where(best > 0, best, 1), np.nan)


def cosine(first: NDArray[np.floating], second: NDArray[np.floating]) -> Floats:
    """Return the cosine of every two rows, (rows,); NaN where one has no length.

    Arguments:
        first: Rows, (rows, numbers).
        second: As many.
    """
    first, second = first.astype(np.float64), second.astype(np.float64)
    length = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    product = (first * second).sum(axis=1)
    return np.where(length > 0, product / np.where(length > 0, length, 1), np.nan)


def specificity(drive: Floats, natural: Floats, own: NDArray[np.int64]) -> Floats:
    """Return which share of the other targets every picture drives less than its own, (pictures,).

    A target's drive is told by its percentile among natural images, and where that is the same,
    by its ratio to the best. NaN where there is one target alone.

    Arguments:
        drive: Activation of every picture along every target, (pictures, targets).
        natural: Those of natural images, (images, targets).
        own: Which target every picture was made for, (pictures,).
    """
    if drive.shape[1] < 2:
        return np.full(len(drive), np.nan)
    order = [
        np.lexsort((ratio, percent))
        for row in drive
        for percent, ratio in [(percentile(row, natural), ratio_to_best(row, natural))]
    ]
    ranks = np.argsort(np.array(order), axis=1)
    return np.asarray(ranks[np.arange(len(drive)), own] / (drive.shape[1] - 1))


def likeness(rows: NDArray[np.floating], groups: NDArray[np.integer]) -> list[float]:
    """Return the cosine of all pairs of rows that share a group.

    Arguments:
        rows: What is compared, (rows, numbers).
        groups: The group of every row, (rows,).
    """
    first, second = np.triu_indices(len(rows), 1)
    same = groups[first] == groups[second]
    return [float(value) for value in cosine(rows[first[same]], rows[second[same]])]


def _luminance(pictures: Pictures) -> Floats:
    return np.tensordot(np.asarray(LUMINANCE), pictures / 255, axes=(0, 1))


def _hann(length: int) -> Floats:
    """Return a window without the zeros at its ends, (length,)."""
    return np.hanning(length + 2)[1:-1]
