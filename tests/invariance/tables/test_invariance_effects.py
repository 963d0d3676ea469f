"""What layers leave free beside what they feel: planted orders, and SciPy on every resample."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from invariance_study import make_indices
from scipy.stats import spearmanr, t

from actsense.errors import MissingResultError
from actsense.invariance.kept.estimates import Estimate
from actsense.invariance.tables.effects import EFFECTS, INDICES, LayerEffects, Link, effect_rows

NAMES = ("hue", "rolling", "gamma", "shift", "noise")
DRAWS, SEED = 200, 3
INTERVAL = ["low", "high"]


def estimates(means: Sequence[float], spread: float = 0.0, seed: int = 0) -> tuple[Estimate, ...]:
    """Return estimates whose resamples lie around them."""
    away = np.random.default_rng(seed).normal(size=(1 + DRAWS, len(means)))
    away[0] = 0
    return tuple(Estimate(mean + spread * own) for mean, own in zip(means, away.T, strict=True))


def link(
    free: Sequence[float],
    length: Sequence[float] | None = None,
    *,
    spread: float = 0.0,
    seed: int = 0,
    limited: bool = False,
) -> Link:
    names = NAMES[: len(free)]
    far = estimates(np.ones(len(free)) if length is None else length)
    return Link.of(names, estimates(free, spread, seed), far, limited=limited)


def effects(
    values: Sequence[Sequence[float]],
    half: float = 0.0,
    *,
    layers: Sequence[str] = ("conv", "fc"),
    names: Sequence[str] = NAMES,
    replicates: int = 5,
) -> LayerEffects:
    table = np.array(values, dtype=np.float64)
    known = dict.fromkeys(INDICES, table)
    wide = dict.fromkeys(INDICES, np.full_like(table, half))
    return LayerEffects(tuple(layers[: len(table)]), tuple(names), known, wide, replicates)


def table_of(links: dict[tuple[str, str], Link], own: LayerEffects) -> pd.DataFrame:
    found = pd.DataFrame(effect_rows(links, {"colour": own}, seed=SEED))
    return found.assign(network="net", anchors=8)[[*EFFECTS]] if len(found) else found


def row(table: pd.DataFrame, **labels: Any) -> pd.Series:
    """Return the one row with some labels, of the fixed share under ST unless said otherwise."""
    for name, label in ({"index": "ST", "measure": "fixed", "augmentation": ""} | labels).items():
        table = table[table[name] == label]
    assert len(table) == 1
    return table.iloc[0]


FREE = (0.1, 0.2, 0.3, 0.4, 0.5)
FALLING, RISING = (0.9, 0.7, 0.5, 0.3, 0.1), (0.1, 0.3, 0.5, 0.7, 0.9)


@pytest.mark.parametrize(("felt", "expected"), [(FALLING, 1), (RISING, -1)])
def test_what_is_felt_and_fixed_agrees(felt: Sequence[float], expected: float) -> None:
    table = table_of({("trained", "conv"): link(FREE)}, effects([felt]))
    for index in INDICES:
        own = row(table, index=index, layer="conv")
        numbers = own[["value", *INTERVAL, "low_both", "high_both"]].to_numpy(float)
        np.testing.assert_allclose(numbers, expected)
        assert own["pairs"] == 5
        assert np.isnan(own["effect"])


def test_a_pair_is_the_number_of_the_augmentation_beside_its_index() -> None:
    of_layer = link(FREE, (1, 2, 3, 4, 5), spread=0.01, limited=True)
    felt = effects([RISING, FALLING], 0.05)
    for half in felt.half_widths.values():
        half[0] = 0.2  # of another layer
    found = table_of({("trained", "fc"): of_layer}, felt)
    expected = {
        "fixed": 1 - np.array(FREE),
        "length": np.arange(1, 6),
        "product": np.arange(1, 6) ** 2 * (1 - np.array(FREE)),
    }
    for measure, values in expected.items():
        for name, value, effect in zip(NAMES, values, FALLING, strict=True):
            own = row(found, layer="fc", measure=measure, augmentation=name)
            np.testing.assert_allclose(own["value"], value)
            bounds = own[["effect", "effect_low", "effect_high"]].to_numpy(dtype=float)
            np.testing.assert_allclose(bounds, [effect, effect - 0.05, effect + 0.05])
            assert np.isnan(own["low_both"])
            if measure != "length":
                assert own["low"] < own["value"] < own["high"]
    assert found["limited"].all()


def test_the_product_allows_for_how_far_images_are_moved() -> None:
    """Effects are length^2 fixed, which neither of both ranks alone."""
    fixed, length = np.array([0.9, 0.2, 0.5, 0.7, 0.3]), np.array([1, 3, 2, 0.5, 4])
    found = table_of(
        {("trained", "conv"): link(1 - fixed, length)}, effects([fixed * length**2 / 10])
    )
    assert row(found, layer="conv", measure="product")["value"] == pytest.approx(1)
    assert row(found, layer="conv", measure="fixed")["value"] < 0.5
    assert row(found, layer="conv", measure="length")["value"] < 0.95


def test_correlations_are_those_of_scipy_over_every_resample() -> None:
    noisy = link(FREE, spread=0.1, seed=4)
    felt = (0.5, 0.9, 0.3, 0.4, 0.1)
    found = row(table_of({("trained", "conv"): noisy}, effects([felt])), layer="conv")
    fixed = np.stack([one.samples for one in noisy.compared["fixed"]], axis=1)
    each = [spearmanr(own, felt).statistic for own in fixed]
    np.testing.assert_allclose(found["value"], each[0])
    ordered = np.sort(each[1:])
    np.testing.assert_allclose(found[INTERVAL].to_numpy(float), [ordered[4], ordered[-5]])
    # Without width, other replicates say the same.
    both = found[["low_both", "high_both"]].to_numpy(float)
    np.testing.assert_allclose(both, found[INTERVAL].to_numpy(float))


def test_other_replicates_are_as_far_away_as_intervals_say() -> None:
    half, many = 0.2, 20_000
    own = effects([FALLING], half)
    drawn = own.drawn("ST", "conv", many, seed=SEED)
    np.testing.assert_array_equal(drawn[0], FALLING)
    away = np.abs(drawn[1:] - FALLING) / half
    np.testing.assert_allclose((away < 1).mean(axis=0), 0.95, atol=0.006)  # 4 standard errors
    four = t(4)  # five replicates have four degrees of freedom
    near = four.cdf(four.ppf(0.975) / 2) - four.cdf(four.ppf(0.025) / 2)
    assert abs((away < 0.5).mean() - near) < 0.006
    assert abs(near - 0.745) > 0.015  # of five
    correlation = np.corrcoef(drawn[1:].T) - np.eye(5)
    assert np.abs(correlation).max() < 0.1  # tails of Student's t are long
    other = effects([RISING, FALLING], half).drawn("ST", "fc", 10, seed=SEED)
    assert (other[1:] != drawn[1:11]).all()


def test_noise_of_replicates_widens_the_interval_and_not_that_over_anchors() -> None:
    links = {("trained", "conv"): link(FREE, spread=0.01)}
    narrow, wide = (
        row(table_of(links, effects([FALLING], half)), layer="conv") for half in (0.0, 1.0)
    )
    assert narrow[["value", *INTERVAL]].tolist() == wide[["value", *INTERVAL]].tolist()
    assert wide["low_both"] < 0 < narrow["low_both"]


def test_random_weights_are_compared_with_the_same_effects_and_differences_are_paired() -> None:
    trained, random = link(FREE, spread=0.2), link(FREE[::-1], spread=0.2, limited=True)
    links = {("trained", "conv"): trained, ("random", "conv"): random}
    found = table_of(links, effects([FALLING], 0.3))
    one, other, apart = (
        row(found, state=state, layer="conv")
        for state in ("trained", "random", "trained - random")
    )
    assert apart["value"] == pytest.approx(one["value"] - other["value"])
    assert apart["limited"]
    assert not one["limited"]
    alike = {where: trained for where in links}
    apart = row(table_of(alike, effects([FALLING], 0.3)), state="trained - random", layer="conv")
    assert apart[["value", *INTERVAL, "low_both", "high_both"]].tolist() == [0] * 5


def test_all_layers_together_are_over_all_their_pairs() -> None:
    other = link((0.9, 0.8, 0.2, 0.1, 0.7), limited=True)
    links = {("trained", "conv"): link(FREE), ("trained", "fc"): other}
    felt = [(0.2, 0.9, 0.1, 0.35, 0.5), (0.3, 0.15, 0.8, 0.7, 0.25)]
    found = row(table_of(links, effects(felt)), layer="")
    fixed = 1 - np.array([*FREE, 0.9, 0.8, 0.2, 0.1, 0.7])
    expected = spearmanr(fixed, np.ravel(felt)).statistic
    assert found["value"] == pytest.approx(expected)
    assert found["pairs"] == 10
    assert found["limited"]


def test_an_augmentation_is_compared_over_layers() -> None:
    names, felt = ("a", "b", "c", "d"), [(0.1, 0.9), (0.2, 0.3), (0.3, 0.8), (0.5, 0.1)]
    free = [(0.9, 0.2), (0.5, 0.1), (0.6, 0.3), (0.2, 0.8)]
    links = {("trained", name): link(own) for name, own in zip(names, free, strict=True)}
    found = table_of(links, effects(felt, layers=names, names=NAMES[:2]))
    for k, name in enumerate(NAMES[:2]):
        own = row(found, layer="", augmentation=name)
        fixed, effect = 1 - np.array(free)[:, k], np.array(felt)[:, k]
        assert own["value"] == pytest.approx(spearmanr(fixed, effect).statistic)
        assert own["pairs"] == 4
    assert row(found, layer="")["pairs"] == 8


def test_lengths_have_no_differences() -> None:
    links = {(state, "conv"): link(FREE) for state in ("trained", "random")}
    found = table_of(links, effects([FALLING]))
    apart = found[found["state"] == "trained - random"]
    assert set(apart["measure"]) == {"fixed", "product"}
    assert set(apart["layer"]) == {"conv", ""}


def test_augmentations_and_layers_that_only_one_side_knows_do_not_count() -> None:
    names = ("content", "noise", "order", "hue", "rolling", "blur")
    own = effects([(0.9, 0.1, 0.8, 0.3, 0.2, 0.7)], layers=["fc"], names=names)
    links = {("trained", "conv"): link(FREE), ("trained", "fc"): link(FREE)}
    found = table_of(links, own)
    assert set(found["layer"]) == {"fc", ""}
    assert set(found["augmentation"]) == {"noise", "hue", "rolling", ""}
    assert (found.loc[found["effect"].notna(), "pairs"] == 1).all()
    assert row(found, layer="fc")["pairs"] == 3
    assert row(found, layer="fc")["value"] == pytest.approx(1)
    assert row(found, layer="fc", augmentation="noise")["effect"] == pytest.approx(0.1)
    assert not len(table_of({("trained", "conv"): link(FREE)}, own))


@pytest.mark.parametrize("side", ["free", "felt"])
def test_undefined_numbers_do_not_count_and_two_are_too_few(side: str) -> None:
    lost = [np.nan, *FREE[1:]]
    free, felt = (lost, FALLING) if side == "free" else (FREE, [np.nan, *FALLING[1:]])
    found = row(table_of({("trained", "conv"): link(free)}, effects([felt])), layer="conv")
    assert found["value"] == pytest.approx(1)
    assert found["pairs"] == 4
    for count in (2, 0):
        felt = [*([np.nan] * (5 - count)), *FALLING[:count]]
        found = row(table_of({("trained", "conv"): link(FREE)}, effects([felt])), layer="conv")
        assert found[["value", *INTERVAL, "low_both"]].isna().all()
        assert found["pairs"] == count


@pytest.mark.parametrize("unknown", [np.inf, np.nan])
def test_one_effect_without_an_interval_leaves_that_over_both_open(unknown: float) -> None:
    known = effects([FALLING], 0.1)
    known.half_widths["ST"][0, 2] = unknown
    found = row(table_of({("trained", "conv"): link(FREE)}, known), layer="conv")
    assert found["value"] == pytest.approx(1)
    assert found["low"] == pytest.approx(1)
    assert np.isnan(found["low_both"])


# Stores of indices.


def test_effects_are_read_by_layer_and_augmentation(tmp_path: Path) -> None:
    path = make_indices(
        tmp_path / "indices.zarr",
        {"conv": (0.1, 0.2, 0.7), "fc": (0.5, 0.25, 0.25)},
        factors=("hue", "rolling", "order"),
        half_width=0.05,
        replicates=7,
    )
    found = LayerEffects.read(path)
    assert (found.layers, found.replicates) == (("conv", "fc"), 7)
    assert found.augmentations == ("hue", "rolling", "order")
    for index in INDICES:
        np.testing.assert_allclose(
            found.values[index], [[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]], rtol=1e-6
        )
        np.testing.assert_allclose(found.half_widths[index], 0.05, rtol=1e-6)


def test_no_store_of_indices_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingResultError, match="snakemake indices"):
        LayerEffects.read(tmp_path / "indices.zarr")
