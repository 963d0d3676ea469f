"""Tables come back as they were written, names as text."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from actsense.inspection.describe import describe
from actsense.store import read_table, write_tables
from actsense.store.tables import NAMES, joined

LIKE_NUMBERS = ["1", "007", "1e3", "0.10", "-0", "inf", "nan", "1_000"]
LIKE_NOTHING = ["NA", "None", "null", "N/A", "<NA>", "", " ", "True"]
WITH_SIGNS = ["features.0", "it's", 'say "a"', "a, b", "# no comment", "é"]
FORMULAS = [
    "=1+1",
    "+2",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1",
    "'=1",
    "''@x",
    "'x",
]


@pytest.mark.parametrize("texts", [LIKE_NUMBERS, LIKE_NOTHING, WITH_SIGNS, FORMULAS])
def test_names_come_back_as_text_whatever_they_look_like(tmp_path: Path, texts: list[str]) -> None:
    written = pd.DataFrame(dict.fromkeys(NAMES, texts))
    write_tables({"table": written}, {"table": str(tmp_path / "table.csv")})
    read = read_table(tmp_path / "table.csv")
    assert read.to_dict("list") == written.to_dict("list")


def test_numbers_and_what_they_lack_come_back(tmp_path: Path) -> None:
    written = pd.DataFrame(
        {
            "layer": ["1", "4", "4"],
            "channel": [0, 1, 2],
            "value": [0.1, np.nan, -np.inf],
            "censored": [True, False, True],
        }
    )
    write_tables({"table": written}, {"table": str(tmp_path / "table.csv")})
    read = read_table(tmp_path / "table.csv")
    pd.testing.assert_frame_equal(read, written)


def test_no_spreadsheet_runs_a_name_and_numbers_stay_numbers(tmp_path: Path) -> None:
    table = pd.DataFrame({"layer": FORMULAS, "note": FORMULAS, "value": -1.5})
    write_tables({"table": table}, {"table": str(tmp_path / "table.csv")})
    with (tmp_path / "table.csv").open(newline="") as stream:
        _, *rows = csv.reader(stream)
    assert len(rows) == len(FORMULAS)
    for layer, note, value in rows:
        assert layer.startswith("'")
        assert note == layer
        assert value == "-1.5"


def test_a_printed_table_has_its_names(tmp_path: Path) -> None:
    table = pd.DataFrame({"layer": ["007", "NA #1"], "value": [1, 2]})
    write_tables({"table": table}, {"table": str(tmp_path / "table.csv")})
    printed = describe(tmp_path / "table.csv").split("\n")
    assert [line.rsplit(maxsplit=1)[0].strip() for line in printed] == ["layer", "007", "NA #1"]


def test_joined_parts_have_all_columns_in_order() -> None:
    first, second = pd.DataFrame({"b": [1.0]}), pd.DataFrame({"a": [2.0], "b": [3.0]})
    table = joined([first, second], ["a", "b", "c"])
    np.testing.assert_array_equal(table, [[np.nan, 1, np.nan], [2, 3, np.nan]])
    assert list(table.columns) == ["a", "b", "c"]
    assert joined([], ["a", "b"]).columns.tolist() == ["a", "b"]


def test_empty_parts_change_no_type() -> None:
    table = joined([pd.DataFrame({"b": [1]}), pd.DataFrame(columns=["a", "b"])], ["a", "b"])
    assert table["b"].dtype == np.int64
