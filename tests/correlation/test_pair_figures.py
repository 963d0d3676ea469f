"""Figures of single pairs show the tables of correlations, pair by pair."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from figure_texts import cells, words
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex

from actsense.correlation.pair_figures import (
    COLORS,
    PAIR_COLORS,
    across_matrices,
    pair_lines,
    position_spread,
    variation_maps,
)

AUGMENTATIONS = ["hue", "rolling", "erasing", "hflip"]
VARIABLES = [*AUGMENTATIONS, "class", "order (one)"]
LAYERS = ["features.2", "probabilities"]
VALUES = ["S1", "ST"]


def within() -> pd.DataFrame:
    """Return correlations and spreads that differ from row to row."""
    rows = [
        {"layer": layer, "value": value, "variable_1": one, "variable_2": other}
        for layer, value in product(LAYERS, VALUES)
        for one, other in combinations(VARIABLES, 2)
    ]
    rho = np.random.default_rng(0).uniform(-0.9, 0.9, len(rows))
    table = pd.DataFrame(rows).assign(rho=rho, low=rho - 0.05, high=rho + 0.05, n_units=17.0)
    spread = np.random.default_rng(1).uniform(0.1, 0.4, len(rows))
    return table.assign(spread=np.where(table["layer"] == LAYERS[0], spread, np.nan))


def across() -> pd.DataFrame:
    rows = [
        {"layer": layer, "value_1": "S1", "value_2": other, "variable_1": a, "variable_2": b}
        for layer, other in product(LAYERS, ["ST", "shapley", "contrast"])
        for a, b in product(VARIABLES, VARIABLES)
    ]
    rho = np.linspace(-0.99, 0.99, len(rows))
    return pd.DataFrame(rows).assign(rho=rho, low=rho - 0.2, high=rho + 0.2)


def texts(figure: object) -> str:
    return "\n".join(words(figure))  # type: ignore[arg-type]


def test_every_variable_stands_against_every_other_with_its_number() -> None:
    table = across()
    figure = across_matrices(table, LAYERS[1], title="t")
    panels = [axis for axis in figure.axes if axis.images]
    titles = [axis.get_title(loc="left") for axis in panels]
    assert titles == [
        "rows S1, columns ST",
        "rows S1, columns Shapley effect",
    ]  # contrast has no row
    own = table[(table["layer"] == LAYERS[1]) & (table["value_2"] == "shapley")]
    assert len(cells(panels[1])) == len(VARIABLES) ** 2  # not a triangle: it is not symmetric
    for row in own.itertuples():
        place = VARIABLES.index(str(row.variable_1)), VARIABLES.index(str(row.variable_2))
        written, color = cells(panels[1])[place]
        assert abs(float(written) - row.rho) < 0.0051
        assert (color == "0.55") == (abs(row.rho) < 0.2)
        shown = np.ma.asarray(panels[1].images[0].get_array())[place]
        assert shown == row.rho


def test_every_pair_is_a_line_and_the_strongest_have_names() -> None:
    table = within()
    figure = pair_lines(table, title="t")
    named = ~table[["variable_1", "variable_2"]].isin(VARIABLES[4:]).any(axis=1)
    for axis, value in zip(figure.axes, VALUES, strict=True):
        own = table[named & (table["value"] == value)].copy()
        own["pair"] = own["variable_1"] + ", " + own["variable_2"]
        gray = next(one for one in axis.collections if isinstance(one, LineCollection))
        heights = {tuple(np.round(path.vertices[:, 1], 9)) for path in gray.get_paths()}
        first, second = (own[own["layer"] == layer]["rho"].round(9) for layer in LAYERS)
        assert heights == set(zip(first, second, strict=True))
        strength = own["rho"].abs().groupby(own["pair"]).mean().sort_values(ascending=False)
        legend = axis.get_legend()
        assert legend is not None
        listed = [text.get_text() for text in legend.get_texts()]
        assert listed == list(strength.index[: len(PAIR_COLORS)])
        best = own[own["pair"] == listed[0]].set_index("layer")["rho"][LAYERS]
        (line,) = [one for one in axis.lines if to_hex(one.get_color()) == PAIR_COLORS[0].lower()]
        np.testing.assert_allclose(np.asarray(line.get_ydata(), float), best)
    assert "a line for each of 6 pairs" in texts(figure)
    every = pair_lines(table, title="t", augmentations=False)
    assert "a line for each of 15 pairs" in texts(every)


def test_the_spread_is_counted_and_accumulated() -> None:
    table = within()
    figure = position_spread(table, title="t")
    histogram, lines = figure.axes[0], figure.axes[2]
    own = table[(table["value"] == "S1") & table["spread"].notna()]["spread"].sort_values()
    assert sum(patch.get_height() for patch in histogram.patches) == len(own) == 15
    drawn = lines.lines[0]
    np.testing.assert_allclose(np.asarray(drawn.get_xdata(), float), own)
    np.testing.assert_allclose(np.asarray(drawn.get_ydata(), float), np.arange(1, 16) / 15)
    (chance,), (height,) = (np.asarray(axis) for axis in lines.lines[1].get_data())
    assert chance == 0.25  # one over the root of 16
    assert height == (own < 0.25).mean()


@pytest.mark.parametrize("older", [True, False])
def test_tables_without_spread_say_why(older: bool) -> None:
    table = within()
    table = table.drop(columns="spread") if older else table.assign(spread=np.nan)
    said = texts(position_spread(table, title="t"))
    assert ("--forcerun correlate" in said) == older
    assert ("No layer has correlations at several positions" in said) == (not older)


def test_maps_of_the_variation_stand_in_their_place() -> None:
    rho = np.random.default_rng(0).uniform(-1, 1, (2, len(VARIABLES), 2, 2)).astype(np.float32)
    rho[1, 4] = np.nan
    layer = xr.Dataset(
        {"rho": (("value", "variable", "row", "col"), rho)},
        coords={"value": VALUES, "variable": VARIABLES},
    ).transpose("variable", ...)
    figure = variation_maps(layer, title="t")
    axis = figure.axes[0]
    picture = np.asarray(axis.images[0].get_array())
    high, wide = picture.shape[0] // 2, picture.shape[1] // len(VARIABLES)
    places = ((np.arange(2) + 0.5) * high / 1.08 / 2).astype(int)
    for value, variable in np.ndindex(2, len(VARIABLES)):
        shown = picture[np.ix_(value * high + places, variable * wide + places)]
        scaled = (np.ma.masked_invalid(rho[value, variable]) + 1) / 2
        assert abs(shown.astype(int) - COLORS(scaled, bytes=True)).max() <= 2
    assert [label.get_text() for label in axis.get_xticklabels()] == VARIABLES
    assert [label.get_text() for label in axis.get_yticklabels()] == VALUES
