"""What is kept over the layers of a network, as Vega-Lite specifications."""

__all__ = ["between_chart", "free_chart"]

import pandas as pd

from actsense.explorer import vega
from actsense.explorer.invariance.words import LIMITED
from actsense.explorer.vega import Spec

STATES = {"trained": "#0072B2", "random weights": "#999999"}
DASHES = {"trained": (1, 0), "random weights": (4, 3)}
HEIGHT = 260


def free_chart(table: pd.DataFrame) -> Spec:
    """Draw the share left free over layers: what `kept_table` returned."""
    x, color = _layers(table), _states()
    y = vega.quantity("value", "share of latent variance left free") | _unit(0)
    dash = vega.scaled("state", DASHES) | {"legend": None}
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
    x, color = _layers(table), _states()
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


def _states() -> Spec:
    legend: Spec = {"legend": {"orient": "top", "title": None, "symbolType": "circle"}}
    return {"color": vega.scaled("state", STATES) | legend}


def _unit(least: float) -> Spec:
    return {"scale": {"domain": [vega.number(least), 1], "nice": True}}


def _dots(x: Spec, y: Spec, color: Spec, numbers: tuple[str, ...]) -> list[Spec]:
    """Draw estimates with intervals; hollow where the autoencoder limits them."""
    about = {"layer": "layer", "state": "weights", "limited": " "}
    hollow = {"condition": {"test": f"datum.limited == {LIMITED!r}", "value": "white"}}
    fill = {"fill": hollow | vega.scaled("state", STATES) | {"legend": None}}
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
