"""What figures of correlations show: layers of enough units, and what is told from zero."""

__all__ = ["FEWEST", "SIGNIFICANT", "enough_units", "largest_layer", "strongest", "told"]

import pandas as pd

from actsense.drawing.names import short_names
from actsense.drawing.style import CONTEXT_LINES

FEWEST = 30  # units: ranks of fewer agree by chance more than most correlations
SIGNIFICANT = 0.05  # of adjusted p-values


def enough_units(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Leave layers of too few units out, and say which, in a sentence or not at all.

    Arguments:
        table: Of correlations, with the column `n_units`.
    """
    units = table.groupby("layer", sort=False)["n_units"].max()
    few = units[units < FEWEST]
    if few.empty:
        return table, ""
    short = short_names(units.index)
    listed = [f"{short[str(layer)]} ({count:.0f})" for layer, count in few.items()]
    if len(listed) > 4:
        listed = [*listed[:3], f"{len(listed) - 3} more"]
    note = f"Left out, as fewer than {FEWEST} units say little: {', '.join(listed)}."
    return table[~table["layer"].isin(few.index)], note


def largest_layer(table: pd.DataFrame) -> str:
    """Return the layer with the most units, whose correlations owe chance least."""
    return str(table.groupby("layer", sort=False)["n_units"].max().idxmax())


def told(table: pd.DataFrame) -> pd.Series:
    """Tell which correlations differ from zero, by their intervals and by exchanged units."""
    return (table["low"] * table["high"] > 0) & (table["p_adjusted"] < SIGNIFICANT)


def strongest(table: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return the pairs of augmentations whose intervals stay furthest from zero, furthest first.

    A pair has the row of the layer where it is strongest.

    Arguments:
        table: From `correlation_within.csv`, of one value.
        count: How many pairs at most.
    """
    context = [table[f"variable_{k}"].str.split(" ").str[0].isin(CONTEXT_LINES) for k in (1, 2)]
    own = table[told(table) & ~context[0] & ~context[1]]
    least = own[["low", "high"]].abs().min(axis=1)
    ranked = own.loc[least.sort_values(ascending=False, kind="stable").index]
    return ranked.drop_duplicates(["variable_1", "variable_2"]).head(count)
