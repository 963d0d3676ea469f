"""The table beside an image cache: one row per image, in the order of the cache.

Files that could not be read are kept at the end, with the partition `skipped`: they are
counted and named there, and have no image.
"""

__all__ = [
    "COLUMNS",
    "PARTITIONS",
    "pixel_sha256",
    "read_manifest",
    "read_skipped",
    "write_manifest",
]

import csv
import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.store import file_hash, read_table
from actsense.texts import quoting, to_cell

COLUMNS = ("path", "class_name", "label", "partition", "sha256")
PARTITIONS = ("train", "validation")
SKIPPED = "skipped"


def read_manifest(path: Path | str) -> pd.DataFrame:
    """Read the rows of a manifest that have an image.

    Arguments:
        path: The CSV file.

    Returns:
        Columns `path`, `class_name`, `label`, `partition`, `sha256` (of the image's bytes in
        the cache); row i belongs to image i.

    Raises:
        ConfigError: If the file is no manifest.
    """
    table = _read(Path(path))
    return table[table["partition"].isin(PARTITIONS)].reset_index(drop=True)


def read_skipped(path: Path | str) -> pd.DataFrame:
    """Read the rows of a manifest whose file could not be read; often none."""
    table = _read(Path(path))
    return table[table["partition"] == SKIPPED].reset_index(drop=True)


def write_manifest(rows: Iterable[tuple[str, str, int, str, str]], path: Path) -> str:
    """Write rows in the order of `COLUMNS`, and return the SHA-256 of the file."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(",".join(COLUMNS) + "\n")
        for row in rows:
            cells = [to_cell(cell) if isinstance(cell, str) else cell for cell in row]
            csv.writer(stream, quoting=quoting(row), lineterminator="\n").writerow(cells)
    return file_hash(path)


def pixel_sha256(pixels: NDArray[np.uint8]) -> str:
    """Hash the bytes of an image (3, side, side)."""
    return hashlib.sha256(np.ascontiguousarray(pixels)).hexdigest()


def _read(path: Path) -> pd.DataFrame:
    try:
        table = read_table(path)
        table = table.astype({name: int for name in ("label",) if name in table})
    except ValueError as error:
        raise ConfigError(
            f"{path}: no readable manifest ({error}). Delete it and run again."
        ) from error
    if tuple(table.columns) != COLUMNS:
        raise ConfigError(
            f"{path}: a manifest has the columns {', '.join(COLUMNS)}; found "
            f"{', '.join(map(str, table.columns))}. Delete it and run again."
        )
    return table
