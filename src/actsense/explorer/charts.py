"""Charts of units and layers as Vega-Lite specifications."""

__all__ = [
    "contrast_chart",
    "depth_chart",
    "distribution_chart",
    "layer_chart",
    "pair_chart",
    "profile_chart",
    "scatter_chart",
]

import json
from collections.abc import Iterable

import pandas as pd

from actsense.drawing.depth import MANY
from actsense.drawing.names import short_names
from actsense.drawing.style import FACTOR_COLORS, factor_labels
from actsense.explorer import vega
from actsense.explorer.reading import NAMES
from actsense.explorer.vega import Spec

INDEX_COLORS = {"S1": "#0072B2", "ST": "#D55E00", "Shapley effect": "#009E73"}
LAYER_COLORS = ("#0072B2", "#D55E00")
PARTITION_COLORS = ("#E69F00", "#0072B2")
SHARE = "share of variance"
ROW = 15  # pixels per bar or dot
BARS = 150  # dots of a scatter that have room for intervals
ALL: Spec = {"labelOverlap": False}  # no name may be left out
EVERY: Spec = {"axis": ALL}
AROUND = 55  # pixels of an axis and its title below the rows


def profile_chart(table: pd.DataFrame, chosen: str) -> Spec:
    """Draw the indices of a unit for all factors, with intervals; the chosen factor is framed."""
    labels = factor_labels([*table["factor"], chosen])
    factors = [labels[name] for name in dict.fromkeys(table["factor"])]
    y: Spec = {"field": "factor", "type": "nominal", "sort": factors, "title": None} | EVERY
    offset: Spec = {"yOffset": {"field": "index", "sort": list(INDEX_COLORS)}}
    color = vega.palette("index", INDEX_COLORS)
    names = {"factor": labels, "index": {"shapley": "Shapley effect"}}
    return vega.chart(
        vega.ends(table.replace(names)),
        [_band(labels[chosen], y), *_dots(y, SHARE, color, offset, ["factor", "index"])],
        height=AROUND + 30 + 2 * ROW * len(factors),
    )


def pair_chart(table: pd.DataFrame, factor: str) -> Spec:
    """Draw the second-order indices of a unit with one factor."""
    labels = factor_labels([*table["factor"], factor])
    data = vega.ends(table.replace({"factor": labels}))
    y: Spec = {
        "field": "factor",
        "type": "nominal",
        "sort": list(data["factor"]),
        "title": None,
    } | EVERY
    color = {"color": {"value": _color(factor)}}
    return vega.chart(
        data,
        _dots(y, f"S2, {SHARE}", color, {}, ["factor"]),
        height=AROUND + 1.4 * ROW * len(table),
    )


def contrast_chart(table: pd.DataFrame, chosen: str) -> Spec:
    """Draw the mean differences of a unit under every augmentation, with intervals.

    Where partitions are apart each has its own dot.
    """
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
        "sort": list(dict.fromkeys(data["factor"])),
        "title": None,
    } | EVERY
    title, names = "mean difference of the response", ["factor"]
    color: Spec = {"color": {"value": "#0072B2"}}
    offset: Spec = {}
    if "partition" in data:
        names = ["partition", "factor"]
        colors = dict(zip(dict.fromkeys(data["partition"]), PARTITION_COLORS, strict=False))
        color = vega.palette("partition", colors)
        offset = {"yOffset": {"field": "partition", "sort": list(colors)}}
    kept = vega.ends(data[[*names, "value", "half"]])
    return vega.chart(
        kept,
        [_band(chosen, y), *_dots(y, title, color, offset, names)],
        height=AROUND + 30 * (len(names) - 1) + 1.8 * ROW * len(data),
    )


def scatter_chart(
    table: pd.DataFrame, first: str, second: str, index: str, kind: str, chosen: int = -1
) -> Spec:
    """Draw channels or units by two factors, with intervals where there are few of them.

    Arguments:
        table: What `ordering.compare_factors` returned; `output`, if it is there, is the class
            that a unit stands for.
        first: Factor of the horizontal axis.
        second: Factor of the vertical axis.
        index: What is compared.
        kind: What a point is: `channel` or `unit`.
        chosen: Number of the point that is marked.
    """
    data = table.dropna(subset=["x", "y"])
    x, y = (
        vega.quantity(k, f"{NAMES[index]}, {name}") for k, name in (("x", first), ("y", second))
    )
    named = {"output": "stands for"} if "output" in data else {}
    tips = vega.tooltips({"number": kind} | named, {"x": first, "y": second})
    points: Spec = {
        "mark": {"type": "circle", "size": 34, "opacity": 0.75, "color": "#0072B2"},
        "name": "dots",
        "encoding": {"x": x, "y": y, "tooltip": tips},
    }
    ring: Spec = {
        "mark": {"type": "point", "size": 190, "color": "#B3334D", "strokeWidth": 2.5},
        "transform": [{"filter": f"datum.number === {chosen}"}],
        "encoding": {"x": x, "y": y, "tooltip": tips},
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
        data = data[["number", *named, "x", "y"]]
    picked = {"name": "picked", "select": {"type": "point", "fields": ["number"]}}
    chart = vega.chart(data, [*bars, points, ring], height=430)
    return chart | {"params": [picked | {"views": ["dots"]}]}


def depth_chart(
    table: pd.DataFrame,
    chosen: str,
    index: str,
    *,
    limits: tuple[float, float] | None = None,
) -> Spec:
    """Draw an index over the layers, a line per factor; dots can be chosen, as `picked`.

    Names of factors are up to the page: there they wrap.

    Arguments:
        table: What `reading.depth_profile` returned.
        chosen: Factor whose line is wide; none if empty.
        index: What is drawn.
        limits: Ends of the axis; those of the table unless given.
    """
    layers = list(dict.fromkeys(table["layer"]))
    x: Spec = {
        "field": "layer",
        "type": "nominal",
        "sort": layers,
        "title": None,
        "axis": _named(layers),
    }
    labels = factor_labels(dict.fromkeys(table["factor"]))
    colors = {label: _color(name) for name, label in labels.items()}
    color: Spec = {"color": vega.scaled("factor", colors) | {"legend": None}}
    chosen = labels.get(chosen, chosen)
    wide = 4 if chosen else 1.8
    width = {"condition": {"test": f"datum.factor == {chosen!r}", "value": wide}, "value": 1.3}
    dashes = {label: [1, 0] if label == name else [5, 3] for name, label in labels.items()}
    dash = {"strokeDash": vega.scaled("factor", dashes) | {"legend": None}}
    y = vega.quantity("value", f"{NAMES[index]}, {SHARE}")
    if limits is not None:
        y["scale"] |= {"domain": list(map(vega.number, limits))}
    tips = {"tooltip": vega.tooltips({"factor": "factor", "layer": "layer"}, ("value", "half"))}
    line = {"mark": "line", "encoding": {"x": x, "y": y, "strokeWidth": width} | color | dash}
    points: Spec = {
        "name": "dots",
        "mark": {"type": "circle", "size": 90, "cursor": "pointer", "opacity": 1},
        "encoding": {"x": x, "y": y} | color | tips,
    }
    rules: Spec = {
        "mark": "rule",
        "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}} | color,
    }
    data = vega.ends(table.assign(name=table["factor"]).replace({"factor": labels}))
    height = 320 if len(layers) <= MANY else 440
    drawn = vega.chart(data, [line, rules, points], height=height)
    picked = {"name": "picked", "select": {"type": "point", "fields": ["layer", "name"]}}
    return drawn | {"params": [picked | {"views": ["dots"]}]}


def layer_chart(table: pd.DataFrame, layers: tuple[str, str], index: str) -> Spec:
    """Draw an index of two layers for all factors, with intervals."""
    labels = factor_labels(table["factor"])
    data = vega.ends(table[table["layer"].isin(layers)].replace({"factor": labels}))
    factors = list(dict.fromkeys(data["factor"]))
    y: Spec = {"field": "factor", "type": "nominal", "sort": factors, "title": None} | EVERY
    color = _two_layers(layers)
    offset = {"yOffset": {"field": "layer", "sort": list(layers)}}
    dots = _dots(y, f"{NAMES[index]}, {SHARE}", color, offset, ["layer", "factor"])
    return vega.chart(data, dots, height=AROUND + 30 + 1.8 * ROW * len(factors))


def distribution_chart(table: pd.DataFrame, layers: tuple[str, str], title: str) -> Spec:
    """Draw what share of the channels or units of two layers stays below a value."""
    color = _two_layers(layers)
    y = vega.quantity("share", "share of channels (units) below")
    line = {
        "mark": {"type": "line", "strokeWidth": 2},
        "encoding": {
            "x": vega.quantity("value", title),
            "y": y,
            "order": {"field": "share", "type": "quantitative"},
        }
        | color,
    }
    return vega.chart(table.dropna(), [line], height=300)


def _dots(y: Spec, title: str, color: Spec, offset: Spec, names: list[str]) -> list[Spec]:
    """Draw values with intervals along rows, and a line at zero."""
    x = vega.quantity("value", title)
    tips = {"tooltip": vega.tooltips({name: name for name in names}, ("value", "half"))}
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


def _named(layers: list[str]) -> Spec:
    """Name layers below an axis: upright where they are many, short where they are long."""
    return {"labelAngle": -30 if len(layers) <= MANY else -90} | _short(layers) | ALL


def _short(layers: Iterable[str]) -> Spec:
    short = {layer: text.replace(r"\$", "$") for layer, text in short_names(layers).items()}
    return {"labelExpr": f"({json.dumps(short)})[datum.label]"}


def _two_layers(layers: tuple[str, str]) -> Spec:
    """Give two layers a color each, with a legend."""
    color = vega.palette("layer", dict(zip(layers, LAYER_COLORS, strict=True)))
    color["color"]["legend"] |= _short(layers)
    return color


def _band(factor: str, y: Spec) -> Spec:
    """Lay a tint behind the row of one factor."""
    return {
        "mark": {"type": "bar", "color": "#F2E7C9", "opacity": 0.6, "height": {"band": 1}},
        "data": {"values": [{"factor": factor}]},
        "encoding": {"y": y},
    }


def _color(factor: str) -> str:
    return FACTOR_COLORS.get(factor, "#0072B2")
