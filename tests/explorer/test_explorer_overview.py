"""The overview names the surest channels, and a click on anything leads there."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from explored import address, choices
from streamlit.testing.v1 import AppTest

from actsense.explorer.channel_images import top_of_channel, top_of_channels
from actsense.explorer.clicks import follow
from actsense.explorer.documentation import readable
from actsense.explorer.figures import found_figures
from actsense.explorer.heatmaps import picture_address
from actsense.explorer.link import Wishes
from actsense.explorer.overview import strongest
from actsense.explorer.reading import ranking
from actsense.explorer.shelf import run_shelf
from actsense.explorer.two_runs import common_limits, other_runs
from actsense.inspection import RunResults, open_study
from actsense.inspection.search import find_strongest

Visit = Callable[..., AppTest]
AXES = {"conv": "channel", "tokens": "axis_0", "fc": "unit"}


def test_the_first_page_leads_to_the_surest_channel_of_every_factor(
    made: Path, run: RunResults, visit: Visit
) -> None:
    test = visit(made, design="mixed")
    assert address(test)["view"] == "overview"
    assert not test.info
    strong = [one for one in choices(test) if "factor" in one]
    for factor in run.factors:
        bounds = {}
        for layer, name in AXES.items():
            table = ranking(run, layer, factor)
            for row in table[table["left_out"] == ""].to_dict("records"):
                bounds[layer, name, row["number"]] = row["shapley"] - row["shapley_ci"]
        order = sorted((k for k in bounds if bounds[k] > 0), key=lambda k: -bounds[k])[:3]
        own = [(one, AXES[one["layer"]]) for one in strong if one["factor"] == factor]
        told = [(one["layer"], name, int(one[name])) for one, name in own]
        assert told == order
    assert {"view": "spatial"} in choices(test)
    assert {"view": "patterns"} not in choices(test)


@pytest.mark.parametrize(("layer", "number"), [("conv", 2), ("fc", 5)])
@pytest.mark.parametrize("condition", ["original", "hue"])
def test_top_images_of_a_channel_are_the_best_of_all_its_units(
    run: RunResults, layer: str, number: int, condition: str
) -> None:
    found = top_of_channel(run, layer, number, condition, count=20)
    data = run.top_images[layer].to_dataset().sel(condition=condition)
    own = data.isel({str(data["image"].dims[1]): number})
    best: dict[int, tuple[float, tuple[int, ...]]] = {}
    for place in np.ndindex(own["image"].shape):
        row, response = int(own["image"][place]), float(own["response"][place])
        if response > best.get(row, (-np.inf, ()))[0]:
            best[row] = response, place[1:]
    order = sorted(best, key=lambda row: -best[row][0])[:20]
    assert [one.row for one in found] == order
    assert [(one.response, one.position) for one in found] == [best[row] for row in order]


def test_channels_that_are_read_at_once_are_those_read_one_by_one(run: RunResults) -> None:
    found = top_of_channels(run, "conv", [2, 0, 2], "hue", count=4)
    assert found == [top_of_channel(run, "conv", k, "hue", count=4) for k in (2, 0, 2)]
    assert found[0] != found[1]


def test_strong_channels_are_shown_with_the_images_that_drive_them(
    made: Path, run: RunResults
) -> None:
    found = strongest.strongest_channels(run_shelf(made, "made", "mixed"), "shapley")
    assert len({(one.layer, *one.at.values()) for one in found}) > 5
    images = open_study(made).images
    for one in found:
        best = top_of_channel(run, one.layer, next(iter(one.at.values())), count=strongest.IMAGES)
        pixels = images.read(np.array([top.row for top in best]))
        assert one.images == tuple(map(picture_address, pixels))


def test_a_search_over_all_layers_is_that_of_the_command(made: Path, visit: Visit) -> None:
    test = visit(made, design="mixed", view="units", among="all", factor="hue", index="S1")
    wanted = {"index": "S1", "level": "channel", "top": 100, "designs": ["mixed"]}
    found = find_strongest(open_study(made), "hue", **wanted)
    assert len(found) > 10
    shown = test.dataframe[0].value
    assert list(shown["layer"]) == list(found["layer"])
    np.testing.assert_array_equal(shown["S1"], found["S1"])
    first = next(f"{axis} {found[axis][0]}" for axis in AXES.values() if found[axis][0] >= 0)
    assert shown["place"][0] == first


def test_a_click_takes_what_it_chooses_and_drops_what_makes_no_sense_then() -> None:
    wishes = Wishes({"layer": "conv", "channel": "3", "row": "1", "order": "number"})
    follow(wishes, {"wishes": {"layer": "fc", "unit": "2"}, "instead_of": ["channel", "row"]})
    assert wishes.choose("layer", ["conv", "fc"]) == "fc"
    assert wishes.number("unit", 9) == 2
    assert wishes.number("row", 9) == 0
    assert wishes.choose("order", ["variance", "number"]) == "number"


@pytest.mark.parametrize(("query", "view"), [({"layer": "fc"}, "units"), ({}, "overview")])
def test_a_link_about_a_unit_needs_no_view(
    made: Path, visit: Visit, query: dict[str, str], view: str
) -> None:
    assert address(visit(made, **query))["view"] == view


def test_figures_are_found_by_what_they_are_about(copy: Path, visit: Visit) -> None:
    paths = {
        "made/mixed/figures/depth_profile.png": "indices",
        "made/mixed/figures/segment_maps/conv.png": "segments",
        "made/mixed/figures/masking_curves/top1.png": "masking",
        "made/analysis/figures/lda_accuracy.png": "lda",
        "spatial/figures/shuffle.png": "spatial",
        "made/featvis/figures/units.png": "featvis",
    }
    picture = next(copy.rglob("pictures/*/*.png"))
    for path in paths:
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_bytes(picture.read_bytes())
    found = found_figures(open_study(copy))
    assert {path: group for group, inside in found.items() for path in inside} == paths
    test = visit(copy, view="figures", about="lda")
    assert address(test)["figure"] == "made/analysis/figures/lda_accuracy.png"
    assert not test.info


def test_two_designs_stand_side_by_side_on_one_scale(made: Path, visit: Visit) -> None:
    test = visit(made, view="compare", compare="runs", design="mixed", factor="hue")
    assert address(test)["beside"] == "made under other"
    assert not test.info
    study = open_study(made)
    assert other_runs(study, study["made", "other"]) == {"made under mixed": ("made", "mixed")}
    tables = [
        pd.DataFrame({"value": [0.1, 0.5], "half": [0.2, 0.1]}),
        pd.DataFrame({"value": [0.7, np.nan], "half": [np.nan, np.nan]}),
    ]
    assert common_limits(tables) == pytest.approx((-0.1, 0.7))


def test_documentation_keeps_addresses_and_drops_what_no_browser_opens() -> None:
    page = "![map](images/a.png)See [the method](method.md#x) and [home](https://example.org)."
    assert readable(page) == "See the method and [home](https://example.org)."


def test_a_channel_within_its_interval_is_not_strong(
    made: Path, run: RunResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pd.DataFrame({"layer": "fc", "unit": [1, 2, 3], "shapley": 0.3, "variance": 1.0})
    table["half-width"] = [0.2, 0.4, np.nan]  # the last one was published without
    monkeypatch.setattr(strongest, "strongest_of_run", lambda *_, **__: table)
    found = strongest.strongest_channels(run_shelf(made, "made", "mixed"), "shapley")
    assert [one.at["unit"] for one in found] == [1, 3] * len(run.factors)
