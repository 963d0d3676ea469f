"""What a plan masks, against sorting by hand."""

from dataclasses import replace
from itertools import pairwise
from math import prod
from pathlib import Path

import numpy as np
import pytest
from masked_study import FACTORS, SHAPES, moments, store, values

from actsense.errors import ConfigError
from actsense.masking.plan import MaskPlan
from actsense.masking.ranks import MaskRanks

TOP = MaskPlan("top", "S1", "order", 0.0, 0.3, "activation", "together")
CHANNELS = replace(TOP, level="channel")

RARE = [(3, 7, 6), (3, 0, 6)]


def ranks(folder: Path, *, seed: int = 0, **options: object) -> MaskRanks:
    return MaskRanks(store(folder, **options), "small", seed=seed)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> MaskRanks:
    return ranks(tmp_path_factory.mktemp("plain"))


DEAD = [(0, 0, 0), (2, 3, 4), (3, 7, 7)]


@pytest.fixture(scope="module")
def with_dead_units(tmp_path_factory: pytest.TempPathFactory) -> MaskRanks:
    return ranks(tmp_path_factory.mktemp("dead"), dead=DEAD)


def masked(own: MaskRanks, plan: MaskPlan, layer: str = "1") -> np.ndarray:
    low, high = own.window(plan, layer)
    return (own.ranks(plan, layer) >= low) & (own.ranks(plan, layer) < high)


def order_map(layer: str = "1") -> np.ndarray:
    return values(layer, "S1")[FACTORS.index("order")]


@pytest.mark.parametrize("fraction", [0.01, 0.3, 0.5, 1.0])
def test_the_largest_values_are_masked_and_exactly_so_many(
    own: MaskRanks, fraction: float
) -> None:
    plan = replace(TOP, fraction=fraction)
    for layer, shape in SHAPES.items():
        count = round(fraction * np.prod(shape))
        expected = np.zeros(shape, dtype=bool)
        expected.reshape(-1)[np.argsort(-order_map(layer).reshape(-1))[:count]] = True
        np.testing.assert_array_equal(masked(own, plan, layer), expected)


def test_masks_of_larger_fractions_hold_those_of_smaller_ones(own: MaskRanks) -> None:
    for rule in ("top", "random", "magnitude", "permuted", "least"):
        sizes = [masked(own, replace(TOP, rule=rule, fraction=f)) for f in (0.1, 0.4, 0.8)]
        assert all((small <= large).all() for small, large in pairwise(sizes))


def test_masks_do_not_change_with_the_scale_of_the_map(own: MaskRanks, tmp_path: Path) -> None:
    changed = ranks(tmp_path, change=lambda maps: np.exp(3 * maps))
    np.testing.assert_array_equal(masked(own, TOP), masked(changed, TOP))


def test_least_is_the_other_end_of_top(own: MaskRanks) -> None:
    least = masked(own, replace(TOP, rule="least", fraction=0.25))
    np.testing.assert_array_equal(~least, masked(own, replace(TOP, fraction=0.75)))


def test_ties_are_broken_by_the_seed_and_keep_the_count(tmp_path: Path) -> None:
    path = store(tmp_path, change=np.zeros_like)
    one, same, other = (MaskRanks(path, "small", seed=seed) for seed in (0, 0, 1))
    assert masked(one, TOP).sum() == round(0.3 * 256)
    np.testing.assert_array_equal(masked(one, TOP), masked(same, TOP))
    assert (masked(one, TOP) != masked(other, TOP)).any()
    assert masked(one, TOP).any(axis=(1, 2)).all()  # not the first units in memory


@pytest.mark.parametrize("rule", ["top", "random", "magnitude", "least", "mean"])
def test_dead_units_come_last_whatever_the_rule(with_dead_units: MaskRanks, rule: str) -> None:
    most = replace(TOP, rule=rule, fraction=253 / 256)
    is_dead = np.zeros(SHAPES["1"], dtype=bool)
    is_dead[tuple(np.transpose(DEAD))] = True
    np.testing.assert_array_equal(masked(with_dead_units, most), ~is_dead)
    assert masked(with_dead_units, replace(most, fraction=1.0)).all()


@pytest.mark.parametrize("rule", ["top", "random", "magnitude", "least"])
def test_rare_units_come_last_and_are_counted(tmp_path: Path, rule: str) -> None:
    own = ranks(tmp_path, dead=DEAD, rare=[*RARE, DEAD[0]])  # one is both
    gone = np.zeros(SHAPES["1"], dtype=bool)
    gone[tuple(np.transpose([*DEAD, *RARE]))] = True
    most = replace(TOP, rule=rule, fraction=1 - gone.mean())
    np.testing.assert_array_equal(masked(own, most), ~gone)
    every = sum(prod(SHAPES[layer]) for layer in own.layers)
    assert str(own.left_out(most)) == f"{len(DEAD)} dead, {len(RARE)} rare of {every}"
    assert own.left_out(MaskPlan("none")).of == 0


def test_a_layer_whose_units_are_all_rare_is_not_masked(tmp_path: Path) -> None:
    everything = list(np.ndindex(SHAPES["1"]))
    own = ranks(tmp_path, rare=everything)
    assert own.layers == ("3",)
    reason = f"no unit can be ranked: 0 dead, {len(everything)} rare of {len(everything)}"
    assert own.unmasked["1"] == reason


def test_where_every_unit_is_rare_they_are_ranked_all_the_same_and_that_is_said(
    own: MaskRanks, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    everything = list(np.ndindex(SHAPES["1"]))
    rare = ranks(tmp_path, layers=("1",), rare=everything)
    assert (rare.rare, own.rare) == (True, False)
    for plan in (TOP, CHANNELS, replace(TOP, rule="magnitude")):
        np.testing.assert_array_equal(masked(rare, plan), masked(own, plan))
    assert rare.left_out(TOP).rare == len(everything)
    assert "every unit is rare" in caplog.text


def test_permuted_maps_move_positions_alike_in_all_channels(own: MaskRanks) -> None:
    """Channels keep how many they have; positions keep which channels they have."""
    plain, moved = masked(own, TOP), masked(own, replace(TOP, rule="permuted"))
    assert (plain != moved).any()

    def columns(mask: np.ndarray) -> list[tuple[bool, ...]]:
        return sorted(map(tuple, mask.reshape(len(mask), -1).T.tolist()))

    assert columns(plain) == columns(moved)


def test_permuted_maps_of_all_values_move_alike(own: MaskRanks) -> None:
    moves = []
    for value in ("S1", "shapley"):
        plan = replace(TOP, value=value)
        plain = own.ranks(plan, "1").reshape(4, -1)
        moved = own.ranks(replace(plan, rule="permuted"), "1").reshape(4, -1)
        where = np.array([np.flatnonzero(plain[0] == rank)[0] for rank in moved[0]])
        np.testing.assert_array_equal(moved, plain[:, where])
        moves.append(where)
    np.testing.assert_array_equal(*moves)


def test_permuted_channels_are_other_channels(own: MaskRanks) -> None:
    plain = own.ranks(CHANNELS, "3").reshape(-1)
    moved = own.ranks(replace(CHANNELS, rule="permuted"), "3").reshape(-1)
    assert sorted(plain) == sorted(moved) == list(range(5))
    assert (plain != moved).any()


def test_channels_rank_by_their_own_index(own: MaskRanks) -> None:
    plan = replace(CHANNELS, fraction=0.5)
    best = np.argsort(-order_map().mean(axis=(1, 2)))[:2]
    found = masked(own, plan)
    assert found.shape == (4, 1, 1)
    assert set(np.flatnonzero(found)) == set(best)
    assert own.masked_units(plan) == 2 * 64 + 2 * 16  # round(0.5 * 5) = 2


def test_magnitude_is_the_root_mean_square_response(own: MaskRanks) -> None:
    plan = replace(TOP, rule="magnitude", value="", factor="")
    held = moments(SHAPES["1"])
    squares = held["mean"] ** 2 + held["variance"]
    assert masked(own, plan).sum() == 77
    assert squares[masked(own, plan)].min() > squares[~masked(own, plan)].max()
    channel = own.ranks(replace(plan, level="channel"), "1").reshape(-1)
    np.testing.assert_array_equal(np.argsort(channel), np.argsort(-squares.mean(axis=(1, 2))))


def test_random_masks_differ_by_draw_and_not_by_map(own: MaskRanks, tmp_path: Path) -> None:
    plain = MaskPlan("random", scale=0.0, fraction=0.3, level="activation", layers="together")
    changed = ranks(tmp_path, change=lambda maps: -maps)
    first, second = masked(own, plain), masked(own, replace(plain, draw=1))
    assert (first != second).any()
    np.testing.assert_array_equal(first, masked(changed, plain))
    shared = (first & second).sum() / first.sum()
    assert abs(shared - 0.3) < 5 * np.sqrt(0.3 * 0.7 / first.sum())  # as of independent draws


def test_certain_share_counts_intervals_above_zero(own: MaskRanks) -> None:
    above = total = 0
    for layer in SHAPES:
        chosen = order_map(layer)[masked(own, TOP, layer)]
        above += (chosen > 0.2).sum()
        total += chosen.size
    assert above / total > 0.1
    assert own.certain_share(TOP) == pytest.approx(above / total)
    assert own.certain_share(replace(TOP, fraction=1.0)) < 0.9
    assert np.isnan(own.certain_share(replace(TOP, rule="least")))


def test_one_layer_alone_counts_alone(own: MaskRanks) -> None:
    assert own.masked_units(TOP) == round(0.3 * 256) + round(0.3 * 80)
    assert own.masked_units(replace(TOP, layers="3")) == round(0.3 * 80)
    assert own.masked_units(MaskPlan("none")) == 0


def test_layers_that_cannot_be_masked_have_a_reason(tmp_path: Path) -> None:
    everything = [tuple(unit) for unit in np.argwhere(np.ones(SHAPES["1"]))]
    own = ranks(tmp_path, dead=everything)
    size = prod(SHAPES["1"])
    assert own.layers == ("3",)
    assert own.unmasked == {
        "1": f"no unit can be ranked: {size} dead, 0 rare of {size}",
        "4": "it has no positions",
    }


def test_a_network_without_maps_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no recorded layer can be masked \(4: it has no pos"):
        ranks(tmp_path, layers=())
