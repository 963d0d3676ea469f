"""The view of the spatial study: of whole, partial and damaged results, without a browser."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from explored import address, choices, told
from streamlit.testing.v1 import AppTest

from actsense.explorer.curves import SOLID
from actsense.explorer.spatial.pictures import saliency_row, saliency_stores
from actsense.explorer.spatial.points import cell_points, named, network_points, order_styles
from actsense.explorer.spatial.views import PARTS
from actsense.inspection import open_study
from actsense.store import write_tables

Visit = Callable[..., AppTest]

CHOICES = {
    "shuffle": {"measure": "relative", "by": "bands"},
    "saturation": {"measure": "probability"},
    "cells": {"tested": "bag", "fill": "zero", "direction": "insertion"},
    "interaction": {"together": "residual"},
    "saliency": {"level": "1024"},
}


def drawn(test: AppTest) -> pd.DataFrame:
    """Return the points of the chart on the page, through JSON as strict as a browser's."""
    (chart,) = test.get("vega_lite_chart")
    spec = json.loads(chart.proto.spec, parse_constant=pytest.fail)
    return pd.DataFrame(spec["layer"][0]["data"]["values"])


@pytest.mark.parametrize("part", PARTS)
def test_a_link_reproduces_every_choice(made: Path, visit: Visit, part: str) -> None:
    asked = {"study": "study", "view": "spatial", "show": part, **CHOICES[part]}
    test = visit(made, **asked)
    assert not test.info
    assert not test.warning
    assert address(test) == asked
    assert any(
        re.search(r"\*\*.+\*\*", caption.value) for caption in test.caption
    )  # how to read it


def test_the_chart_holds_the_numbers_of_the_table(made: Path, visit: Visit) -> None:
    points = drawn(visit(made, view="spatial", measure="top5", by="bands"))
    table = open_study(made).table("shuffle_curves")
    own = table[table["mode"] == "bands"]
    assert points["curve"].tolist() == own["network"].tolist()
    for name, column in {
        "x": "k",
        "value": "top5",
        "low": "top5_low",
        "high": "top5_high",
    }.items():
        np.testing.assert_allclose(points[name], own[column], rtol=1e-5)


def test_networks_stand_beside_each_other_where_they_are_measured_alike(made: Path) -> None:
    table = named(open_study(made).table("interaction"))
    points = network_points(table, "slope", "size", place=np.log2)
    first, second = (points[points["curve"] == name] for name in ("made", "bag"))
    assert (first["place"].to_numpy() < second["place"].to_numpy()).all()
    middle = (first["place"].to_numpy() + second["place"].to_numpy()) / 2
    np.testing.assert_allclose(middle, np.log2(first["x"]))


def test_a_network_measured_against_itself_has_a_star() -> None:
    table = pd.DataFrame({"network": ["a", "b"], "label": ["class", "prediction"]})
    assert named(table)["curve"].tolist() == ["a", "b*"]


def test_random_orders_are_the_band_and_borrowed_maps_are_dashed(made: Path) -> None:
    table = open_study(made).table("cell_curves")
    lines, band = cell_points(table, "made", "mean", "deletion")
    assert set(band["curve"]) == {"random"}
    assert set(lines["curve"]) == {"gradient", "occlusion", "evidence of bag", "greedy"}
    assert lines["x"].max() == 100
    dashed = {name for name, style in order_styles(table, "made").items() if style.dashes != SOLID}
    assert dashed == {"evidence of bag"}


def test_saliency_maps_of_all_networks_stand_beside_the_image(made: Path) -> None:
    html = saliency_row(saliency_stores(open_study(made)), 0, 2.0)
    assert html.count("<img") == 1 + 2 + 3  # the bag has evidence, too
    assert "bag says class &lt;0&gt;" in html


@pytest.mark.parametrize(
    ("part", "gone"),
    [
        ("shuffle", "spatial/tables/shuffle_curves.csv"),
        ("saturation", "spatial/tables/saturation_curves.csv"),
        ("cells", "spatial/tables/cell_curves.csv"),
        ("interaction", "spatial/tables/interaction.csv"),
        ("saliency", "*/spatial/saliency.zarr"),
    ],
)
def test_what_is_missing_is_one_line_with_its_target(
    copy: Path, visit: Visit, part: str, gone: str
) -> None:
    for path in copy.glob(gone):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    test = visit(copy, view="spatial", show=part)
    assert len(test.info) == 1
    assert "snakemake spatial" in told(test)
    assert Path(gone).name in told(test)


def test_damage_is_told_in_words(copy: Path, visit: Visit) -> None:
    (copy / "spatial/tables/shuffle_curves.csv").write_bytes(b"")
    assert "damaged" in told(visit(copy, view="spatial"))


@pytest.mark.parametrize("fault", ["bits", "root"])
def test_damaged_saliency_maps_are_told_in_words(copy: Path, visit: Visit, fault: str) -> None:
    store = copy / "bag/spatial/saliency.zarr"
    if fault == "root":
        (store / "zarr.json").write_text("{")
    else:
        chunk = max((store / "gradient/c").rglob("*"), key=lambda path: path.stat().st_size)
        data = bytearray(chunk.read_bytes())
        data[len(data) // 2] ^= 255
        chunk.write_bytes(data)
    assert "damaged" in told(visit(copy, view="spatial", show="saliency"))


def test_a_study_of_networks_without_designs_has_its_results_on_the_first_page(
    copy: Path, visit: Visit
) -> None:
    for design in ("mixed", "other"):
        shutil.rmtree(copy / "made" / design)
    test = visit(copy)
    assert address(test)["view"] == "overview"
    assert {"view": "spatial"} in choices(test)
    assert {"view": "masking"} not in choices(test)
    assert not test.info
    assert "snakemake indices" in told(visit(copy, view="units"))


def test_tables_that_are_made_again_are_read_again(copy: Path, visit: Visit) -> None:
    before = drawn(visit(copy, view="spatial"))
    path = copy / "spatial/tables/shuffle_curves.csv"
    table = pd.read_csv(path)
    write_tables({"half": table.assign(top1=table["top1"] / 2)}, {"half": path})
    after = drawn(visit(copy, view="spatial"))
    np.testing.assert_allclose(after["value"], before["value"] / 2, rtol=1e-5)


@pytest.mark.parametrize("direction", ["deletion", "insertion"])
def test_the_legend_names_what_is_drawn(made: Path, visit: Visit, direction: str) -> None:
    test = visit(made, view="spatial", show="cells", tested="made", direction=direction)
    (chart,) = test.get("vega_lite_chart")
    layers = json.loads(chart.proto.spec)["layer"][0]["layer"]
    (line,) = [layer for layer in layers if layer["mark"] == "line"]
    assert set(line["encoding"]["color"]["scale"]["domain"]) == set(drawn(test)["curve"])
