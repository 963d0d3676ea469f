"""The table of damages: every kept file of a finished study x deleted, emptied, cut, one bit."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from actsense.data.cache import ImageCache
from actsense.errors import ConfigError
from actsense.networks.state import read_state
from actsense.sensitivity.moments_file import open_moments
from actsense.store import manifest, read_facts, read_results, read_table
from actsense.store.rows import Rows

KEPT = {".zarr", ".zip", ".csv", ".json", ".pt"}
Damage = tuple[str, bytes | None]


def owner(file: Path) -> Path:
    """Return the store or file that a file belongs to; manifests stand beside files."""
    inside = next((folder for folder in file.parents if folder.suffix == ".zarr"), None)
    if inside is None and file.name.endswith(".manifest"):
        return file.with_name(file.name[1:].removesuffix(".manifest"))
    return inside or file


def kept_files(study: Path) -> dict[Path, list[Path]]:
    """Return every file that something reads again, by what it belongs to."""
    found: dict[Path, list[Path]] = {}
    for file in sorted(study.rglob("*")):
        if file.is_file() and owner(file).suffix in KEPT and "timestamp" not in file.name:
            found.setdefault(owner(file), []).append(file)
    return found


def damages(content: bytes, rng: np.random.Generator) -> Iterator[Damage]:
    yield "deleted", None
    yield "emptied", b""
    yield "cut", content[: len(content) // 2]
    flipped = bytearray(content)
    flipped[rng.integers(len(content))] ^= 1 << rng.integers(8)
    yield "one bit", bytes(flipped)


def reader(path: Path) -> Callable[[Path], Any]:
    """Return what reads a store or file, told which of its files is of interest."""
    match path.suffixes:
        case [*_, ".csv"]:
            return lambda _: read_table(path).to_csv()
        case [*_, ".json"]:
            return lambda _: read_facts(path)
        case [*_, ".pt"]:
            return lambda _: {name: t.tolist() for name, t in read_state(path).items()}
        case [*_, ".zip"]:
            return lambda _: _moments(path)
    if path.name == "images.zarr":
        table = path.with_name("manifest.csv")
        return lambda _: ImageCache.open(path, table).read(np.arange(3)).tolist()
    if path.name in ("attack.zarr", "features.zarr", "latents.zarr"):
        return lambda _: _rows(path)
    opened = read_results(path)
    return lambda file: _array(path, opened, file)


def _moments(path: Path) -> list[Any]:
    with open_moments(path) as states:
        return [(state.identity, state.read().sums.tolist()) for state in states]


def _rows(path: Path) -> list[bytes]:
    rows = Rows(path)
    return [rows.read(np.arange(len(rows)), name).tobytes() for name in rows.columns]


def _array(path: Path, opened: xr.DataTree, file: Path) -> Any:
    """Open a store, or read the array of a chunk from one that was opened before."""
    parts = file.relative_to(path).parts
    if file.name in (".manifest", "zarr.json") or "c" not in parts:
        return sorted(node.path for node in read_results(path).subtree)
    *groups, name = parts[: len(parts) - parts[::-1].index("c") - 1]
    data = opened["/".join(["", *groups])].to_dataset()
    if name in data.coords:  # in memory since the store was opened
        data = read_results(path)["/".join(["", *groups])].to_dataset()
    values = data[name].variable[...].to_numpy()
    return values.tolist() if values.dtype.kind == "O" else values.tobytes()


def outcome(read: Callable[[Path], Any], file: Path) -> tuple[Any, str]:
    try:
        return read(file), ""
    except ConfigError as error:
        return None, str(error)


def test_no_damage_is_silent_and_none_a_traceback(
    copied: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    rng, silent, unnamed, count = np.random.default_rng(0), [], [], 0
    whole: dict[Path, Any] = {}  # of stores, whichever of their descriptions is damaged
    for path, files in kept_files(copied / "results/tiny").items():
        read = reader(path)
        for file in files:
            about = path if file.name in (".manifest", "zarr.json") else file
            good, content = whole.setdefault(about, None) or read(file), file.read_bytes()
            whole[about] = good
            for kind, damaged in damages(content, rng):
                count += 1
                file.unlink(missing_ok=True)
                if damaged is not None:
                    file.write_bytes(damaged)
                manifest._told.clear()
                caplog.clear()
                found, told = outcome(read, file)
                warned = f"{path}: read unchecked" in caplog.text
                if not told and (found != good or (kind == "deleted" and not warned)):
                    silent.append((file, kind))
                if told and ("\n" in told or path.name not in told or "snakemake" not in told):
                    unnamed.append((file, kind, told))
            file.write_bytes(content)
    assert count > 2500
    assert not silent
    assert not unnamed
