"""Pieces of Vega-Lite specifications: the data inside, words on the axes."""

__all__ = [
    "Spec",
    "chart",
    "ends",
    "number",
    "palette",
    "quantity",
    "scaled",
    "tooltips",
    "values",
]

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

Spec = dict[str, Any]


def chart(table: pd.DataFrame, layers: list[Spec], *, height: float) -> Spec:
    """Lay charts of one table above each other."""
    return {
        # Not at the top, where Streamlit would take the data out and send it apart.
        "layer": [{"data": values(table), "layer": layers}],
        "height": int(height),
        "width": "container",
        "config": {"legend": {"labelLimit": 220}, "axis": {"labelLimit": 150}},
    }


def values(table: pd.DataFrame) -> Spec:
    """Put a table into a specification; what JSON cannot hold is left out."""
    rows = table.to_dict("records")
    return {"values": [{str(k): number(v) for k, v in row.items()} for row in rows]}


def number(value: Any) -> Any:
    """Return a value as JSON holds it: six digits of a number, nothing for one undefined."""
    if isinstance(value, float | np.floating):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def ends(table: pd.DataFrame) -> pd.DataFrame:
    """Add both ends of every interval, from values and half-widths."""
    return table.assign(low=table["value"] - table["half"], high=table["value"] + table["half"])


def quantity(field: str, title: str) -> Spec:
    """Draw numbers along an axis, which need not begin at zero."""
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": {"zero": False, "nice": True},
    }


def palette(field: str, colors: Mapping[str, str], *, orient: str) -> Spec:
    """Give every name a color, with a legend."""
    return {"color": scaled(field, colors) | {"legend": {"orient": orient, "title": None}}}


def scaled(field: str, ranged: Mapping[str, Any]) -> Spec:
    """Give every name a color, or dashes."""
    scale = {"domain": list(ranged), "range": list(ranged.values())}
    return {"field": field, "type": "nominal", "scale": scale}


def tooltips(names: Mapping[str, str], numbers: Iterable[str] | Mapping[str, str]) -> list[Spec]:
    """Tell names and numbers of what the mouse is on.

    Arguments:
        names: Fields of words, with their titles.
        numbers: Fields of numbers; with titles, if they are not called so.
    """
    titles = {"half": "± half-width"} | (dict(numbers) if isinstance(numbers, Mapping) else {})
    shown: list[Spec] = [{"field": k, "title": v} for k, v in names.items()]
    return shown + [
        {"field": n, "type": "quantitative", "format": ".3g", "title": titles.get(n, n)}
        for n in numbers
    ]
