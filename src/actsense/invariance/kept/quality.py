r"""How much generated images are like real ones as a whole, by features of a fixed network.

With features of n real and n generated images, means m and covariances C,

    Frechet distance   |m_r - m_g|^2 + tr(C_r + C_g - 2 (C_r C_g)^(1/2))
    kernel distance    mean k(r, r') + mean k(g, g') - 2 mean k(r, g),  k = (r.g / numbers + 1)^3
    precision          share of the generated that lie in the ball of a real image
    coverage           share of the real in whose ball a generated image lies

where the ball of a real image reaches to the fifth nearest of the others. The kernel distance has
no bias; the Frechet distance of two halves of one set is above 0 by about a constant over n, which
is taken off by leaving out blocks. None of the numbers is that of another network: they are no
"FID" unless the features are Inception's.
"""

__all__ = [
    "Measure",
    "Quality",
    "coverage",
    "frechet_distance",
    "image_quality",
    "kernel_distance",
    "leave_blocks_out",
    "precision",
]

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.special import stdtrit

from actsense.draws import stream
from actsense.errors import ConfigError
from actsense.statistics import CONFIDENCE
from actsense.statistics.shares import no_narrower

NEAREST = 5  # the neighbour that a ball reaches to
BLOCKS = 10  # of images, left out one after another
ROWS = 1024  # of which distances to all others are held at a time

Floats = NDArray[np.float64]
Statistic = Callable[[Floats, Floats], float]


@dataclass(frozen=True)
class Measure:
    """A number with an interval.

    Attributes:
        value: The number.
        low: Lower end of the interval, Student's t over blocks of images. That of shares is too
            wide where images are like real ones, by up to a factor of two.
        high: Upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Quality:
    """How much some images are like real ones.

    Attributes:
        images: On either side.
        numbers: Features of an image. The Frechet distance means little if there are not many
            more images.
        frechet: Frechet distance without its bias, in squared units of the features.
        frechet_plain: As it is usually given, bias and all.
        kernel: Kernel distance, dimensionless.
        precision: Share of the generated that are like a real one.
        coverage: Share of the real that a generated one is like.
    """

    images: int
    numbers: int
    frechet: Measure
    frechet_plain: float
    kernel: Measure
    precision: Measure
    coverage: Measure


def image_quality(
    real: NDArray[np.floating], generated: NDArray[np.floating], *, seed: int
) -> tuple[Quality, Quality]:
    """Compare generated images with one half of the real ones, and the other half with it.

    Both comparisons have as many images on either side, so that whatever the number of images
    does to a measure, it does to both.

    Arguments:
        real: Features of real images, (images, numbers); at least 40 images.
        generated: Features of generated images, (images, numbers); at least 20.
        seed: Seed of the choice of halves, and of the images where there are too many.

    Returns:
        Quality of the generated images, and the floor: that of the other half of the real ones.

    Raises:
        ConfigError: If there are too few images.
        ValueError: If features are not of one network.
    """
    if real.shape[1] != generated.shape[1]:
        raise ValueError(
            f"{real.shape[1]} features of real images, {generated.shape[1]} of others."
        )
    count = min(len(real) // 2, len(generated))
    if count < 2 * BLOCKS:
        raise ConfigError(
            f"invariance: the quality of samples needs {4 * BLOCKS} real and {2 * BLOCKS} "
            f"generated images; got {len(real)} and {len(generated)}. Take more images."
        )
    generator = stream(seed, "halves of real images")
    order = generator.permutation(len(real))
    reference, others = (
        real[order[part]].astype(np.float64) for part in (slice(0, count), slice(count, 2 * count))
    )
    drawn = generated[generator.permutation(len(generated))[:count]].astype(np.float64)
    return _quality(reference, drawn), _quality(reference, others)


def frechet_distance(a: Floats, b: Floats) -> float:
    """Return the Frechet distance of two sets of features as if both were normal.

    Arguments:
        a: Features, (images, numbers).
        b: Features, (other images, numbers).

    Source:
        Dowson & Landau (1982), J. Multivar. Anal. 12, 450-455; Heusel, Ramsauer, Unterthiner,
        Nessler & Hochreiter (2017), NeurIPS.
    """
    gap = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    first, second = (np.atleast_2d(np.cov(one, rowvar=False)) for one in (a, b))
    values, vectors = np.linalg.eigh(first)
    root = vectors * np.sqrt(values.clip(min=0)) @ vectors.T
    # The same eigenvalues as C_r C_g, of a matrix that is symmetric.
    product = np.linalg.eigvalsh(root @ second @ root).clip(min=0)
    return float(gap + np.trace(first) + np.trace(second) - 2 * np.sqrt(product).sum())


def kernel_distance(a: Floats, b: Floats) -> float:
    """Return the squared maximum mean discrepancy by a cubic kernel, without bias.

    Arguments:
        a: Features, (images, numbers), of two images at least.
        b: Features, (other images, numbers).

    Source:
        Binkowski, Sutherland, Arbel & Gretton (2018), Demystifying MMD GANs, ICLR.
    """
    within = [
        (_kernel_sum(one, one) - _kernel(np.square(one).sum(axis=1), one.shape[1]).sum())
        / (len(one) * (len(one) - 1))
        for one in (a, b)
    ]
    return float(sum(within) - 2 * _kernel_sum(a, b) / (len(a) * len(b)))


def precision(real: Floats, generated: Floats) -> float:
    """Return the share of generated images that lie in the ball of a real one.

    Arguments:
        real: Features, (images, numbers), more than five images.
        generated: Features, (other images, numbers).

    Source:
        Kynkaanniemi, Karras, Laine, Lehtinen & Aila (2019), NeurIPS.
    """
    near = [part.any(axis=1) for part in _near(generated, real, _radii(real))]
    return float(np.concatenate(near).mean())


def coverage(real: Floats, generated: Floats) -> float:
    """Return the share of real images in whose ball a generated one lies.

    For n images of one distribution on either side it is about 1 - 2^-5, whatever it is.

    Arguments:
        real: Features, (images, numbers), more than five images.
        generated: Features, (other images, numbers).

    Source:
        Naeem, Oh, Uh, Choi & Yoo (2020), Reliable fidelity and diversity metrics, ICML.
    """
    reached = np.zeros(len(real), dtype=bool)
    for part in _near(generated, real, _radii(real)):
        reached |= part.any(axis=0)
    return float(reached.mean())


def leave_blocks_out(
    statistic: Statistic, a: Floats, b: Floats, blocks: int = BLOCKS
) -> tuple[float, float, float]:
    """Return a statistic of two sets, the same without its bias of order 1/n, and its error.

    Each block of images is left out once, the same number on both sides.

    Arguments:
        statistic: From two sets of features to a number.
        a: Features, (images, numbers), in random order.
        b: Features, (other images, numbers), likewise.
        blocks: How many, of about equal size.

    Returns:
        The statistic, that without bias, and the standard error.

    Source:
        Efron & Tibshirani (1993), An introduction to the bootstrap, chapter 11, with blocks.
    """
    cuts = [np.array_split(np.arange(len(one)), blocks) for one in (a, b)]
    without = np.array(
        [
            statistic(np.delete(a, one, axis=0), np.delete(b, other, axis=0))
            for one, other in zip(*cuts, strict=True)
        ]
    )
    value = statistic(a, b)
    unbiased = blocks * value - (blocks - 1) * without.mean()
    error = np.sqrt((blocks - 1) / blocks * np.square(without - without.mean()).sum())
    return value, float(unbiased), float(error)


def _quality(real: Floats, generated: Floats) -> Quality:
    plain, unbiased, error = leave_blocks_out(frechet_distance, real, generated)
    kernel, _, kernel_error = leave_blocks_out(kernel_distance, real, generated)
    return Quality(
        images=len(real),
        numbers=real.shape[1],
        frechet=_measure(unbiased, error),
        frechet_plain=plain,
        kernel=_measure(kernel, kernel_error),
        precision=_share(precision, real, generated),
        coverage=_share(coverage, real, generated),
    )


def _share(statistic: Statistic, real: Floats, generated: Floats) -> Measure:
    """Return a share of images; its interval lies in [0, 1] and is never of no width."""
    value, _, error = leave_blocks_out(statistic, real, generated)
    wide = _measure(value, error)
    low, high = no_narrower(
        *(np.array(max(wide.low, 0.0)), np.array(min(wide.high, 1.0))),
        *(np.array(value * len(real)), np.array(float(len(real)))),
    )
    return Measure(value, float(low), float(high))


def _measure(value: float, error: float) -> Measure:
    half = error * float(stdtrit(BLOCKS - 1, (1 + CONFIDENCE) / 2))
    return Measure(value, value - half, value + half)


def _kernel(product: Floats, numbers: int) -> Floats:
    kernel: Floats = (product / numbers + 1) ** 3
    return kernel


def _kernel_sum(a: Floats, b: Floats) -> float:
    return sum(float(_kernel(part @ b.T, b.shape[1]).sum()) for part in _parts(a))


def _radii(real: Floats) -> Floats:
    """Return the distance of every real image to the fifth nearest of the others."""
    return np.concatenate(
        [np.partition(cdist(part, real), NEAREST, axis=1)[:, NEAREST] for part in _parts(real)]
    )


def _near(generated: Floats, real: Floats, radius: Floats) -> Iterator[NDArray[np.bool_]]:
    """Yield in which balls some generated images lie, (some, real)."""
    for part in _parts(generated):
        yield cdist(part, real) <= radius


def _parts(features: Floats) -> Iterator[Floats]:
    for start in range(0, len(features), ROWS):
        yield features[start : start + ROWS]
