"""Rows and columns of patches of their own: from the settings to tables and figures."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from figure_texts import words
from matplotlib.axes import Axes
from pydantic import ValidationError
from spatial_study import SIDE, convolutions, noise, subject

from actsense.augment.patches import patch_shuffle, shuffle_keys
from actsense.spatial.commands.curves import curves_figure, read_curves
from actsense.spatial.plan import _transform_passes
from actsense.spatial.transforms.divisions import Axis, with_sides
from actsense.spatial.transforms.evaluate import evaluate_transforms
from actsense.spatial.transforms.figures import shuffle_panels
from actsense.spatial.transforms.score_figures import score_panels
from actsense.spatial.transforms.settings import Transforms
from actsense.spatial.transforms.shuffled_images import shuffled_sheet
from actsense.spatial.transforms.tables import compare_transforms
from actsense.store import read_table, write_results, write_tables

DIVISIONS: list[Any] = [[3, 2], 4, [2, 3], 1, 2, [1, 5]]
SQUARES = [1, 2, 4]
RECTANGLES = [(1, 5), (2, 3), (3, 2)]  # by the number of patches
SETTINGS: dict[str, Any] = {
    "images": 24,
    "modes": ["bands", "grid"],
    "repeats": 2,
    "saturations": [2],
}


def evaluated(name: str, divisions: list[Any]) -> xr.Dataset:
    own = subject(convolutions(seed=len(name)), name=name)
    return evaluate_transforms(own, Transforms(divisions=divisions, **SETTINGS), 3)[""]


def compared(folder: Path, stores: dict[str, xr.Dataset]) -> dict[str, pd.DataFrame]:
    paths = {name: folder / f"{name}.zarr" for name in stores}
    for name, data in stores.items():
        write_results(paths[name], {"": data}, attributes={"commit": "none"})
    return compare_transforms(paths, bootstrap=100, seed=1)


@pytest.fixture(scope="module")
def stores() -> dict[str, xr.Dataset]:
    return {name: evaluated(name, DIVISIONS) for name in ("one", "other")}


@pytest.fixture(scope="module")
def tables(
    stores: dict[str, xr.Dataset], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("rectangles")
    made = compared(folder, stores)
    write_tables(made, paths := {name: folder / f"{name}.csv" for name in made})
    return {name: read_table(path) for name, path in paths.items()}


@pytest.mark.parametrize("mode", ["bands", "grid"])
def test_answers_are_those_to_shuffled_rows_and_columns(
    stores: dict[str, xr.Dataset], mode: str
) -> None:
    data = stores["one"]
    shown = [data[name].to_numpy() for name in ("mode", "rows", "columns", "repeat")]
    pixels = torch.from_numpy(noise()).float() / 255
    rows = torch.from_numpy(data["row"].to_numpy())
    for pair in RECTANGLES:
        wanted = zip(shown, (mode, *pair, 1), strict=True)
        (number,) = np.flatnonzero(np.all([own == one for own, one in wanted], axis=0))
        keys = shuffle_keys(3, rows, pair, 1)
        shuffled, _ = patch_shuffle(pixels[rows], pair, mode, keys=keys)
        logits = convolutions(seed=3)((shuffled - 0.5) / 0.25)
        assert (data["predicted"].to_numpy()[number] == logits.argmax(dim=1).numpy()).all()
        assert np.isnan(data["level"].to_numpy()[number])
        covered = SIDE - SIDE % pair[0], SIDE - SIDE % pair[1]
        share = covered[0] * covered[1] / SIDE**2 if mode == "grid" else 1
        assert data["area"].to_numpy()[number] == pytest.approx(share)


def test_rectangles_have_rows_and_columns_and_no_k(tables: dict[str, pd.DataFrame]) -> None:
    for name in ("shuffle_curves", "shuffle_differences", "shuffle"):
        table = tables[name]
        group = table[table["mode"] == "grid"].drop_duplicates(["rows", "columns"])
        pairs = list(zip(group["rows"], group["columns"], strict=True))
        assert pairs == [*((k, k) for k in SQUARES), *RECTANGLES]
        assert group["k"].tolist()[:3] == SQUARES
        assert group["k"].isna().tolist() == [False] * 3 + [True] * 3


def test_squares_and_their_scores_are_as_without_rectangles(
    tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    alone = compared(tmp_path, {name: evaluated(name, [1, 2, 4]) for name in ("one", "other")})
    for name, table in alone.items():
        with_rectangles = tables[name]
        if "k" in table:
            with_rectangles = with_rectangles[with_rectangles["k"].notna()]
        pd.testing.assert_frame_equal(
            with_rectangles.reset_index(drop=True), table, check_dtype=False
        )


def test_a_point_is_the_mean_over_repeats(
    stores: dict[str, xr.Dataset], tables: dict[str, pd.DataFrame]
) -> None:
    data, table = stores["other"], tables["shuffle_curves"]
    own = (data["mode"] == "grid") & (data["rows"] == 2) & (data["columns"] == 3)
    right = (data["rank"].to_numpy() == 0)[np.flatnonzero(own)]
    assert right.shape == (2, 24)
    (row,) = table.query(
        "network == 'other' and mode == 'grid' and rows == 2 and columns == 3"
    ).itertuples()
    assert row.top1 == pytest.approx(right.mean())
    assert row.top1_low < row.top1 < row.top1_high


def test_stores_and_tables_of_before_open(stores: dict[str, xr.Dataset], tmp_path: Path) -> None:
    new = {name: evaluated(name, SQUARES) for name in stores}
    old = {name: data.drop_vars(["rows", "columns"]) for name, data in new.items()}
    found, expected = (compared(tmp_path / name, own) for name, own in (("o", old), ("n", new)))
    mixed = compared(tmp_path / "m", {"one": old["one"], "other": new["other"]})
    for name, table in expected.items():
        pd.testing.assert_frame_equal(found[name], table)
        pd.testing.assert_frame_equal(mixed[name], table)
    curves = expected["shuffle_curves"]
    pd.testing.assert_frame_equal(
        with_sides(curves.drop(columns=["rows", "columns"]))[list(curves)], curves
    )
    path = tmp_path / "shuffle_curves.csv"
    write_tables({"c": curves.drop(columns=["rows", "columns"])}, {"c": path})
    assert list(read_curves([path])["rows"]) == list(curves["k"])


def drawn(axis: Axes) -> list[tuple[str, list[float]]]:
    """Return what is drawn: a line or marks alone, and the places of its points."""
    return [
        (line.lines[0].get_linestyle(), line.lines[0].get_xdata().tolist())
        for line in axis.containers
    ]


def test_rectangles_are_marks_right_of_the_lines(tables: dict[str, pd.DataFrame]) -> None:
    curves = tables["shuffle_curves"]
    along = Axis.of(curves)
    assert list(along.ticks.values()) == ["1", "2", "4", "1\u00d75", "2\u00d73", "3\u00d72"]
    places = list(along.ticks)
    assert places[:3] == [1, 2, 4]
    assert 4 < along.border < places[3] < places[4] < places[5]
    panels = [*shuffle_panels(curves, title="t").axes, *curves_figure(curves).axes]
    for axis in panels:
        for number, (style, x) in enumerate(drawn(axis)):
            expected = places[3:] if number % 2 else places[:3]
            assert style == ("None" if number % 2 else "-")
            np.testing.assert_allclose(x, expected, atol=0.3)
    figure = shuffle_panels(curves, title="t")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["one", "other"]
    assert "k, parts of a side; right: rows \u00d7 columns" in words(figure)


def test_values_stand_over_their_own_rectangle(tables: dict[str, pd.DataFrame]) -> None:
    curves = tables["shuffle_curves"]
    own = curves.query("network == 'one' and mode == 'bands'").set_index(["rows", "columns"])
    (_, marks, *_) = shuffle_panels(curves, title="t").axes[0].containers
    expected = [own.loc[pair, "top1"] for pair in RECTANGLES]
    np.testing.assert_allclose(marks.lines[0].get_ydata().astype(float), expected)


def test_differences_have_a_place_for_every_rectangle(tables: dict[str, pd.DataFrame]) -> None:
    differences = tables["shuffle_differences"]
    figure = score_panels(tables["shuffle_scores"], differences, largest=4, title="t")
    for axis in figure.axes[2:]:
        assert len(axis.get_xticks()) == 6
        for _, x in drawn(axis):
            np.testing.assert_allclose(x, list(Axis.of(differences).ticks), atol=0.3)


def test_the_sheet_shows_rectangles_too() -> None:
    settings = Transforms(divisions=DIVISIONS, **SETTINGS)
    rows = np.arange(2)
    figure = shuffled_sheet(noise(2), rows, ["a", "b"], settings=settings, seed=0)
    titles = [axis.get_title() for axis in figure.axes]
    assert "grid\n3\u00d72" in titles
    assert "bands\nk = 4" in titles
    picture = figure.axes[titles.index("grid\n3\u00d72")].images[0].get_array()
    keys = shuffle_keys(0, torch.arange(2), (3, 2), 0)
    images = torch.from_numpy(noise(2)).float() / 255
    expected, _ = patch_shuffle(images, (3, 2), keys=keys)
    np.testing.assert_allclose(np.asarray(picture), expected[0].permute(1, 2, 0), atol=1e-6)


def test_settings_take_pairs_and_numbers() -> None:
    settings = Transforms(divisions=[1, [2, 2], [2, 3]])
    assert settings.divisions == (1, 2, (2, 3))
    assert settings.plain()["divisions"] == [1, 2, [2, 3]]
    assert _transform_passes(settings) == 1000 * (1 + 3 * 2 * 2 + 8)


@pytest.mark.parametrize(
    ("divisions", "message"),
    [
        ([1, [2, 3]], "there is no number above 1"),
        ([2, [2, 2]], "2 is there twice"),
        ([2, [0, 3]], "greater than or equal to 1"),
        ([2, [1, 2, 3]], "at most 2 items"),
    ],
)
def test_other_divisions_are_refused(divisions: list[Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Transforms(divisions=divisions)
