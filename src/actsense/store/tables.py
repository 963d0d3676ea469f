"""Tidy tables as CSV files. Columns of names hold text, whatever the names look like.

Names may come from strangers: a cell that a spreadsheet would run is written behind an apostrophe.
"""

__all__ = ["joined", "read_shipped", "read_table", "write_parts", "write_tables"]

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from actsense.store.atomic import replacing
from actsense.store.damage import reading
from actsense.store.manifest import Manifest, sealing
from actsense.texts import from_cell, quoting, to_cell

# A layer may be called "1", a class "007" or "NA": the values of a column do not tell its type.
NAMES = (
    *("network", "first", "second", "source", "method", "design"),
    *("layer", "layer_2", "layers", "colour", "against"),
    *("factor", "factor_2", "predicted", "augmentation", "input"),
    *("variable", "variable_1", "variable_2", "reason"),
    *("class", "class_name", "most_predicted_class", "path", "sha256", "partition"),
    *("network_b", "design_b", "partition_b", "setting", "in_a", "in_b", "meaning"),
    *("other", "other_layer", "class_1", "class_2", "class_3", "judge", "judge_layer"),
)
TEXTS = dict.fromkeys(NAMES, str)


def joined(parts: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """Put parts of a table below each other; columns that a part lacks are empty there."""
    filled = [part for part in parts if len(part)]
    whole = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
    return whole.reindex(columns=list(columns))


def write_tables(tables: Mapping[str, pd.DataFrame], paths: Mapping[str, str | Path]) -> None:
    """Write every table to the path of its name, as CSV, atomically."""
    for name, table in tables.items():
        with sealing(Path(paths[name])) as beside:
            _mapped(table, to_cell).to_csv(beside, index=False, quoting=_quoting(table))


def write_parts(parts: Iterable[pd.DataFrame], path: Path) -> None:
    """Write a table that does not fit into memory, one part after another, as CSV.

    Arguments:
        parts: Its rows from the first to the last, all with the same columns.
        path: The file, which appears when all of it is there.
    """
    with replacing(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        for k, part in enumerate(parts):
            written = _mapped(part, to_cell)
            written.to_csv(
                file, index=False, header=not k, quoting=_quoting(part), lineterminator="\n"
            )


def read_table(path: Path | str) -> pd.DataFrame:
    """Read a table as it was written: names are text, an empty one too; empty numbers are NaN.

    Raises:
        MissingResultError: If there is no such file.
        CorruptFileError: If it is damaged.
    """
    path = Path(path)
    Manifest.open(path)
    return read_shipped(path)


def read_shipped(path: Path) -> pd.DataFrame:
    """Read a table that has no manifest, for it came with the package and not from a run.

    Raises:
        CorruptFileError: If it is damaged.
    """
    with reading(path):
        table = pd.read_csv(path, dtype=TEXTS, keep_default_na=False, na_values=[""])
    return _mapped(table.fillna({name: "" for name in NAMES if name in table}), from_cell)


def _mapped(table: pd.DataFrame, write: Callable[[str], str]) -> pd.DataFrame:
    """Write the texts of a table otherwise; what else stands among them stays."""

    def written(value: Any) -> Any:
        return write(value) if isinstance(value, str) else value

    return table.assign(**{name: table[name].map(written) for name in _texts(table)})


def _quoting(table: pd.DataFrame) -> Any:
    return quoting(table[_texts(table)].to_numpy().flat)


def _texts(table: pd.DataFrame) -> list[str]:
    return [*table.select_dtypes(exclude=["number", "bool"]).columns]
