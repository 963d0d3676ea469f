"""The view of pictures: of whole, partial and damaged results, without a browser."""

import base64
import re
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from explored import address, choices, told
from featvis_study import (
    CEILING,
    CHANNELS,
    CLASSES,
    DRIVE,
    FACTOR,
    GREY,
    KEPT,
    LAYER,
    LOST,
    MEMBERS,
    PLACES,
    TRAIN,
    UNITS_LAYER,
    make_featvis,
)
from PIL import Image
from streamlit.testing.v1 import AppTest

from actsense.explorer.pictures.charts import (
    curve_table,
    plane_chart,
    progress_chart,
    shift_table,
)
from actsense.explorer.pictures.closely import rows_of
from actsense.explorer.pictures.images import film, image_address, is_faded, result_addresses
from actsense.explorer.pictures.outcome import losses_words
from actsense.explorer.pictures.plane import plane_table, unit_map
from actsense.explorer.pictures.sets import Chosen, ordered, picture_set
from actsense.explorer.pictures.views import PARTS
from actsense.explorer.pictures.words import measures_table, percent, picture_titles
from actsense.explorer.shelf import Shelf
from actsense.inspection import StudyResults, open_study

Visit = Callable[..., AppTest]
MARKDOWN = ["![x](http://example.org/a.png)", "$x$ :red[a]", "<b>_bold_</b>"]
FACETS = Chosen("net", "facets", LAYER)
UNITS = Chosen("net", "units", UNITS_LAYER)
CHOICES: dict[str, dict[str, str]] = {
    "gallery": {"of": "channels", "layer": "stage1", "ordered": "drive"},
    "closely": {
        **{"of": "facets", "layer": LAYER, "target": "1", "picture": "random weights, seed 2"},
        **{"iteration": "16", "curve": "cosine"},
    },
    "outcome": {"of": "units", "layer": UNITS_LAYER},
}


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_featvis(tmp_path_factory.mktemp("pictures") / "results/shapes")


@pytest.fixture(scope="module")
def study(shapes: Path) -> StudyResults:
    return open_study(shapes)


@pytest.fixture(scope="module")
def shelf(study: StudyResults) -> Shelf[StudyResults]:
    return Shelf(study, study, ())


def looked_at(html: str) -> np.ndarray:
    """Return the pixels that an address holds, (height, width, 3)."""
    return np.asarray(Image.open(BytesIO(base64.b64decode(html.split(",")[1]))))


def texts(test: AppTest) -> str:
    """Return all that is written on a page, its HTML too."""
    kinds = ("markdown", "caption", "info", "warning", "html")
    return "\n".join(str(getattr(one, "value", None) or one.proto.body) for kind in kinds
                     for one in test.get(kind))  # fmt: skip


def cards(test: AppTest) -> list[str]:
    """Return the cards of a gallery."""
    found = [one.proto.body for one in test.get("html")]
    return [html for html in found if "natural image of" in html]


@pytest.mark.parametrize("part", PARTS)
def test_a_link_to_pictures_reproduces_every_choice(shapes: Path, visit: Visit, part: str) -> None:
    asked = {"study": "shapes", "view": "pictures", "show": part, "network": "net"}
    asked |= CHOICES[part]
    test = visit(shapes, **asked)
    assert address(test) == asked
    assert not test.warning
    assert any(re.search(r"\*\*.+\*\*", caption.value) for caption in test.caption)


def test_a_study_of_pictures_alone_has_them_on_the_first_page(shapes: Path, visit: Visit) -> None:
    test = visit(shapes)
    assert address(test)["view"] == "overview"
    assert {"view": "pictures"} in choices(test)
    assert not test.info


def test_a_failure_is_said_to_be_one_and_is_not_shown(shapes: Path, visit: Visit) -> None:
    first, second, third = cards(visit(shapes, view="pictures"))
    for card in (first, second):
        assert 'alt="facet' in card
        assert "beats 100 % of images" in card
    assert "failed" in third
    assert 'alt="facet' not in third
    assert "beats" not in third
    test = visit(shapes, view="pictures", show="closely", target=str(GREY[2]))
    assert "This picture failed" in test.warning[0].value
    assert "It drives" not in texts(test)
    (table,) = (one.value for one in test.table)
    own, other = table["seed 1"], table["seed 2"]
    assert (own != "").sum() == 1
    assert "failed" in own.iloc[0]
    assert "beats 88 %" in [*other]
    assert (other != "").sum() > 5


def test_another_start_of_a_failed_target_is_judged_by_itself(shapes: Path, visit: Visit) -> None:
    asked = {"view": "pictures", "show": "closely", "target": str(GREY[2])}
    test = visit(shapes, **asked, picture="seed 2")
    assert not test.warning
    assert "1.6 times as much as the strongest" in texts(test)


def test_a_control_is_said_to_be_one(shapes: Path, visit: Visit) -> None:
    test = visit(shapes, view="pictures", show="closely", picture="random weights, seed 1")
    assert "random weights" in told(test)
    assert "It drives" not in texts(test)


def test_a_name_in_the_gallery_leads_to_its_target(shapes: Path, visit: Visit) -> None:
    test = visit(shapes, view="pictures", of="units")
    test.button(key="closely_4").click().run()
    found = address(test)
    assert (found["show"], found["target"], found["of"]) == ("closely", "4", "units")
    channel, row, col = PLACES[4]
    assert f"channel {channel} at {row}, {col} of" in texts(test)
    test.button(key="Next").click().run()
    assert address(test)["target"] == "5"
    assert test.button(key="Next").disabled


def test_the_slider_goes_from_the_start_to_the_result(study: StudyResults) -> None:
    stored = study["net"].pictures.of_kind("facets")[0]
    frames = film(study, FACETS, 2, False)
    assert len(frames) == len(KEPT)
    for place in (0, len(KEPT) - 1):
        shown = np.moveaxis(looked_at(frames[place]), -1, 0)
        np.testing.assert_array_equal(shown, stored.image(2, place))
    assert not is_faded(study, FACETS, 2)


def test_results_are_the_last_pictures_in_the_order_asked_for(study: StudyResults) -> None:
    stored = study["net"].pictures.of_kind("facets")[0]
    for picture, address_ in zip((3, 0), result_addresses(study, FACETS, (3, 0)), strict=True):
        shown = np.moveaxis(looked_at(address_), -1, 0)
        np.testing.assert_array_equal(shown, stored.image(picture))


def test_what_was_not_worked_on_fades_into_white(
    study: StudyResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked = np.ones((24, 24), np.float32)
    worked[:12], worked[12] = 0, 0.5
    monkeypatch.setattr("actsense.featvis.stored.PictureGroup.transparency", lambda *_: worked)
    assert is_faded(study, FACETS, 0)
    whole, faded = (
        np.asarray(looked_at(film(study, FACETS, 0, how)[-1]), float) for how in (False, True)
    )
    assert (faded[:12] == 255).all()
    np.testing.assert_allclose(faded[12], (whole[12] + 255) / 2, atol=0.5)
    np.testing.assert_array_equal(faded[13:], whole[13:])


def test_large_images_are_sent_small_and_small_ones_whole() -> None:
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (3, 40, 40)).astype(np.uint8)
    np.testing.assert_array_equal(np.moveaxis(looked_at(image_address(small, 64)), -1, 0), small)
    large = np.full((3, 224, 224), 90, np.uint8)
    large[0] = 200
    shown = looked_at(image_address(large, 64))
    assert shown.shape == (64, 64, 3)
    assert abs(shown.astype(int) - (200, 90, 90)).max() <= 4


def test_members_stand_beside_their_rows(shapes: Path, visit: Visit) -> None:
    page = texts(visit(shapes, view="pictures", show="closely", target="1"))
    first = TRAIN + 8  # the images of the second class, the strongest first
    found = re.findall(r">row (\d+)<.*?>drive ([\d.-]+), weight ([\d.]+)<", page)
    assert [int(row) for row, _, _ in found] == list(range(first, first + MEMBERS))
    assert float(found[0][1]) == CEILING
    assert sum(float(weight) for _, _, weight in found) == pytest.approx(1, abs=0.03)


def test_the_gallery_begins_with_the_strongest_and_ends_with_failures(study: StudyResults) -> None:
    known = picture_set(study, FACETS)
    assert ordered(known, "store") == [0, 1, 2]
    assert ordered(known, "drive") == [1, 0, 2]
    assert known.failures == 1
    starts = ["seed 1", "seed 2"]
    controls = [f"random weights, {start}" for start in starts]
    assert known.of_target(1)["title"].tolist() == [*starts, *controls]


def test_pages_hold_all_targets_once(
    shapes: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actsense.explorer.pictures.views.PAGE", 5)
    shown: list[str] = []
    for page, count in (("0", 5), ("1", CHANNELS - 5)):
        test = visit(shapes, view="pictures", of="channels", page=page)
        assert not test.info
        assert len(cards(test)) == count
        shown += [one.label for one in test.main.button]
    assert shown == [f"channel {k}" for k in range(CHANNELS)]
    (pages,) = [box for box in test.selectbox if box.label == "Page"]
    assert pages.options == ["1 to 5 of 8", "6 to 8 of 8"]


def test_curves_are_those_of_the_pictures(study: StudyResults) -> None:
    table = curve_table(study, FACETS, (2, 3))
    stored = study["net"].pictures.of_kind("facets")[0]
    for picture in (2, 3):
        own = table[table["picture"] == picture]
        np.testing.assert_allclose(own["activation"], stored.curve("activation", [picture])[0])
        np.testing.assert_array_equal(own["iteration"], stored.iterations)
    assert "penalty" not in table
    assert "cosine" not in curve_table(study, UNITS, (0,))
    titles = {3: "seed 2", 2: "seed 1"}
    spec = progress_chart(table, "activation", titles, level=CEILING, iteration=16)
    inner = spec["layer"][0]
    assert inner["data"]["values"][0]["title"] == "seed 1"
    dotted, here, lines = inner["layer"]
    assert dotted["data"]["values"] == [{"activation": CEILING}]
    assert here["data"]["values"] == [{"iteration": 16}]
    assert "'seed 2'" in lines["encoding"]["strokeWidth"]["condition"]["test"]


def test_the_plane_rings_members_and_keeps_images_of_the_facet(
    shelf: Shelf[StudyResults], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actsense.explorer.pictures.plane.HOVERED", 6)
    table = plane_table(shelf, FACETS, 1)
    own = table["facet"] == 1
    assert set(table.loc[own, "label"]) == {CLASSES[1]}
    assert table.loc[table["member"], "facet"].tolist() == [1] * MEMBERS
    assert table["image"].notna().sum() == 6
    assert table.loc[table["image"].notna(), "facet"].eq(1).all()
    group = shelf.held["net"].pictures.of_kind("facets")[0]
    distance = group.data["centre_distance"][:, 1].to_numpy()
    hidden = own & table["image"].isna()
    assert distance[table["image"].notna()].max() < distance[hidden].min()
    row = table[table["image"].notna()].iloc[0]
    np.testing.assert_array_equal(
        np.moveaxis(looked_at(row["image"]), -1, 0), shelf.study.images.read([row["row"]])[0]
    )
    spec = plane_chart(table, ["a", "b", "c"], 1)
    drawn = spec["layer"][0]["data"]["values"]
    assert {one["name"] for one in drawn if one["own"]} == {"b"}


def test_a_unit_lies_in_its_map(study: StudyResults) -> None:
    for target, (_, row, col) in enumerate(PLACES[:3]):
        values, place = unit_map(study, UNITS, target)
        assert place == (row, col)
        assert np.unravel_index(values.argmax(), values.shape) == (row, col)


def test_units_stand_beside_the_medians_of_their_roles() -> None:
    shifts = pd.DataFrame(
        {
            "target": [0, 0, 1, 1, 2, 2, 3, 3],
            "role": ["most"] * 6 + ["least"] * 2,
            "value": [0.0, 0.5] * 4,
            "kept": [1.0, 0.2, 1.0, 0.5, 1.0, 0.9, 1.0, 0.95],
        }
    )
    table = shift_table(shifts, 2, "hue")
    ends = table[table["value"] == 0.5].set_index("line")["kept"]
    assert ends.to_dict() == {
        "this unit": 0.9,
        "median, feel hue most": 0.5,
        "median, feel hue least": 0.95,
    }


def test_losses_are_said_with_their_intervals(study: StudyResults) -> None:
    losses = study.table("picture_losses")
    most, least, difference = losses_words(losses, FACTOR)
    assert f"lose {100 * LOST['most']:.0f} % of their drive (50 to 70)" in most
    assert "lose 10 % of their drive (0 to 20)" in least
    assert difference.endswith("which is certain")
    losses.loc[losses["role"] == "difference", "low"] = -0.01
    assert [*losses_words(losses, FACTOR)][2].endswith("which is not certain")


def test_numbers_stand_in_the_column_of_their_picture(study: StudyResults) -> None:
    known = picture_set(study, FACETS)
    transfers = study.table("picture_transfers")
    own = transfers[(transfers["network"] == "net") & (transfers["target"] == 1)]
    own = own[own["kind"] == "facets"]
    table = measures_table(known.of_target(1), own).set_index("measure")
    drive = DRIVE + 0.5
    assert table.loc["drive", "seed 1"] == f"{drive:.2f}"
    assert table.loc["drive", "seed 2"] == f"{drive + 0.1:.2f}"
    assert table.loc["over the best natural image", "seed 1"] == f"{drive / CEILING:.2f} times"
    assert table.loc["the network says", "seed 1"] == f"{CLASSES[1]} (70 %)"
    assert table.loc["shown to twin", "seed 1"] == "beats 89 %"
    assert table.loc["shown to twin", "random weights, seed 1"] == ""
    assert table.loc["shown to net", "random weights, seed 1"] == "beats 55 %"
    assert "outcome" not in table.index
    assert "penalty" not in table.index


@pytest.mark.parametrize(
    ("value", "words"),
    [(100.0, "100"), (99.98, "99.9"), (99.78, "99.8"), (50.0, "50"), (0.0, "0")],
)
def test_all_images_are_beaten_only_if_they_are(value: float, words: str) -> None:
    assert percent(value) == words


def test_rows_of_a_table_are_those_of_the_set(study: StudyResults) -> None:
    own = rows_of(study, "picture_likeness", Chosen("net", "channels", "stage1"))
    assert own["kind"].unique().tolist() == ["channels"]
    assert rows_of(study, "picture_likeness", Chosen("net", "units", "stage1")).empty
    assert rows_of(study, "picture_shifts", UNITS)["network"].unique().tolist() == ["net"]
    assert rows_of(study, "picture_shifts", Chosen("twin", "units", UNITS_LAYER)).empty


def test_pictures_have_different_titles() -> None:
    told = pd.DataFrame(
        [(w, s, v) for w in ("trained", "random") for s in (0, 1) for v in (0, 1)],
        columns=["weights", "seed", "variant"],
    )
    titles = picture_titles(told)
    assert len(set(titles)) == len(titles) == 8
    assert titles[0] == "seed 1, variant 1"
    assert titles[-1] == "random weights, seed 2, variant 2"


def test_units_say_what_they_feel_and_channels_have_no_control(shapes: Path, visit: Visit) -> None:
    page = texts(visit(shapes, view="pictures", of="units", show="closely", target="5"))
    assert "A unit that feels hue least: Shapley effect 0.01." in page
    test = visit(shapes, view="pictures", of="channels", show="closely")
    (picture,) = [box for box in test.selectbox if box.label == "Picture"]
    assert picture.options == ["seed 1", "seed 2"]
    (target,) = [box for box in test.selectbox if box.label == "Target"]
    assert len(target.options) == CHANNELS
    assert "random weights" not in texts(test)


def test_no_name_in_pictures_is_markdown(tmp_path: Path, visit: Visit) -> None:
    folder = make_featvis(
        tmp_path / "strange", networks=(MARKDOWN[1],), classes=MARKDOWN, layer=MARKDOWN[0], side=9
    )
    for part in PARTS:
        test = visit(folder, view="pictures", show=part)
        assert "snakemake" not in told(test)
        written = [one.value for kind in ("markdown", "caption") for one in test.get(kind)]
        written += [str(cell) for table in test.table for cell in table.value.to_numpy().flat]
        signs = r"(?<!\\)!\[|http:/|(?<!\\)\$|:red|<b>"
        assert not [text for text in written if re.search(signs, text)]
        assert "<b>_bold_" not in texts(test)


def test_what_pictures_lack_is_one_line(
    shapes: Path, made: Path, tmp_path: Path, visit: Visit
) -> None:
    assert "snakemake featvis" in told(visit(made, view="pictures"))
    copy = Path(shutil.copytree(shapes, tmp_path / "results/copy"))
    for name in ("picture_transfers", "picture_summary", "picture_losses"):
        (copy / f"featvis/tables/{name}.csv").unlink()
    assert "picture_transfers.csv" in told(visit(copy, view="pictures", show="closely"))
    outcome = visit(copy, view="pictures", show="outcome", of="units")
    assert "picture_summary.csv" in told(outcome)
    assert "picture_losses.csv" in told(outcome)
    (copy / "featvis/tables/pictures.csv").unlink()
    for part in ("gallery", "closely"):
        test = visit(copy, view="pictures", show=part)
        assert "Nobody has judged these pictures yet" in told(test)
    assert "not judged" in cards(visit(copy, view="pictures"))[2]


def test_a_damaged_store_of_pictures_is_one_line(
    shapes: Path, tmp_path: Path, visit: Visit
) -> None:
    copy = Path(shutil.copytree(shapes, tmp_path / "results/copy"))
    store = copy / "net/featvis/pictures.zarr"
    chunk = max((store / "facets_0/image/c").rglob("*"), key=lambda p: p.stat().st_size)
    chunk.write_bytes(chunk.read_bytes()[:-9] + bytes(9))
    assert "damaged" in told(visit(copy, view="pictures"))
    assert told(visit(copy, view="pictures", network="twin")) == ""


def test_networks_open_their_pictures(study: StudyResults) -> None:
    opened = study["net"].pictures
    assert opened.network == "net"
    assert [group.kind for group in opened.groups] == ["facets", "units", "channels"]
    assert {"pictures", "picture_summary", "picture_losses"} <= {*study.tables}
    assert isinstance(study["net"].store("pictures"), xr.DataTree)
