"""Curves with intervals as Vega-Lite specifications: networks, orders or masks over one number."""

__all__ = ["SOLID", "Style", "curve_chart", "mask_chart"]

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from actsense.drawing.style import FACTOR_COLORS
from actsense.explorer import vega
from actsense.explorer.masks import METRICS
from actsense.explorer.vega import Spec

SOLID = (1, 0)
OTHER = "#CCCCCC"
HEIGHT = 430


class Style(NamedTuple):
    """How a curve is drawn.

    Attributes:
        color: Its color.
        dashes: Lengths of dashes and gaps.
    """

    color: str
    dashes: tuple[int, ...] = SOLID


CONTROL_STYLES = {
    "largest responses": Style("#000000", (8, 4)),
    "same map, positions permuted": Style("#555555", (2, 2)),
    "least sensitive": Style("#555555", (8, 3, 2, 3)),
    "replaced by their mean": Style("#999999", (5, 5)),
}


def curve_chart(
    table: pd.DataFrame,
    styles: Mapping[str, Style],
    *,
    x: Spec,
    y: Spec,
    band: pd.DataFrame | None = None,
    level: float = np.nan,
    chosen: str = "",
) -> Spec:
    """Draw curves with intervals.

    Arguments:
        table: A row per point: `curve`, `x`, `value`, `low` and `high`.
        styles: How each curve is drawn, in the order of the legend.
        x: Axis of `x`, as `vega.quantity` returns it.
        y: Axis of `value`.
        band: Points whose `low` and `high` are filled with gray, behind the curves.
        level: A value that is dotted from side to side; none if NaN.
        chosen: The curve that is wide.
    """
    legend: Spec = {"orient": "right", "title": None, "symbolType": "stroke", "symbolSize": 600}
    color, dash = (
        vega.scaled("curve", {name: style[k] for name, style in styles.items()})
        | {"legend": legend}
        for k in (0, 1)
    )
    wide = {"condition": {"test": f"datum.curve == {chosen!r}", "value": 4}, "value": 1.4}
    between = {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}}
    tips = vega.tooltips({"curve": " "}, ("value", "low", "high"))
    tips.append({"field": "x", "type": "quantitative", "format": ".3g", "title": x["title"]})
    places = {"x": x, "y": y, "color": color}
    layers: list[Spec] = [
        {"mark": "line", "encoding": places | {"strokeWidth": wide, "strokeDash": dash}},
        {"mark": "rule", "encoding": between | {"color": color}},
        {"mark": {"type": "circle", "size": 30}, "encoding": places | {"tooltip": tips}},
    ]
    if np.isfinite(level):
        dotted = {"type": "rule", "strokeDash": [1, 3], "color": "black", "strokeWidth": 1.5}
        data = {"values": [{"value": vega.number(level)}]}
        layers.insert(0, {"mark": dotted, "data": data, "encoding": {"y": y}})
    if band is not None:
        area = {"type": "area", "color": OTHER, "opacity": 0.7}
        layers.insert(0, {"mark": area, "data": vega.values(band), "encoding": between})
    return vega.chart(table, layers, height=HEIGHT)


def mask_chart(table: pd.DataFrame, metric: str, chosen: str, unmasked: float) -> Spec:
    """Draw a metric over the masked fraction: the chosen factor, its controls, all other factors.

    Arguments:
        table: What `masks.curves` returned.
        metric: One of `masks.METRICS`.
        chosen: Factor whose line is wide.
        unmasked: The metric without a mask.
    """
    shown = table.assign(x=100 * table["fraction"])
    lines = shown[shown["kind"] != "random"]
    names = dict.fromkeys(lines["curve"])
    own = {name: Style(FACTOR_COLORS.get(name, "#0072B2")) for name in names}
    return curve_chart(
        lines,
        {name: CONTROL_STYLES.get(name, own[name]) for name in names},
        x=vega.quantity("x", "masked, per cent of the activations"),
        y=vega.quantity("value", METRICS[metric]),
        band=shown[shown["kind"] == "random"],
        level=unmasked,
        chosen=chosen,
    )
