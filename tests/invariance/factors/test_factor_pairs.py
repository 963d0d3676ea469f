"""Pairs: what is drawn shares what it should, and bad ones are told."""

import numpy as np
import pytest
from factor_world import FactorWorld

from actsense.errors import ConfigError
from actsense.invariance.factors.pairs import Pairs, draw_pairs
from actsense.invariance.flow.data import FlowData

DRAWS = np.random.default_rng(0)
LABELS = {"digit": DRAWS.integers(5, size=300), "ground": DRAWS.integers(7, size=300)}


def some(shared: np.ndarray, concepts: tuple[str, ...] = ("digit", "ground")) -> Pairs:
    latents = FlowData(np.zeros((4, 2), np.float32), np.zeros((4, 2), np.float32), None)
    places = np.arange(len(shared)) % 4
    return Pairs(latents, concepts, places, places, shared.astype(bool))


def test_drawn_pairs_share_their_concept_and_are_strangers_in_all_else() -> None:
    first, second, shared = draw_pairs(LABELS, 4000, seed=1)
    assert shared.shape == (8000, 3)
    np.testing.assert_array_equal(shared.sum(axis=0), [4000, 4000, 0])
    assert (first != second).all()
    for place, (own, labels) in enumerate(LABELS.items()):
        same = labels[first] == labels[second]
        assert same[shared[:, place]].all(), own
        expected = np.square(np.bincount(labels) / 300).sum()
        error = np.sqrt(expected / 4000)
        assert abs(same[~shared[:, place]].mean() - expected) < 4 * error


def test_every_image_of_a_label_is_drawn_with_every_other_one() -> None:
    first, second, _ = draw_pairs({"digit": np.array([4, 9, 4, 4, 9, 1])}, 500, seed=0)
    found = {*zip(first.tolist(), second.tolist(), strict=True)}
    assert found == {(0, 2), (0, 3), (2, 0), (2, 3), (3, 0), (3, 2), (1, 4), (4, 1)}


def test_pairs_follow_from_their_seed() -> None:
    drawn = [draw_pairs(LABELS, 50, seed=seed)[0] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()


def test_images_of_which_no_two_are_alike_are_refused() -> None:
    labels = LABELS | {"ground": np.arange(300)}
    with pytest.raises(ConfigError, match="No two images share `ground`: each has a label of its"):
        draw_pairs(labels, 10, seed=0)


def test_pairs_that_share_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="2 of 4 pairs share nothing, such as pair 1"):
        some(np.array([[1, 0, 0], [0, 0, 0], [0, 1, 1], [0, 0, 0]]))


@pytest.mark.parametrize("concepts", [(), ("digit", "digit"), ("digit", "residual")])
def test_names_that_cannot_be_told_apart_are_refused(concepts: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="different names, of which none is `residual`; got"):
        some(np.ones((3, len(concepts) + 1)), concepts)


def test_pairs_of_a_concept_alone_share_nothing_else() -> None:
    pairs = some(np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [1, 0, 0], [1, 0, 1]]))
    np.testing.assert_array_equal(pairs.alone("digit").first, [0, 3])
    with pytest.raises(ConfigError, match="1 pairs share `ground` alone, which takes two"):
        pairs.alone("ground")
    with pytest.raises(ConfigError, match=r"no factor `ground colour`\. There are: digit, ground"):
        pairs.alone("ground colour")


def test_some_pairs_are_evenly_spaced() -> None:
    pairs = FactorWorld().pairs(50, seed=0)
    np.testing.assert_array_equal(pairs.spread(12).first, np.arange(100)[::9])
    assert len(pairs.spread(1000)) == 100


@pytest.mark.parametrize(
    ("first", "shared"),
    [([0, 4], [[1, 0]] * 2), ([0, -1], [[1, 0]] * 2), ([0, 1], [[1, 0, 0]] * 2)],
)
def test_places_and_shapes_that_do_not_fit_are_refused(
    first: list[int], shared: list[list[int]]
) -> None:
    latents = some(np.ones((2, 3))).latents
    told = np.array(shared, dtype=bool)
    with pytest.raises(ValueError, match="pair"):
        Pairs(latents, ("digit",), np.array(first), np.array([0, 1]), told)
