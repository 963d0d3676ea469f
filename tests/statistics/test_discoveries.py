"""Corrected p-values against their definition and simulated tests."""

import numpy as np
import pandas as pd
import pytest

from actsense.statistics.discoveries import adjusted, adjusted_table


def by_definition(p_values: list[float], penalty: float) -> list[float]:
    """Take, for every p, the least of n q / rank over all q from p on."""
    n = len(p_values)
    ranks = {q: sum(other <= q for other in p_values) for q in p_values}
    return [min(1.0, *(penalty * n * q / ranks[q] for q in p_values if q >= p)) for p in p_values]


@pytest.mark.parametrize("method", ["bh", "by"])
def test_adjusted_p_values_are_those_of_the_definition(method: str) -> None:
    p_values = [0.001, 0.2, 0.03, 0.03, 0.9, 0.008, 1.0]
    penalty = sum(1 / k for k in range(1, 8)) if method == "by" else 1.0
    found = adjusted(p_values, method="by" if method == "by" else "bh")
    np.testing.assert_allclose(found, by_definition(p_values, penalty), rtol=1e-12)


def test_what_was_not_tested_does_not_count() -> None:
    p_values = np.array([[0.01, np.nan], [0.04, np.nan]])
    found = adjusted(p_values)
    np.testing.assert_allclose(found[:, 0], adjusted([0.01, 0.04]))
    assert np.isnan(found[:, 1]).all()
    assert p_values[1, 0] == 0.04


def test_nothing_tested_stays_nothing() -> None:
    assert adjusted([]).shape == (0,)
    assert np.isnan(adjusted([np.nan])).all()


def test_a_twentieth_of_the_discoveries_is_false() -> None:
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(400):
        true = rng.random(100) < 0.3
        p_values = np.where(true, rng.beta(0.05, 1, 100), rng.random(100))
        found = adjusted(p_values) < 0.05
        shares.append((found & ~true).sum() / max(1, found.sum()))
    assert abs(np.mean(shares) - 0.7 * 0.05) < 4 * np.std(shares) / 20
    assert np.std(shares) / 20 < 0.005


def test_a_table_gets_its_column_and_others_stay_as_they_are() -> None:
    table = pd.DataFrame({"p_value": [0.01, None, 0.04], "p_adjusted": np.nan}, index=[4, 2, 9])
    found = adjusted_table(table)["p_adjusted"]
    np.testing.assert_allclose(found, [0.02, np.nan, 0.04])
    other = pd.DataFrame({"reason": ["few"]})
    assert adjusted_table(other) is other
