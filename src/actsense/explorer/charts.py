"""Vega-Lite specifications of the charts: the data inside, words on the axes."""

__all__ = [
    "contrast_chart",
    "depth_chart",
    "distribution_chart",
    "layer_chart",
    "mask_chart",
    "pair_chart",
    "profile_chart",
    "scatter_chart",
]

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from actsense.drawing.style import FACTOR_COLORS, factor_labels
from actsense.explorer.masks import METRICS
from actsense.explorer.reading import NAMES

Spec = dict[str, Any]

INDEX_COLORS = {"S1": "#0072B2", "ST": "#D55E00", "shapley": "#009E73"}
LAYER_COLORS = ("#0072B2", "#D55E00")
CONTROL_LINES = {  # color and dashes
    "largest responses": ("#000000", [8, 4]),
    "same map, positions permuted": ("#555555", [2, 2]),
    "least sensitive": ("#555555", [8, 3, 2, 3]),
    "replaced by their mean": ("#999999", [5, 5]),
}
OTHER = "#CCCCCC"
SHARE = "share of variance"
ROW = 15  # pixels per bar or dot
BARS = 150  # dots of a scatter that have room for intervals
EVERY: Spec = {"axis": {"labelOverlap": False}}  # no name may be left out
AROUND = 55  # pixels of an axis and its title below the rows


def profile_chart(table: pd.DataFrame, chosen: str) -> Spec:
    """Draw the indices of a unit for all factors, with intervals; the chosen factor is framed."""
    labels = factor_labels([*table["factor"], chosen])
    factors = [labels[name] for name in dict.fromkeys(table["factor"])]
    y: Spec = {"field": "factor", "type": "nominal", "sort": factors, "title": None} | EVERY
    offset: Spec = {"yOffset": {"field": "index", "sort": list(INDEX_COLORS)}}
    color = _palette("index", INDEX_COLORS, orient="top")
    return _chart(
        _ends(table.replace({"factor": labels})),
        [_band(labels[chosen], y), *_dots(y, SHARE, color, offset, ["factor", "index"])],
        height=AROUND + 30 + 2 * ROW * len(factors),
    )


def pair_chart(table: pd.DataFrame, factor: str) -> Spec:
    """Draw the second-order indices of a unit with one factor."""
    labels = factor_labels([*table["factor"], factor])
    data = _ends(table.replace({"factor": labels}))
    y: Spec = {
        "field": "factor",
        "type": "nominal",
        "sort": list(data["factor"]),
        "title": None,
    } | EVERY
    color = {"color": {"value": _color(factor)}}
    return _chart(
        data,
        _dots(y, f"S2 with {labels[factor]}, {SHARE}", color, {}, ["factor"]),
        height=AROUND + 1.4 * ROW * len(table),
    )


def contrast_chart(table: pd.DataFrame, chosen: str) -> Spec:
    """Draw the mean differences of a unit under every augmentation, with intervals."""
    data = table.rename(
        columns={
            "mean_difference": "value",
            "mean_difference_ci": "half",
            "augmentation": "factor",
        }
    )
    y: Spec = {
        "field": "factor",
        "type": "nominal",
        "sort": list(data["factor"]),
        "title": None,
    } | EVERY
    title = "mean difference of the response"
    color = {"color": {"value": "#0072B2"}}
    kept = _ends(data[["factor", "value", "half"]])
    return _chart(
        kept,
        [_band(chosen, y), *_dots(y, title, color, {}, ["factor"])],
        height=AROUND + 1.8 * ROW * len(data),
    )


def scatter_chart(table: pd.DataFrame, first: str, second: str, index: str, kind: str) -> Spec:
    """Draw channels or units by two factors, with intervals where there are few of them.

    Arguments:
        table: What `ordering.compare_factors` returned.
        first: Factor of the horizontal axis.
        second: Factor of the vertical axis.
        index: What is compared.
        kind: What a point is: `channel` or `unit`.
    """
    data = table.dropna(subset=["x", "y"])
    x, y = (_quantity(k, f"{NAMES[index]}, {name}") for k, name in (("x", first), ("y", second)))
    points: Spec = {
        "mark": {"type": "circle", "size": 34, "opacity": 0.75, "color": "#0072B2"},
        "name": "dots",
        "encoding": {"x": x, "y": y, "tooltip": _tooltips({"number": kind}, ("x", "y"))},
    }
    bars: list[Spec] = []
    few = len(data) <= BARS and data["x_half"].notna().any()
    if few:
        data = data.assign(
            x_low=data["x"] - data["x_half"],
            x_high=data["x"] + data["x_half"],
            y_low=data["y"] - data["y_half"],
            y_high=data["y"] + data["y_half"],
        )
        rule = {"type": "rule", "opacity": 0.25}
        across = {"x": x | {"field": "x_low"}, "x2": {"field": "x_high"}, "y": y}
        along = {"y": y | {"field": "y_low"}, "y2": {"field": "y_high"}, "x": x}
        bars = [{"mark": rule, "encoding": across}, {"mark": rule, "encoding": along}]
    else:
        data = data[["number", "x", "y"]]
    picked = {"name": "picked", "select": {"type": "point", "fields": ["number"]}}
    chart = _chart(data, [*bars, points], height=430)
    return chart | {"params": [picked | {"views": ["dots"]}]}


def depth_chart(table: pd.DataFrame, chosen: str, index: str) -> Spec:
    """Draw an index over the layers, a line per factor, the chosen one on top."""
    layers = list(dict.fromkeys(table["layer"]))
    x: Spec = {
        "field": "layer",
        "type": "nominal",
        "sort": layers,
        "title": None,
        "axis": {"labelAngle": -30},
    }
    labels = factor_labels(dict.fromkeys(table["factor"]))
    colors = {label: _color(name) for name, label in labels.items()}
    color = _palette("factor", colors, orient="right")
    chosen = labels.get(chosen, chosen)
    width = {"condition": {"test": f"datum.factor == '{chosen}'", "value": 4}, "value": 1.3}
    dashes = {label: [1, 0] if label == name else [5, 3] for name, label in labels.items()}
    dash = {"strokeDash": _scaled("factor", dashes) | {"legend": None}}
    y = _quantity("value", f"{NAMES[index]}, {SHARE}")
    tips = {"tooltip": _tooltips({"factor": "factor", "layer": "layer"}, ("value", "half"))}
    line = {"mark": "line", "encoding": {"x": x, "y": y, "strokeWidth": width} | color | dash}
    points = {"mark": {"type": "circle", "size": 30}, "encoding": {"x": x, "y": y} | color | tips}
    rules = {
        "mark": "rule",
        "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}} | color,
    }
    data = _ends(table.replace({"factor": labels}))
    return _chart(data, [line, rules, points], height=320)


def layer_chart(table: pd.DataFrame, layers: tuple[str, str], index: str) -> Spec:
    """Draw an index of two layers for all factors, with intervals."""
    labels = factor_labels(table["factor"])
    data = _ends(table[table["layer"].isin(layers)].replace({"factor": labels}))
    factors = list(dict.fromkeys(data["factor"]))
    y: Spec = {"field": "factor", "type": "nominal", "sort": factors, "title": None} | EVERY
    color = _palette("layer", dict(zip(layers, LAYER_COLORS, strict=False)), orient="top")
    offset = {"yOffset": {"field": "layer", "sort": list(layers)}}
    dots = _dots(y, f"{NAMES[index]}, {SHARE}", color, offset, ["layer", "factor"])
    return _chart(data, dots, height=AROUND + 30 + 1.8 * ROW * len(factors))


def distribution_chart(table: pd.DataFrame, layers: tuple[str, str], title: str) -> Spec:
    """Draw what share of the channels or units of two layers stays below a value."""
    color = _palette("layer", dict(zip(layers, LAYER_COLORS, strict=False)), orient="top")
    y = _quantity("share", "share of channels (units) below")
    line = {
        "mark": {"type": "line", "strokeWidth": 2},
        "encoding": {
            "x": _quantity("value", title),
            "y": y,
            "order": {"field": "share", "type": "quantitative"},
        }
        | color,
    }
    return _chart(table.dropna(), [line], height=300)


def mask_chart(table: pd.DataFrame, metric: str, chosen: str, unmasked: float) -> Spec:
    """Draw a metric over the masked fraction: the chosen factor, its controls, all other factors.

    Arguments:
        table: What `masks.curves` returned.
        metric: One of `masks.METRICS`.
        chosen: Factor whose line is wide.
        unmasked: The metric without a mask.
    """
    shown = table.assign(percent=100 * table["fraction"])
    random, lines = shown[shown["kind"] == "random"], shown[shown["kind"] != "random"]
    x = _quantity("percent", "masked, per cent of the activations")
    title = METRICS[metric]
    y = _quantity("value", title)
    names = list(dict.fromkeys(lines["curve"]))
    styles = {name: CONTROL_LINES.get(name) or (_color(name), [1, 0]) for name in names}
    legend: Spec = {"orient": "right", "title": None, "symbolType": "stroke", "symbolSize": 600}
    colors, dashes = (
        _scaled("curve", {name: style[k] for name, style in styles.items()}) | {"legend": legend}
        for k in (0, 1)
    )
    color: Spec = {"color": colors}
    drawn: Spec = {"color": colors, "strokeDash": dashes}
    tips = {"tooltip": _tooltips({"curve": "masks"}, ("percent", "value", "low", "high"))}
    wide = {"condition": {"test": f"datum.curve == '{chosen}'", "value": 4}, "value": 1.4}
    ends = {"y": y | {"field": "low"}, "y2": {"field": "high"}}
    between = {
        "mark": {"type": "area", "color": OTHER, "opacity": 0.7},
        "data": _values(random),
        "encoding": {"x": x, **ends},
    }
    level = {
        "mark": {"type": "rule", "strokeDash": [1, 3], "color": "black", "strokeWidth": 1.5},
        "data": {"values": [{"value": _number(unmasked)}]},
        "encoding": {"y": y},
    }
    line = {
        "mark": "line",
        "encoding": {"x": x, "y": y, "strokeWidth": wide} | drawn,
    }
    rules = {"mark": "rule", "encoding": {"x": x, **ends} | color}
    dots = {"mark": {"type": "circle", "size": 30}, "encoding": {"x": x, "y": y} | color | tips}
    return _chart(lines, [between, level, line, rules, dots], height=430)


def _dots(y: Spec, title: str, color: Spec, offset: Spec, names: list[str]) -> list[Spec]:
    """Draw values with intervals along rows, and a line at zero."""
    x = _quantity("value", title)
    tips = {"tooltip": _tooltips({name: name for name in names}, ("value", "half"))}
    zero: Spec = {
        "mark": {"type": "rule", "color": "#999999"},
        "data": {"values": [{"value": 0}]},
        "encoding": {"x": x},
    }
    ends = {"x": x | {"field": "low"}, "x2": {"field": "high"}, "y": y} | color | offset
    rules: Spec = {"mark": {"type": "rule", "strokeWidth": 1.5}, "encoding": ends}
    places: Spec = {"x": x, "y": y} | color | offset | tips
    points: Spec = {"mark": {"type": "circle", "size": 45, "opacity": 1}, "encoding": places}
    return [zero, rules, points]


def _band(factor: str, y: Spec) -> Spec:
    """Lay a tint behind the row of one factor."""
    return {
        "mark": {"type": "bar", "color": "#F2E7C9", "opacity": 0.6, "height": {"band": 1}},
        "data": {"values": [{"factor": factor}]},
        "encoding": {"y": y},
    }


def _chart(table: pd.DataFrame, layers: list[Spec], *, height: float) -> Spec:
    return {
        # Not at the top, where Streamlit would take the data out and send it apart.
        "layer": [{"data": _values(table), "layer": layers}],
        "height": int(height),
        "width": "container",
        "config": {"legend": {"labelLimit": 220}, "axis": {"labelLimit": 150}},
    }


def _values(table: pd.DataFrame) -> Spec:
    """Put a table into a specification; what JSON cannot hold is left out."""
    rows = table.to_dict("records")
    return {"values": [{str(k): _number(v) for k, v in row.items()} for row in rows]}


def _number(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def _ends(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(low=table["value"] - table["half"], high=table["value"] + table["half"])


def _quantity(field: str, title: str) -> Spec:
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": {"zero": False, "nice": True},
    }


def _palette(field: str, colors: Mapping[str, str], *, orient: str) -> Spec:
    return {"color": _scaled(field, colors) | {"legend": {"orient": orient, "title": None}}}


def _scaled(field: str, ranged: Mapping[str, Any]) -> Spec:
    """Give every name a color, or dashes."""
    scale = {"domain": list(ranged), "range": list(ranged.values())}
    return {"field": field, "type": "nominal", "scale": scale}


def _tooltips(names: dict[str, str], numbers: tuple[str, ...]) -> list[Spec]:
    titles = {"half": "± half-width"}
    shown: list[Spec] = [{"field": k, "title": v} for k, v in names.items()]
    return shown + [
        {"field": n, "type": "quantitative", "format": ".3g", "title": titles.get(n, n)}
        for n in numbers
    ]


def _color(factor: str) -> str:
    return FACTOR_COLORS.get(factor, "#0072B2")
