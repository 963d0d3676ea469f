"""Channels or units in order, and how two factors or two layers agree."""

__all__ = [
    "ORDERS",
    "Agreement",
    "agreement",
    "compare_factors",
    "distribution",
    "ordered",
    "search_layers",
]

from dataclasses import dataclass

import numpy as np
import pandas as pd

from actsense.explorer.reading import CONTRAST
from actsense.inspection import RunResults
from actsense.inspection.search import strongest_of_run

ORDERS = {
    "variance": "variance due to the factor",
    "value": "share of their variance",
    "certain": "lower end of its interval",
    "number": "number",
}


FOUND = 100  # channels of all layers that are listed


@dataclass(frozen=True)
class Agreement:
    """Rank correlation of two columns.

    Attributes:
        rho: Spearman's correlation, NaN if one of them does not vary.
        count: Rows in which both are known.
    """

    rho: float
    count: int


def ordered(table: pd.DataFrame, index: str, order: str) -> pd.DataFrame:
    """Return the rows of a ranking in order, the strongest first, undefined values last.

    Arguments:
        table: What `reading.ranking` returned.
        index: `S1`, `ST`, `shapley` or `contrast`, which is taken by its magnitude.
        order: One of `ORDERS`. The variance behind a share is share times variance. A contrast
            has neither interval nor share and is taken itself.
    """
    if order == "number":
        return table.sort_values("number")
    if index == CONTRAST:
        strength = table[CONTRAST].abs()
    elif order == "certain":
        strength = table[index] - table[f"{index}_ci"]
    else:
        strength = table[index] * (table["variance"] if order == "variance" else 1)
    # A stable order: equal strengths by number, whatever was there before.
    by = pd.DataFrame({"strength": -strength, "number": table["number"]})
    return table.loc[by.sort_values(["strength", "number"], na_position="last").index]


def compare_factors(
    first: pd.DataFrame, second: pd.DataFrame, index: str
) -> tuple[pd.DataFrame, Agreement]:
    """Set the rankings of two factors side by side.

    Returns:
        One row per channel or unit: `number`, `x`, `y`, and `x_half`, `y_half`, which are NaN for
        contrasts; and the rank correlation of x and y.
    """
    columns = {"number": first["number"], "x": first[index], "y": second[index]}
    for name, table in (("x_half", first), ("y_half", second)):
        half = f"{index}_ci"
        columns[name] = table[half] if half in table else pd.Series(np.nan, table.index)
    found = pd.DataFrame(columns)
    return found, agreement(found["x"], found["y"])


def agreement(x: pd.Series, y: pd.Series) -> Agreement:
    """Return Spearman's rank correlation where both are known."""
    both = np.isfinite(x.to_numpy()) & np.isfinite(y.to_numpy())
    x, y = x[both], y[both]
    if min(x.nunique(), y.nunique()) < 2:
        return Agreement(float("nan"), int(both.sum()))
    return Agreement(float(x.rank().corr(y.rank())), int(both.sum()))


def distribution(table: pd.DataFrame, index: str, points: int = 101) -> pd.DataFrame:
    """Return quantiles of an index over channels or units: `share` of them, `value` reached."""
    known = table[index].dropna()
    share = np.linspace(0, 1, points)
    value = known.quantile(share).to_numpy() if len(known) else np.full(points, np.nan)
    return pd.DataFrame({"share": share, "value": value})


def search_layers(run: RunResults, factor: str, index: str) -> pd.DataFrame:
    """Return the channels of all layers that feel a factor most, as `find_strongest` does."""
    return strongest_of_run(run, factor, index=index, level="channel", top=FOUND)
