r"""Linear discriminant analysis: can the factor that made a map be told from its shape?

A sample is the map of one channel for one factor, its features are the positions, its label is
the factor. With n samples z of which n_k have label k and mean m_k, p positions, and T the total
covariance, the pooled covariance within labels is T less the covariance B between the means,

    B = sum_k n_k/n (m_k - m)(m_k - m)',    S = T - B

and is shrunk to W = (1 - g) S + g tr(S)/p I by the intensity g of Ledoit and Wolf. A map z goes to
the label with the largest (z - m)' W^-1 (m_k - m) - (m_k - m)' W^-1 (m_k - m) / 2 + log n_k/n.

No matrix is p x p: all maps lie in a space of at most n dimensions, and outside of it W is a
multiple of the identity. Labels enter through the means alone, so along the axes of T, found once
per fold, any number of labelings is solved by matrices factors x factors.
"""

__all__ = [
    "Discriminant",
    "Samples",
    "Spread",
    "assign_folds",
    "cross_validate",
    "fit_discriminant",
    "shuffle_labels",
]

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CELLS = 2**18  # numbers in the largest array of a block of labelings: it stays in the cache


@dataclass(frozen=True)
class Samples:
    """Maps as the rows of a matrix, sorted by channel.

    Attributes:
        features: The maps, (samples, positions), or their coordinates in the space they span.
        labels: Number of the factor of every map.
        channels: Channel of every map; maps of a channel are never split between folds.
        positions: Positions of a map.
        classes: Factors there are.
    """

    features: Floats
    labels: Integers
    channels: Integers
    positions: int
    classes: int

    @classmethod
    def of(cls, maps: Floats, channels: Integers) -> Self:
        """Take the maps (channels, factors, positions) of some channels."""
        _, classes, positions = maps.shape
        return cls(
            maps[channels].reshape(-1, positions),
            np.tile(np.arange(classes), len(channels)),
            np.repeat(channels, classes),
            positions,
            classes,
        )

    def normalized(self) -> Self:
        """Divide every map by its norm; maps that are zero everywhere are left out."""
        norms = np.linalg.norm(self.features, axis=1)
        kept = norms > 0
        return replace(
            self,
            features=self.features[kept] / norms[kept, None],
            labels=self.labels[kept],
            channels=self.channels[kept],
        )

    def in_row_space(self) -> Self:
        """Replace maps by centered coordinates in the space they span: distances are the same."""
        centered = self.features - self.features.mean(axis=0)
        if centered.shape[1] > len(centered):
            centered = np.asarray(np.linalg.qr(centered.T, mode="r")).T
        return replace(self, features=centered)


@dataclass(frozen=True)
class Spread:
    """Training samples along the axes of their total covariance."""

    center: Floats  # (features,)
    axes: Floats  # (features, axes)
    variances: Floats  # (axes,), above zero
    samples: Floats  # (samples, axes), centered
    positions: int

    @classmethod
    def of(cls, features: Floats, positions: int) -> Self:
        """Turn features (samples, features) to their axes."""
        center = features.mean(axis=0)
        centered = features - center
        variances, axes = np.linalg.eigh(centered.T @ centered / len(centered))
        # Along the others training samples, and so the means of labels, are alike.
        spanned = variances > variances[-1] * len(variances) * np.finfo(np.float64).eps
        axes = axes[:, spanned]
        return cls(center, axes, variances[spanned], centered @ axes, positions)

    def along(self, features: Floats) -> Floats:
        """Return other samples along the same axes."""
        return (features - self.center) @ self.axes


@dataclass(frozen=True)
class Discriminant:
    """What separates the labels, for every labeling of the same samples.

    Attributes:
        means: Mean of every label along the axes, (labelings, classes, features).
        shares: Share of the samples with each label, (labelings, classes).
        directions: Means times the inverse of W, like `means`.
        shrinkage: Intensity g, (labelings,).
    """

    means: Floats
    shares: Floats
    directions: Floats
    shrinkage: Floats

    def scores(self, samples: Floats) -> Floats:
        """Return how well labels fit samples along the axes, (labelings, classes, samples)."""
        with np.errstate(divide="ignore"):  # a label without training samples is never chosen
            offsets = np.log(self.shares) - (self.directions * self.means).sum(axis=2) / 2
        flat = self.directions.reshape(-1, samples.shape[1]) @ samples.T
        return np.asarray(flat.reshape(*offsets.shape, -1) + offsets[:, :, None])

    def projection(self) -> Floats:
        """Return the two axes that separate the first labeling best, (features, 2).

        The spread W within labels is 1 along both; signs are free.

        Raises:
            ValueError: If there are fewer than three labels, which span no two axes.
        """
        if self.means.shape[1] < 3:
            raise ValueError(f"Two axes need at least 3 labels; got {self.means.shape[1]}.")
        root = np.sqrt(self.shares[0])
        between = root[:, None] * (self.means[0] @ self.directions[0].T) * root
        strengths, turns = np.linalg.eigh(between)
        best = [-1, -2]
        return np.asarray((self.directions[0].T * root) @ turns[:, best] / strengths[best] ** 0.5)


def fit_discriminant(
    spread: Spread, labelings: Integers, *, classes: int, shrinkage: float | None = None
) -> Discriminant:
    """Fit the discriminant of every labeling.

    Arguments:
        spread: The training samples.
        labelings: Labels, (labelings, samples).
        classes: Labels there are, whether they occur or not.
        shrinkage: Intensity in [0, 1], or None for that of Ledoit and Wolf.
    """
    several, samples = labelings.shape
    member = (labelings[:, None, :] == np.arange(classes)[:, None]).astype(np.float64)
    counts = member.sum(axis=2)
    flat = member.reshape(-1, samples) @ spread.samples
    flat /= np.maximum(counts, 1).reshape(-1, 1)
    means, shares = flat.reshape(several, classes, -1), counts / samples

    trace, intensity = _within(spread, labelings, means, shares)
    if shrinkage is not None:
        intensity = np.full(several, shrinkage)
    # W = diag(scale) - (1 - g) means' diag(shares) means, inverted by Woodbury's identity.
    scale = (1 - intensity)[:, None] * spread.variances
    scale += (intensity * trace / spread.positions)[:, None]
    scaled = means / scale[:, None, :]
    inner = scaled @ means.transpose(0, 2, 1)
    reduced = np.eye(classes) - (1 - intensity)[:, None, None] * inner * shares[:, None, :]
    return Discriminant(means, shares, np.linalg.inv(reduced) @ scaled, intensity)


def _within(
    spread: Spread, labelings: Integers, means: Floats, shares: Floats
) -> tuple[Floats, Floats]:
    """Return trace of S, and the intensity of Ledoit and Wolf, (labelings,) each.

    Source:
        Ledoit & Wolf (2004), J. Multivar. Anal. 88, 365-411, with residuals from label means.
    """
    p, n = spread.positions, labelings.shape[1]
    inner = means @ means.transpose(0, 2, 1)
    norms = np.einsum("bkk->bk", inner)
    trace = spread.variances.sum() - (shares * norms).sum(axis=1)
    crossed = means**2 @ spread.variances
    squared = (spread.variances**2).sum() - 2 * (shares * crossed).sum(axis=1)
    squared += (shares[:, None] @ inner**2 @ shares[:, :, None])[:, 0, 0]

    products = (means.reshape(-1, means.shape[2]) @ spread.samples.T).reshape(*norms.shape, n)
    residuals = (spread.samples**2).sum(axis=1) + np.take_along_axis(norms, labelings, axis=1)
    residuals -= 2 * np.take_along_axis(products, labelings[:, None], axis=1)[:, 0]
    error = ((residuals**2).sum(axis=1) / n - squared) / n
    distance = squared - trace**2 / p
    with np.errstate(divide="ignore", invalid="ignore"):
        return trace, np.where(distance > 0, np.clip(error / distance, 0, 1), 0.0)


def assign_folds(groups: Integers, folds: int, generator: np.random.Generator) -> Integers:
    """Assign whole groups to folds of nearly equal size at random, (samples,).

    Raises:
        ValueError: If there are fewer groups than folds.
    """
    names, places = np.unique(groups, return_inverse=True)
    if len(names) < folds:
        raise ValueError(f"{len(names)} groups cannot fill {folds} folds.")
    return np.asarray(generator.permutation(len(names))[places] % folds)


def shuffle_labels(
    samples: Samples, permutations: int, generator: np.random.Generator
) -> Integers:
    """Shuffle labels within channels, (permutations, samples)."""
    keys = generator.random((permutations, len(samples.labels)))
    order = np.lexsort((keys, np.broadcast_to(samples.channels, keys.shape)), axis=1)
    return samples.labels[order]


def cross_validate(
    samples: Samples, labelings: Integers, folds: Integers, *, shrinkage: float | None = None
) -> Integers:
    """Predict the labels of every fold from all other folds.

    Arguments:
        samples: The maps.
        labelings: Labels to learn, (labelings, samples).
        folds: Fold of every sample.
        shrinkage: As of `fit_discriminant`.

    Returns:
        Predicted labels, (labelings, samples).
    """
    predicted = np.empty_like(labelings)
    for fold in np.unique(folds):
        held = folds == fold
        spread = Spread.of(samples.features[~held], samples.positions)
        tested = spread.along(samples.features[held])
        for block in _blocks(len(labelings), samples.classes * len(held)):
            learned = np.compress(~held, labelings[block], axis=1)
            model = fit_discriminant(spread, learned, classes=samples.classes, shrinkage=shrinkage)
            predicted[block, held] = model.scores(tested).argmax(axis=1)
    return predicted


def _blocks(labelings: int, cells: int) -> Iterator[slice]:
    """Cut labelings into blocks whose arrays, of so many cells each, fit into memory."""
    step = max(1, CELLS // cells)
    return (slice(start, start + step) for start in range(0, labelings, step))
