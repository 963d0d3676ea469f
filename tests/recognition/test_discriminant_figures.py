"""Figures of the discriminant analysis show the tables, at limits that are the same everywhere."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_texts import cells, words
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle

from actsense.drawing.style import FACTOR_COLORS, FACTOR_MARKERS
from actsense.recognition.figures import (
    COLORS,
    accuracy_profile,
    confusion_maps,
    plot_discriminant,
    projections,
)

FACTORS = ["hue", "rolling", "order", "class"]
VALUES, VARIANTS, LAYERS = (
    ("S1", "ST", "shapley"),
    ("raw", "normalized"),
    ("1", "0.10"),
)  # of plain chains of modules


def tables(*designs: str) -> dict[str, pd.DataFrame]:
    keys = [
        dict(zip(("layer", "design", "value", "variant"), one, strict=True))
        for one in product(LAYERS, designs, VALUES, VARIANTS)
    ]
    accuracy = [
        key
        | {"accuracy": 0.3 + 0.01 * k, "low": 0.2 + 0.01 * k, "high": 0.5 + 0.01 * k}
        | {"chance": 0.25, "null_mean": 0.25, "null_high": 0.28, "channels": 12, "factors": 4}
        | {"left_out": 1, "dead_units": 2, "rare_units": 3}
        for k, key in enumerate(keys)
    ]
    confusion = [
        key
        | {"factor": factor, "predicted": found}
        | {"share": 0.7 if factor == found else 0.1, "low": 0.05, "high": 0.3}
        | ({"low": 0.5, "high": 0.9} if factor == found else {})
        for key, factor, found in product(keys, FACTORS, FACTORS)
    ]
    projection = [
        key | {"channel": c, "factor": f, "axis_1": k + 0.1 * c, "axis_2": -k}
        for key, c, (k, f) in product(keys, range(3), enumerate(FACTORS))
    ]
    skipped = [{"layer": "logits", "design": d, "value": "all", "reason": "r"} for d in designs]
    columns = {"accuracy": accuracy, "confusion": confusion, "projection": projection}
    return {name: pd.DataFrame(rows) for name, rows in (columns | {"skipped": skipped}).items()}


def one_case(table: pd.DataFrame) -> pd.DataFrame:
    return table.query("design == 'mixed' and variant == 'raw'")


def text(figure: Figure) -> str:
    return "\n".join(words(figure))


def test_accuracies_are_those_of_the_table() -> None:
    accuracy = tables("mixed")["accuracy"]
    axis = accuracy_profile(accuracy, title="t").axes[0]
    lines = [line for line in axis.lines if line.get_linestyle() == "-"]
    drawn = {line.get_color(): line.get_ydata() for line in lines if len(line.get_ydata()) == 2}
    for variant, color in COLORS.items():
        case = accuracy.query(f"value == 'S1' and variant == '{variant}'")
        np.testing.assert_allclose(np.asarray(drawn[color], float), case["accuracy"])
    assert axis.get_ylim() == (0, 1.02)
    marks = {line.get_marker() for line in lines if line.get_color() in COLORS.values()}
    assert len(marks) == len(COLORS)


def test_the_accuracy_names_layers_channels_and_null() -> None:
    words = text(accuracy_profile(tables("mixed", "other")["accuracy"], title="net"))
    for word in ("1 (12)", "mixed", "other", "guessing", "labels shuffled", "95 % intervals"):
        assert word in words
    left_out = "8 units are dead and 12 rare; channels of which more than half are: 4"
    assert left_out in words  # two layers under two designs


def test_a_layer_that_a_design_skipped_leaves_a_gap() -> None:
    accuracy = tables("mixed", "other")["accuracy"]
    accuracy = accuracy.query("not (layer == '0.10' and design == 'other')")
    axes = accuracy_profile(accuracy, title="t").axes
    assert "0.10 (0)" in [label.get_text() for label in axes[3].get_xticklabels()]


def test_confusions_share_fixed_limits_and_rows_are_the_truth() -> None:
    read = tables("mixed")
    confusion = one_case(read["confusion"]).copy()
    confusion.loc[
        (confusion["factor"] == "hue") & (confusion["predicted"] == "class"), "share"
    ] = 0.4
    figure = confusion_maps(confusion, one_case(read["accuracy"]), title="t")
    images = [axis.images[0] for axis in figure.axes if axis.images]
    assert len(images) >= len(VALUES) * len(LAYERS)
    for image in images[: len(VALUES) * len(LAYERS)]:
        assert image.get_clim() == (0, 1)
        shares = np.asarray(image.get_array(), float)
        assert shares[0, 3] == 0.4
        assert shares[3, 0] == 0.1


def test_numbers_that_cover_guessing_are_gray_and_small_ones_missing() -> None:
    read = tables("mixed")
    confusion = one_case(read["confusion"]).copy()
    confusion.loc[confusion["predicted"] == "order", "share"] = 0.004
    figure = confusion_maps(confusion, one_case(read["accuracy"]), title="t")
    numbers = cells(figure.axes[0])
    colors = {(place, written): color for place, (written, color) in numbers.items()}
    assert colors[(0, 0), "70"] == "white"
    assert colors[(0, 1), "10"] == "0.5"  # 0.05 to 0.3 covers a quarter
    assert not any(column == 2 for (_, column), _ in colors)


def test_the_projection_draws_every_map_and_its_mean() -> None:
    read = tables("mixed")
    axis = projections(one_case(read["projection"]), one_case(read["accuracy"]), title="t").axes[0]
    assert len(axis.collections) == 2 * len(FACTORS)
    for k, factor in enumerate(FACTORS):
        points, mean = axis.collections[2 * k], axis.collections[2 * k + 1]
        np.testing.assert_allclose(points.get_offsets(), [[k + 0.1 * c, -k] for c in range(3)])
        np.testing.assert_allclose(mean.get_offsets(), [[k + 0.1, -k]])
        assert to_hex(mean.get_facecolor()[0]) == FACTOR_COLORS[factor].lower()
        mark = MarkerStyle(FACTOR_MARKERS[factor])
        expected = mark.get_transform().transform_path(mark.get_path()).vertices
        for drawn in (points, mean):
            np.testing.assert_allclose(drawn.get_paths()[0].vertices, expected)


@pytest.mark.parametrize("empty", [False, True])
def test_every_design_has_its_pages(
    tmp_path: Path, drawn: dict[str, Figure], *, empty: bool
) -> None:
    read = {name: table[table["layer"] != "0.10"] for name, table in tables("mixed").items()}
    if empty:
        read = {
            name: table.head(0) if name != "skipped" else table for name, table in read.items()
        }
    for name, table in read.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    outputs = {name: tmp_path / name for name in ("confusions", "projections")}
    plot_discriminant(
        {name: tmp_path / f"{name}.csv" for name in read},
        outputs | {"accuracy": tmp_path / "accuracy.png"},
        title="net",
        dpi=50,
    )
    pages = {path.name for name in outputs for path in outputs[name].glob("*.png")}
    assert pages == {"mixed_raw.png", "mixed_normalized.png"}
    assert (tmp_path / "accuracy.png").is_file()
    page = text(drawn["mixed_raw"])  # the projections, which come last
    assert ("table of skipped cases" in page) == empty
    assert ("table of skipped cases" in text(drawn["mixed_normalized"])) == empty


def test_many_layers_fill_several_pages(tmp_path: Path, drawn: dict[str, Figure]) -> None:
    for name, table in tables("mixed").items():
        first = table[table["layer"] == LAYERS[0]]
        many = [first.assign(layer=f"layer{number}") for number in range(7)]
        pd.concat([*many, table.head(0)]).to_csv(tmp_path / f"{name}.csv", index=False)
    inputs = {name: tmp_path / f"{name}.csv" for name in tables("mixed")}
    outputs = {name: tmp_path / name for name in ("accuracy", "confusions", "projections")}
    plot_discriminant(inputs, outputs, title="net", dpi=50)
    for folder in ("confusions", "projections"):
        assert (tmp_path / folder / "mixed_raw-2.png").is_file()
    pages = text(drawn["mixed_raw"]), text(drawn["mixed_raw-2"])  # of projections
    assert "page 1 of 2" in pages[0]
    assert [f"layer{number}," in pages[0] for number in range(7)] == [True] * 4 + [False] * 3
    assert [f"layer{number}," in pages[1] for number in range(7)] == [False] * 4 + [True] * 3
