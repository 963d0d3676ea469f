"""Figures of correlations show what the tables hold, at fixed limits."""

from collections.abc import Callable
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_texts import cells, words
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actsense.correlation.chosen import strongest
from actsense.correlation.figures import (
    across_panels,
    plot_correlation,
    variation_panels,
)
from actsense.correlation.matrix_figures import COLORS, LIMITS, within_matrices

VARIABLES = ["hue", "rolling", "class (one)", "class (two)"]
LAYERS = ["features.2", "probabilities"]
INDICES = ["S1", "ST", "shapley"]


def rows(keys: pd.DataFrame) -> pd.DataFrame:
    """Add correlations that differ from row to row; every second one is told from zero."""
    rho = np.linspace(-0.9, 0.9, len(keys))
    found = {"rho": rho, "low": rho - 0.05, "high": rho + 0.05, "n_units": 48.0}
    found |= {"dead_units": 12, "rare_units": 1040}
    found |= {"n_positions": 16, "undefined": 0, "p_adjusted": np.arange(len(keys)) % 2}
    return keys.assign(**found)


def within() -> pd.DataFrame:
    keys = [
        (layer, value, *two)
        for layer, value in product(LAYERS, INDICES)
        for two in combinations(VARIABLES, 2)
    ]
    keys += [(layer, "contrast", "hue", "rolling") for layer in LAYERS]
    return rows(pd.DataFrame(keys, columns=["layer", "value", "variable_1", "variable_2"]))


def across() -> pd.DataFrame:
    keys = [
        (layer, *values, *two)
        for layer, values in product(LAYERS, combinations(INDICES, 2))
        for two in product(VARIABLES, VARIABLES)
    ]
    columns = ["layer", "value_1", "value_2", "variable_1", "variable_2"]
    return rows(pd.DataFrame(keys, columns=columns))


def variation() -> pd.DataFrame:
    keys = list(product(LAYERS, INDICES, VARIABLES))
    return rows(pd.DataFrame(keys, columns=["layer", "value", "variable"]))


def named_panel(figure: Figure, value: str) -> Axes:
    """Return the small matrix of a value in the first layer."""
    return next(a for a in figure.axes if a.get_title(loc="left").split("\n")[-1] == value)


def texts(figure: Figure) -> str:
    return "\n".join(words(figure))


def test_matrices_hold_every_pair_once_and_color_those_told_from_zero() -> None:
    table = within()
    figure = within_matrices(table, title="t")
    one = table.query("layer == 'features.2' and value == 'shapley'")  # as many units: the first
    certain = ((one["p_adjusted"] < 0.05) & (one["low"] * one["high"] > 0)).to_numpy()
    assert 0 < certain.sum() < len(one)
    large, small = figure.axes[0], named_panel(figure, "Shapley effect")
    for axis in (large, small):
        picture = np.asarray(axis.images[0].get_array())
        first, second = np.triu_indices(4, 1)
        expected = COLORS(LIMITS(np.where(certain, one["rho"], 0)))
        np.testing.assert_allclose(picture[second, first], expected)
        assert (picture[np.triu_indices(4)] == 1).all()  # white: no pair twice
    written = cells(large)
    assert {place for place, (_, color) in written.items() if color == "0.6"} == {
        (int(row), int(column))
        for row, column, sure in zip(second, first, certain, strict=True)
        if not sure
    }
    assert [float(written[row, column][0]) for row, column in zip(second, first, strict=True)] == [
        round(rho, 2) for rho in one["rho"]
    ]


def test_matrices_leave_out_what_has_no_map() -> None:
    axis = named_panel(within_matrices(within(), title="t"), "contrast")
    picture = np.asarray(axis.images[0].get_array())[..., :3]
    gray = np.isclose(picture, COLORS.get_bad()[:3]).all(axis=-1)
    assert np.argwhere(~gray & np.tri(4, k=-1, dtype=bool)).tolist() == [[1, 0]]


def test_the_surest_pairs_of_augmentations_have_names() -> None:
    table = within().assign(p_adjusted=0.01)
    table.loc[table["variable_1"].eq("hue") & table["variable_2"].eq("rolling"), "rho"] = 0.5
    table = table.assign(low=table["rho"] - 0.05, high=table["rho"] + 0.05)
    last = (table["layer"] == LAYERS[1]) & (table["value"] == "shapley")
    table.loc[last, ["rho", "low", "high"]] = -0.9, -0.95, -0.85
    found = strongest(table[table["value"] == "shapley"], 10)
    assert found[["layer", "variable_1", "variable_2"]].to_numpy().tolist() == [
        [LAYERS[1], "hue", "rolling"]  # one row a pair, nothing of classes
    ]
    assert f"hue x rolling, {LAYERS[1]}" in texts(within_matrices(table, title="t"))


def test_matrices_name_layers_values_variables_and_counts() -> None:
    text = texts(within_matrices(within(), title="small"))
    for word in (
        *LAYERS,
        *("S1", "ST", "Shapley effect"),
        *VARIABLES,
        "contrast",
        "48 units, 16 positions, left out 12 dead, 1,040 rare",
        "small",
    ):
        assert word in text


def test_layers_of_few_units_are_left_out_and_named() -> None:
    for draw, table in (
        (within_matrices, within()),
        (across_panels, across()),
        (variation_panels, variation()),
    ):
        table.loc[table["layer"] == LAYERS[0], "n_units"] = 29.0
        text = texts(draw(table, title="t"))
        assert f"fewer than 30 units say little: {LAYERS[0]} (29)." in text
        assert text.count(LAYERS[0]) == 1
        empty = draw(table.assign(n_units=29.0), title="t")
        assert all(axis.axison is False for axis in empty.axes)


def test_undefined_correlations_are_gray() -> None:
    table = within()
    table.loc[table["layer"] == LAYERS[0], ["rho", "low", "high", "p_adjusted"]] = np.nan
    axis = within_matrices(table, title="t").axes[0]
    picture = np.asarray(axis.images[0].get_array())
    np.testing.assert_allclose(picture[1, 0], COLORS.get_bad())


def test_panels_draw_the_same_variable_over_depth() -> None:
    table = across()
    figure = across_panels(table, title="t")
    same = table.query("variable_1 == variable_2 == 'rolling' and value_1 == 'S1'")
    panel = figure.axes[1 + VARIABLES.index("rolling")]  # behind the one of a layer
    drawn = [np.asarray(line.get_ydata(), float) for line in panel.lines]
    expected = same[same["value_2"] == "shapley"]["rho"].to_numpy()
    assert any(y.shape == (2,) and np.allclose(y, expected) for y in drawn)
    assert panel.get_ylim() == (-1.08, 1.08)


def test_panels_do_not_cover_the_names_that_reach_over_them() -> None:
    figure = across_panels(across(), title="t")
    assert not any(axis.patch.get_visible() for axis in figure.axes if axis.get_visible())


def test_the_large_panel_has_a_row_for_every_variable_of_one_layer() -> None:
    table = variation()
    table.loc[table["layer"] == LAYERS[1], "n_units"] = 49.0  # the most
    panel = variation_panels(table, title="t").axes[0]
    assert panel.get_title(loc="left") == f"{LAYERS[1]} (49)"
    one = table.query("layer == 'probabilities' and value == 'S1'")
    intervals, dots = panel.collections[:2]
    ends = np.array([path.vertices[:, 0] for path in intervals.get_paths()])
    np.testing.assert_allclose(ends, one[["low", "high"]])
    places = np.asarray(dots.get_offsets())
    np.testing.assert_allclose(places[:, 0], one["rho"])
    np.testing.assert_array_equal(places[:, 1].round(), np.arange(len(VARIABLES)))


def test_panels_show_intervals_and_hollow_markers_of_the_uncertain() -> None:
    table = variation()
    panel = variation_panels(table, title="t").axes[1]
    intervals, markers = panel.collections[:2]  # of the first value
    one = table.query("variable == 'hue' and value == 'S1'")
    ends = np.array([path.vertices[:, 1] for path in intervals.get_paths()])
    np.testing.assert_allclose(ends, one[["low", "high"]])
    white = (np.asarray(markers.get_facecolor())[:, :3] == 1).all(axis=1)
    np.testing.assert_array_equal(white, one["p_adjusted"] >= 0.05)


@pytest.mark.parametrize(
    ("draw", "table"), [(across_panels, across), (variation_panels, variation)]
)
def test_panels_name_everything(
    draw: Callable[..., Figure], table: Callable[[], pd.DataFrame]
) -> None:
    text = texts(draw(table(), title="small"))
    for word in (*LAYERS, *VARIABLES, "Shapley effect", "(48)", "95 % intervals", "Hollow"):
        assert word in text


def test_a_network_without_correlations_has_figures_that_say_so(
    tmp_path: Path, drawn: dict[str, Figure]
) -> None:
    tables = {"within": within(), "across": across(), "variation": variation()}
    for name, table in tables.items():
        table[:0].to_csv(tmp_path / f"{name}.csv")
    outputs = {name: tmp_path / f"{name}.png" for name in tables}
    plot_correlation(
        {name: tmp_path / f"{name}.csv" for name in tables}, outputs, title="small", dpi=50
    )
    for name, path in outputs.items():
        assert path.exists()
        assert "No layer can be correlated" in texts(drawn[name])


def test_lines_of_both_partitions_differ() -> None:
    table = variation()
    for partition in ("train", "validation"):
        own = table[table["value"] == "S1"].assign(value=f"contrast ({partition})")
        table = pd.concat([table, own])
    legend = variation_panels(table, title="t").legends[0]
    colors = [line.get_color() for line in legend.get_lines()]
    assert len(set(colors)) == len(colors) == 5
    named = [text.get_text() for text in legend.get_texts()]
    assert named[3:] == ["contrast (train)", "contrast (validation)"]
