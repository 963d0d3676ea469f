"""How much stands behind an estimate, and what intervals make of it."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from analytic import indices_of, moments_of
from numpy.typing import NDArray
from scipy.stats import chi2, poisson

from actsense.sampling.designs import Design, Factor
from actsense.sensitivity.indices import Indices, estimate_indices
from actsense.sensitivity.moments import Moments
from actsense.sensitivity.nesting import Nesting
from actsense.sensitivity.support import FEW, RARE, _upper_half, find_support
from benchmarks.coverage import estimates, flagged
from benchmarks.functions import FACTORS, FUNCTIONS

Floats = NDArray[np.float64]
SINGLE = ("S1", "ST", "shapley")
SEEDS = range(40)


def test_equal_contributions_are_counted_and_unequal_ones_count_less() -> None:
    """Three units: 12 equal differences in all; one alone; 9 of one size and 3 of thrice that."""
    sizes = np.array([[1.0] * 12, [1.0] + [0.0] * 11, [1.0] * 9 + [3.0] * 3]).T[:, None]
    sums = {name: sizes.reshape(2, 6, 1, 3).sum(axis=1) for name in ("gap", "swapped", "total")}
    sums["spread"] = np.square(2 * sizes).reshape(2, 6, 1, 3).sum(axis=1)
    sums["spread_total"] = sums["spread_first"] = sums["spread"] / 4
    found = find_support(sums, Nesting(1), 12)

    np.testing.assert_allclose(found.total[0], [12, 1, 18**2 / 36])
    np.testing.assert_allclose(found.variance, [12, 1, 18**2 / 36])
    np.testing.assert_allclose(found.joint[0], [12, 1, 9])
    np.testing.assert_allclose(found.event[0], [1, 1, 2])


@pytest.mark.parametrize("mean", [0.5, 1.5, 3.0, 8.0, 15.0])
def test_the_upper_half_covers_the_mean_of_a_poisson_number(mean: float) -> None:
    """Exact coverage by summing probabilities; never far above Garwood's exact upper limit."""
    counts = np.arange(100)
    upper = counts + np.where(counts < FEW, _upper_half(counts.astype(float), 0.95), np.inf)
    assert poisson.pmf(counts, mean)[mean <= upper].sum() >= 0.965
    few = counts[:FEW]
    garwood = chi2.ppf(0.975, 2 * (few + 1)) / 2
    np.testing.assert_allclose(upper[:FEW], garwood, rtol=0.08)


def one_replicate(*, active: int) -> Indices:
    """Return the indices of a unit that answers at four base points of some replicates."""
    design = Design("rare", tuple(Factor(f"x{j}", 1) for j in range(4)), 32, 8)
    replicates = moments_of(lambda u: 1.0 * (u.sum(axis=1, keepdims=True) > 3.0), design,
                            dtype=torch.float64)  # fmt: skip
    quiet = np.zeros_like(replicates[0].sums)
    silent = [Moments(m.factors, m.walks, m.points, m.forwards, quiet) for m in replicates]
    return estimate_indices(replicates[:active] + silent[active:])


def test_a_unit_that_one_replicate_met_has_wide_intervals_and_a_flag() -> None:
    found = one_replicate(active=1)
    assert found.rare.all()
    assert not found.dead.any()
    for name in SINGLE:
        assert np.isfinite(found.values[name]).all()
        assert (found.half_widths[name] > 0.1).all()
    assert np.abs(found.values["shapley"]).max() < 2
    np.testing.assert_allclose(found.values["shapley"].sum(axis=0), 1, rtol=1e-12)


def test_no_interval_has_width_zero_but_those_of_the_dead() -> None:
    """An inert factor was not seen to act: at most a few events of many could have been missed."""

    def network(u: Floats) -> Floats:
        rest = u[:, :3].sum(axis=1)
        return np.column_stack([rest, rest > 2.5, np.maximum(rest - 2.7, 0), 0 * rest])

    found = indices_of(network, [1] * 4, base_points=64)
    moved = ~found.dead
    assert moved.tolist() == [True, True, True, False]
    for name in (*SINGLE, "mean", "variance"):
        assert (found.half_widths[name][..., moved] > 0).all(), name
    np.testing.assert_array_equal(found.support[3, moved], 0)
    assert found.values["ST"][3, 0] == 0
    assert found.half_widths["ST"][3, 0] < 0.01
    assert found.rare.tolist() == [False, False, True, False]
    assert (found.support[:3, 0] > 100).all()


def test_events_that_every_replicate_met_equally_often_are_not_certain() -> None:
    """Five switches that must all be on: strata of a power of two may meet them alike."""
    closed = 0.5**5 * (
        0.5 ** np.arange(5, -1, -1) - 0.5**5
    )  # variance of the mean given k of them
    total = (closed[5] - closed[4]) / closed[5]
    held = []
    for seed in range(12):
        found = indices_of(
            lambda u: (u < 0.5).all(axis=1, keepdims=True), [1] * 5, base_points=128, seed=seed
        )
        width = found.half_widths["ST"][:, 0]
        assert (width > 0.01).all()
        assert not found.rare.any()
        held.append(abs(found.values["ST"][:, 0] - total) <= width)
    assert np.mean(held) >= 0.9


def test_a_unit_that_hardly_anything_moved_has_numbers_and_a_flag() -> None:
    """Pairs of one factor that met no answer leave nothing undefined: those of others met some."""
    met = 0
    for seed in range(8):
        found = indices_of(
            lambda u: np.maximum(u.sum(axis=1, keepdims=True) - 4.2, 0), [1] * 5, base_points=32,
            seed=seed,
        )  # fmt: skip
        met += int(found.rare.sum())
        for name in SINGLE:
            assert np.isfinite(found.values[name][:, found.rare]).all()
    assert met > 3


@pytest.fixture(scope="module")
def repetitions() -> list[Indices]:
    """All functions, at 128 base points in each of 8 replicates, for many seeds."""

    def repeated() -> Iterator[Indices]:
        for seed in SEEDS:
            yield from estimates(seed, (128,))

    return list(repeated())


@pytest.mark.parametrize("index", SINGLE)
@pytest.mark.parametrize("unit", range(len(FUNCTIONS)), ids=[f.name for f in FUNCTIONS])
def test_intervals_hold_the_exact_value_or_the_unit_is_flagged(
    repetitions: list[Indices], unit: int, index: str
) -> None:
    """A light form of `python -m benchmarks coverage`."""
    exact, kind = FUNCTIONS[unit].exact, FUNCTIONS[unit].kind
    moves = exact["ST"] > 1e-9
    held, flags = [], []
    for found in repetitions:
        error = abs(found.values[index][:, unit] - exact[index])[moves]
        flags.append(flagged(found)[unit])
        held.append((error <= found.half_widths[index][moves, unit]) | flags[-1])
    assert FACTORS >= moves.sum() >= 2
    assert np.mean(held) >= 0.9
    if kind in ("smooth", "steps", "interaction"):
        assert not any(flags)
        assert np.mean(held) <= 0.995
    if "1 % active" in FUNCTIONS[unit].name:
        assert np.mean(flags) > 0.5, f"support of {RARE} must be out of reach"
