"""What is kept over the layers of a network, as Vega-Lite specifications."""

__all__ = ["between_chart", "free_chart", "state_styles"]

import pandas as pd

from actsense.explorer import vega
from actsense.explorer.curves import Style, style_scales
from actsense.explorer.invariance.words import LIMITED
from actsense.explorer.vega import Spec

STATES = {"trained": Style("#0072B2"), "random weights": Style("#999999", (4, 3))}
HEIGHT = 260


def state_styles(table: pd.DataFrame) -> dict[str, Style]:
    """Return how the states of a table are drawn, for the legend that is up to the page."""
    return {state: style for state, style in STATES.items() if state in set(table["state"])}


def free_chart(table: pd.DataFrame) -> Spec:
    """Draw the share left free over layers: what `kept_table` returned."""
    x, (color, dash) = _layers(table), _scales()
    y = vega.quantity("value", "share of latent variance left free") | _unit(0)
    line: Spec = {
        "mark": {"type": "line"},
        "encoding": {"x": x, "y": y, "strokeDash": dash} | color,
    }
    return vega.chart(table, [line, *_dots(x, y, color, ("value", "low", "high"))], height=HEIGHT)


def between_chart(table: pd.DataFrame, title: str) -> Spec:
    """Draw a measure between floor and ceiling: what `consistency_table` returned.

    Arguments:
        table: Rows of layers.
        title: What is measured.
    """
    x, (color, _) = _layers(table), _scales()
    offset: Spec = {"xOffset": {"field": "state", "sort": list(STATES)}}
    least = min(0.0, float(table[["value", "floor", "low"]].min().min()))
    y = vega.quantity("value", title) | _unit(least)
    span: Spec = {
        "mark": {"type": "bar", "width": 16, "color": "#D9E2EA"},
        "encoding": {
            **{"x": x, "y": {"field": "floor", "type": "quantitative", "title": title}},
            **{"y2": {"field": "ceiling"}},
            **{"tooltip": vega.tooltips({"layer": "layer"}, ("floor", "ceiling"))},
        }
        | offset,
    }
    numbers = ("value", "low", "high", "floor", "ceiling")
    return vega.chart(table, [span, *_dots(x, y, color | offset, numbers)], height=HEIGHT)


def _layers(table: pd.DataFrame) -> Spec:
    layers = list(dict.fromkeys(table["layer"]))
    axis = {"labelAngle": 0 if len(layers) < 5 else -40, "labelOverlap": False}
    return {"field": "layer", "type": "nominal", "sort": layers, "title": None, "axis": axis}


def _scales() -> tuple[Spec, Spec]:
    color, dash = style_scales("state", STATES)
    return {"color": color}, dash


def _unit(least: float) -> Spec:
    return {"scale": {"domain": [vega.number(least), 1], "nice": True}}


def _dots(x: Spec, y: Spec, color: Spec, numbers: tuple[str, ...]) -> list[Spec]:
    """Draw estimates with intervals; hollow where the autoencoder limits them."""
    about = {"layer": "layer", "state": "weights", "limited": " "}
    hollow = {"condition": {"test": f"datum.limited == {LIMITED!r}", "value": "white"}}
    fill = {"fill": hollow | style_scales("state", STATES)[0]}
    return [
        {
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {"x": x, "y": {"field": "low", "type": "quantitative"} | _titled(y),
                         "y2": {"field": "high"}} | color,
        },
        {
            "mark": {"type": "point", "size": 70, "strokeWidth": 2, "opacity": 1},
            "encoding": {"x": x, "y": y, "tooltip": vega.tooltips(about, numbers)} | color | fill,
        },
    ]  # fmt: skip


def _titled(y: Spec) -> Spec:
    return {name: y[name] for name in ("title", "scale")}
