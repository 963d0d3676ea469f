"""Figures of concepts: what is drawn is what tables say."""

from pathlib import Path

import numpy as np
import pandas as pd
from figure_texts import words
from matplotlib.axes import Axes
from PIL import Image

from actsense.invariance.factors.figures.plot import plot_factors
from actsense.invariance.factors.figures.responses import factor_dots
from actsense.invariance.factors.figures.shares import factors_over_depth, factors_over_training
from actsense.invariance.factors.figures.swaps import _grid, swap_grids
from actsense.invariance.factors.stored import StoredFactors
from actsense.invariance.factors.tables import explained_table, response_table
from actsense.invariance.kept.estimates import anchor_draws
from actsense.store import write_tables


def shares(places: list[tuple[str, float, str, bool]]) -> pd.DataFrame:
    """Made shares of two concepts and the rest, of one network."""
    draws, rows = np.random.default_rng(0), []
    for state, epoch, layer, limited in places:
        for factor in ("digit", "background", "residual"):
            value = draws.uniform()
            row = {"network": "small", "state": state, "epoch": epoch, "layer": layer}
            row |= {"factor": factor, "value": value, "low": value - 0.1, "high": value + 0.05}
            row |= {"accuracy": 0.1 * epoch, "limited": limited}
            rows.append(row)
    return pd.DataFrame(rows)


NONE = float("nan")
SHARES = shares(
    [
        *(("trained", 6.0, layer, layer == "stage1") for layer in ("stage1", "hidden", "logits")),
        *(("random", NONE, layer, True) for layer in ("stage1", "hidden", "logits")),
        *((f"epoch_{epoch}", float(epoch), "logits", False) for epoch in (4, 0, 1)),
    ]
)


def drawn(axis: Axes) -> list[tuple[list[float], list[float], bool]]:
    """Return places and heights of marks, and whether they are hollow."""
    lines = [line for line in axis.lines if line.get_marker() not in ("None", "", None)]
    return [
        (
            np.asarray(line.get_xdata(), float).tolist(),
            np.asarray(line.get_ydata(), float).tolist(),
            line.get_markerfacecolor() == "white",
        )
        for line in lines
        if len(line.get_xdata())  # type: ignore[arg-type]
    ]


def test_a_course_has_a_point_for_every_epoch_and_accuracy_beside_it() -> None:
    figure = factors_over_training(SHARES, title="study")
    axis, beside = figure.axes
    for factor in ("digit", "background", "residual"):
        table = SHARES[(SHARES["layer"] == "logits") & (SHARES["factor"] == factor)]
        table = table[table["epoch"].notna()].sort_values("epoch")
        assert ([0, 1, 4, 6], table["value"].tolist(), False) in drawn(axis)
    (line,) = beside.lines
    np.testing.assert_allclose(line.get_ydata(), [0, 0.1, 0.4, 0.6])  # type: ignore[arg-type]
    assert axis.get_ylim() == beside.get_ylim()
    texts = words(figure)
    assert {"small", "accuracy", "digit", "background", "residual"} <= {*texts}
    assert any("layer logits" in text for text in texts)


def test_depth_tells_trained_from_random_and_marks_what_is_limited() -> None:
    figure = factors_over_depth(SHARES, title="study")
    (axis,) = figure.axes
    own = SHARES[SHARES["factor"] == "digit"].set_index(["state", "layer"])["value"]
    hollow = ([0.0], [own["trained", "stage1"]], True)
    full = ([1.0, 2.0], [own["trained", "hidden"], own["trained", "logits"]], False)
    assert hollow in drawn(axis)
    assert full in drawn(axis)
    assert ([0.0, 1.0, 2.0], own["random"].tolist(), True) in drawn(axis)
    assert any("Hollow" in text for text in words(figure))
    clear = SHARES.assign(limited=False)
    assert not any("Hollow" in text for text in words(factors_over_depth(clear, title="study")))


def test_intervals_are_drawn_as_they_are() -> None:
    figure = factors_over_depth(SHARES, title="study")
    segments = np.concatenate(
        [bar.get_segments() for bar in figure.axes[0].collections]  # type: ignore[attr-defined]
    )
    ends = {tuple(np.round(own[:, 1], 9)) for own in segments}
    table = SHARES[SHARES["state"].isin(["trained", "random"])]
    assert ends == {*zip(table["low"].round(9), table["high"].round(9), strict=True)}


def test_dots_are_the_measures_of_every_concept(stored: StoredFactors) -> None:
    table = response_table(stored, anchor_draws(stored.anchors, 50, seed=0))
    figure = factor_dots(table, title="study")
    for axis, measure in zip(figure.axes, ("changed", "follows", "stays"), strict=True):
        own = table[table["measure"] == measure]
        found = [places for places, _, _ in drawn(axis)]
        assert own["value"].tolist() in found
    assert {"sure", "half", "residual", "linear"} <= {*words(figure)}


def test_grids_have_the_images_themselves_in_front(stored: StoredFactors) -> None:
    images = np.arange(2 * 3 * 32 * 32).reshape(2, 3, 32, 32).astype(np.uint8)
    swapped = np.random.default_rng(0).integers(200, size=(2, 2, 3, 32, 32)).astype(np.uint8)
    picture = _grid(images, swapped)
    pitch = 2 * 32 + 4
    assert picture.shape == (3 * pitch, 3 * pitch, 3)
    cells = {
        (row, column): picture[row * pitch :, column * pitch :][:64:2, :64:2].transpose(2, 0, 1)
        for row in range(3)
        for column in range(3)
    }
    assert (cells[0, 0] == 255).all()
    for k in range(2):
        np.testing.assert_array_equal(cells[0, k + 1], images[k])
        np.testing.assert_array_equal(cells[k + 1, 0], images[k])
    np.testing.assert_array_equal(cells[1, 2], swapped[0, 1])
    figure = swap_grids(stored, title="study")
    assert len(figure.axes) == 6
    assert {"sure (2 of 12)", "residual (8 of 12)"} <= {*words(figure)}


def test_figures_that_are_asked_for_are_written(
    store: Path, stored: StoredFactors, tmp_path: Path
) -> None:
    draws = anchor_draws(stored.anchors, 50, seed=0)
    tables = {
        "factors_explained": explained_table(stored, draws),
        "factor_responses": response_table(stored, draws),
    }
    paths = {name: tmp_path / f"{name}.csv" for name in tables}
    write_tables(tables, paths)
    names = ["factors_layers", "factors_swaps", "factors_responses"]  # without checkpoints
    outputs = {name: tmp_path / f"{name}.png" for name in names}
    plot_factors(paths, store, outputs, title="study", dpi=40)
    assert {path.stem for path in tmp_path.glob("*.png")} == {*names}
    for path in outputs.values():
        with Image.open(path) as image:
            assert np.asarray(image).std() > 5
