"""Figures of masked cells show their tables, own maps apart from those of other networks."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from figure_texts import words
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from actsense.drawing.style import save
from actsense.spatial.cells.figures import cell_curves, cell_dots, name_orders, plot_cells
from actsense.store import write_results

FILLS, DIRECTIONS, CELLS = ("mean", "zero"), ("deletion", "insertion"), (0, 1, 4, 16)
ORDERS = {
    "net": [("net", "gradient"), ("bag", "evidence"), (None, "random"), (None, "greedy")],
    "bag": [("bag", "gradient"), ("bag", "evidence"), (None, "random")],
}


def measured(rows: Sequence[dict[str, object]], metric: str) -> pd.DataFrame:
    """Return a metric that differs in every row, with intervals of different arms."""
    table = pd.DataFrame(rows)
    table[metric] = np.linspace(0.9, 0.2, len(table))
    return table.assign(
        **{f"{metric}_low": table[metric] - 0.04, f"{metric}_high": table[metric] + 0.02}
    )


def curves() -> pd.DataFrame:
    rows = [
        {"network": network, "source": source, "method": method, "fill": fill}
        | {"direction": direction, "cells": cells, "share": cells / 16}
        | {"images": 10 if method == "greedy" else 200}
        for network, orders in ORDERS.items()
        for (source, method), fill, direction, cells in product(orders, FILLS, DIRECTIONS, CELLS)
        if method != "greedy" or (direction == "deletion" and cells < 16)
    ]
    return name_orders(measured(rows, "probability"))


def scores() -> pd.DataFrame:
    rows = [
        {"network": network, "source": source, "method": method, "fill": fill}
        | {"direction": direction, "images": 200}
        for network, orders in ORDERS.items()
        for (source, method), fill, direction in product(orders, FILLS, DIRECTIONS)
        if method != "greedy"
    ]
    return name_orders(measured(rows, "relative"))


def page(network: str = "net") -> Figure:
    return cell_curves(curves(), network, size=8, title="t")


def lines(axis: Axes) -> dict[str, ErrorbarContainer]:
    return {str(line.get_label()): line for line in axis.containers}


def points(line: ErrorbarContainer) -> np.ndarray:
    return np.asarray(line.lines[0].get_xydata(), float)


def segments(line: ErrorbarContainer) -> np.ndarray:
    """Return all intervals, (points, 2 ends, 2 coordinates)."""
    return np.array(line.lines[2][0].get_segments())


def text(figure: Figure) -> str:
    return "\n".join(words(figure))


@pytest.mark.parametrize(
    ("panel", "direction", "fill"),
    [(0, "deletion", "mean"), (1, "deletion", "zero"), (3, "insertion", "zero")],
)
def test_lines_are_the_curves_of_the_table(panel: int, direction: str, fill: str) -> None:
    table = curves()
    table = table[
        (table["network"] == "net") & (table["direction"] == direction) & (table["fill"] == fill)
    ]
    drawn = lines(page().axes[panel])
    greedy = ["greedy"] if direction == "deletion" else []
    assert list(drawn) == ["gradient", "evidence of bag", *greedy]
    for label, line in drawn.items():
        own = table[table["order"] == label]
        places = np.stack([100 * own["share"], own["probability"]], axis=1)
        np.testing.assert_allclose(points(line), places)
        ends = own[["probability_low", "probability_high"]]
        np.testing.assert_allclose(segments(line)[:, :, 1], ends)


def test_random_orders_are_a_gray_band_as_wide_as_their_interval() -> None:
    table = curves().query("network == 'net' and method == 'random' and fill == 'mean'")
    own = table[table["direction"] == "deletion"]
    axis = page().axes[0]
    (mean,) = [line for line in axis.lines if line.get_label() == "random"]
    np.testing.assert_allclose(mean.get_ydata().astype(float), own["probability"])
    (band,) = [each for each in axis.collections if len(each.get_facecolor())]
    heights = band.get_paths()[0].vertices[:, 1]
    expected = own["probability_low"].min(), own["probability_high"].max()
    np.testing.assert_allclose((heights.min(), heights.max()), expected)


def test_maps_of_other_networks_are_dashed_and_hollow() -> None:
    drawn = lines(page().axes[0])
    kinds = {label: line.lines[0].get_linestyle() for label, line in drawn.items()}
    assert kinds == {"gradient": "-", "evidence of bag": "--", "greedy": "-"}
    assert drawn["evidence of bag"].lines[0].get_markerfacecolor() == "white"
    own = lines(page("bag").axes[0])["evidence"].lines[0]
    assert own.get_linestyle() == "-"
    # A map has the mark of its network on every page.
    assert own.get_marker() == drawn["evidence of bag"].lines[0].get_marker() == "s"
    assert drawn["gradient"].lines[0].get_marker() == "o"


@pytest.mark.parametrize("network", ["net", "bag"])
def test_greedy_is_explained_where_there_is_one(network: str) -> None:
    words = text(page(network))
    assert ("Greedy (n = 10)" in words) == (network == "net")
    assert "Cells of 8 x 8 pixels (16 in all)" in words
    assert "n = 200" in words


def test_few_cells_have_the_room_of_many() -> None:
    axis = page().axes[0]
    ends = axis.transData.transform([[0, 0], [25, 0], [100, 0]])[:, 0]
    np.testing.assert_allclose((ends[1] - ends[0]) / (ends[2] - ends[0]), 0.5)


@pytest.mark.parametrize(("row", "network"), [(0, "net"), (1, "bag")])
def test_dots_are_the_areas_of_the_table(row: int, network: str) -> None:
    table = scores()
    figure = cell_dots(table, title="t")
    for column, direction in enumerate(DIRECTIONS):
        axis = figure.axes[2 * row + column]
        assert axis.get_title(loc="left") == f"{network}, {direction}"
        own = table[(table["network"] == network) & (table["direction"] == direction)]
        own = own[own["method"] != "random"]
        assert list(lines(axis)) == list(FILLS)
        for fill, line in lines(axis).items():
            expected = own[own["fill"] == fill]
            np.testing.assert_allclose(points(line)[:, 0], expected["relative"])
            np.testing.assert_allclose(points(line)[:, 1], [0, 1], atol=0.3)
            ends = expected[["relative_low", "relative_high"]]
            np.testing.assert_allclose(segments(line)[:, :, 0], ends)
        assert 1 in [line.get_xdata()[0] for line in axis.lines]
    names = [tick.get_text() for tick in figure.axes[2 * row].get_yticklabels()]
    assert names == ["gradient", "evidence of bag" if network == "net" else "evidence"]


def test_every_network_has_its_page_from_tables_alone(tmp_path: Path) -> None:
    tables = {"cell_curves": curves(), "cell_scores": scores()}
    paths = {name: tmp_path / f"{name}.csv" for name in tables}
    for name, table in tables.items():
        table.drop(columns=["order", "borrowed"]).to_csv(paths[name], index=False)
    stores = {name: tmp_path / f"{name}.zarr" for name in ORDERS}
    for store in stores.values():
        write_results(store, {"": xr.Dataset(attrs={"size": 8})}, attributes={})
    outputs = {"curves": tmp_path / "pages", "scores": tmp_path / "scores.png"}
    plot_cells(paths, stores, outputs, title="t", dpi=50)
    names = {f"{name}.png" for name in ORDERS}
    assert {path.name for path in outputs["curves"].iterdir()} == names
    drawn = (outputs["curves"] / "net.png").read_bytes()
    expected = tmp_path / "expected.png"
    save(page(), expected, dpi=50)
    assert drawn == expected.read_bytes()
