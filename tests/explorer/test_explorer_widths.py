"""What lets pages of the explorer fit every width: legends that wrap, lines, tables, names."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from actsense.explorer import vega
from actsense.explorer.curves import SOLID, Style, curve_chart, curves_legend
from actsense.explorer.figures import figure_words
from actsense.explorer.heatmaps import picture
from actsense.explorer.invariance.cards import Tile, mixing_matrix
from actsense.explorer.invariance.charts import state_styles
from actsense.explorer.page import OF_STUDY, OF_UNIT, STYLE, VIEWS
from actsense.explorer.ranking_view import variance_format


def test_the_style_of_views_counts_on_six_of_a_study_before_those_of_a_unit() -> None:
    assert [*VIEWS] == [*OF_STUDY, *OF_UNIT]
    first = int(re.findall(r"nth-child\(n \+ (\d+)\)", STYLE.read_text())[0])
    assert first == 1 + len(OF_STUDY)
    columns = re.findall(r"repeat\((\d), minmax", STYLE.read_text())
    assert all(len(own) % int(count) == 0 for own in (OF_STUDY, OF_UNIT) for count in columns)


def test_dashes_of_a_legend_are_those_of_the_line() -> None:
    legend = curves_legend({"a": Style("#111111"), "b <": Style("#222222", (8, 3, 2, 3))})
    assert "background:#111111" in legend
    stops = (
        "#222222 0px 8px,transparent 8px 11px,#222222 11px 13px,transparent 13px 16px"  # repeats
    )
    assert f"repeating-linear-gradient(to right,{stops})" in legend
    assert "b &lt;" in legend
    assert "flex-wrap:wrap" in legend


def test_curves_have_no_legend_inside_that_would_take_their_room() -> None:
    points = pd.DataFrame({"curve": ["a"], "x": [0.0], "value": [1.0], "low": [0], "high": [2]})
    title = "first cells of the image that are masked, per cent of its area"
    x, y = vega.quantity("x", title), vega.quantity("value", "share")
    spec = curve_chart(points, {"a": Style("#111111", SOLID)}, x=x, y=y)
    written = json.dumps(spec["layer"])
    assert '"legend": {' not in written
    assert x["title"] == ["first cells of the image that are masked,", "per cent of its area"]
    assert y["title"] == "share"
    assert f'"title": "{title}"' in written  # of what the mouse is on, in one line


@pytest.mark.parametrize(
    ("names", "one_column"),
    [(["S1", "ST"], False), (["features.denseblock1.relu", "features.denseblock2.relu"], True)],
)
def test_long_names_of_a_legend_stand_below_each_other(names: list[str], one_column: bool) -> None:
    legend = vega.palette("layer", dict.fromkeys(names, "#111111"))["color"]["legend"]
    assert legend["orient"] == "top"
    assert ("columns" in legend) == one_column


def test_states_that_are_not_there_are_not_in_the_legend() -> None:
    both = pd.DataFrame({"state": ["random weights", "trained", "trained"]})
    assert [*state_styles(both)] == ["trained", "random weights"]
    assert [*state_styles(both[1:])] == ["trained"]


def test_mixtures_share_the_width_that_there_is() -> None:
    tile = Tile(np.zeros((3, 4, 4), np.uint8), "0")
    drawn = mixing_matrix([tile] * 6, [[tile] * 6] * 6)
    assert "repeat(7,minmax(0,100px))" in drawn
    assert "overflow" not in drawn.split("<img")[0]
    assert drawn.count("max-width:100%") == drawn.count("<img") == 6 + 6 * 7


def test_what_a_unit_sees_takes_a_square_whatever_its_shape() -> None:
    drawn = picture(np.zeros((3, 8, 8), np.uint8), ["a"], framed=(0, 0, 8, 3))
    seen = drawn[drawn.index("what the unit sees") :]
    assert "aspect-ratio:1;object-fit:contain" in seen
    assert "aspect-ratio" not in drawn[: drawn.index("what the unit sees")]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("small/colour/figures/depth_profile.png", "depth profile (small, colour)"),
        ("figures/networks.png", "networks"),
        ("featvis/figures/units/stage1.png", "units/stage1 (featvis)"),
    ],
)
def test_figures_are_called_by_their_names_first(path: str, words: str) -> None:
    assert figure_words(path) == words


@pytest.mark.parametrize(
    ("values", "form"), [([2.0, 7e-5, 3.0], "%.3g"), ([2.0, 7e-5, 3e-6, np.nan], "%.1e")]
)
def test_tiny_variances_are_written_without_their_zeros(values: list[float], form: str) -> None:
    assert variance_format(pd.Series(values)) == form


def test_lists_of_long_names_stand_below_each_other(
    copy: Path, visit: Callable[..., AppTest]
) -> None:
    (copy / "made").rename(copy / "resnet18")
    assert not visit(copy, view="contrast", layer="fc").sidebar.columns[1:]


def test_lists_of_short_names_stand_beside_each_other(
    made: Path, visit: Callable[..., AppTest]
) -> None:
    first, second, *_ = visit(made, view="contrast", layer="fc").sidebar.columns
    assert [one.selectbox[0].label for one in (first, second)] == ["Network", "Design"]


def _tables() -> None:
    import pandas as pd

    from actsense.explorer.controls import ROWS, show_words

    for count in (ROWS, ROWS + 1):
        show_words(pd.DataFrame({"*a*": ["_b_"] * count}))


def test_a_small_table_stands_whole_and_a_long_one_scrolls() -> None:
    test = AppTest.from_function(_tables).run()
    (whole,), (scrolling,) = test.table, test.dataframe
    assert list(whole.value.columns) == [r"\*a\*"]
    assert len(scrolling.value) == len(whole.value) + 1
    assert list(scrolling.value.columns) == ["*a*"]  # which is no Markdown
