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
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd

Spec = dict[str, Any]
LINE = 44  # characters of an axis' title that fit below a chart on a telephone
ROW = 36  # characters of a legend that fit beside each other on a telephone


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
    """Draw numbers along an axis, which need not begin at zero; a long title has several lines."""
    lines = wrap(title, LINE)
    return {
        "field": field,
        "type": "quantitative",
        "title": lines if len(lines) > 1 else title,
        "scale": {"zero": False, "nice": True},
    }


def palette(field: str, colors: Mapping[str, str]) -> Spec:
    """Give every name a color, with a legend above the chart, of one column if names are long."""
    legend: Spec = {"orient": "top", "title": None}
    if sum(map(len, colors)) > ROW:
        legend["columns"] = 1
    return {"color": scaled(field, colors) | {"legend": legend}}


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
