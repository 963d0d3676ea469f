"""What an attack does to regions: ways through the space of embeddings, and how far they lead.

Embeddings are in units of their layer's mean strength before the attack, at every step of it.
"""

__all__ = [
    "TYPES",
    "TypeThresholds",
    "count_origins",
    "mean_changes",
    "origins",
    "spline",
    "trajectory_types",
    "type_shares",
]

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import make_interp_spline

from actsense.patterns.knowledge import THRESHOLD, class_points, region_posterior
from actsense.statistics.resampling import interval, sample_ratio

TYPES = {
    1: "from the original to the adversarial class, all the way strong",
    2: "from the original to the adversarial class, by way of none",
    3: "from none to the adversarial class",
    4: "from the original class to none",
}
BINS = 20  # of the histogram of origins
CUBIC = 3  # degree of splines, where there are points enough

Floats = NDArray[np.float64]
Row = dict[str, float]


@dataclass(frozen=True)
class TypeThresholds:
    """What tells the four ways apart; strengths are in mean strengths of the layer.

    Source:
        Those of the notebooks that Li, Wang & Zhang (2021) published with their code.
    """

    cosine: float = 0.9  # at the start, with the original class's direction, above
    strong: float = 1.0  # at the start, above
    strongest: float = 1.5  # at the start of way 1, below
    stays: float = 1.2  # all along way 1, above
    dips: float = 1.0  # somewhere along way 2, below
    weak: float = 0.5  # at the start of way 3, below
    faded: float = 1.0  # at the end of way 4, below
    probability: float = 0.5  # of the adversarial class at the end of ways 1 to 3, above


def trajectory_types(
    path: ArrayLike,
    directions: ArrayLike,
    original: ArrayLike,
    adversarial: ArrayLike,
    *,
    thresholds: TypeThresholds = TypeThresholds(),
) -> NDArray[np.int8]:
    """Return which of the ways of `TYPES` every region goes.

    Arguments:
        path: Embeddings before the attack and at each of its steps, (steps, images, regions,
            axes), over the layer's mean strength.
        directions: Unit vectors of the classes, (classes, axes).
        original: The class predicted before the attack, (images,).
        adversarial: The class predicted after it, (images,).
        thresholds: What tells the ways apart.

    Returns:
        Ways, (images, regions); 0 for any other, and for images whose class has not changed. Ways
        1 to 3 exclude each other; a region that fits 4 as well keeps the one it had.

    Raises:
        ValueError: If shapes do not fit.
    """
    points, towards = np.asarray(path, np.float64), np.asarray(directions, np.float64)
    before, after = (np.asarray(one, np.int64) for one in (original, adversarial))
    if points.ndim != 4 or before.shape != points.shape[1:2] or after.shape != before.shape:
        raise ValueError(
            "path must be (steps, images, regions, axes) with two classes for every image; got "
            f"{points.shape}, {before.shape} and {after.shape}."
        )
    strength = np.linalg.norm(points, axis=-1)
    first, least, last = strength[0], strength.min(axis=0), strength[-1]
    t = thresholds
    along = np.einsum("nre,ne->nr", points[0], towards[before])
    started = (along > t.cosine * first) & (first > t.strong)
    arrived = _of(region_posterior(points[-1], towards), after) > t.probability
    ways = [
        started & (first < t.strongest) & (least > t.stays) & arrived,
        started & (least < t.dips) & arrived,
        (first < t.weak) & arrived,
        started & (last < t.faded),
    ]
    changed = (before != after)[:, None]
    return np.select([way & changed for way in ways], list(TYPES)).astype(np.int8)


def type_shares(types: NDArray[np.int8], draws: Floats) -> list[Row]:
    """Return how many regions go each way.

    Arguments:
        types: From `trajectory_types`, (images, regions).
        draws: From `statistics.resampling.image_draws`, (1 + draws, images).

    Returns:
        A row for each of `TYPES`: `type`, number of `regions`, their `share` of all regions, and
        its interval over images, `low` and `high`.
    """
    numbers = list(TYPES)
    shares = np.stack([(types == number).mean(axis=1) for number in numbers], axis=1)
    samples = sample_ratio(shares, np.ones(len(shares)), draws)
    low, high = interval(samples)
    return [
        {
            "type": number,
            "regions": int((types == number).sum()),
            "share": float(samples[0, place]),
            "low": float(low[place]),
            "high": float(high[place]),
        }
        for place, number in enumerate(numbers)
    ]


def origins(
    before: Floats,
    after: Floats,
    original: ArrayLike,
    adversarial: ArrayLike,
    *,
    threshold: float = THRESHOLD,
) -> Floats:
    """Return what regions that speak for the adversarial class said before of the original one.

    Arguments:
        before: Probabilities before the attack, (images, regions, classes).
        after: After it.
        original: The class predicted before, (images,).
        adversarial: The class predicted after, (images,).
        threshold: Probability of the adversarial class from which on a region speaks for it.

    Returns:
        Probabilities of the original class before, one for each such region of the images whose
        class has changed, (found,).
    """
    first, then = np.asarray(original, np.int64), np.asarray(adversarial, np.int64)
    speaking = class_points(after, then, threshold=threshold) & (first != then)[:, None]
    found: Floats = _of(before, first)[speaking]
    return found


def count_origins(found: Floats, bins: int = BINS) -> list[Row]:
    """Return a histogram of `origins`: `bin_low`, `bin_high` and `regions` of each bin."""
    counts, edges = np.histogram(found, bins=bins, range=(0, 1))
    return [
        {"bin_low": float(low), "bin_high": float(high), "regions": int(count)}
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]


def mean_changes(before: ArrayLike, after: ArrayLike, draws: Floats) -> Row:
    """Return how far embeddings have turned, and how much their lengths have changed.

    Arguments:
        before: Embeddings before the attack, (images, regions, axes), in mean strengths.
        after: At a step of it, in the same unit.
        draws: From `statistics.resampling.image_draws`, (1 + draws, images).

    Returns:
        `orientation`, the mean of 1 - cos over regions, 0 to 2, and `strength`, the mean absolute
        change of length, in mean strengths; `_low` and `_high` of each, over images. Regions
        without a direction before or after count for strength only.
    """
    one, other = (np.asarray(points, np.float64) for points in (before, after))
    lengths = [np.linalg.norm(points, axis=-1) for points in (one, other)]
    norm = lengths[0] * lengths[1]
    with np.errstate(invalid="ignore"):  # where there is no direction
        turned = np.where(norm > 0, 1 - (one * other).sum(axis=-1) / norm, 0.0)
    row: Row = {}
    for name, change, counted in (
        ("orientation", turned, norm > 0),
        ("strength", np.abs(lengths[1] - lengths[0]), np.ones_like(norm)),
    ):
        samples = sample_ratio(change.sum(axis=1)[:, None], counted.sum(axis=1) * 1.0, draws)
        low, high = interval(samples[:, 0])
        row |= {name: samples[0, 0], f"{name}_low": float(low), f"{name}_high": float(high)}
    return row


def spline(points: ArrayLike, samples: int) -> Floats:
    """Return a smooth curve through points, for drawing.

    Arguments:
        points: Points in their order, (points, axes). Repeats of one are passed through once.
        samples: Number of points of the curve.

    Returns:
        (samples, axes), evenly spread over the length of the straight lines between the points:
        cubic pieces, parabolas through three points, a line through two; a single point stays.

    Raises:
        ValueError: If there is no point.
    """
    given = np.asarray(points, np.float64)
    if given.ndim != 2 or not len(given):
        raise ValueError(f"points must be (points, axes), one or more; got {given.shape}.")
    steps = np.linalg.norm(np.diff(given, axis=0), axis=1)
    kept = given[np.concatenate([[True], steps > 0])]
    if len(kept) == 1:
        return np.repeat(kept, samples, axis=0)
    places = np.concatenate([[0.0], steps[steps > 0].cumsum()])
    curve = make_interp_spline(places, kept, k=min(CUBIC, len(kept) - 1))
    return np.asarray(curve(np.linspace(0, places[-1], samples)))


def _of(probabilities: Floats, classes: NDArray[np.int64]) -> Floats:
    """Return the probability of one class of every image, (images, regions)."""
    return np.take_along_axis(probabilities, classes[:, None, None], axis=2)[:, :, 0]
