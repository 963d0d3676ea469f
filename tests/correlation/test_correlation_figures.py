"""Figures of correlations show what the tables hold, at fixed limits."""

from collections.abc import Callable
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_texts import words
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.correlation.figures import (
    across_panels,
    plot_correlation,
    variation_panels,
    within_matrices,
)

VARIABLES = ["hue", "rolling", "class (one)", "class (two)"]
LAYERS = ["features.2", "probabilities"]
INDICES = ["S1", "ST", "shapley"]


def rows(keys: pd.DataFrame) -> pd.DataFrame:
    """Add correlations that differ from row to row; every second one is told from zero."""
    rho = np.linspace(-0.9, 0.9, len(keys))
    found = {"rho": rho, "low": rho - 0.05, "high": rho + 0.05, "n_units": 8.0}
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


def matrix(axis: Axes) -> NDArray[np.float64]:
    """Return the numbers behind a panel's colors, NaN where it is gray."""
    return np.ma.filled(np.ma.asarray(axis.images[0].get_array()), np.nan)


def texts(figure: Figure) -> str:
    return "\n".join(words(figure))


def test_matrices_hold_all_below_and_the_certain_above_the_diagonal() -> None:
    table = within()
    figure = within_matrices(table, title="t")
    shown = matrix(figure.axes[1])  # the first layer under ST
    one = table.query("layer == 'features.2' and value == 'ST'")
    lower, upper = np.triu(shown.T, 1), np.triu(shown, 1)
    first = np.triu_indices(4, 1)
    np.testing.assert_allclose(lower[first], one["rho"])
    certain = (one["p_adjusted"] < 0.05) & (one["low"] * one["high"] > 0)
    assert 0 < certain.sum() < len(one)
    np.testing.assert_allclose(upper[first], np.where(certain, one["rho"], 0))
    assert np.isnan(np.diag(shown)).all()
    assert figure.axes[1].images[0].get_clim() == (-1, 1)


def test_matrices_leave_out_what_has_no_map() -> None:
    figure = within_matrices(within(), title="t")
    known = np.isfinite(matrix(figure.axes[3]))
    assert np.argwhere(known).tolist() == [[0, 1], [1, 0]]


def test_matrices_name_layers_values_variables_and_counts() -> None:
    text = texts(within_matrices(within(), title="small"))
    for word in (
        *LAYERS,
        *INDICES,
        *VARIABLES,
        "contrast",
        "8 units, 16 positions, left out 12 dead, 1,040 rare",
        "small",
    ):
        assert word in text


def test_undefined_correlations_are_gray_on_both_sides() -> None:
    table = within()
    table.loc[0, ["rho", "low", "high", "p_adjusted"]] = np.nan
    shown = matrix(within_matrices(table, title="t").axes[0])
    assert np.isnan([shown[0, 1], shown[1, 0]]).all()


def test_panels_draw_the_same_variable_over_depth() -> None:
    table = across()
    figure = across_panels(table, title="t")
    same = table.query("variable_1 == variable_2 == 'rolling' and value_1 == 'S1'")
    panel = figure.axes[VARIABLES.index("rolling")]
    drawn = [np.asarray(line.get_ydata(), float) for line in panel.lines]
    expected = same[same["value_2"] == "shapley"]["rho"].to_numpy()
    assert any(y.shape == (2,) and np.allclose(y, expected) for y in drawn)
    assert panel.get_ylim() == (-1.08, 1.08)


def test_panels_do_not_cover_the_names_that_reach_over_them() -> None:
    figure = across_panels(across(), title="t")
    assert not any(axis.patch.get_visible() for axis in figure.axes if axis.get_visible())


def test_panels_show_intervals_and_hollow_markers_of_the_uncertain() -> None:
    table = variation()
    panel = variation_panels(table, title="t").axes[0]
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
    for word in (*LAYERS, *VARIABLES, "shapley", "95 % intervals", "Hollow"):
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
