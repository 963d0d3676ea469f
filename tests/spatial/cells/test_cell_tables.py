"""Tables of masked cells, from stores that are made up."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from actsense.spatial.cells.tables import compare_cells
from actsense.store import write_results, write_tables

IMAGES = 40
CELLS = np.array([0, 1, 4, 10, 16])
CURVE_COLUMNS = [
    *("network", "source", "method", "fill", "direction", "cells", "share", "images"),
    *("probability", "probability_low", "probability_high"),
]
SCORE_COLUMNS = [
    *("network", "source", "method", "fill", "direction", "images"),
    *("area", "area_low", "area_high", "relative", "relative_low", "relative_high"),
]
Tables = dict[str, pd.DataFrame]


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.2, 0.8, size=shape)


def store(
    folder: Path,
    curves: dict[tuple[str, str, str, int], np.ndarray],
    intact: np.ndarray | None = None,
    fill: str = "mean",
) -> Path:
    """Write curves of (images, budgets) by source, method, direction and draw."""
    columns = zip(*curves, strict=True)
    coordinates = dict(zip(("source", "method", "direction", "draw"), columns, strict=True))
    data = xr.Dataset(
        {
            "probability": (("curve", "image", "budget"), np.stack([*curves.values()])),
            "intact": ("image", np.ones(IMAGES) if intact is None else intact),
        },
        coords={
            **{name: ("curve", list(values)) for name, values in coordinates.items()},
            "fill": ("curve", [fill] * len(curves)),
            "cells": ("budget", CELLS),
            "share": ("budget", CELLS / CELLS[-1]),
        },
    )
    path = folder / f"cells{len([*folder.iterdir()])}.zarr"
    write_results(path, {"": data}, attributes={})
    return path


def random(seed: int = 0) -> dict[tuple[str, str, str, int], np.ndarray]:
    return {
        ("", "random", "deletion", draw): noise(IMAGES, len(CELLS), seed=seed + draw)
        for draw in range(3)
    }


def compared(*paths: Path, bootstrap: int = 200, seed: int = 0) -> Tables:
    return compare_cells(dict(zip("ab", paths, strict=False)), bootstrap=bootstrap, seed=seed)


def one(table: pd.DataFrame, **held: object) -> pd.Series:
    for name, value in held.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_tables_have_the_columns_and_a_row_for_every_budget_and_score(tmp_path: Path) -> None:
    own = {("net", "gradient", "deletion", 0): noise(IMAGES, 5, seed=9)}
    tables = compared(store(tmp_path, random() | own), store(tmp_path, random()))
    assert tables["cell_curves"].columns.tolist() == CURVE_COLUMNS
    assert tables["cell_scores"].columns.tolist() == SCORE_COLUMNS
    assert tables["cell_curves"].groupby(["network", "method"]).size().to_dict() == {
        ("a", "gradient"): 5,
        ("a", "random"): 5,
        ("b", "random"): 5,
    }
    assert len(tables["cell_scores"]) == 3
    write_tables(tables, {name: str(tmp_path / f"{name}.csv") for name in tables})
    for name, table in tables.items():
        texts = pd.read_csv(tmp_path / f"{name}.csv", dtype=str, keep_default_na=False)
        assert not texts.isin(["nan", "NaN"]).any(axis=None)
        assert (texts.loc[texts["method"] == "random", "source"] == "").all()
        assert len(texts) == len(table)


def test_curves_are_means_over_images_and_random_draws(tmp_path: Path) -> None:
    curves = random()
    found = compared(store(tmp_path, curves))["cell_curves"]
    expected = np.mean([*curves.values()], axis=(0, 1))
    np.testing.assert_allclose(found["probability"], expected)
    np.testing.assert_array_equal(found["cells"], CELLS)
    np.testing.assert_array_equal(found["share"], CELLS / 16)
    assert (found["images"] == IMAGES).all()


def test_the_area_under_a_straight_fall_to_zero_is_a_half(tmp_path: Path) -> None:
    """And not changed by how likely the intact class is."""
    intact = noise(IMAGES, seed=5)
    fall = intact[:, None] * (1 - CELLS / 16)
    curves = random() | {("net", "gradient", "deletion", 0): fall}
    score = one(compared(store(tmp_path, curves, intact))["cell_scores"], method="gradient")
    for name in ("area", "area_low", "area_high"):
        assert score[name] == pytest.approx(0.5)


def test_areas_are_those_of_trapezoids(tmp_path: Path) -> None:
    intact, curves = noise(IMAGES, seed=5), random()
    score = one(compared(store(tmp_path, curves, intact))["cell_scores"], method="random")
    mean = np.mean([*curves.values()], axis=(0, 1))
    area = sum(
        (mean[k] + mean[k + 1]) / 2 * (CELLS[k + 1] - CELLS[k]) / 16 for k in range(len(CELLS) - 1)
    )
    assert score["area"] == pytest.approx(area / intact.mean())


def test_random_orders_are_one_relative_to_themselves(tmp_path: Path) -> None:
    curves = random()
    curves["net", "gradient", "deletion", 0] = np.mean([*curves.values()], axis=0)
    scores = compared(store(tmp_path, curves))["cell_scores"]
    for name in ("relative", "relative_low", "relative_high"):
        np.testing.assert_allclose(scores[name], 1)
    assert (scores["area_low"] < scores["area_high"]).all()


def test_relative_areas_are_paired(tmp_path: Path) -> None:
    """A curve at half of the random one is half of it whatever images are drawn."""
    curves = random()
    curves["net", "gradient", "deletion", 0] = np.mean([*curves.values()], axis=0) / 2
    score = one(compared(store(tmp_path, curves))["cell_scores"], method="gradient")
    assert score["relative_low"] == pytest.approx(0.5)
    assert score["relative_high"] == pytest.approx(0.5)
    assert score["area_high"] - score["area_low"] > 0.01


def test_deletion_and_insertion_have_random_orders_of_their_own(tmp_path: Path) -> None:
    curves = random()
    curves["", "random", "insertion", 0] = np.mean([*curves.values()], axis=0) / 4
    curves["net", "gradient", "insertion", 0] = curves["", "random", "insertion", 0] * 2
    scores = compared(store(tmp_path, curves))["cell_scores"]
    assert one(scores, method="gradient")["relative"] == pytest.approx(2)


def greedy(images: int, budgets: int) -> np.ndarray:
    values = np.full((IMAGES, len(CELLS)), np.nan)
    values[:images, :budgets] = noise(images, budgets, seed=7)
    return values


def test_a_search_that_stops_early_has_a_curve_as_far_as_it_went_and_no_area(
    tmp_path: Path,
) -> None:
    curves = random() | {("", "greedy", "deletion", 0): greedy(6, 3)}
    tables = compared(store(tmp_path, curves))
    found = tables["cell_curves"]
    found = found[found["method"] == "greedy"]
    assert found["cells"].tolist() == [0, 1, 4]
    assert (found["images"] == 6).all()
    np.testing.assert_allclose(found["probability"], noise(6, 3, seed=7).mean(axis=0))
    assert tables["cell_scores"]["method"].tolist() == ["random"]


def test_a_search_to_the_end_is_compared_on_its_own_images(tmp_path: Path) -> None:
    curves = random()
    curves["", "greedy", "deletion", 0] = greedy(6, 5)
    curves["", "greedy", "deletion", 0][:6] = np.mean([*random().values()], axis=0)[:6] / 2
    score = one(compared(store(tmp_path, curves))["cell_scores"], method="greedy")
    assert score["images"] == 6
    assert score["relative"] == pytest.approx(0.5)
    assert score["relative_high"] == pytest.approx(0.5)


def test_intervals_are_those_of_means(tmp_path: Path) -> None:
    curves = {("", "random", "deletion", 0): noise(IMAGES, 5)}
    found = compared(store(tmp_path, curves), bootstrap=4000)["cell_curves"]
    error = noise(IMAGES, 5).std(axis=0) / np.sqrt(IMAGES)
    width = found["probability_high"] - found["probability_low"]
    np.testing.assert_allclose(width, 2 * 1.96 * error, rtol=0.1)
    assert (found["probability_low"] < found["probability"]).all()
    assert (found["probability"] < found["probability_high"]).all()


def test_tables_depend_on_the_seed_and_are_the_same_again(tmp_path: Path) -> None:
    path = store(tmp_path, random())
    first, again, other = (compared(path, seed=seed)["cell_scores"] for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(first, again)
    assert (first["area_low"] != other["area_low"]).all()
    assert (first["area"] == other["area"]).all()
