"""The page on whole, partial and damaged results, without a browser."""

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import zarr
from explored import address, told
from streamlit.testing.v1 import AppTest

from actsense.errors import ConfigError
from actsense.explorer import explore
from actsense.explorer.page import OF_UNIT
from actsense.explorer.studies import find_studies
from actsense.store import seal
from benchmarks import made_results
from benchmarks.made_results import make_study


def digest(folder: Path) -> str:
    """Hash names, contents and times of all files below a folder."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        found.update(f"{path} {path.stat().st_mtime_ns}".encode())
        if path.is_file():
            found.update(path.read_bytes())
    return found.hexdigest()


Visit = Callable[..., AppTest]


@pytest.mark.parametrize("view", [view for view in OF_UNIT if view != "yours"])
@pytest.mark.parametrize("layer", ["conv", "tokens", "fc"])
def test_every_view_shows_every_kind_of_layer(
    made: Path, visit: Visit, view: str, layer: str
) -> None:
    before = digest(made)
    test = visit(made, view=view, layer=layer, factor="hue")
    assert not test.info
    assert not test.warning
    assert address(test)["view"] == view
    assert address(test)["layer"] == layer
    assert digest(made) == before


STRANGE = ["0.10", "0.1", "$x$ :red[a]", "_a_ <b>"]


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a study of layers whose names look like numbers or mean something in Markdown."""
    folder = tmp_path_factory.mktemp("strange") / "results" / "study"
    return make_study(folder, layers=dict.fromkeys(STRANGE, (2, 3, 3)), side=16)


@pytest.mark.parametrize(
    ("layer", "written"),
    [
        ("0.10", "0.10"),
        ("$x$ :red[a]", "\\$x\\$ \\:\u2060red\\[a\\]"),
        ("_a_ <b>", r"\_a\_ \<b\>"),
    ],
)
def test_layers_are_shown_as_they_are_called(
    strange: Path, visit: Visit, layer: str, written: str
) -> None:
    for view in ("units", "images", "compare"):
        test = visit(strange, view=view, layer=layer)
        assert address(test)["layer"] == layer
        assert any(written in words.value for words in test.markdown)
        assert layer == written or not any(layer in words.value for words in test.markdown)


PICTURE = "![x](http://example.org/a.png)"
OF_LAYER = "![x](www.example.org)"  # a layer has no slash
SIGNS = "www.example.org :smile: a@b.org a->b :material/info: \x1b[2J"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a study whose names would fetch an address, if they were Markdown."""
    folder = tmp_path_factory.mktemp("hostile") / "results" / "study"
    with pytest.MonkeyPatch.context() as patch:
        factors = [PICTURE if name == "hue" else name for name in made_results.FACTORS]
        patch.setattr(made_results, "FACTORS", (*factors,))
        return made_results.make_study(
            folder, layers={OF_LAYER: (2, 3, 3), SIGNS: (2, 3, 3)}, side=16
        )


@pytest.mark.parametrize("view", ["units", "images", "contrast", "compare", "masking"])
@pytest.mark.parametrize("layer", [OF_LAYER, SIGNS, f"of a link {PICTURE}"])
def test_no_name_is_markdown(hostile: Path, visit: Visit, view: str, layer: str) -> None:
    test = visit(hostile, view=view, layer=layer, factor=PICTURE)
    written = [
        one.value for kind in ("markdown", "caption", "warning", "info") for one in test.get(kind)
    ]
    words = [*written, *(one.label for one in test.selectbox)]
    assert any("example" in text for text in words)
    signs = (
        r"(?<!\\)!\[",
        r"\](?<!\\\])\(",
        "http:/",
        r"http\\:/",
        r"www\.",
        ":smile",
        ":material",
        "@b",
        "->",
        "\x1b",
    )
    assert not [text for text in words if re.search("|".join(signs), text)]


@pytest.mark.parametrize("index", ["S1", "ST", "shapley", "contrast"])
@pytest.mark.parametrize("view", ["units", "compare"])
def test_every_index_can_be_shown(made: Path, visit: Visit, view: str, index: str) -> None:
    test = visit(made.parent, view=view, index=index)
    assert address(test)["index"] == index
    assert not test.info
    if view == "units":
        shown = [name for name in test.dataframe[0].value if not str(name).startswith("left")]
        width = [] if index == "contrast" else [f"{index}_ci"]
        assert shown[: 3 + len(width)] == ["number", index, *width, "variance"]
        assert not [name for name in shown[3 + len(width) :] if name.endswith("_ci")]


def test_a_link_is_shown_again_by_the_address_it_leads_to(made: Path, visit: Visit) -> None:
    asked = {
        "study": "study",
        "network": "made",
        "design": "other",
        "layer": "conv",
        "factor": "rotation",
        "index": "ST",
        "channel": "1",
        "row": "3",
        "col": "2",
        "view": "images",
        "under": "hflip",
        "whose": "channel",
    }
    first = visit(made.parent, **asked)
    shown = address(first)
    assert shown == asked
    again = visit(made.parent, **shown)
    assert [m.value for m in again.markdown] == [m.value for m in first.markdown]


def test_mistakes_in_a_link_are_noted_and_the_rest_is_shown(made: Path, visit: Visit) -> None:
    test = visit(made, layer="conv9", factor="hue", channel="77", view="nowhere")
    (note,) = test.warning
    assert note.value.replace("\\", "").split("  \n") == [
        "The link's view 'nowhere' is not here; showing 'overview'.",
    ]
    test = visit(made, layer="conv9", factor="hue", channel="77", order="nowhere")
    (note,) = test.warning
    assert note.value.replace("\\", "").split("  \n") == [
        "The link's layer 'conv9' is not here; showing 'conv'.",
        f"The link's channel '77' is not from 0 to 2; showing {address(test)['channel']}.",
        "The link's order 'nowhere' is not here; showing 'variance'.",
    ]
    assert address(test)["factor"] == "hue"


def test_a_choice_changes_the_address_and_takes_notes_away(made: Path, visit: Visit) -> None:
    test = visit(made, layer="conv9")
    test.selectbox(key="pick_layer").select("fc").run()
    assert address(test)["layer"] == "fc"
    assert not test.warning
    test.number_input(key="pick_unit").set_value(6).run()
    assert address(test)["unit"] == "6"
    test.selectbox(key="pick_layer").select("conv").run()
    assert "unit" not in address(test)
    assert not test.exception


def test_the_strongest_position_is_one_press_away(made: Path, visit: Visit) -> None:
    start = visit(made, layer="conv", channel="1")
    strongest = (address(start)["row"], address(start)["col"])
    moved = visit(made, layer="conv", channel="1", row="0", col="0")
    button = next(b for b in moved.button if b.label == "Strongest position")
    assert not button.disabled
    button.click().run()
    assert (address(moved)["row"], address(moved)["col"]) == strongest


def test_few_replicates_are_said_once(copy: Path, visit: Visit) -> None:
    folder = copy / "made/mixed/indices.zarr"
    zarr.open_group(folder, mode="r+").attrs["replicates"] = 2
    seal(folder)
    notes = [one.value for one in visit(copy, view="units").caption]
    assert sum("rest on 2 replicates alone" in note for note in notes) == 1


@pytest.mark.parametrize(
    ("gone", "view", "words"),
    [
        ("contrast.zarr", "contrast", "snakemake contrast"),
        ("top_images.zarr", "images", "snakemake contrast"),
        ("masking.zarr", "masking", "snakemake masking"),
        ("indices.zarr", "units", "snakemake indices"),
    ],
)
def test_what_is_missing_is_one_line_with_its_target(
    copy: Path, visit: Visit, gone: str, view: str, words: str
) -> None:
    shutil.rmtree(copy / "made/mixed" / gone)
    test = visit(copy, view=view, design="mixed")
    assert len(test.info) == 1
    assert words in told(test)
    assert gone in told(test)


def test_a_design_that_is_analysed_comes_first(copy: Path, visit: Visit) -> None:
    assert address(visit(copy, view="units"))["design"] == "mixed"
    shutil.rmtree(copy / "made/mixed/indices.zarr")
    test = visit(copy, view="units")
    assert address(test)["design"] == "other"
    assert not test.info


def test_missing_images_are_one_line_each(copy: Path, visit: Visit) -> None:
    shutil.rmtree(copy / "data/images.zarr")
    test = visit(copy, view="images")
    assert told(test).count("snakemake data") == 2


def test_without_contrasts_units_are_still_shown(copy: Path, visit: Visit) -> None:
    shutil.rmtree(copy / "made/mixed/contrast.zarr")
    test = visit(copy, index="contrast")
    assert not test.info
    assert address(test)["index"] == "shapley"
    assert len(test.warning) == 1


@pytest.mark.parametrize("store", ["indices", "contrast", "top_images", "masking"])
@pytest.mark.parametrize("fault", ["bits", "root", "emptied"])
def test_damage_is_told_in_words(copy: Path, visit: Visit, store: str, fault: str) -> None:
    folder = copy / "made/mixed" / f"{store}.zarr"
    if fault == "bits":
        for chunk in folder.rglob("c/**/*"):
            if chunk.is_file() and chunk.stat().st_size > 20:
                data = bytearray(chunk.read_bytes())
                data[len(data) // 2] ^= 255
                chunk.write_bytes(data)
    elif fault == "root":
        (folder / "zarr.json").write_text("{")
    else:
        shutil.rmtree(folder)
        folder.mkdir()
    views = {"indices": "units", "contrast": "contrast", "top_images": "images"}
    test = visit(copy, view=views.get(store, "masking"))
    assert "damaged" in told(test)
    visit(copy, view="units")


def test_a_study_without_indices_says_what_to_do(tmp_path: Path, visit: Visit) -> None:
    (tmp_path / "begun/small").mkdir(parents=True)
    (tmp_path / "begun/small/card.json").write_text("{}")
    assert "snakemake indices" in told(visit(tmp_path, view="units"))


def test_new_results_appear_without_a_restart(copy: Path, visit: Visit) -> None:
    contrast = copy / "made/mixed/contrast.zarr"
    aside = contrast.rename(copy.parent / "aside")
    test = visit(copy, view="contrast")
    assert "snakemake contrast" in told(test)
    aside.rename(contrast)
    os.utime(contrast / "zarr.json")
    test.run()
    assert not test.info


def test_results_that_are_made_again_are_read_again(copy: Path, visit: Visit) -> None:
    contrast = copy / "made/mixed/contrast.zarr"
    before = visit(copy, view="contrast", layer="fc").table[0].value
    again = Path(shutil.copytree(contrast, copy.parent / "again"))
    array = zarr.open_group(again, mode="r+")["fc/rank_biserial"]
    array[:] = 0.125
    seal(again)
    shutil.rmtree(contrast)
    again.rename(contrast)
    os.utime(contrast / "zarr.json")
    after = visit(copy, view="contrast", layer="fc").table[0].value
    assert set(after[r"rank\-biserial"]) == {"0.125"}
    assert set(before[r"rank\-biserial"]) != {"0.125"}


def test_several_studies_can_be_chosen(copy: Path, visit: Visit) -> None:
    shutil.copytree(copy, copy.parent / "twin")
    (copy.parent / "bench.json").write_text("{}")
    test = visit(copy.parent, study="twin")
    assert test.selectbox(key="pick_study").options == ["study", "twin"]
    assert address(test)["study"] == "twin"


def test_a_folder_without_studies_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        explore(tmp_path / "nowhere", port=None, open_browser=False)
    (tmp_path / "other").mkdir()
    with pytest.raises(ConfigError, match="holds no results of a study"):
        explore(tmp_path, port=None, open_browser=False)


def test_a_port_that_is_taken_is_refused(made: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"--port: {port} is taken"):
            explore(made, port=port, open_browser=False)


def test_without_streamlit_one_line_says_how_to_get_it(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actsense.explorer.launch.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="make explore"):
        explore(made, port=None, open_browser=False)


def test_studies_are_found_by_name(made: Path) -> None:
    assert find_studies(made) == {"study": made}
    assert find_studies(made.parent) == {"study": made}
