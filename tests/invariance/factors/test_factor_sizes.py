"""Sizes of factors: closed forms, the published ones, and worlds whose ranks are known."""

from dataclasses import replace

import numpy as np
import pytest
from factor_world import FactorWorld

from actsense.errors import ConfigError
from actsense.invariance.factors.pairs import Pairs
from actsense.invariance.factors.sizes import (
    checked_sizes,
    concept_score,
    effective_rank,
    factor_sizes,
    published_sizes,
)
from actsense.invariance.flow.data import FlowData


def pairs_of(first: np.ndarray, second: np.ndarray, log_variance: float = -9.0) -> Pairs:
    """Pair means of posteriors, of one concept."""
    mean = np.concatenate([first, second]).astype(np.float32)
    shared = np.tile([True, False], (len(first), 1))
    latents = FlowData(mean, np.full_like(mean, log_variance), None)
    places = np.arange(len(first))
    return Pairs(latents, ("digit",), places, places + len(first), shared)


def grouped(groups: int, count: int, latent: int, seed: int = 0) -> Pairs:
    """Pair images of the same group: its centre, and noise of its own."""
    draws = np.random.default_rng(seed)
    centre = draws.normal(size=(groups, latent))[draws.integers(groups, size=count)]
    return pairs_of(*(centre + 0.3 * draws.normal(size=(2, count, latent))))


def test_equal_pairs_have_all_in_common_and_strangers_nothing() -> None:
    one, other = np.random.default_rng(0).normal(size=(2, 4000, 5)) * [1, 2, 3, 1, 1] + 7
    assert concept_score(pairs_of(one, one), "digit").value == pytest.approx(1, abs=1e-6)
    score = concept_score(pairs_of(one, other), "digit")
    assert score.error < 0.012
    assert abs(score.value) < 3 * score.error


def test_a_score_is_the_share_of_variance_that_is_shared() -> None:
    """One number of three is shared, with variance 4 of 6."""
    draws = np.random.default_rng(1)
    first, second = draws.normal(size=(2, 20_000, 3)) * [2, 1, 1]
    second[:, 0] = first[:, 0]
    score = concept_score(pairs_of(first, second), "digit")
    assert score.error < 0.008
    assert abs(score.value - 4 / 6) < 4 * score.error


def test_its_error_is_how_it_scatters() -> None:
    found = []
    for seed in range(300):
        first, second = np.random.default_rng(seed).normal(size=(2, 200, 3))
        second[:, 0] = 0.5 * first[:, 0] + second[:, 0]
        found.append(concept_score(pairs_of(first, second), "digit"))
    scatter = np.std([score.value for score in found])
    assert np.mean([score.error for score in found]) == pytest.approx(scatter, rel=0.1)


def test_neither_order_of_pairs_nor_of_their_images_matters() -> None:
    pairs = FactorWorld().pairs(300, seed=0)
    shuffled = pairs.chosen(np.random.default_rng(0).permutation(600))
    swapped = replace(shuffled, first=shuffled.second, second=shuffled.first)
    for concept in pairs.concepts:
        for measure in (lambda p, c: concept_score(p, c).value, effective_rank):
            assert measure(swapped, concept) == pytest.approx(measure(pairs, concept), rel=1e-9)


@pytest.mark.parametrize(
    ("scores", "sizes"), [((0.69, 0.0), [22, 11, 31]), ((0.1, 0.35), [13, 17, 34])]
)
def test_the_rule_gives_the_published_sizes(scores: tuple[float, float], sizes: list[int]) -> None:
    """Of a classifier and of an autoencoder, 64 numbers: digit, colour, residual."""
    found = published_sizes(dict(zip(("digit", "colour"), scores, strict=True)), 64)
    assert [*found.items()] == [*zip(("digit", "colour", "residual"), sizes, strict=True)]


@pytest.mark.parametrize("rule", ["published", "rank"])
@pytest.mark.parametrize("latent", [6, 24])
def test_sizes_sum_up_to_the_latent_and_leave_no_part_out(rule: str, latent: int) -> None:
    draws = np.random.default_rng(3)
    first, second = draws.normal(size=(2, 2, 2000, latent))
    second[0, :, 1:3] = first[0, :, 1:3]
    second[1, :, :2] = first[1, :, :2]
    pairs = pairs_of(first.reshape(-1, latent), second.reshape(-1, latent))
    shared = np.eye(2, 3, dtype=bool).repeat(2000, axis=0)
    found = factor_sizes(replace(pairs, concepts=("a", "b"), shared=shared), rule)
    assert [*found] == ["a", "b", "residual"]
    assert sum(found.values()) == latent
    assert min(found.values()) >= 1
    if rule == "rank":
        assert [*found.values()] == [2, 2, latent - 4]


def test_ranks_are_those_of_the_world() -> None:
    pairs = FactorWorld(correlation=0.9).pairs(2000, seed=0)
    assert effective_rank(pairs, "digit") == pytest.approx(2, abs=0.01)
    assert effective_rank(pairs, "ground") == 1
    assert factor_sizes(pairs, "rank") == {"digit": 2, "ground": 1, "residual": 3}


@pytest.mark.parametrize(("groups", "rank"), [(2, 1), (4, 3), (6, 5)])
def test_groups_differ_in_one_direction_less_than_there_are(groups: int, rank: int) -> None:
    assert effective_rank(grouped(groups, 4000, 12), "digit") == pytest.approx(rank, rel=0.02)


def test_a_rank_depends_on_no_scale_and_no_turn() -> None:
    pairs = grouped(4, 1000, 6)
    turned = pairs.latents.mean @ np.random.default_rng(8).normal(size=(6, 6)) * 100 + 3
    latents = FlowData(turned.astype(np.float32), pairs.latents.log_variance, None)
    found = effective_rank(replace(pairs, latents=latents), "digit")
    assert found == pytest.approx(effective_rank(pairs, "digit"), rel=1e-3)


def test_numbers_that_the_posterior_has_given_up_are_no_directions() -> None:
    """They hardly vary, and what they do is shared; their posterior is that of no image."""
    draws = np.random.default_rng(2)
    first, second = draws.normal(size=(2, 3000, 4)) * [1, 1, 1e-3, 1e-3]
    second[:, [0, 2, 3]] = first[:, [0, 2, 3]]
    pairs = pairs_of(first, second, log_variance=-20)
    log_variance = np.tile(np.float32([-9, -9, 0, 0]), (6000, 1))
    blind = replace(pairs, latents=FlowData(pairs.latents.mean, log_variance, None))
    assert effective_rank(blind, "digit") == pytest.approx(1, abs=0.01)
    assert effective_rank(pairs, "digit") > 2.9


def test_strangers_agree_in_no_direction() -> None:
    """As many as a posterior has numbers, of which none exceeds the edge."""
    ranks = [
        effective_rank(pairs_of(*np.random.default_rng(seed).normal(size=(2, 1000, 32))), "digit")
        for seed in range(20)
    ]
    assert sum(rank > 0 for rank in ranks) <= 1


def test_ranks_of_more_than_there_is_share_all_but_one_number() -> None:
    first, other = np.random.default_rng(0).normal(size=(2, 2000, 6))
    half = np.concatenate([first[:, :3], other[:, 3:]], axis=1)
    pairs = pairs_of(np.concatenate([first, first]), np.concatenate([first, half]))
    shared = np.eye(2, 3, dtype=bool).repeat(2000, axis=0)
    found = factor_sizes(replace(pairs, concepts=("all", "half"), shared=shared), "rank")
    assert found == {"all": 3, "half": 1, "residual": 2}


def test_ranks_of_all_there_is_leave_one_number_to_the_residual() -> None:
    first, other = np.random.default_rng(0).normal(size=(2, 2, 2000, 6))
    other[0, :, :3], other[1, :, 3:] = first[0, :, :3], first[1, :, 3:]
    pairs = pairs_of(first.reshape(-1, 6), other.reshape(-1, 6))
    shared = np.eye(2, 3, dtype=bool).repeat(2000, axis=0)
    found = factor_sizes(replace(pairs, concepts=("one", "two"), shared=shared), "rank")
    assert found == {"one": 2, "two": 2, "residual": 2}


def test_pairs_too_few_to_tell_a_direction_are_told() -> None:
    first, other = np.random.default_rng(0).normal(size=(2, 500, 32))
    with pytest.raises(ConfigError, match="share `digit` are too few to tell in which directions"):
        factor_sizes(pairs_of(first, other + 0.04 * first), "rank")


@pytest.mark.parametrize("rule", ["published", "rank"])
def test_pairs_that_share_nothing_are_told(rule: str) -> None:
    strangers = pairs_of(*np.random.default_rng(0).normal(size=(2, 500, 6)))
    with pytest.raises(ConfigError, match=r"should share `digit` share nothing: .* correlate by"):
        factor_sizes(strangers, rule)


def test_latents_that_are_all_the_same_are_told() -> None:
    with pytest.raises(ConfigError, match="share `digit` have the same latent"):
        concept_score(pairs_of(np.ones((9, 2)), np.ones((9, 2))), "digit")


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        (
            {"digit": 2, "residual": 3},
            "sum up to the 6 numbers of a latent; got digit 2, ",
        ),
        ({"digit": 0, "residual": 6}, "1 at least"),
        ({"residual": 2, "digit": 4}, "is the last of the factors; got residual, digit"),
        ({"digit": 6}, "no factor `residual`"),
    ],
)
def test_sizes_that_do_not_fit_are_told(sizes: dict[str, int], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        checked_sizes(sizes, 6)


def test_a_latent_too_small_for_its_concepts_is_told() -> None:
    with pytest.raises(ConfigError, match="Give other sizes, fewer concepts, or an autoencoder"):
        published_sizes({name: 0.1 for name in "abc"}, 4)
