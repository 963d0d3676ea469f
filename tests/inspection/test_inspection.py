"""Finished results opened by name, with words for what is missing."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import actsense
from actsense.errors import ConfigError
from actsense.store import write_results

FACTORS = ["hue", "rolling", "order", "class", "image", "partition"]


def write_run(folder: Path) -> xr.Dataset:
    """Write indices of one layer (2, 3, 3) and return them."""
    rng = np.random.default_rng(0)
    first = (("factor", "channel", "row", "col"), rng.random((6, 2, 3, 3), dtype=np.float32))
    layer = xr.Dataset({"S1": first})
    totals = xr.Dataset(
        {"S1": (("factor", "layer"), rng.random((6, 2)))},
        coords={"factor": FACTORS, "layer": ["stem", "network"]},
    )
    attributes = {"configuration": {"seed": 3}, "replicates": 8}
    write_results(folder / "indices.zarr", {"": totals, "stem": layer}, attributes=attributes)
    (folder / "tables").mkdir()
    pd.DataFrame({"layer": ["stem"], "value": [0.5]}).to_csv(
        folder / "tables/layers.csv", index=False
    )
    return layer


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Return the folder of a study of two networks; one has results of two designs."""
    for network in ("aside", "first"):
        (tmp_path / "animals" / network).mkdir(parents=True)
        (tmp_path / "animals" / network / "card.json").write_text('{"accuracy": 0.5}')
    for design in ("colour", "geometry"):
        (tmp_path / "animals/first" / design).mkdir()
        write_run(tmp_path / "animals/first" / design)
    return tmp_path / "animals"


def test_a_study_names_what_it_holds(study: Path) -> None:
    opened = actsense.open_study(study)
    assert opened.name == "animals"
    assert opened.networks == ("first", "aside")  # most designs first
    assert opened.designs("first") == ("colour", "geometry")
    assert opened.designs("aside") == ()
    assert opened["aside"].card == {"accuracy": 0.5}


def test_a_run_reads_what_was_written(study: Path, tmp_path: Path) -> None:
    run = actsense.open_study(study)["first", "colour"]
    assert run.layers == ("stem",)
    assert run.factors == tuple(FACTORS)
    assert run.augmentations == ("hue", "rolling")
    assert run.settings == {"seed": 3}
    expected = write_run(tmp_path / "again")["S1"]
    rolling = run.layer("stem").S1.sel(factor="rolling")
    np.testing.assert_array_equal(rolling, expected.isel(factor=1))
    assert run.tables == ("layers",)
    assert run.table("layers").value.tolist() == [0.5]
    assert run.has("indices")
    assert run.has("layers")
    assert not run.has("contrast")


def test_the_folder_of_all_studies_says_which_there_are(study: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"holds no results of a study\. Studies inside: .*animals"
    ):
        actsense.open_study(study.parent)


def test_nothing_to_open_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Make them with: actsense run STUDY\.yaml"):
        actsense.open_study(tmp_path)
    (tmp_path / "study.json").write_text('{"options": "--configfile a.yaml"}')
    with pytest.raises(ConfigError, match=r"snakemake all --cores all --configfile a\.yaml"):
        actsense.open_study(tmp_path)
    with pytest.raises(ConfigError, match="no such folder"):
        actsense.open_study(tmp_path / "absent")


@pytest.mark.parametrize("names", ["third", ("third", "colour"), ("first", "color")])
def test_a_wrong_name_is_answered_with_the_right_ones(
    study: Path, names: str | tuple[str, str]
) -> None:
    with pytest.raises(ConfigError, match=r"Allowed: (aside, first|colour, geometry)"):
        actsense.open_study(study)[names]


def test_a_wrong_layer_is_answered_with_the_right_ones(study: Path) -> None:
    with pytest.raises(ConfigError, match=r"layer 'head' .* stem"):
        actsense.open_study(study)["first", "colour"].layer("head")


def test_a_missing_result_names_its_target(study: Path) -> None:
    opened = actsense.open_study(study)
    run, network = opened["first", "colour"], opened["first"]
    missing = {
        "contrast": lambda: run.contrast,
        "masking": lambda: run.masking,
        "segments": lambda: run.segments,
        "lda": lambda: network.table("lda_confusion"),
        "correlation": lambda: network.store("correlation_variation"),
        "spatial": lambda: opened.table("shuffle_scores"),
        "data": lambda: opened.images,
    }
    for target, ask in missing.items():
        with pytest.raises(
            actsense.MissingResultError, match=f"snakemake {target} --cores all$"
        ) as error:
            ask()
        assert error.value.target == target


def test_a_name_that_nothing_makes_is_answered_with_those_there_are(study: Path) -> None:
    run = actsense.open_study(study)["first", "colour"]
    with pytest.raises(ConfigError, match=r"table of .*colour: 'layer' .* Nearest: layers"):
        run.table("layer")
    with pytest.raises(ConfigError, match=r"store of .*colour: 'index' .* Allowed: .*indices"):
        run.store("index")


def test_results_that_are_in_no_list_are_opened_too(study: Path) -> None:
    write_run(study / "first/colour/own")
    (study / "first/colour/own/indices.zarr").rename(study / "first/colour/own.zarr")
    pd.DataFrame({"x": [1]}).to_csv(study / "first/colour/tables/own.csv", index=False)
    run = actsense.open_study(study)["first", "colour"]
    assert run.stores == ("indices", "own")
    assert run.tables == ("layers", "own")
    assert run.store("own").attrs["replicates"] == 8


def test_the_package_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        _ = actsense.absent


def test_what_a_run_was_asked_with_stands_in_what_makes_a_result(tmp_path: Path) -> None:
    study, run = tmp_path / "one", tmp_path / "one/net/mixed"
    (run / "indices.zarr").mkdir(parents=True)
    record = {"options": "--configfile 'my study.yaml'", "analysed": {"net": [], "other": ["a"]}}
    (study / "study.json").write_text(json.dumps(record))
    opened = actsense.open_study(study)["net", "mixed"]
    again = r"contrast --cores all --configfile 'my study\.yaml'"
    with pytest.raises(actsense.MissingResultError, match=again):
        opened.store("contrast")
    with pytest.raises(actsense.MissingResultError, match=r"designs\.mixed\.analyses is false"):
        opened.store("masking")
    with pytest.raises(actsense.MissingResultError, match="analyses is false of every design"):
        actsense.open_study(study)["net"].table("lda")
