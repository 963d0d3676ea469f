"""Which masking profiles are alike: a tree of all pairs of input and factor, and its best cut.

The distance of two profiles is 1 - rho, Spearman's correlation over the configurations, so that
opposite profiles are far apart. The tree joins by average linkage; it is cut where the mean
silhouette is highest, and not at all where no cut has a positive one.
"""

__all__ = ["Tree", "grow_tree", "profile_distances", "stability", "tree_tables"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import cophenet, fcluster, leaves_list, linkage
from scipy.spatial.distance import squareform

from actsense.progress import progress

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

SAME = 0.75  # Jaccard overlap from which a cluster counts as found again (Hennig, section 4)
PLACES = ("item", "cluster", "leaf")  # number in the linkage, cluster, place in the drawn tree
QUALITIES = ("silhouette", "stability", "found_again")
DIGITS = 12  # distances that are equal but for rounding must tie


@dataclass(frozen=True)
class Tree:
    """An average-linkage tree and its best cut.

    Attributes:
        linkage: As SciPy's: left, right, height and count of every step, (items - 1, 4).
        leaves: Items in the order in which the tree draws them.
        labels: Cluster of every item, from 1 in the order of the leaves.
        silhouette: Of every item under that cut; NaN if it is not cut.
        cut: Height of the cut, NaN if it is not cut.
        cophenetic: Correlation of the distances with the heights at which items meet.
    """

    linkage: Floats
    leaves: Labels
    labels: Labels
    silhouette: Floats
    cut: float
    cophenetic: float


def profile_distances(ranks: Floats) -> Floats:
    """Return 1 - rho of all pairs of items, (items, items), between 0 and 2.

    Arguments:
        ranks: Standardized ranks of every item, (items, configurations).
    """
    distances = np.round(np.clip(1 - ranks @ ranks.T, 0, 2), DIGITS)
    np.fill_diagonal(distances, 0)
    return np.asarray(distances)


def grow_tree(distances: Floats) -> Tree:
    """Join items by average linkage and cut the tree where the mean silhouette is highest.

    Of cuts that are equally good, the one with fewest clusters is taken.

    Arguments:
        distances: Symmetric, (items, items), of at least two items.
    """
    if distances.ndim != 2 or len(distances) < 2 or not np.array_equal(distances, distances.T):
        raise ValueError(
            f"A tree needs a symmetric matrix of two items or more; got {distances.shape}."
        )
    condensed = squareform(distances)
    steps = linkage(condensed, method="average", optimal_ordering=True)
    met, heights = np.ptp(condensed) > 0, np.unique(steps[:, 2])
    best, score = (np.ones(len(distances), dtype=np.int64), float("nan")), 0.0
    # From the root downwards, so that the fewest clusters win ties.
    for lower, upper in zip(heights[-2::-1], heights[:0:-1], strict=True):
        labels = fcluster(steps, lower, criterion="distance")
        quality = float(_silhouettes(distances, labels).mean())
        if quality > score:
            best, score = (labels, (lower + upper) / 2), quality
    labels, cut = best
    leaves = leaves_list(steps).astype(np.int64)
    clusters = list(dict.fromkeys(labels[leaves]))
    labels = np.array([clusters.index(label) + 1 for label in labels])
    return Tree(
        linkage=steps,
        leaves=leaves,
        labels=labels,
        silhouette=_silhouettes(distances, labels)
        if len(clusters) > 1
        else np.full(len(labels), np.nan),
        cut=float(cut),
        cophenetic=float(cophenet(steps, condensed)[0]) if met else float("nan"),
    )


def stability(labels: Labels, resamples: Floats) -> tuple[Floats, Floats]:
    """Return how well every cluster is found again when the tree is grown on resamples.

    Every resample is cut into as many clusters; what counts is the best Jaccard overlap of the
    cluster with one of them, among the items whose profile is not constant there.

    Arguments:
        labels: Cluster of every item, from 1.
        resamples: Standardized ranks, (resamples, items, configurations).

    Returns:
        Mean best overlap, and the share of resamples in which it is at least `SAME`, each
        (clusters,); NaN for a single cluster.

    Source:
        Hennig (2007), Comput. Stat. Data Anal. 52, 258-271.
    """
    number = int(labels.max())
    overlaps = np.full((len(resamples), number), np.nan)
    clusters = labels == np.arange(1, number + 1)[:, None]
    pairs = zip(overlaps, resamples, strict=True)
    for row, ranks in progress(pairs, total=len(resamples), desc="trees", unit="resample"):
        defined = np.isfinite(ranks[:, 0])
        if number < 2 or defined.sum() <= number:
            continue
        steps = linkage(squareform(profile_distances(ranks[defined])), method="average")
        found = fcluster(steps, number, criterion="maxclust")
        row[:] = _best_overlaps(clusters[:, defined], found == np.unique(found)[:, None])
    counted = np.isfinite(overlaps)
    times = counted.sum(axis=0)
    sums = np.stack([np.nansum(overlaps, axis=0), ((overlaps >= SAME) & counted).sum(axis=0)])
    mean, again = np.divide(sums, times, out=np.full_like(sums, np.nan), where=times > 0)
    return mean, again


def tree_tables(
    ranks: Floats, *, pairs: Sequence[tuple[str, str]], facts: Mapping[str, Any]
) -> dict[str, pd.DataFrame]:
    """Return the tables `clusters`, `linkage` and `trees` of the profiles of one value.

    Arguments:
        ranks: Standardized ranks, the estimate first, (1 + resamples, pairs, configurations).
        pairs: Input and factor of every profile.
        facts: Columns that all rows share, first of them `value`.
    """
    value, items = facts["value"], np.flatnonzero(np.isfinite(ranks[0, :, 0]))
    clusters = pd.DataFrame(pairs, columns=["input", "factor"])
    clusters.insert(0, "value", value)
    clusters[[*PLACES, *QUALITIES]] = np.nan
    clusters["reason"] = "constant profile"
    clusters.loc[items, "reason"] = ""
    steps = pd.DataFrame(columns=["value", "step", "left", "right", "height", "count"])
    whole = {
        **facts,
        "resamples": len(ranks) - 1,
        "configurations": ranks.shape[2],
        "items": len(items),
        "constant": len(pairs) - len(items),
        "clusters": len(items),
    } | dict.fromkeys(["silhouette", "cut", "cophenetic"], float("nan"))
    if len(items) > 1:
        tree = grow_tree(profile_distances(ranks[0, items]))
        mean, again = stability(tree.labels, ranks[1:, items])
        own = tree.labels - 1
        numbers = (np.arange(len(items)), tree.labels, np.argsort(tree.leaves))
        clusters.loc[items, list(PLACES)] = np.column_stack(numbers)
        clusters.loc[items, list(QUALITIES)] = np.column_stack(
            [tree.silhouette, mean[own], again[own]]
        )
        steps = pd.DataFrame(tree.linkage, columns=["left", "right", "height", "count"])
        steps = steps.astype({"left": int, "right": int, "count": int})
        steps.insert(0, "step", range(len(steps)))
        steps.insert(0, "value", value)
        whole |= {
            "clusters": int(tree.labels.max()),
            "silhouette": float(tree.silhouette.mean()),
            "cut": tree.cut,
            "cophenetic": tree.cophenetic,
        }
    clusters = clusters.astype(dict.fromkeys(PLACES, "Int64"))
    return {"clusters": clusters, "linkage": steps, "trees": pd.DataFrame([whole])}


def _silhouettes(distances: Floats, labels: Labels) -> Floats:
    """Return how much nearer every item is to its own cluster than to the next; 0 if alone.

    In NumPy, for scikit-learn takes longer to be imported than to be used here.

    Source:
        Rousseeuw (1987), J. Comput. Appl. Math. 20, 53-65.
    """
    member = (labels[:, None] == np.unique(labels)).astype(float)  # (items, clusters)
    own, sizes = member.astype(bool), member.sum(axis=0)
    sums = distances @ member
    others = np.maximum(sizes - 1, 1)
    inside = (sums / others)[own]
    outside = np.where(own, np.inf, sums / sizes).min(axis=1)
    larger = np.maximum(inside, outside)
    scores = np.divide(outside - inside, larger, out=np.zeros_like(larger), where=larger > 0)
    return np.where((sizes[None] * own).sum(axis=1) > 1, scores, 0.0)


def _best_overlaps(clusters: NDArray[np.bool_], found: NDArray[np.bool_]) -> Floats:
    """Return the best Jaccard overlap of every cluster, NaN for one without items."""
    shared = clusters.astype(np.int64) @ found.T
    sizes = clusters.sum(axis=1)
    overlap = (shared / (sizes[:, None] + found.sum(axis=1) - shared)).max(axis=1)
    return np.where(sizes > 0, overlap, np.nan)
