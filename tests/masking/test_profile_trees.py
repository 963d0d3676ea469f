"""Trees of profiles: average linkage, its best cut, and what of it is stable."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.cluster.hierarchy import cophenet
from scipy.spatial.distance import squareform

from actsense.masking.profiles import standard_ranks
from actsense.masking.trees import grow_tree, profile_distances, stability, tree_tables

Floats = NDArray[np.float64]


def profiles(groups: int, each: int, noise: float, *, seed: int = 0, n: int = 12) -> Floats:
    """Return noisy copies of a few orders of configurations, (groups x each, n)."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(groups, n)).repeat(each, axis=0)
    return centers + noise * rng.normal(size=centers.shape)


def distances(items: int, seed: int = 0) -> Floats:
    return profile_distances(standard_ranks(np.random.default_rng(seed).normal(size=(items, 9))))


def brute_force_heights(distances: Floats) -> list[float]:
    """Join the two clusters with the smallest mean distance of their items, again and again."""
    clusters, heights = [[item] for item in range(len(distances))], []
    while len(clusters) > 1:
        mean, one, other = min(
            (distances[np.ix_(a, b)].mean(), i, j)
            for i, a in enumerate(clusters)
            for j, b in enumerate(clusters[:i])
        )
        heights.append(mean)
        clusters[other] += clusters.pop(one)
    return heights


def brute_force_silhouette(distances: Floats, labels: NDArray[np.int64]) -> list[float]:
    values = []
    for item, own in enumerate(labels):
        others = [j for j in np.flatnonzero(labels == own) if j != item]
        if not others:
            values.append(0.0)
            continue
        inside = distances[item, others].mean()
        outside = min(distances[item, labels == k].mean() for k in set(labels) - {own})
        values.append((outside - inside) / max(outside, inside))
    return values


def test_equal_profiles_are_at_distance_zero_and_opposite_ones_at_two() -> None:
    ranks = standard_ranks(np.array([[1.0, 2, 3, 5], [10, 20, 30, 31], [4, 3, 2, 1]]))
    np.testing.assert_array_equal(profile_distances(ranks), [[0, 0, 2], [0, 0, 2], [2, 2, 0]])


@pytest.mark.parametrize("seed", range(5))
def test_heights_are_those_of_joining_the_nearest_clusters_on_average(seed: int) -> None:
    matrix = distances(9, seed)
    heights = grow_tree(matrix).linkage[:, 2]
    np.testing.assert_allclose(heights, brute_force_heights(matrix), atol=1e-12)
    assert (np.diff(heights) >= 0).all()


def test_cophenetic_distances_are_ultrametric_and_correlate_as_stated() -> None:
    matrix = distances(12)
    tree = grow_tree(matrix)
    meet = squareform(cophenet(tree.linkage))
    longest = np.maximum(meet[:, :, None], meet[None, :, :].swapaxes(1, 2)).min(axis=1)
    assert (meet <= longest + 1e-12).all()
    upper = np.triu_indices(12, 1)
    expected = np.corrcoef(meet[upper], matrix[upper])[0, 1]
    np.testing.assert_allclose(tree.cophenetic, expected, atol=1e-12)


@pytest.mark.parametrize("groups", [2, 3, 5])
def test_planted_groups_are_found(groups: int) -> None:
    tree = grow_tree(profile_distances(standard_ranks(profiles(groups, 6, 0.05))))
    assert tree.labels.max() == groups
    assert all(len(set(part)) == 1 for part in np.split(tree.labels, groups))
    assert tree.silhouette.mean() > 0.8


def test_no_cut_of_the_tree_has_a_better_silhouette() -> None:
    matrix = distances(14)
    tree = grow_tree(matrix)
    np.testing.assert_allclose(
        tree.silhouette, brute_force_silhouette(matrix, tree.labels), atol=1e-12
    )
    meet = squareform(cophenet(tree.linkage))
    scores = []
    for height in np.unique(tree.linkage[:-1, 2]):
        together = meet <= height + 1e-12
        labels = np.unique(together, axis=0, return_inverse=True)[1].ravel()
        scores.append(np.mean(brute_force_silhouette(matrix, labels)))
    np.testing.assert_allclose(tree.silhouette.mean(), max(scores), atol=1e-12)
    assert len(scores) > 8


def test_the_cut_separates_the_clusters_it_names() -> None:
    matrix = distances(14)
    tree = grow_tree(matrix)
    meet = squareform(cophenet(tree.linkage))
    same = tree.labels == tree.labels[:, None]
    assert (same == (meet < tree.cut)).all()
    numbered = tree.labels[tree.leaves]
    assert (np.diff(numbered) >= 0).all()
    assert numbered[0] == 1


@pytest.mark.parametrize(
    "matrix", [np.zeros((5, 5)), 1 - np.eye(5), np.array([[0, 0.4], [0.4, 0]])]
)
def test_items_without_structure_stay_one_cluster(matrix: Floats) -> None:
    tree = grow_tree(matrix)
    assert set(tree.labels) == {1}
    assert np.isnan(tree.cut)
    assert np.isnan(tree.silhouette).all()


@pytest.mark.parametrize("matrix", [np.zeros((1, 1)), np.arange(4.0).reshape(2, 2)])
def test_what_is_no_matrix_of_distances_is_refused(matrix: Floats) -> None:
    with pytest.raises(ValueError, match="symmetric matrix of two items or more"):
        grow_tree(matrix)


def test_clusters_that_resamples_repeat_are_stable_and_others_are_not() -> None:
    rng = np.random.default_rng(1)
    clear = profiles(2, 5, 0.05)
    noise = rng.normal(size=(60, 10, 12))
    labels = np.repeat([1, 2], 5)
    mean, again = stability(labels, standard_ranks(clear + 0.05 * noise))
    np.testing.assert_array_equal(mean, 1)
    np.testing.assert_array_equal(again, 1)
    mean, again = stability(labels, standard_ranks(noise))
    assert (mean < 0.75).all()
    assert (again < 0.5).all()


def test_a_resample_counts_only_the_profiles_that_vary_in_it() -> None:
    clear = np.tile(profiles(2, 5, 0.05), (20, 1, 1))
    clear[:10, 0] = 1  # constant in half of the resamples
    mean, again = stability(np.repeat([1, 2], 5), standard_ranks(clear))
    np.testing.assert_array_equal(mean, 1)
    np.testing.assert_array_equal(again, 1)


def test_tables_hold_every_pair_and_step_of_the_tree() -> None:
    values = np.concatenate([profiles(2, 3, 0.05), np.ones((1, 12))])
    ranks = standard_ranks(np.tile(values, (5, 1, 1)))
    pairs = [("hue", str(number)) for number in range(7)]
    tables = tree_tables(ranks, pairs=pairs, facts={"value": "S1", "images": 80})
    clusters, steps, trees = tables["clusters"], tables["linkage"], tables["trees"].iloc[0]
    assert list(clusters["factor"]) == [factor for _, factor in pairs]
    assert sorted(clusters["leaf"].dropna()) == list(range(6))
    assert clusters.loc[6, "reason"] == "constant profile"
    np.testing.assert_array_equal(steps["count"].iloc[-1], 6)
    assert trees[["items", "constant", "clusters", "resamples", "images"]].tolist() == [
        *(6, 1, 2, 4, 80)
    ]
    np.testing.assert_allclose(trees["silhouette"], clusters["silhouette"].mean())
    assert (clusters["stability"].dropna() == 1).all()


def test_leaves_are_numbered_as_the_tree_draws_them() -> None:
    ranks = standard_ranks(np.random.default_rng(0).normal(size=(1, 14, 9)))
    pairs = [("hue", str(number)) for number in range(14)]
    clusters = tree_tables(ranks, pairs=pairs, facts={"value": "S1"})["clusters"]
    drawn = grow_tree(profile_distances(ranks[0])).leaves
    np.testing.assert_array_equal(clusters.sort_values("leaf")["item"], drawn)
    assert (np.argsort(drawn) != drawn).any()
