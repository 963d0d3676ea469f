"""Curves with intervals as Vega-Lite specifications: networks, orders or masks over one number."""

__all__ = [
    "SOLID",
    "Style",
    "curve_chart",
    "curves_legend",
    "mask_chart",
    "mask_styles",
    "style_scales",
]

from collections.abc import Mapping
from html import escape
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
ASIDE = 0.015  # of the gap between two fractions: from curve to curve
LEGEND = "display:flex;flex-wrap:wrap;gap:0.2rem 1.1rem;font-size:0.85rem"


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
    """Draw curves with intervals; their legend, see `curves_legend`, is up to the page.

    Arguments:
        table: A row per point: `curve`, `x`, `value`, `low` and `high`, and where points are drawn
            if not at `x`.
        styles: How each curve is drawn, in the order of the legend.
        x: Axis of `x`, as `vega.quantity` returns it.
        y: Axis of `value`.
        band: Points whose `low` and `high` are filled with gray, behind the curves.
        level: A value that is dotted from side to side; none if NaN.
        chosen: The curve that is wide.
    """
    color, dash = style_scales("curve", styles)
    wide = {"condition": {"test": f"datum.curve == {chosen!r}", "value": 4}, "value": 1.4}
    between = {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}}
    tips = vega.tooltips({"curve": " "}, ("value", "low", "high"))
    title = x["title"] if isinstance(x["title"], str) else " ".join(x["title"])
    tips.append({"field": "x", "type": "quantitative", "format": ".3g", "title": title})
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


def style_scales(field: str, styles: Mapping[str, Style]) -> tuple[Spec, Spec]:
    """Return the colors and the dashes of curves, without a legend: see `curves_legend`."""
    color, dash = (
        vega.scaled(field, {name: style[k] for name, style in styles.items()}) | {"legend": None}
        for k in (0, 1)
    )
    return color, dash


def mask_chart(table: pd.DataFrame, metric: str, chosen: str, unmasked: float) -> Spec:
    """Draw a metric over the masked fraction: the chosen factor, its controls, all other factors.

    Arguments:
        table: What `masks.curves` returned.
        metric: One of `masks.METRICS`.
        chosen: Factor whose line is wide.
        unmasked: The metric without a mask.
    """
    shown = table.assign(x=100 * table["fraction"])
    lines, random = (shown[(shown["kind"] == "random") == band] for band in (False, True))
    fractions = sorted({vega.number(x) for x in lines["x"]})
    gap = min(np.diff(fractions), default=1.0)
    names = list(dict.fromkeys(lines["curve"]))
    # Side by side: at the same fraction bars would hide each other.
    aside = {name: (k - (len(names) - 1) / 2) * ASIDE * gap for k, name in enumerate(names)}
    x = vega.quantity("at", "masked, per cent of the activations")
    x |= {"axis": {"values": fractions, "grid": False}}
    x["scale"] |= {"nice": False, "padding": 12}
    return curve_chart(
        lines.assign(at=lines["x"] + lines["curve"].map(aside)),
        mask_styles(table),
        x=x,
        y=vega.quantity("value", METRICS[metric]),
        band=random.assign(at=random["x"]),
        level=unmasked,
        chosen=chosen,
    )


def mask_styles(table: pd.DataFrame) -> dict[str, Style]:
    """Return how the curves of masks are drawn, in the order of the legend."""
    names = dict.fromkeys(table.loc[table["kind"] != "random", "curve"])
    own = {name: Style(FACTOR_COLORS.get(name, "#0072B2")) for name in names}
    return {name: CONTROL_STYLES.get(name, own[name]) for name in names}


def curves_legend(styles: Mapping[str, Style]) -> str:
    """Return a legend of curves as HTML, which wraps where there is little room."""
    names = "".join(
        '<span style="white-space:nowrap"><span style="display:inline-block;width:34px;height:3px;'
        f'margin-right:6px;vertical-align:middle;background:{_line(style)}"></span>'
        f"{escape(name)}</span>"
        for name, style in styles.items()
    )
    return f'<div style="{LEGEND}">{names}</div>'


def _line(style: Style) -> str:
    """Return the background that looks like the line: its dashes, side by side."""
    if style.dashes == SOLID:
        return style.color
    ends = np.cumsum([0, *style.dashes]).tolist()
    inks = (style.color, "transparent")
    stops = (f"{inks[k % 2]} {ends[k]}px {ends[k + 1]}px" for k in range(len(style.dashes)))
    return f"repeating-linear-gradient(to right,{','.join(stops)})"
