"""What other methods make of the same features, and how well lengths tell uncertainty.

An embedding serves here if its long vectors are those that the network is sure of: the more
negative the correlation of |g| with the entropy of the network's probabilities, the better.
"""

__all__ = ["baseline_embeddings", "strength_correlation", "uncertainty"]

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actsense.draws import stream
from actsense.errors import choose
from actsense.statistics.resampling import defined_interval, image_draws
from actsense.statistics.spearman import resampled_spearman

Floats = NDArray[np.float64]

METHODS = ("pca", "tsne", "lle", "isomap")
PERPLEXITY, NEIGHBOURS = 30, 12  # at most; of few images a third and all
ROUNDED = 1e-9  # relative difference of lengths that turning an embedding may make


def baseline_embeddings(
    features: NDArray[np.floating[Any]],
    *,
    names: Sequence[str] = METHODS,
    axes: int = 3,
    seed: int,
) -> dict[str, Floats]:
    """Embed the same features by other methods, as scikit-learn has them.

    Embeddings are shifted to the mean 0, from which their lengths are taken, and are not scaled.

    Arguments:
        features: Features of the images, (images, features).
        names: Methods, of `pca`, `tsne`, `lle` and `isomap`.
        axes: Dimensions of the embeddings.
        seed: Seed of what is random in them.

    Returns:
        By the name of the method, (images, axes), in units of its own; NaN where all features are
        alike, or where there are no more images than two beyond the axes.

    Raises:
        ConfigError: If a method is unknown.
    """
    for name in names:
        choose("patterns.baselines", name, METHODS)
    images, spanned = len(features), min(axes, features.shape[1])
    if images <= axes + 2 or (features == features[0]).all():
        return {name: np.full((images, axes), np.nan) for name in names}
    found = {}
    for name in names:
        with warnings.catch_warnings():
            # Of graphs in several pieces, which scikit-learn joins, and of iterations used up.
            warnings.simplefilter("ignore")
            made = _method(name, images, spanned, seed).fit_transform(features.astype(np.float64))
        found[name] = np.zeros((images, axes))
        found[name][:, : made.shape[1]] = made - made.mean(axis=0)
    return found


def uncertainty(probabilities: NDArray[np.floating[Any]]) -> Floats:
    """Return the entropy of every row of probabilities, (..., classes), nats, (...)."""
    p = np.asarray(probabilities, dtype=np.float64)
    return np.asarray(-(p * np.log(np.where(p > 0, p, 1))).sum(axis=-1))


def strength_correlation(
    embedding: NDArray[np.floating[Any]],
    probabilities: NDArray[np.floating[Any]],
    *,
    bootstrap: int,
    seed: int,
) -> dict[str, float]:
    """Correlate the lengths of embeddings with the uncertainty of the network.

    Arguments:
        embedding: Embeddings of the images, (images, axes).
        probabilities: What the network says of them, (images, classes), rows of sum 1.
        bootstrap: Resamples of the images behind the intervals.
        seed: Of the resamples.

    Returns:
        `pearson` and `spearman`, each also with `_low` and `_high`, the ends of its interval; NaN
        where a length is not finite or nothing varies.
    """
    pair = np.stack([np.linalg.norm(embedding, axis=1), uncertainty(probabilities)])
    keys = [f"{name}{end}" for name in ("pearson", "spearman") for end in ("", "_low", "_high")]
    if not np.isfinite(pair).all() or (np.ptp(pair, axis=1) <= ROUNDED * pair.max(axis=1)).any():
        return dict.fromkeys(keys, np.nan)
    weights = image_draws(len(embedding), bootstrap, seed=seed)
    ranked = resampled_spearman(pair, resamples=bootstrap, seed=seed)[:, 0, 1]
    values = []
    for samples in (_pearson(pair, weights), ranked):
        low, high = defined_interval(samples)
        values += [float(samples[0]), float(low), float(high)]
    return dict(zip(keys, values, strict=True))


def _pearson(pair: Floats, weights: Floats) -> Floats:
    """Return correlations of two variables whose observations are drawn `weights` times."""
    centred = pair - pair.mean(axis=1, keepdims=True)  # squares of the rest lose no digits
    share = weights / weights.sum(axis=1, keepdims=True)
    first, second = share @ centred[0], share @ centred[1]
    crossed = share @ (centred[0] * centred[1]) - first * second
    variances = (share @ centred[0] ** 2 - first**2) * (share @ centred[1] ** 2 - second**2)
    known = variances > 0
    return np.where(known, crossed / np.sqrt(np.where(known, variances, 1)), np.nan)


def _method(name: str, images: int, axes: int, seed: int) -> Any:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE, Isomap, LocallyLinearEmbedding

    state = int(stream(seed, "baseline embeddings", name).integers(2**31))
    neighbours = min(NEIGHBOURS, images - 1)
    match name:
        case "pca":
            return PCA(axes)
        case "tsne":
            return TSNE(
                axes,
                perplexity=min(PERPLEXITY, images / 3),
                method="barnes_hut" if axes < 4 else "exact",
                random_state=state,
            )
        case "lle":
            return LocallyLinearEmbedding(
                n_neighbors=neighbours, n_components=axes, eigen_solver="dense"
            )
    return Isomap(n_neighbors=neighbours, n_components=axes)
