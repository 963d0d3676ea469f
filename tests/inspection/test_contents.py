"""What a study holds, as text."""

import json
import re
from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from actsense.commands.export import run
from actsense.errors import ConfigError
from actsense.inspection.describe import describe
from actsense.inspection.study_results import open_part, open_study
from actsense.store import read_results, write_results

LAYERS, FACTORS = ("stem", "a_head"), ("hue", "rolling", "order")
LARGEST = {"colour": (1, 0), "geometry": (0, 1)}  # the augmentation of every layer


def write_indices(folder: Path, largest: tuple[int, ...], dead: int) -> None:
    """Write indices in which one augmentation has 0.3 and the order, which is none, 0.6."""
    shapley = np.full((len(FACTORS), len(LAYERS) + 1), 0.1)
    shapley[2] = 0.6
    for layer, factor in enumerate(largest):
        shapley[factor, layer] = 0.3
    totals = xr.Dataset(
        {
            **{name: (("factor", "layer"), 1 - shapley) for name in ("S1", "ST")},
            "shapley": (("factor", "layer"), shapley),
            **{f"{name}_ci": (("factor", "layer"), shapley) for name in ("S1", "ST", "shapley")},
            "units": ("layer", [18, 4, 22]),
            "dead_units": ("layer", [dead, 0, dead]),
            "rare_units": ("layer", [1, 0, 1]),
        },
        coords={"factor": list(FACTORS), "layer": [*LAYERS, "network"]},
    )
    shapes = {"stem": (("channel", "row", "col"), (2, 3, 3)), "a_head": (("unit",), (4,))}
    layers = {
        name: xr.Dataset(
            {"dead": (axes, np.zeros(shape, bool)), "rare": (axes, np.ones(shape, bool))}
        )
        for name, (axes, shape) in shapes.items()
    }
    write_results(folder / "indices.zarr", {"": totals, **layers}, attributes={"seed": 0})


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Return the folder of a study of two networks, of which one was sampled and analysed once."""
    folder = tmp_path / "animals"
    for network in ("first", "aside"):
        (folder / network).mkdir(parents=True)
        card = {"accuracy": {"validation": 0.875}}
        (folder / network / "card.json").write_text(json.dumps(card))
    (folder / "first/late").mkdir()
    (folder / "first/late/masking.zarr").mkdir()  # and no indices yet
    for design, largest in LARGEST.items():
        write_indices(folder / "first" / design, largest, dead=2 if design == "colour" else 5)
    (folder / "first/colour/segments").mkdir()
    write_indices(folder / "first/colour/segments", (0, 0), dead=0)
    return folder


def test_layers_stand_in_their_order_with_what_they_feel_most(study: Path) -> None:
    lines = describe(study).splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("first"))
    assert lines[start] == "first, 87.5 % of validation images right"
    stem, head = (line.split() for line in lines[start + 4 : start + 6])
    assert stem == ["stem", "2x3x3", "18", "3-6", "rolling", "0.30", "hue", "0.30"]
    assert head == ["a_head", "4", "4", "0", "hue", "0.30", "rolling", "0.30"]
    assert "  no indices yet" in lines
    assert max(map(len, lines)) <= 100


def test_what_is_there_and_what_makes_the_rest(study: Path) -> None:
    (study / "study.json").write_text(json.dumps({"options": "--configfile a.yaml"}))
    (study / "index.html").touch()
    there, lacking = describe(study).split("Not there yet")
    assert "model cards " in there
    assert "colour segments" in there
    assert "<design>/: first/colour\n" in there
    assert re.search(r"model cards +<network>/\n", there)
    assert re.search(r"findings on one page +\.\n", there)
    assert "\n  feature visualisation: snakemake featvis" in lacking  # of study and networks
    assert "contrasts: snakemake contrast --cores all --configfile a.yaml" in lacking
    assert "snakemake indices" not in lacking


def test_analyses_of_designs_that_are_left_out_are_not_lacking(study: Path) -> None:
    (study / "study.json").write_text(json.dumps({"analysed": {"first": [], "aside": []}}))
    assert "snakemake lda" not in describe(study)
    assert "snakemake spatial" in describe(study)


def test_a_network_and_a_run_are_parts_of_their_study(study: Path) -> None:
    network, run = describe(study / "first"), describe(study / "first/colour")
    assert "aside" not in network
    assert "geometry" in network
    assert "geometry" not in run
    assert "a_head" in run
    assert "model cards" in network
    assert "model cards" not in run  # of the network
    assert "contrasts" not in describe(study / "aside")  # which has no design
    with pytest.raises(
        ConfigError, match=r"holds no results of a study\. Studies inside: .*animals"
    ):
        describe(study.parent)
    for other in ("first/else", "spatial", "spatial/tables"):
        (study / other).mkdir(parents=True, exist_ok=True)
        with pytest.raises(ConfigError, match=f"{other}: holds no results of a study"):
            describe(study / other)


def test_parts_are_found_from_wherever_one_is(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (study / "first/colour/tables").mkdir()
    monkeypatch.chdir(study / "first/colour/tables")
    assert open_part(Path(".."))[1] == ("first", "colour")
    assert open_part(Path("../.."))[1] == ("first",)
    assert open_part(Path("../../.."))[1] == ()
    monkeypatch.chdir(study.parent)
    whole, owner = open_part(Path("animals/first/geometry"))
    assert (str(whole.path), owner) == ("animals", ("first", "geometry"))
    for part in ("first", "first/colour", "first/colour/segments"):
        with pytest.raises(ConfigError, match="It is a part of the study animals: give that"):
            open_study(f"animals/{part}")
    with pytest.raises(ConfigError, match=r"one design: animals/first/colour, animals/first/g"):
        run(Namespace(path=Path("animals/first"), hdf5=Path("out")))


def test_foreign_files_are_not_to_be_deleted(study: Path) -> None:
    own = study / "notes.csv"
    own.write_text("a,b\n1,2\n1,2,3\n")
    with pytest.raises(ConfigError, match=r"cannot be read .*It is no result of a study"):
        describe(own)
    (study / "study.json").write_text('{"options": ""}')  # a run began here
    with pytest.raises(ConfigError, match="Delete it and run again"):
        describe(own)


def test_tables_are_as_wide_as_asked_for(study: Path) -> None:
    path = study / "wide.csv"
    pd.DataFrame({f"column_{k}": [k] for k in range(20)}).to_csv(path, index=False)
    assert max(map(len, describe(path).splitlines())) > 100
    lines = describe(path, width=100).splitlines()
    assert max(map(len, lines)) <= 100
    assert "column_19" in "".join(lines)


def test_of_a_layer_without_variance_nothing_is_said(tmp_path: Path) -> None:
    write_indices(tmp_path / "net/colour", (0, 0), dead=18)
    tree = read_results(tmp_path / "net/colour/indices.zarr")
    tree["shapley"][:, 0] = np.nan
    layers = {name: own.to_dataset() for name, own in tree.children.items()}
    root = tree.to_dataset().load()
    write_results(tmp_path / "net/blank/indices.zarr", {"": root, **layers}, attributes={})
    (stem,) = (line for line in describe(tmp_path / "net/blank").splitlines() if "stem" in line)
    assert stem.split() == ["stem", "2x3x3", "18", "19"]


def test_stores_are_printed_in_the_order_of_layers(study: Path) -> None:
    text = describe(study / "first/colour/indices.zarr")
    assert text.index("\nstem\n") < text.index("\na_head\n")
