"""Charts hold the numbers they are given, and nothing that JSON cannot."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from actsense.explorer import charts, curves, masks, reading
from actsense.inspection import RunResults


def values(spec: dict[str, Any]) -> pd.DataFrame:
    """Return the data of a chart, after a way through JSON as strict as a browser's."""
    read = json.loads(json.dumps(spec, allow_nan=False))
    return pd.DataFrame(read["layer"][0]["data"]["values"])


def test_a_profile_reaches_from_end_to_end_of_every_interval(run: RunResults) -> None:
    table = reading.profile(run, "fc", {"unit": 2})
    drawn = values(charts.profile_chart(table, "hue"))
    assert len(drawn) == 3 * len(run.factors)
    assert set(drawn["index"]) == {"S1", "ST", "Shapley effect"}
    np.testing.assert_allclose(drawn["low"], table["value"] - table["half"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(drawn["high"], table["value"] + table["half"], rtol=1e-4, atol=1e-6)


def test_a_dead_unit_has_a_chart_without_numbers(run: RunResults) -> None:
    table = reading.pairs(run, "fc", "hue", {"unit": 2}).assign(value=np.nan, half=np.nan)
    assert values(charts.pair_chart(table, "hue"))["value"].isna().all()


@pytest.mark.parametrize(("count", "bars"), [(151, True), (152, False)])
def test_a_scatter_has_intervals_where_there_is_room(count: int, bars: bool) -> None:
    numbers = np.arange(count, dtype=float)
    columns = {"number": np.arange(count), "x": numbers, "y": -numbers}
    table = pd.DataFrame(columns | {"x_half": 0.5, "y_half": 2.0})
    table.loc[3, "x"] = np.nan
    spec = charts.scatter_chart(table, "hue", "class", "S1", "unit", 7)
    drawn = values(spec)
    assert ("y_low" in drawn) == bars  # the undefined one is not drawn and takes no room
    if bars:
        assert (drawn["y_high"] - drawn["y_low"] == 4).all()
    assert 3 not in drawn["number"].to_list()
    ring = spec["layer"][0]["layer"][-1]
    assert ring["transform"] == [{"filter": "datum.number === 7"}]
    assert [tip["title"] for tip in ring["encoding"]["tooltip"]] == ["unit", "hue", "class"]
    assert len(drawn) == count - 1
    assert {view for p in spec["params"] for view in p["views"]} == {"dots"}
    named = charts.scatter_chart(table.assign(output="cat"), "hue", "class", "S1", "unit")
    told = named["layer"][0]["layer"][-1]["encoding"]["tooltip"]
    assert [tip["title"] for tip in told] == ["unit", "stands for", "hue", "class"]
    assert set(values(named)["output"]) == {"cat"}


def test_every_line_of_the_masks_has_a_color_and_dashes(run: RunResults) -> None:
    table = masks.conditions_table(run)
    choice = masks.MaskChoice("S1", 0.0, "original", "top1")
    found = masks.curves(table, choice, "hue")
    spec = curves.mask_chart(found, "top1", "hue", masks.unmasked(table, choice))
    drawn = values(spec)
    assert "random" not in set(drawn["kind"])
    np.testing.assert_allclose(drawn["x"], 100 * drawn["fraction"], rtol=1e-5)
    apart = drawn.groupby("x")["at"]  # no bar behind another, none near those of another fraction
    assert (apart.nunique() == apart.count()).all()
    assert (drawn["at"] - drawn["x"]).abs().max() < np.diff(np.unique(drawn["x"])).min() / 4
    legend = curves.curves_legend(curves.mask_styles(found))
    assert all(name in legend for name in set(drawn["curve"]))
    line = next(one for one in spec["layer"][0]["layer"] if one["mark"] == "line")
    for channel in ("color", "strokeDash"):
        scale = line["encoding"][channel]["scale"]
        assert set(scale["domain"]) == set(drawn["curve"])
        assert len(scale["range"]) == len(scale["domain"])


def test_layers_are_drawn_from_the_input_on(run: RunResults) -> None:
    table = reading.depth_profile(run, "S1")
    spec = charts.depth_chart(table, "hue", "S1")
    line = spec["layer"][0]["layer"][0]
    assert line["encoding"]["x"]["sort"] == list(run.layers)
    assert line["encoding"]["x"]["axis"]["labelAngle"] == -30
    two = charts.layer_chart(table, ("fc", "conv"), "S1")
    assert set(values(two)["layer"]) == {"fc", "conv"}


def test_many_layers_with_long_names_are_named_below_the_depth_chart(run: RunResults) -> None:
    table = reading.depth_profile(run, "S1")
    layers = [f"features.denseblock{number}.denselayer24.relu" for number in range(40)]
    many = pd.concat(table[table["layer"] == "fc"].assign(layer=layer) for layer in layers)
    axis = charts.depth_chart(many, "hue", "S1")["layer"][0]["layer"][0]["encoding"]["x"]["axis"]
    assert axis["labelAngle"] == -90
    written = json.loads(axis["labelExpr"].partition("(")[2].rpartition(")")[0])
    assert list(written) == layers
    assert len(set(written.values())) == 40
    assert max(map(len, written.values())) <= 24
