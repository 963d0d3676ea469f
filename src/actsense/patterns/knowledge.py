"""Knowledge points: regions whose embedding says clearly which class it speaks for.

A region is a point if the posterior of some class reaches a threshold, and reliable if that class
is the image's own. Posteriors are those of embeddings in units of their layer's mean strength,
with all classes alike beforehand.

Regions of an image are not independent: Wilson's interval of the reliable ratio, which takes them
for it, is too narrow, and the one from images that are drawn again is the one to go by. Three
dimensions crowd many classes, and few classes are told apart by chance: counts mean something
beside those of a control only, such as `exchange_regions`.
"""

__all__ = [
    "QUANTITIES",
    "THRESHOLDS",
    "class_counts",
    "class_points",
    "count_points",
    "exchange_regions",
    "knowledge_points",
    "mean_strength",
    "paired_differences",
    "region_posterior",
    "threshold_counts",
]

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from actsense.draws import stream
from actsense.patterns.radial import posterior
from actsense.statistics.resampling import interval, sample_ratio
from actsense.statistics.shares import wilson

THRESHOLD = 0.4  # of the published study
THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # of curves
QUANTITIES = ("points", "reliable", "ratio")  # of which differences are made

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Row = dict[str, float]


def mean_strength(embedding: ArrayLike) -> float:
    """Return the mean length of regional embeddings, what a layer's are measured in.

    Arguments:
        embedding: h, (..., axes), dimensionless.

    Raises:
        ValueError: If it is 0 or not finite: such embeddings have no scale.
    """
    strength = float(np.linalg.norm(np.asarray(embedding, np.float64), axis=-1).mean())
    if not 0 < strength < np.inf:
        raise ValueError(f"Embeddings must have a finite mean length above 0; got {strength}.")
    return strength


def region_posterior(scaled: ArrayLike, directions: ArrayLike) -> Floats:
    """Return the probability of every class given a region's embedding, all alike beforehand.

    Arguments:
        scaled: h over the layer's mean strength, (..., axes).
        directions: Unit vectors of the classes, (classes, axes).

    Returns:
        Probabilities, (..., classes), that sum to 1.
    """
    vectors, towards = (
        torch.from_numpy(np.ascontiguousarray(one, np.float64)) for one in (scaled, directions)
    )
    found: Floats = posterior(vectors, towards).numpy()
    return found


def knowledge_points(
    probabilities: Floats, labels: ArrayLike, *, threshold: float = THRESHOLD
) -> tuple[Bools, Bools]:
    """Return which regions are knowledge points, and which of these are reliable.

    Arguments:
        probabilities: From `region_posterior`, (images, regions, classes).
        labels: The class that is right for each image, (images,).
        threshold: Probability from which on, including it, a region is a point.

    Returns:
        Both, (images, regions). Of classes that tie, the first is the one spoken for.

    Raises:
        ValueError: If shapes do not fit.
    """
    labels = _classes(probabilities, labels)
    points = probabilities.max(axis=2) >= threshold
    return points, points & (probabilities.argmax(axis=2) == labels[:, None])


def class_points(
    probabilities: Floats, classes: ArrayLike, *, threshold: float = THRESHOLD
) -> Bools:
    """Return which regions are points of a class of their image's own, (images, regions).

    Arguments:
        probabilities: From `region_posterior`, (images, regions, classes).
        classes: The class that is asked about in each image, (images,).
        threshold: Probability from which on, including it, a region is a point.
    """
    classes = _classes(probabilities, classes)
    asked = np.take_along_axis(probabilities, classes[:, None, None], axis=2)[:, :, 0]
    return np.asarray(asked >= threshold)


def count_points(points: Bools, reliable: Bools, draws: Floats) -> Row:
    """Return how many points and reliable points an image has, and the ratio of the two.

    Arguments:
        points: From `knowledge_points`, (images, regions).
        reliable: Of these the reliable ones.
        draws: From `statistics.resampling.image_draws`, (1 + draws, images).

    Returns:
        `points`, mean per image, with `points_low` and `points_high` over images; `reliable`, mean
        per image; `ratio`, of all points together, with Wilson's interval (`ratio_low`,
        `ratio_high`) and that over images (`ratio_boot_low`, `ratio_boot_high`); `images` and
        `regions` per image. A ratio without a point is NaN, as is an
        end that so many resamples have none.
    """
    samples = _samples(points, reliable, draws)
    low, high = interval(samples["points"])
    least, most = wilson(reliable.sum(), points.sum())
    lowest, highest = interval(samples["ratio"])
    return {
        **{name: float(samples[name][0]) for name in QUANTITIES},
        "points_low": float(low),
        "points_high": float(high),
        "ratio_low": float(least),
        "ratio_high": float(most),
        "ratio_boot_low": float(lowest),
        "ratio_boot_high": float(highest),
        "images": points.shape[0],
        "regions": points.shape[1],
    }


def threshold_counts(
    probabilities: Floats,
    labels: ArrayLike,
    draws: Floats,
    thresholds: Sequence[float] = THRESHOLDS,
) -> Iterator[Row]:
    """Yield `threshold` and what `count_points` says at it, one after the other.

    Arguments:
        probabilities: From `region_posterior`, (images, regions, classes).
        labels: The class that is right for each image, (images,).
        draws: From `statistics.resampling.image_draws`, (1 + draws, images).
        thresholds: In the order in which they are wanted.
    """
    for threshold in thresholds:
        found = knowledge_points(probabilities, labels, threshold=threshold)
        yield {"threshold": threshold, **count_points(*found, draws)}


def class_counts(points: Bools, reliable: Bools, labels: ArrayLike, classes: int) -> list[Row]:
    """Return the counts of the images of every class, (classes,) rows.

    Arguments:
        points: From `knowledge_points`, (images, regions).
        reliable: Of these the reliable ones.
        labels: The class that is right for each image, (images,).
        classes: Number of classes.

    Returns:
        `points` and `reliable`, means per image; `ratio` with Wilson's `ratio_low` and
        `ratio_high`; `images`. NaN where there is nothing to divide by.
    """
    labels = np.asarray(labels)
    rows = []
    for label in range(classes):
        own = labels == label
        images, found, right = own.sum(), points[own].sum(), reliable[own].sum()
        low, high = wilson(right, found)
        rows.append(
            {
                "points": _over(found, images),
                "reliable": _over(right, images),
                "ratio": _over(right, found),
                "ratio_low": float(low),
                "ratio_high": float(high),
                "images": int(images),
            }
        )
    return rows


def paired_differences(
    first: tuple[Bools, Bools], second: tuple[Bools, Bools], draws: Floats
) -> dict[str, tuple[float, float, float]]:
    """Return how much more points the first of two networks has, on the same images.

    Arguments:
        first: What `knowledge_points` returns of one network, each (images, regions).
        second: Of the other, for the same images in the same order; regions may be others.
        draws: From `statistics.resampling.image_draws`, (1 + draws, images).

    Returns:
        By quantity, of `QUANTITIES`: first less second, and both ends of its interval over images
        that are drawn for both at once; NaN where a ratio is undefined.

    Raises:
        ValueError: If there are not as many images in both.
    """
    if len(first[0]) != len(second[0]):
        raise ValueError(
            f"Both networks must have seen the same images; got {len(first[0])} and "
            f"{len(second[0])} of them."
        )
    one, other = (_samples(*found, draws) for found in (first, second))
    differences = {}
    for name in QUANTITIES:
        samples = one[name] - other[name]
        low, high = interval(samples)
        differences[name] = (float(samples[0]), float(low), float(high))
    return differences


def exchange_regions(values: NDArray[np.floating], *, seed: int) -> NDArray[np.floating]:
    """Exchange every region among images at random: what is left if regions knew of no image.

    There are as many points as before, and as many of every class at every place. A ratio that is
    no higher than theirs comes from the classes' shares alone.

    Arguments:
        values: Embeddings or probabilities of regions, (images, regions, ...).
        seed: Seed of the study.

    Returns:
        The same values, each region's in an order of images of its own.
    """
    images, regions = values.shape[:2]
    generator = stream(seed, "regions exchanged among images")
    order = generator.random((images, regions)).argsort(axis=0)
    return values[order, np.arange(regions)]


def _samples(points: Bools, reliable: Bools, draws: Floats) -> dict[str, Floats]:
    """Return samples of both means per image and of the ratio, each (1 + draws,)."""
    counts = np.stack([points.sum(axis=1), reliable.sum(axis=1)], axis=1).astype(np.float64)
    means = sample_ratio(counts, np.ones(len(counts)), draws)
    ratio = sample_ratio(counts[:, 1:], counts[:, 0], draws)[:, 0]
    return {"points": means[:, 0], "reliable": means[:, 1], "ratio": ratio}


def _over(above: int, below: int) -> float:
    return float(above / below) if below else np.nan


def _classes(probabilities: Floats, classes: ArrayLike) -> NDArray[np.int64]:
    given = np.asarray(classes, np.int64)
    if probabilities.ndim != 3 or given.shape != probabilities.shape[:1]:
        raise ValueError(
            f"Probabilities must be (images, regions, classes), with a class for every image; got "
            f"{probabilities.shape} and {given.shape}."
        )
    return given
