"""Our sums against SALib and SciPy on the same evaluations.

The symmetrised estimators are averages of the peers' own over the roles that A and B can take,
so the peers check every term: first order over four roles, second order and total effects over
two, Shapley effects over both directions of a walk.
"""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from SALib.analyze import sobol as salib_sobol
from scipy.stats import sobol_indices as scipy_sobol

from actsense.sampling.designs import Design, Factor
from actsense.sensitivity.accumulator import Accumulator
from actsense.sensitivity.moments import Moments
from benchmarks.functions import G_WEIGHTS, g_function

Floats = NDArray[np.float64]
D = len(G_WEIGHTS)
POINTS = 256


class Responses:
    """The g-function on every node of one replicate, with our moments of them."""

    def __init__(self) -> None:
        factors = tuple(Factor(f"x{j}", 1) for j in range(D))
        design = Design("peers", factors, base_points=POINTS, replicates=2, walks=1, seed=3)
        accumulator = Accumulator(tuple(f.name for f in factors), 1, 1)
        nodes, walks = [], []
        for number in range(design.blocks):
            block = design.block(0, number)
            points, width, _ = block.coordinates.shape
            y = (
                g_function(block.coordinates.reshape(-1, D))[:, None] + 5.0
            )  # an offset, to test centring
            place = np.arange(points * width).reshape(points, width)
            accumulator.add(torch.from_numpy(y), place, block)
            y = y.reshape(points, width)
            nodes.append(y)
            walked = np.take_along_axis(y[:, None], block.path, axis=2)[:, 0]
            walks.append((walked, block.exchanged[:, 0]))
        y = np.concatenate(nodes)
        self.a, self.b = y[:, 0], y[:, 1]
        self.ab, self.ba = y[:, 2 : 2 + D], y[:, 2 + D : 2 + 2 * D]
        self.walked = np.concatenate([w for w, _ in walks])
        self.exchanged = np.concatenate([e for _, e in walks])
        self.moments: Moments = accumulator.moments()


@pytest.fixture(scope="module")
def responses() -> Responses:
    return Responses()


def salib(a: Floats, b: Floats, ab: Floats, ba: Floats) -> tuple[dict[str, Floats], float]:
    """Return SALib's indices and the variance it divides by, in the scale of the responses."""
    factors = ab.shape[1]
    rows = np.column_stack([a, ab, ba, b]).reshape(-1)
    problem = {
        "num_vars": factors,
        "names": [f"x{j}" for j in range(factors)],
        "bounds": [[0, 1]] * factors,
    }
    found = salib_sobol.analyze(
        problem, rows, calc_second_order=True, num_resamples=2, seed=1, print_to_console=False
    )
    return found, float(np.concatenate([a, b]).var())


def one(values: Floats) -> Floats:
    return values[:, None]


def test_first_order_sums_are_salib_over_four_roles(responses: Responses) -> None:
    r = responses
    for j in range(D):
        c, e = r.ab[:, j], r.ba[:, j]
        roles = [(r.a, r.b, c, e), (r.b, r.a, e, c), (c, e, r.a, r.b), (e, c, r.b, r.a)]
        theirs = 0.0
        for a, b, ab, ba in roles:
            # One factor at a time, all four roles are centred on the same mean.
            found, variance = salib(a, b, one(ab), one(ba))
            theirs += found["S1"][0] * variance / 4
        own = r.moments["first"][j, 0]
        assert own / (4 * POINTS) == pytest.approx(theirs, rel=1e-6, abs=1e-9)


def triangle(j: int, k: int) -> int:
    """Return the row of a pair among the cross sums."""
    return sum(D - 1 - i for i in range(j)) + k - j - 1


def test_total_sums_are_salib_over_both_roles(responses: Responses) -> None:
    r = responses
    forth, v1 = salib(r.a, r.b, r.ab, r.ba)
    back, v2 = salib(r.b, r.a, r.ba, r.ab)
    theirs = (forth["ST"] * v1 + back["ST"] * v2) / 2

    np.testing.assert_allclose(r.moments["total"][:, 0] / (4 * POINTS), theirs, rtol=1e-6)


def test_second_order_sums_are_salib_over_both_roles(responses: Responses) -> None:
    r = responses
    forth, v1 = salib(r.a, r.b, r.ab, r.ba)
    back, v2 = salib(r.b, r.a, r.ba, r.ab)
    for j in range(D):
        for k in range(j + 1, D):
            theirs = (forth["S2"][j, k] * v1 + back["S2"][j, k] * v2) / 2
            own = r.moments["cross"][triangle(j, k), 0] / (2 * POINTS)
            assert own == pytest.approx(theirs, rel=1e-6, abs=1e-9)


def test_sums_agree_with_scipy_after_its_own_centring(responses: Responses) -> None:
    """SciPy centres by the mean of A and B, which moves its S1 by that mean times mean(c - a)."""
    r = responses

    def scipy_numerators(a: Floats, b: Floats, ab: Floats) -> tuple[Floats, Floats]:
        found = scipy_sobol(func={"f_A": a[None], "f_B": b[None], "f_AB": ab.T[:, None]}, n=POINTS)
        variance = np.concatenate([a, b]).var()
        center = np.concatenate([a, b]).mean()
        uncentred = found.first_order * variance + center * (ab - a[:, None]).mean(axis=0)
        return uncentred, found.total_order * variance

    first_1, total_1 = scipy_numerators(r.a, r.b, r.ab)
    first_2, total_2 = scipy_numerators(r.b, r.a, r.ba)
    np.testing.assert_allclose(
        r.moments["total"][:, 0] / (4 * POINTS), (total_1 + total_2) / 2, rtol=1e-6
    )
    for j in range(D):
        # SciPy fails on a single factor, so the factor stands there twice.
        third, _ = scipy_numerators(r.ab[:, j], r.ba[:, j], np.column_stack([r.a, r.a]))
        fourth, _ = scipy_numerators(r.ba[:, j], r.ab[:, j], np.column_stack([r.b, r.b]))
        theirs = (first_1[j] + first_2[j] + third[0] + fourth[0]) / 4
        own = r.moments["first"][j, 0] / (4 * POINTS)
        assert own == pytest.approx(theirs, rel=1e-6, abs=1e-9)


def test_shapley_sums_are_godas_formula_from_both_ends(responses: Responses) -> None:
    def goda(walked: Floats, exchanged: NDArray[np.int64]) -> Floats:
        """Goda (2021), equation for one walk, summed over walks."""
        credit = np.zeros(D)
        for z, order in zip(walked, exchanged, strict=True):
            for step, factor in enumerate(order):
                middle = (z[step] + z[step + 1]) / 2
                credit[factor] += (z[0] - middle) * (z[step] - z[step + 1])
        return credit

    r = responses
    forth = goda(r.walked, r.exchanged)
    back = goda(r.walked[:, ::-1], r.exchanged[:, ::-1])

    np.testing.assert_allclose(r.moments["walk"][:, 0] / 2, (forth + back) / 2, rtol=1e-9)
    np.testing.assert_allclose(r.moments["walk"].sum(), r.moments["gap"].sum(), rtol=1e-12)
