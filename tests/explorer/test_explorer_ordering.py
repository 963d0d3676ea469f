"""Order and agreement against SciPy and against numbers set by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from actsense.explorer.ordering import agreement, compare_factors, distribution, ordered

TABLE = pd.DataFrame(
    {
        "number": [0, 1, 2, 3, 4],
        "S1": [0.3, 0.5, np.nan, 0.5, 0.1],
        "S1_ci": [0.01, 0.4, np.nan, 0.1, 0.02],
        "variance": [10.0, 1.0, 0.0, 2.0, 100.0],
        "contrast": [0.1, -0.9, np.nan, 0.5, -0.2],
    }
)


@pytest.mark.parametrize(
    ("index", "order", "expected"),
    [
        ("S1", "value", [1, 3, 0, 4, 2]),
        ("S1", "certain", [3, 0, 1, 4, 2]),
        ("S1", "variance", [4, 0, 3, 1, 2]),
        ("S1", "number", [0, 1, 2, 3, 4]),
        ("contrast", "value", [1, 3, 4, 0, 2]),
        ("contrast", "certain", [1, 3, 4, 0, 2]),
    ],
)
def test_the_strongest_come_first_and_the_unknown_last(
    index: str, order: str, expected: list[int]
) -> None:
    shuffled = TABLE.sample(frac=1, random_state=1)
    assert ordered(shuffled, index, order)["number"].tolist() == expected


def test_agreement_is_spearmans_rank_correlation() -> None:
    rng = np.random.default_rng(0)
    x = pd.Series(rng.integers(0, 9, 200).astype(float))  # with ties
    y = x + rng.normal(0, 3, 200)
    y[5] = np.nan
    found = agreement(x, y)
    assert found.count == 199
    assert found.rho == pytest.approx(spearmanr(x, y, nan_policy="omit").statistic, abs=1e-12)


def test_what_does_not_vary_agrees_with_nothing() -> None:
    assert np.isnan(agreement(pd.Series([1.0, 1.0, 1.0]), pd.Series([1.0, 2.0, 3.0])).rho)
    assert np.isnan(agreement(pd.Series([np.nan]), pd.Series([1.0])).rho)


def test_factors_are_compared_channel_by_channel() -> None:
    second = TABLE.assign(S1=-TABLE["S1"], S1_ci=0.2)
    found, rank = compare_factors(TABLE, second, "S1")
    assert found["number"].tolist() == TABLE["number"].tolist()
    assert rank.rho == pytest.approx(-1)
    assert rank.count == 4
    assert found["y_half"].tolist() == [0.2] * 5
    contrasts, _ = compare_factors(TABLE, TABLE, "contrast")
    assert contrasts[["x_half", "y_half"]].isna().all(axis=None)


def test_a_distribution_says_what_share_stays_below_a_value() -> None:
    table = pd.DataFrame({"S1": [*np.linspace(0, 1, 1001), np.nan]})
    found = distribution(table, "S1")
    np.testing.assert_allclose(found["value"], found["share"], atol=1e-12)
    assert distribution(TABLE.assign(S1=np.nan), "S1")["value"].isna().all()
