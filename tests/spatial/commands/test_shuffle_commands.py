"""Shuffled patches from the command line: one network, and curves of many in one plot."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from actsense.__main__ import main
from actsense.errors import ConfigError
from actsense.spatial.commands.curves import curves_figure, read_curves
from actsense.spatial.commands.one_network import parse_divisions
from actsense.spatial.transforms.divisions import Division
from actsense.store import read_table, write_tables

SIDE = 64


def folder(root: Path, *, count: int = 4) -> Path:
    generator = np.random.default_rng(0)
    for label in ("left", "right"):
        (root / label).mkdir(parents=True)
        for number in range(count):
            pixels = generator.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / label / f"{number}.png")
    return root


def curves(names: list[str]) -> pd.DataFrame:
    rows = [
        {"network": name, "mode": mode, "k": k, "top1": 1 / k, "chance": 0.25}
        for name in names
        for mode in ("grid", "bands")
        for k in (1, 2, 4)
    ]
    table = pd.DataFrame(rows)
    return table.assign(top1_low=table["top1"] - 0.1, top1_high=table["top1"])


def study(home: Path, names: list[str]) -> Path:
    (home / "spatial/tables").mkdir(parents=True)
    write_tables({"c": curves(names)}, {"c": home / "spatial/tables/shuffle_curves.csv"})
    return home


def test_one_network_on_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images, out = folder(tmp_path / "images"), tmp_path / "out"
    asked = [
        "--network",
        "squeezenet1_1",
        "--weights",
        "none",
        "-k",
        "1..2,4,2x3",
        "--repeats",
        "2",
    ]
    size = ["--image-size", str(SIDE), "--device", "cpu", "-o", str(out)]
    assert main(["shuffle", str(images), *asked, *size]) == 0
    printed = capsys.readouterr().out.split()
    assert {Path(path) for path in printed} == {*out.glob("*.csv"), out / "shuffle.png"}
    table = read_table(out / "shuffle_curves.csv")
    assert set(table["k"].dropna()) == {1, 2, 4}
    assert set(zip(table["rows"], table["columns"], strict=True)) == {
        (1, 1),
        (2, 2),
        (4, 4),
        (2, 3),
    }
    assert (table["images"] == 8).all()  # every one, though the folder is not split
    assert set(table["mode"]) == {"grid", "bands"}
    first = read_table(out / "shuffle.csv").query("k == 1")
    assert (first["agreement"] == 1).all()
    assert (first["moved"] == 0).all()
    assert len(read_table(out / "shuffle.csv").query("k == 4 and mode == 'grid'")) == 2
    assert main(["plot-shuffle", str(out), "-o", str(tmp_path / "again.png")]) == 0


def test_curves_of_studies_and_of_files_are_drawn_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = study(tmp_path / "one", ["a", "b"]), study(tmp_path / "two", ["a"])
    theirs = tmp_path / "logs/linf/pathch_shuffle_result.csv"
    theirs.parent.mkdir(parents=True)
    theirs.write_text(",time stamp,num_devide,accuracy\n0,now,1,88\n1,now,2,53\n")
    named = tmp_path / "named.csv"
    named.write_text("num_devide,accuracy,legend\n1,0.5,mine\n2,0.25,mine\n")

    found = read_curves([one, two, tmp_path / "logs", named])

    label = "linf/pathch_shuffle_result"
    assert list(dict.fromkeys(found["network"])) == ["one: a", "b", "two: a", label, "mine"]
    assert found[found["network"] == label]["top1"].tolist() == [0.88, 0.53]
    assert set(found[found["network"] == label]["mode"]) == {"bands"}
    grid, bands = curves_figure(found).axes
    assert [len(axis.containers) for axis in (grid, bands)] == [3, 5]
    line = bands.containers[-1].lines[0]
    np.testing.assert_allclose(np.array(line.get_xydata()), [[1, 0.5], [2, 0.25]])
    paths = [str(path) for path in (one, two)]
    assert main(["plot-shuffle", *paths, "-o", str(tmp_path / "plot.png")]) == 0
    assert "one: a, b, two: a" in capsys.readouterr().out
    with Image.open(tmp_path / "plot.png") as picture:
        assert picture.size > (500, 300)


def test_what_holds_no_curves_is_named(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ConfigError, match="nowhere: no such file or folder"):
        read_curves([tmp_path / "nowhere"])
    with pytest.raises(ConfigError, match="no other curves of shuffled patches"):
        read_curves([tmp_path])
    with pytest.raises(ConfigError, match=r"other\.csv: neither a table .*; it has a, b"):
        read_curves([tmp_path / "other.csv"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1..4", [1, 2, 3, 4]),
        ("1,7", [1, 7]),
        ("2..3,3,14", [2, 3, 14]),
        ("2,2x3, 3 x 2", [2, (2, 3), (3, 2)]),
        ("2x2,4", [2, 4]),
    ],
)
def test_divisions_are_read(text: str, expected: list[Division]) -> None:
    assert parse_divisions(text) == expected


@pytest.mark.parametrize(
    "text", ["", "0", "3..2", "a", "1..", "1-3", "2x", "0x2", "2,2x0", "2x3x4"]
)
def test_other_divisions_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no number from 1 on"):
        parse_divisions(text)


@pytest.mark.parametrize("text", ["1", "2x3", "1,1x4"])
def test_a_curve_needs_a_number_above_1(text: str) -> None:
    with pytest.raises(ConfigError, match="there is no number above 1"):
        parse_divisions(text)
