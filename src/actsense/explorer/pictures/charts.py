"""Charts of one target: its curves, the images of its facet in a plane, drive under the factor."""

__all__ = [
    "CURVES",
    "curve_table",
    "picture_styles",
    "plane_chart",
    "progress_chart",
    "shift_chart",
    "shift_styles",
    "shift_table",
]

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from actsense.explorer import vega
from actsense.explorer.curves import Style, style_scales
from actsense.explorer.pictures.sets import Chosen, opened
from actsense.explorer.vega import Spec
from actsense.featvis.stored import RANDOM
from actsense.inspection import StudyResults
from actsense.store import reading

CURVES = {
    "activation": "drive, standard deviations of natural images",
    "cosine": "cosine with the facet's response",
    "distance": "distance from the facet's response",
    "total": "what is made small, all parts together",
    "penalty": "size of the penalty's input",
    "variation": "differences between neighbouring pixels",
}
BLUE, ORANGE, GRAY = "#0072B2", "#D55E00", "#999999"
OTHERS = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
HEIGHT = 380


def curve_table(study: StudyResults, chosen: Chosen, pictures: tuple[int, ...]) -> pd.DataFrame:
    """Read the curves of some pictures: `picture`, `iteration`, and one column for every curve.

    A curve that has no meaning for the set is left out.
    """
    with reading(study.path / chosen.network / "featvis/pictures.zarr"):
        group = opened(study, chosen)
        curves = {name: group.curve(name, pictures) for name in CURVES}
        points = len(group.iterations)
        columns = {
            "picture": np.repeat(pictures, points),
            "iteration": np.tile(group.iterations, len(pictures)),
        }
    known = {n: c.ravel() for n, c in curves.items() if np.isfinite(c).any()}
    return pd.DataFrame(columns | known)


def progress_chart(
    table: pd.DataFrame,
    curve: str,
    titles: Mapping[int, str],
    *,
    level: float,
    iteration: int,
) -> Spec:
    """Draw a curve of all pictures of a target, in the lines of `picture_styles`.

    Arguments:
        table: What `curve_table` returned.
        curve: Which curve.
        titles: What every picture is called; the first is drawn wide.
        level: A value that is dotted from side to side; none if NaN.
        iteration: Where a line stands.
    """
    styles = picture_styles(titles)
    color, dash = style_scales("title", styles)
    first = next(iter(styles))
    wide = {"condition": {"test": f"datum.title == {first!r}", "value": 3}, "value": 1.4}
    data = table[["iteration", curve]].assign(title=table["picture"].map(titles))
    x = vega.quantity("iteration", "iteration")
    y = vega.quantity(curve, "")  # what it is stands in the control above
    places = {"x": x, "y": y, "color": color, "strokeDash": dash, "strokeWidth": wide}
    tips = {"tooltip": vega.tooltips({"title": " "}, ("iteration", curve))}
    here = {"values": [{"iteration": iteration}]}
    layers: list[Spec] = [
        {"mark": {"type": "rule", "color": GRAY}, "data": here, "encoding": {"x": x}},
        {"mark": {"type": "line", "point": False}, "encoding": places | tips},
    ]
    if np.isfinite(level):
        dotted = {"type": "rule", "strokeDash": [1, 3], "color": "black", "strokeWidth": 1.5}
        best = {"values": [{curve: vega.number(level)}]}
        layers.insert(0, {"mark": dotted, "data": best, "encoding": {"y": y}})
    return vega.chart(data, layers, height=HEIGHT)


def picture_styles(titles: Mapping[int, str]) -> dict[str, Style]:
    """Give every picture a line: the first blue, other seeds colors, controls gray dashes."""
    colors = iter(OTHERS * len(titles))
    return {
        title: Style(BLUE)
        if place == 0
        else Style(GRAY, (4, 3))
        if title.startswith(RANDOM)
        else Style(next(colors))
        for place, title in enumerate(titles.values())
    }


def plane_chart(table: pd.DataFrame, names: Sequence[str], chosen: int) -> Spec:
    """Draw images in a plane, those of one facet on top, its members ringed.

    Arguments:
        table: A row for every image: `x`, `y`, `facet`, `member`, `label`, `row` and `image`, an
            address or nothing.
        names: What every facet is called.
        chosen: The facet.
    """
    own = table["facet"] == chosen
    data = table.assign(
        name=[names[facet] for facet in table["facet"]], own=own, member=table["member"] & own
    )
    hidden: Spec = {"axis": None, "scale": {"zero": False}}
    places = {name: {"field": name, "type": "quantitative"} | hidden for name in ("x", "y")}
    tips = [{"field": "image", "type": "nominal"}]
    tips += vega.tooltips({"label": "class", "name": "facet", "row": "row"}, ())
    color = {"condition": {"test": "datum.own", "value": BLUE}, "value": "#C8C8C8"}
    ring = {"condition": {"test": "datum.member", "value": "black"}, "value": "white"}
    picked = {"name": "picked", "select": {"type": "point", "fields": ["facet"]}}
    dots: Spec = {
        "mark": {"type": "point", "filled": True, "size": 60, "opacity": 0.9},
        "name": "dots",
        "encoding": places | {"color": color, "stroke": ring, "tooltip": tips,
                              "order": {"field": "own", "type": "nominal"}},
    }  # fmt: skip
    chart = vega.chart(data, [dots], height=HEIGHT)
    return chart | {"params": [picked | {"views": ["dots"]}]}


def shift_table(shifts: pd.DataFrame, target: int, factor: str) -> pd.DataFrame:
    """Return what is left of the drive of one unit, and of the median unit of each role.

    Arguments:
        shifts: Rows of table `picture_shifts` on the set, of one parameter.
        target: The unit.
        factor: The factor.
    """
    own = shifts.loc[shifts["target"] == target, ["value", "kept"]].assign(line="this unit")
    lines = {"most": f"median, feel {factor} most", "least": f"median, feel {factor} least"}
    parts = [own]
    for role, line in lines.items():
        kept = shifts[shifts["role"] == role].groupby("value")["kept"].median()
        parts.append(kept.reset_index().assign(line=line))
    return pd.concat(parts, ignore_index=True)


def shift_styles(table: pd.DataFrame) -> dict[str, Style]:
    """Give every line of `shift_table` a style: the unit's own is blue."""
    styles = (Style(BLUE), Style(ORANGE, (4, 3)), Style(GRAY, (2, 2)))
    return dict(zip(dict.fromkeys(table["line"]), styles, strict=False))


def shift_chart(table: pd.DataFrame, parameter: str) -> Spec:
    """Draw what `shift_table` returned, in the lines of `shift_styles`."""
    color, dash = style_scales("line", shift_styles(table))
    x = vega.quantity("value", parameter)
    y = vega.quantity("kept", "share of the drive left") | {"scale": {"zero": True}}
    places = {"x": x, "y": y, "color": color}
    tips = {"tooltip": vega.tooltips({"line": " "}, ("value", "kept"))}
    layers: list[Spec] = [
        {"mark": "line", "encoding": places | {"strokeDash": dash}},
        {"mark": {"type": "circle", "size": 34}, "encoding": places | tips},
    ]
    return vega.chart(table, layers, height=HEIGHT)
