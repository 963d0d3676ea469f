"""The twelve functions that judge the estimators: their exact indices, and ours beside them."""

from itertools import permutations

import numpy as np
import pytest
import torch
from analytic import g_exact, ishigami_exact, moments_of, product_exact
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from actsense.sampling.designs import Block, Design, Factor
from actsense.sensitivity.accumulator import Accumulator
from actsense.sensitivity.indices import Indices, estimate_indices
from benchmarks.functions import (
    FACTORS,
    FUNCTIONS,
    LOGNORMAL_WEIGHTS,
    RELU_10,
    RELU_67,
    SHARES,
    SLOPES,
    SPREAD,
    Function,
    closed_variances,
    evaluate,
    exact_indices,
)

Floats = NDArray[np.float64]
SINGLE = ("S1", "ST", "shapley")
EXACT = {function.name: function.exact for function in FUNCTIONS}
NAMES = list(EXACT)
SETS = 2**FACTORS
# One base point more or less where a function of 1 % answers moves its shares so far, and no
# replicate may show it.
ALLOWANCE = {"rare": 0.1}
# Wider than that a test would say little.
WIDEST = {"smooth": 0.08, "steps": 0.08, "interaction": 0.25, "rare": 0.8, "heavy": 0.8}


def padded(values: Floats) -> Floats:
    """Fill up with inert factors."""
    return np.append(values, np.zeros(FACTORS - len(values)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ishigami", ishigami_exact()),
        ("g-function", g_exact()),
        ("product", product_exact((1.5 * SLOPES) ** 2 / 12)),
        ("linear", dict.fromkeys(SINGLE, SLOPES**2 / (SLOPES**2).sum())),
        ("three-way", {"S1": np.zeros(3), "ST": np.ones(3), "shapley": np.full(3, 1 / 3)}),
    ],
)
def test_indices_from_grids_are_those_of_closed_forms(
    name: str, expected: dict[str, Floats]
) -> None:
    for index in SINGLE:
        np.testing.assert_allclose(EXACT[name][index], padded(expected[index]), atol=1e-12)


def test_second_order_is_that_of_closed_forms() -> None:
    assert EXACT["Ishigami"]["S2"][0, 2] == pytest.approx(float(ishigami_exact()["S13"]))
    assert EXACT["g-function"]["S2"][1, 0] == pytest.approx(float(g_exact()["S12"]))


def conditional_mean(name: str, x: Floats, rest: float) -> Floats:
    """Return E[f | x], x the known part of the normal sum, whose rest has this variance."""
    threshold = RELU_67 if "6.7" in name else RELU_10
    spread = np.sqrt(rest)
    active = ndtr((x - threshold) / spread)
    if name.startswith("event"):
        return active
    density = np.exp(-(((x - threshold) / spread) ** 2) / 2) / np.sqrt(2 * np.pi)
    return (x - threshold) * active + spread * density


@pytest.mark.parametrize("name", [f.name for f in FUNCTIONS if f.kind == "rare"])
def test_functions_of_normal_sums_have_the_variances_of_their_conditional_means(
    name: str,
) -> None:
    (function,) = (f for f in FUNCTIONS if f.name == name)
    closed = function.closed()
    x, step = np.linspace(-9, 9, 20001, retstep=True)
    for s in range(1, SETS - 1):
        known = sum(share for j, share in enumerate(SHARES) if s >> j & 1)
        mean = conditional_mean(name, np.sqrt(known) * x, 1 - known)
        weight = step * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
        variance = weight @ mean**2 - (weight @ mean) ** 2
        assert closed[s] == pytest.approx(variance, abs=1e-8 * closed[-1])


def test_a_lognormal_term_has_the_variance_of_its_integral() -> None:
    x, step = np.linspace(-12, 15, 20001, retstep=True)
    weight = step * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    y = np.exp(SPREAD * x)
    variance = weight @ y**2 - (weight @ y) ** 2
    expected = LOGNORMAL_WEIGHTS**2 * variance
    assert EXACT["log-normal sum"]["variance"] == pytest.approx(expected.sum())
    np.testing.assert_allclose(EXACT["log-normal sum"]["S1"], expected / expected.sum(), rtol=1e-7)


def test_brute_force_finds_the_same_variances_of_every_set() -> None:
    """Half the mean squared difference of responses that share a set of factors, and no other."""
    points, repetitions = 256, 32
    found = np.empty((repetitions, SETS, len(FUNCTIONS)))
    member = (np.arange(SETS)[:, None] >> np.arange(FACTORS) & 1).astype(bool)
    for repetition in range(repetitions):
        a, b = np.split(qmc.Sobol(2 * FACTORS, rng=repetition).random(points), 2, axis=1)
        y = evaluate(np.where(member[:, None], a, b).reshape(-1, FACTORS))
        y = y.reshape(SETS, points, -1)
        found[repetition] = np.square(y - y[-1]).mean(axis=1) / 2
    closed = np.stack([function.closed() for function in FUNCTIONS], axis=1)
    error = abs(found.mean(axis=0) - closed[-1] + closed) / closed[-1]
    standard_error = found.std(axis=0, ddof=1) / np.sqrt(repetitions) / closed[-1]
    kinds = np.array([function.kind for function in FUNCTIONS])
    light, easy = kinds != "heavy", ~np.isin(kinds, ["rare", "heavy"])

    assert (error <= 5 * standard_error + 1e-12)[:, light].all()
    assert standard_error[:, easy].max() < 0.02


@pytest.fixture(scope="module")
def found() -> Indices:
    """Estimate all functions from one shared evaluation: 32 replicates of 32 base points."""
    factors = tuple(Factor(f"x{j}", 1) for j in range(FACTORS))
    design = Design("functions", factors, base_points=32, replicates=32, walks=2, seed=5)
    return estimate_indices(moments_of(evaluate, design, dtype=torch.float64))


@pytest.mark.parametrize("index", [*SINGLE, "S2", "variance"])
@pytest.mark.parametrize("function", FUNCTIONS, ids=NAMES)
def test_estimates_agree_with_exact_indices(
    found: Indices, function: Function, index: str
) -> None:
    unit, exact = NAMES.index(function.name), function.exact[index]
    scale = function.exact["variance"] if index == "variance" else 1.0
    error = abs(found.values[index][..., unit] - exact) / scale
    width = found.half_widths[index][..., unit] / scale
    known = ~np.isnan(exact)

    allowance = ALLOWANCE.get(function.kind, 0.0) + 1e-12
    assert (error <= 2 * width + allowance)[known].all()
    assert (width <= WIDEST[function.kind])[known].all()


def test_shapley_effects_sum_to_one_and_inert_factors_have_none(found: Indices) -> None:
    np.testing.assert_allclose(found.values["shapley"].sum(axis=0), 1, rtol=1e-10)
    for name, inert in (("Ishigami", [3, 4, 5]), ("three-way", [3, 4, 5]), ("softmax", [4, 5])):
        unit = NAMES.index(name)
        assert (found.values["ST"][inert, unit] == 0).all()
        assert (found.values["shapley"][inert, unit] == 0).all()


def population(levels: tuple[int, ...]) -> Block:
    """Return a block of every pair of members of a finite population, with walks of all orders."""
    cells = np.stack(np.unravel_index(np.arange(np.prod(levels)), levels), axis=1)
    members = (cells + 0.5) / levels
    rows, d = len(members), len(levels)
    a, b = members.repeat(rows, axis=0)[:, None], np.tile(members, (rows, 1))[:, None]
    one = np.eye(d, dtype=bool)
    from_b = np.vstack([np.zeros((1, d), bool), np.ones((1, d), bool), one, ~one])
    orders = np.array(list(permutations(range(d))))
    # With three factors a walk goes from A over some c_j and some e_k to B.
    ends = np.zeros(len(orders), np.int64)
    path = np.stack([ends, 2 + orders[:, 0], 2 + d + orders[:, -1], ends + 1], axis=1)
    points = rows * rows
    return Block(
        np.where(from_b, b, a),
        np.broadcast_to(path, (points, *path.shape)),
        np.broadcast_to(orders, (points, *orders.shape)),
    )


def test_a_whole_population_gives_exact_indices() -> None:
    """Every pair of members once: no sampling error is left, for rare units neither."""
    levels, units = (2, 3, 4), 8
    table = np.random.default_rng(0).normal(size=(*levels, units))
    table[..., -1] = 0
    table[1, 2, 3, -1] = 1  # one member of 24 answers
    block = population(levels)
    points, nodes, width = block.coordinates.shape
    cells = (block.coordinates.reshape(-1, width) * levels).astype(np.int64)
    accumulator = Accumulator(("x", "y", "z"), block.path.shape[1], units)
    place = np.arange(points * nodes).reshape(points, nodes)
    accumulator.add(torch.from_numpy(table[tuple(cells.T)]), place, block)
    estimates = estimate_indices([accumulator.moments()] * 2)

    weights = [np.full(k, 1 / k) for k in levels]
    for unit in range(units):
        exact = exact_indices(closed_variances(table[..., unit], weights))
        for index in (*SINGLE, "S2", "variance"):
            value = estimates.values[index][..., unit]
            np.testing.assert_allclose(value, exact[index], atol=1e-12)


def test_exact_normal_thresholds_are_what_their_names_say() -> None:
    assert ndtr(-RELU_67) == pytest.approx(0.067)
    assert ndtri(0.01) == pytest.approx(-RELU_10)
    assert EXACT["event of 1 %"]["variance"] == pytest.approx(0.01 * 0.99)
