"""Facets of a layer: planted heaps, scikit-learn, and loops over images and channels."""

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from actsense.draws import stream
from actsense.errors import ConfigError
from actsense.featvis.settings import Facets
from actsense.featvis.targets.components import plane, principal_components
from actsense.featvis.targets.facets import FacetSplit, facet_targets, find_facets, retarget

Floats = NDArray[np.float64]

HEAPS = np.repeat([1, 0, 2], [14, 19, 11])  # the largest does not come first
NUMBERS = stream(0, "responses in a test of facets")


def planted(heaps: NDArray[np.int64] = HEAPS, channels: int = 12, noise: float = 0.3) -> Floats:
    """Return responses that are high in channels of an image's heap: three of every heap."""
    driven = np.arange(channels) // 3 == heaps[:, None]
    noisy = 4.0 * driven + NUMBERS.normal(0, noise, (len(heaps), channels))
    return noisy * np.geomspace(0.01, 100, channels) + 5


FEATURES = planted().astype(np.float32)
PLANES: dict[Any, Floats] = {}


@pytest.fixture(autouse=True)
def planes(monkeypatch: pytest.MonkeyPatch) -> dict[Any, Floats]:
    """Find the plane of the same components once for all tests: most look elsewhere."""

    def known(components: Floats, *, seed: int) -> Floats:
        key = (components.tobytes(), components.shape, seed)
        if key not in PLANES:
            PLANES[key] = plane(components, seed=seed)
        return PLANES[key].copy()

    monkeypatch.setattr("actsense.featvis.targets.facets.plane", known)
    return PLANES


def split(features: NDArray[Any] = FEATURES, *, seed: int = 0, **settings: Any) -> FacetSplit:
    """Split into three, if nothing else is asked for."""
    return find_facets(features, Facets(**{"count": 3} | settings), seed=seed, layer="conv")


def space_of(features: NDArray[Any], components: int = 50) -> Floats:
    kept = min(components, len(features) - 1, features.shape[1])
    scaled = StandardScaler().fit_transform(features.astype(np.float64))
    return np.asarray(PCA(kept, svd_solver="full").fit_transform(scaled))


# Parts.


def test_planted_heaps_are_found_and_counted() -> None:
    found = split(count="auto")
    assert found.facet.tolist() == HEAPS.tolist()
    assert len(found) == 3
    assert max(found.silhouette, key=found.silhouette.__getitem__) == 3
    assert list(found.silhouette) == [2, 3, 4, 5, 6, 7, 8]


def test_of_equal_facets_the_one_of_the_first_image_comes_first() -> None:
    heaps = np.array([2, 0, 1] * 7)
    assert split(planted(heaps)).facet.tolist() == [0, 1, 2] * 7


def test_parts_do_not_depend_on_the_order_of_images() -> None:
    order = NUMBERS.permutation(len(FEATURES))
    assert split(FEATURES[order]).facet.tolist() == HEAPS[order].tolist()


def test_units_of_channels_do_not_count() -> None:
    first = split(count=4)
    scaled = split(FEATURES * 2.0 ** np.arange(-24, 24, 4), count=4)
    for name in ("facet", "distance", "member", "weight", "chosen", "point"):
        np.testing.assert_array_equal(getattr(first, name), getattr(scaled, name))


def test_few_images_are_parted_as_well_as_any_parts_can_be() -> None:
    few = NUMBERS.normal(size=(9, 3))
    space = space_of(few)

    def inertia(facet: NDArray[np.int64]) -> float:
        parts = [space[facet == k] for k in range(2)]
        return sum(float(((part - part.mean(axis=0)) ** 2).sum()) for part in parts if len(part))

    least = min(inertia(np.array([0, *other])) for other in product(range(2), repeat=8))
    assert inertia(split(few, count=2).facet) == pytest.approx(least)


def test_every_image_is_in_the_facet_whose_centre_is_nearest() -> None:
    # On a line, where changes are so small in the end that scikit-learn would stop before.
    line = stream(0, "points on a line in a test of facets").normal(size=(2000, 1))
    for seed in range(4):
        found = split(line, seed=seed, channels=1)
        np.testing.assert_array_equal(found.distance.argmin(axis=1), found.facet)


def test_silhouettes_are_those_of_the_definition() -> None:
    few = NUMBERS.normal(size=(11, 4))
    space, found = space_of(few), split(few, count="auto", most=3)
    apart = np.linalg.norm(space[:, None] - space, axis=2)
    for count, value in found.silhouette.items():
        facet, each = split(few, count=count).facet, []
        for i, own in enumerate(facet):
            means = [apart[i, (facet == k) & (np.arange(11) != i)] for k in range(count)]
            inner = means[own].mean() if means[own].size else np.inf
            outer = min(means[k].mean() for k in range(count) if k != own)
            each.append((outer - inner) / max(inner, outer) if np.isfinite(inner) else 0)
        assert value == pytest.approx(np.mean(each))


def test_a_given_count_is_kept_and_no_other_tried() -> None:
    for count in (1, 2, 5):
        found = split(count=count)
        assert (len(found), found.silhouette) == (count, {})
        assert np.unique(found.facet).tolist() == list(range(count))
        sizes = np.bincount(found.facet)
        assert (np.diff(sizes) <= 0).all()


def test_an_odd_image_is_no_facet_where_facets_can_have_their_members() -> None:
    odd = np.append(np.repeat([0, 1], 20), 3)
    features = planted(odd)
    assert split(features, count="auto", members=1).facet.tolist() == odd.clip(max=2).tolist()
    found = split(features, count="auto", members=10)
    assert np.bincount(found.facet).tolist() == [21, 20]
    assert found.member.shape == (2, 10)
    assert found.silhouette[3] > found.silhouette[2]


def test_where_no_count_leaves_the_members_the_best_is_taken_and_it_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = split(count="auto", members=30)
    assert found.facet.tolist() == HEAPS.tolist()
    assert found.member.shape == (3, 11)
    assert "featvis.facets.members: the smallest facet of layer 'conv' has 11" in caplog.text
    caplog.clear()
    split(members=11)
    split(members=99, choice="farthest")
    assert caplog.text == ""


def test_no_more_facets_are_tried_than_images_differ() -> None:
    few = NUMBERS.normal(size=(3, 5)).repeat(4, axis=0)
    found = split(few, count="auto", most=8)
    assert list(found.silhouette) == [2, 3]
    assert found.facet.tolist() == np.arange(3).repeat(4).tolist()
    assert list(split(NUMBERS.normal(size=(4, 5)), count="auto").silhouette) == [2, 3]


# Space.


def test_components_are_those_of_scikit_learn() -> None:
    for most in (2, 50):
        found = principal_components(
            StandardScaler().fit_transform(FEATURES.astype(np.float64)), most
        )
        np.testing.assert_allclose(found, space_of(FEATURES, most), atol=1e-9)
    few = NUMBERS.normal(size=(5, 30))
    assert principal_components(few, 50).shape == (5, 4)
    assert principal_components(few, 2).shape == (5, 2)
    assert principal_components(few[:, :3], 50).shape == (5, 3)


def test_signs_of_components_do_not_depend_on_the_order_of_images() -> None:
    values, order = NUMBERS.normal(size=(20, 6)), NUMBERS.permutation(20)
    found = principal_components(values, 6)
    np.testing.assert_allclose(principal_components(values[order], 6), found[order], atol=1e-9)


def test_alike_images_are_alike_to_the_last_bit() -> None:
    kind = NUMBERS.integers(0, 7, 77)
    values = NUMBERS.normal(size=(7, 100))[kind]
    # By itself a product may round equal rows of a matrix differently, on some processors.
    assert len(np.unique(principal_components(values, 3), axis=0)) == 7


def test_channels_that_never_change_count_for_nothing() -> None:
    still = np.full((len(FEATURES), 3), [0, 7, 1e8], dtype=np.float32)
    still[::2, 1] = np.nextafter(np.float32(7), np.float32(8))  # but for a rounding
    found, expected = split(np.hstack([FEATURES, still])), split()
    np.testing.assert_allclose(found.distance, expected.distance, atol=1e-9)
    np.testing.assert_array_equal(found.chosen[:, :12], expected.chosen)
    assert not found.chosen[:, 12:].any()


def test_distances_are_those_to_the_mean_of_a_facet() -> None:
    space, found = space_of(FEATURES, 3), split(components=3, count=4)
    for k in range(4):
        centre = space[found.facet == k].mean(axis=0)
        for i in range(len(space)):
            apart = float(np.sqrt(((space[i] - centre) ** 2).sum()))
            assert found.distance[i, k] == pytest.approx(apart, abs=1e-9)


def test_heaps_are_found_in_the_plane_too() -> None:
    found = split(space="tsne")
    assert found.facet.tolist() == HEAPS.tolist()
    for k in range(3):
        centre = found.point[found.facet == k].mean(axis=0)
        apart = np.linalg.norm(found.point - centre, axis=1)
        np.testing.assert_allclose(found.distance[:, k], apart, rtol=1e-4, atol=1e-4)


def test_the_plane_is_for_looking_alone_unless_asked_for() -> None:
    found = split()
    assert found.point.shape == (len(FEATURES), 2)
    assert found.point.dtype == np.float32
    heaps = [found.point[k == HEAPS] for k in range(3)]
    widths = [np.linalg.norm(heap - heap.mean(axis=0), axis=1).max() for heap in heaps]
    between = [
        np.linalg.norm(heaps[i].mean(axis=0) - heaps[j].mean(axis=0))
        for i, j in ((0, 1), (0, 2), (1, 2))
    ]
    assert max(widths) < min(between)


@pytest.mark.parametrize("images", [4, 9, 10, 11])
def test_few_images_have_a_plane(images: int) -> None:
    components = principal_components(NUMBERS.normal(size=(images, 6)), 50)
    found = plane(components, seed=0)
    assert found.shape == (images, 2)
    assert np.isfinite(found).all()
    assert (images < 10) == np.array_equal(found, components[:, :2])


def test_a_single_component_makes_a_line() -> None:
    found = split(NUMBERS.normal(size=(20, 1)), channels=1)
    assert (found.point[:, 1] == 0).all()
    assert np.ptp(found.point[:, 0]) > 0


# Members and weights.


def brute_force_members(found: FacetSplit, count: int, *, own: bool) -> list[list[int]]:
    every = []
    for k in range(len(found)):
        images = [i for i in range(len(found.facet)) if not own or found.facet[i] == k]
        order = sorted(images, key=lambda i: (found.distance[i, k] * (1 if own else -1), i))
        every.append(order[:count])
    return every


def test_members_are_the_nearest_of_their_own_facet() -> None:
    for members in (1, 5, 11):
        found = split(members=members)
        assert found.member.tolist() == brute_force_members(found, members, own=True)
        assert (found.facet[found.member] == np.arange(3)[:, None]).all()


def test_nearer_images_of_other_facets_are_no_members() -> None:
    found = split(NUMBERS.normal(size=(60, 2)), channels=1, members=99)
    kept = np.bincount(found.facet).min()
    assert found.member.tolist() == brute_force_members(found, kept, own=True)
    apart = found.distance[found.member[0], 0]
    expected = np.exp(-apart / apart.std())
    np.testing.assert_allclose(found.weight[0], expected / expected.sum(), rtol=1e-9)
    nearest = np.argsort(found.distance, axis=0, kind="stable")[:kept].T
    assert (found.facet[nearest] != np.arange(3)[:, None]).any()


def test_published_members_are_the_farthest_of_all() -> None:
    found = split(choice="farthest")
    assert found.member.tolist() == brute_force_members(found, 10, own=False)
    assert not (found.facet[found.member] == np.arange(3)[:, None]).any()
    assert split(choice="farthest", members=99).member.shape == (3, 44)


def test_weights_fall_with_distance_by_its_spread() -> None:
    found = split()
    for k in range(3):
        apart = found.distance[found.member[k], k]
        expected = np.exp(-apart / apart.std())
        np.testing.assert_allclose(found.weight[k], expected / expected.sum(), rtol=1e-12)
    np.testing.assert_allclose(found.weight.sum(axis=1), 1, rtol=1e-12)
    assert (found.weight > 0).all()
    assert (np.diff(found.weight, axis=1) < 0).all()


def test_published_weights_are_exponentials_of_inverse_distances() -> None:
    found = split(weights="inverse")
    for k in range(3):
        expected = np.exp(1 / found.distance[found.member[k], k])
        np.testing.assert_allclose(found.weight[k], expected / expected.sum(), rtol=1e-9)


@pytest.mark.parametrize("weights", ["softmax", "inverse"])
def test_alike_members_count_alike(weights: str) -> None:
    few = NUMBERS.normal(size=(3, 5))
    np.testing.assert_allclose(split(few.repeat(4, axis=0), weights=weights).weight, 0.25)
    assert split(few.repeat([2, 1, 1], axis=0), weights=weights).weight.tolist() == [[1]] * 3


def test_a_member_on_the_centre_takes_all_of_the_published_weight() -> None:
    # Three points on a line: the middle one is the mean.
    line = np.array([-1.0, 0, 1, 900, 901, 902])[:, None]
    found = split(line, count=2, weights="inverse", channels=1)
    assert np.isfinite(found.weight).all()
    np.testing.assert_allclose(found.weight.sum(axis=1), 1)
    softer = split(line, count=2, channels=1)
    assert softer.weight[0, 0] > softer.weight[0, 1] > 0
    assert softer.weight[0, 1] == pytest.approx(softer.weight[0, 2], rel=1e-9)


# Responses and channels.


def test_responses_are_weighted_means_of_the_members() -> None:
    found = split(members=4)
    for k in range(3):
        total = np.zeros(12)
        for image, weight in zip(found.member[k], found.weight[k], strict=True):
            total += weight * FEATURES[image].astype(np.float64)
        np.testing.assert_allclose(found.response[k], total, rtol=1e-6)
    assert found.response.dtype == np.float32


def brute_force_channels(score: Floats, count: int) -> list[list[int]]:
    return [sorted(sorted(range(len(row)), key=lambda c: (-row[c], c))[:count]) for row in score]


@pytest.mark.parametrize("channels", [1, 3, 12])
def test_channels_stand_out_by_contrast(channels: int) -> None:
    found = split(channels=channels)
    score = (found.response - FEATURES.mean(axis=0, dtype=float)) / FEATURES.std(
        axis=0, dtype=float
    )
    picked = [np.flatnonzero(row).tolist() for row in found.chosen]
    assert picked == brute_force_channels(score, channels)
    if channels == 3:
        assert picked == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


def test_published_channels_are_those_of_the_largest_responses() -> None:
    found = split(channels=3, rank="response")
    picked = [np.flatnonzero(row).tolist() for row in found.chosen]
    assert picked == brute_force_channels(found.response.astype(np.float64), 3)
    assert picked != [np.flatnonzero(row).tolist() for row in split(channels=3).chosen]


def test_of_equal_channels_the_first_are_chosen() -> None:
    twins = FEATURES[:, np.repeat([0, 3, 6], 30)]
    found = split(twins, channels=2)
    picked = [np.flatnonzero(row).tolist() for row in found.chosen]
    assert picked == [[0, 1], [30, 31], [60, 61]]


def test_channels_that_fall_silent_do_not_stand_out() -> None:
    found = split(-FEATURES, channels=6)  # of every heap three channels are low
    assert not (found.chosen & split(channels=3).chosen).any()


@pytest.mark.parametrize(
    ("channels", "expected"), [(3, 3), (12, 4), (160, 4), (200, 5), (260, 6), (2048, 50)]
)
def test_one_channel_in_forty_is_driven(channels: int, expected: int) -> None:
    found = split(NUMBERS.normal(size=(8, channels)), count=2)
    assert found.chosen.sum(axis=1).tolist() == [expected] * 2


def test_channels_that_never_change_are_taken_last_and_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    still = np.full((len(FEATURES), 3), 1e6, dtype=np.float32)
    features = np.hstack([still, FEATURES])
    for rank in ("contrast", "response"):
        assert not split(features, channels=12, rank=rank).chosen[:, :3].any()
    assert (
        not split(features[:, :5], members=5).chosen[:, :3].any()
    )  # two are left, and `auto` takes these
    assert caplog.text == ""
    forced = split(features, channels=13)
    assert forced.chosen[:, 3:].all()
    assert np.flatnonzero(forced.chosen[0])[0] == 0
    (record,) = caplog.records
    assert "featvis.facets.channels: 1 of 13 channels of layer 'conv'" in record.message


# Targets, chance and what is refused.


def test_targets_drive_the_channels_and_resemble_the_response() -> None:
    found = split(channels=3)
    distribution = torch.zeros(3, 12, 4)
    targets = facet_targets(found, FEATURES, "conv", distribution)
    assert (len(targets), targets.layer) == (3, "conv")
    np.testing.assert_allclose(targets.direction, found.chosen / 3, rtol=1e-6)
    assert torch.equal(targets.response, torch.from_numpy(found.response))
    assert targets.place.tolist() == [[-1, -1]] * 3
    assert targets.sorted is distribution
    for k in range(3):
        np.testing.assert_allclose(targets.mean[k], FEATURES.mean(axis=0, dtype=float), rtol=1e-5)
        np.testing.assert_allclose(targets.std[k], FEATURES.std(axis=0, dtype=float), rtol=1e-5)
    contrast = (found.response - FEATURES.mean(axis=0)) / FEATURES.std(axis=0)
    expected = [contrast[k][found.chosen[k]].mean() for k in range(3)]
    np.testing.assert_allclose(targets.activation(targets.response), expected, rtol=1e-4)
    assert facet_targets(found, FEATURES, "conv").sorted is None


def test_another_network_has_the_same_facets_with_its_own_responses() -> None:
    found, other = split(channels=2), NUMBERS.normal(3, 2, (len(FEATURES), 7))
    own = retarget(found, other, Facets(channels=3), layer="conv")
    for name in ("facet", "distance", "member", "weight", "point", "silhouette"):
        assert getattr(own, name) is getattr(found, name)
    for k in range(3):
        expected = found.weight[k] @ other[found.member[k]]
        np.testing.assert_allclose(own.response[k], expected, rtol=1e-6)
    score = (own.response - other.mean(axis=0)) / other.std(axis=0)
    assert [np.flatnonzero(row).tolist() for row in own.chosen] == brute_force_channels(score, 3)
    assert np.array_equal(retarget(found, FEATURES, Facets(channels=2)).chosen, found.chosen)
    with pytest.raises(ConfigError, match="layer 'conv' answers all 44 images alike"):
        retarget(found, other * 0, Facets(), layer="conv")


@pytest.mark.parametrize("space", ["pca", "tsne"])
def test_same_seed_gives_the_same_facets(space: str, planes: dict[Any, Floats]) -> None:
    noise = NUMBERS.normal(size=(24, 8))
    first = split(noise, seed=3, space=space)
    planes.clear()
    same = split(noise, seed=3, space=space)
    for name in ("facet", "distance", "member", "weight", "response", "chosen", "point"):
        np.testing.assert_array_equal(getattr(first, name), getattr(same, name))
    assert first.silhouette == same.silhouette


def test_another_seed_starts_elsewhere() -> None:
    noise = NUMBERS.normal(size=(60, 8))
    found = {tuple(split(noise, seed=seed, count=7).facet) for seed in range(4)}
    assert len(found) > 1


def test_features_are_never_changed() -> None:
    features = FEATURES.copy()
    features.flags.writeable = False
    facet_targets(split(features), features, "conv")
    np.testing.assert_array_equal(features, FEATURES)


@pytest.mark.parametrize(
    ("features", "settings", "message"),
    [
        (FEATURES[:3], {}, r"featvis\.facets: 3 images .* 4 or more with `featvis\.images`"),
        (FEATURES * np.nan, {}, "layer 'conv' has responses that are not finite"),
        (np.where(FEATURES > 5, np.inf, FEATURES), {}, "not finite.*precision: float32"),
        (FEATURES[:1].repeat(9, axis=0), {}, "layer 'conv' answers all 9 images alike"),
        (FEATURES * 0, {}, "answers all 44 images alike"),
        (
            FEATURES[:3].repeat(3, axis=0),
            {"count": 4},
            r"featvis\.facets\.count: 4 facets are more than the 3 different images that layer",
        ),
        (
            FEATURES,
            {"channels": 13},
            r"featvis\.facets\.channels: 13 are more than the 12 channels of layer 'conv'",
        ),
    ],
)
def test_what_cannot_be_parted_is_refused(
    features: NDArray[Any], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        split(features, **settings)
    assert "\n" not in str(refused.value)


def test_a_layer_without_a_name_is_the_layer() -> None:
    with pytest.raises(ConfigError, match=r"facets: the layer answers"):
        find_facets(np.ones((5, 2)), Facets(), seed=0)
