"""Indices of functions whose decomposition is known, through the real design."""

import numpy as np
import pytest
import torch
from analytic import (
    Function,
    g_exact,
    indices_of,
    ishigami_exact,
    product_exact,
)
from numpy.typing import NDArray
from scipy.stats import norm

from benchmarks.functions import FACTORS, g_function, ishigami

SINGLE = ("S1", "ST", "shapley")


@pytest.mark.parametrize(
    ("function", "exact", "factors"),
    [(ishigami, ishigami_exact(), 3), (g_function, g_exact(), FACTORS)],
)
def test_indices_match_the_closed_form(
    function: Function, exact: dict[str, NDArray[np.float64]], factors: int
) -> None:
    found = indices_of(function, [1] * factors, base_points=1024, replicates=16, walks=2)
    for name in (*SINGLE, "mean", "variance"):
        value, width = found.values[name][..., 0], found.half_widths[name][..., 0]
        assert (abs(value - exact[name]) <= 2 * width + 1e-6).all(), name
        assert (width <= 0.03 * max(1, float(exact["variance"]))).all(), name


@pytest.mark.parametrize(
    ("function", "exact", "factors", "pair", "key"),
    [
        (ishigami, ishigami_exact(), 3, (0, 2), "S13"),
        (g_function, g_exact(), FACTORS, (0, 1), "S12"),
    ],
)
def test_second_order_matches_the_closed_form(
    function: Function,
    exact: dict[str, NDArray[np.float64]],
    factors: int,
    pair: tuple[int, int],
    key: str,
) -> None:
    found = indices_of(function, [1] * factors, base_points=1024, replicates=16)
    value, width = found.values["S2"][pair][0], found.half_widths["S2"][pair][0]

    assert abs(value - exact[key]) <= 2 * width
    assert width < 0.02
    assert np.isnan(found.values["S2"][0, 0, 0])
    np.testing.assert_array_equal(found.values["S2"], found.values["S2"].transpose(1, 0, 2))


@pytest.mark.parametrize("walks", [1, 2, 3])
def test_shapley_effects_of_every_unit_sum_to_one(walks: int) -> None:
    weights = np.random.default_rng(0).normal(size=(5, 40))
    found = indices_of(lambda u: np.tanh(u @ weights), [1] * 5, base_points=32, walks=walks)

    np.testing.assert_allclose(found.values["shapley"].sum(axis=0), 1, rtol=1e-12)


def gaussian_products(u: NDArray[np.float64]) -> NDArray[np.float64]:
    z = norm.ppf(u)
    return np.column_stack([z[:, 0] * z[:, 1] * z[:, 2], z[:, 0] * z[:, 1]])


@pytest.mark.parametrize(
    ("factors", "unit", "shapley"),
    [
        ([1, 1, 1], 0, [1 / 3, 1 / 3, 1 / 3]),
        ([2, 1], 0, [1 / 2, 1 / 2]),  # as a group, the first two are one player
        ([1, 1, 1], 1, [1 / 2, 1 / 2, 0]),
    ],
)
def test_products_share_equally_between_players(
    factors: list[int], unit: int, shapley: list[float]
) -> None:
    found = indices_of(gaussian_products, factors, base_points=1024, replicates=16, walks=2)
    value, width = found.values["shapley"][:, unit], found.half_widths["shapley"][:, unit]

    assert (abs(value - shapley) <= 2 * width + 1e-12).all()
    assert (width < 0.05).all()


def test_a_switch_and_its_parameter_follow_the_indicator_model() -> None:
    """Y = B g(theta), B on with probability p: variances and Shapley effects in closed form."""
    p, mean, spread = 0.5, 1.5, 1 / 3  # g uniform on [0.5, 2.5]: mean 1.5, variance 1/3

    def indicator(u: NDArray[np.float64]) -> NDArray[np.float64]:
        return ((u[:, 0] < p) * (0.5 + 2 * u[:, 1]))[:, None]

    found = indices_of(indicator, [1, 1], base_points=1024, replicates=16, walks=2)
    variance = p * spread + p * (1 - p) * mean**2
    switch, both = p * (1 - p) * mean**2, p * (1 - p) * spread
    expected = np.array([switch + both / 2, p**2 * spread + both / 2]) / variance

    assert found.values["variance"][0] == pytest.approx(variance, rel=0.01)
    np.testing.assert_allclose(found.values["shapley"][:, 0], expected, atol=0.01)
    np.testing.assert_allclose(found.values["S2"][0, 1, 0], both / variance, atol=0.01)


def test_the_image_as_a_factor_leaves_no_floor_under_the_others() -> None:
    """An additive toy with shares .2, .3, .5 and one inert factor."""

    def toy(u: NDArray[np.float64]) -> NDArray[np.float64]:
        return norm.ppf(u[:, :3]) @ np.sqrt([[0.2], [0.3], [0.5]])

    found = indices_of(toy, [1, 1, 1, 1], base_points=512)
    for name in SINGLE:
        width = found.half_widths[name][:, 0]
        assert (abs(found.values[name][:, 0] - [0.2, 0.3, 0.5, 0]) <= 2 * width + 1e-12).all()
    assert found.values["ST"][3, 0] == 0


def test_a_linear_layer_has_the_shares_of_its_squared_weights() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 6).double()

    def network(u: NDArray[np.float64]) -> NDArray[np.float64]:
        with torch.no_grad():
            return layer(torch.from_numpy(norm.ppf(u))).numpy()

    squares = layer.weight.detach().numpy().T ** 2  # (factors, units)
    found = indices_of(network, [1] * 4, base_points=512)
    for name in SINGLE:
        np.testing.assert_allclose(found.values[name], squares / squares.sum(axis=0), atol=0.03)
    np.testing.assert_allclose(found.values["variance"], squares.sum(axis=0), rtol=0.03)


def test_indices_ignore_scale_and_offset() -> None:
    weights = np.random.default_rng(1).normal(size=(4, 10))

    def network(u: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.maximum(u @ weights, 0)

    plain = indices_of(network, [1] * 4, base_points=64)
    moved = indices_of(lambda u: -3 * network(u) + 1000, [1] * 4, base_points=64)
    for name in (*SINGLE, "S2"):
        np.testing.assert_allclose(moved.values[name], plain.values[name], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(moved.values["variance"], 9 * plain.values["variance"], rtol=1e-8)


def test_dead_units_are_flagged_and_poison_nobody() -> None:
    def network(u: NDArray[np.float64]) -> NDArray[np.float64]:
        rest = u.sum(axis=1)
        faint = 1 + 1e-6 * rest  # a few steps of float32 around 1
        return np.column_stack([rest, np.full(len(u), 7.0), faint, 1e-44 * rest])

    found = indices_of(network, [1, 1, 1], base_points=64, dtype=torch.float32)

    np.testing.assert_array_equal(found.dead, [False, True, False, False])
    assert np.isnan(found.values["S1"][:, 1]).all()
    assert np.isfinite(found.values["S1"][:, [0, 2, 3]]).all()
    np.testing.assert_allclose(found.values["S1"][:, [2, 3]], 1 / 3, atol=0.15)


@pytest.mark.parametrize("scale", [6e-24, 1e-38, 1e19, 1e37])
def test_shares_do_not_depend_on_the_scale_of_the_responses(scale: float) -> None:
    found = indices_of(lambda u: scale * g_function(u), [1] * FACTORS, dtype=torch.float32)
    plain = indices_of(g_function, [1] * FACTORS, dtype=torch.float32)
    for name in (*SINGLE, "S2"):
        np.testing.assert_allclose(found.values[name], plain.values[name], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.values["shapley"].sum(axis=0), 1, rtol=1e-6)


def test_intervals_cover_at_their_nominal_rate() -> None:
    """200 repetitions of a smooth function: coverage of 95 % intervals within [0.93, 0.97]."""
    slopes = np.array([1.0, 0.7, 0.4, 0.2])
    exact = product_exact(slopes**2 / 12)
    covered: dict[str, list[NDArray[np.bool_]]] = {name: [] for name in SINGLE}
    for seed in range(200):
        found = indices_of(
            lambda u: (1 + slopes * (u - 0.5)).prod(axis=1, keepdims=True),
            [1] * 4,
            base_points=64,
            replicates=8,
            walks=2,
            seed=seed,
        )
        for name in SINGLE:
            error = abs(found.values[name][:, 0] - exact[name])
            covered[name].append(error <= found.half_widths[name][:, 0])
    for name in SINGLE:
        assert 0.93 <= np.mean(covered[name]) <= 0.97, (name, np.mean(covered[name], axis=0))
