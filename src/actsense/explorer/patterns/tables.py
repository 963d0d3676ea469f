"""Counts of knowledge points as a reader wants them."""

__all__ = ["count_words", "shown_counts"]

from typing import Any

import numpy as np
import pandas as pd

from actsense.patterns.figures.counts import CONTROL_NAMES, over_images

FOUND = {"final": "trained network", **CONTROL_NAMES}


def shown_counts(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return the rows that a page shows of one network.

    Arguments:
        table: Its rows of `knowledge_points`, or of `knowledge_classes`.
        by: `layer` for the trained network and its controls, or `class`.
    """
    if by == "class":
        return table
    own = over_images(table[table["configured"] & table["kind"].isin(list(FOUND))])
    return own.assign(found=own["kind"].map(FOUND))


def count_words(table: pd.DataFrame) -> pd.DataFrame:
    """Write counts and shares with their intervals."""
    named = ("layer", "found", "class")
    words: dict[str, Any] = {name: table[name] for name in named if name in table}
    words["points per image"] = _written(table, "points", ".1f")
    words["reliable"] = [f"{value:.1f}" for value in table["reliable"]]
    words["reliable share"] = _written(table, "ratio", ".2f")
    return pd.DataFrame(words)


def _written(table: pd.DataFrame, name: str, form: str) -> list[str]:
    lows, highs = (table.get(f"{name}_{end}", np.nan) for end in ("low", "high"))
    bounds = np.broadcast_arrays(table[name], lows, highs)
    return [
        "none" if np.isnan(value) else f"{value:{form}}" + _interval(low, high, form)
        for value, low, high in zip(*bounds, strict=True)
    ]


def _interval(low: float, high: float, form: str) -> str:
    return "" if np.isnan(low) else f" ({low:{form}} to {high:{form}})"
