"""A store or file is as it was written, or refused by name."""

import logging
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from actsense.errors import ConfigError
from actsense.store import (
    CorruptFileError,
    create_archive,
    open_archive,
    read_facts,
    read_results,
    read_table,
    seal,
    write_facts,
    write_results,
    write_tables,
)
from actsense.store.columns import ALONE, Column
from actsense.store.manifest import Manifest
from actsense.store.rows import Rows, write_rows

VALUES = np.arange(60, dtype=np.float32).reshape(3, 20)


def results(path: Path) -> None:
    names = np.array([f"u{k}" for k in range(20)], object)
    layer = xr.Dataset(
        {"S1": (("factor", "unit"), VALUES)},
        coords={"factor": np.array(["hue", "blur", "order"], object), "name": ("unit", names)},
    )
    write_results(path, {"c": layer, "c/c": layer[["S1"]]}, attributes={"seed": 1})


def rows(path: Path) -> None:
    with write_rows(path, {ALONE: Column((20,), "float32")}) as writer:
        writer.append({ALONE: VALUES})


def table(path: Path) -> None:
    write_tables({"t": pd.DataFrame({"layer": ["a", "b"], "value": [1.5, 2.5]})}, {"t": path})


def facts(path: Path) -> None:
    write_facts(path, {"accuracy": 0.5})


def archive(path: Path) -> None:
    with create_archive(path, {"seed": 1}) as root:
        root.create_array("sums", data=VALUES, chunks=(3, 5))


def all_results(path: Path) -> object:
    tree = read_results(path).load()
    return {name: node.to_dataset().to_dict() for name, node in tree.subtree_with_keys}


def all_rows(path: Path) -> object:
    return Rows(path).read(np.arange(3)).tolist()


def whole_table(path: Path) -> object:
    return read_table(path).to_dict("list")


def whole_archive(path: Path) -> object:
    with open_archive(path) as root:
        from actsense.store import reading

        with reading(path):
            return {name: array[:].tolist() for name, array in root.arrays()}  # type: ignore[union-attr]


KINDS: dict[str, tuple[Callable[[Path], None], Callable[[Path], object]]] = {
    "results.zarr": (results, all_results),
    "rows.zarr": (rows, all_rows),
    "table.csv": (table, whole_table),
    "card.json": (facts, read_facts),
    "sums.zarr.zip": (archive, whole_archive),
}


def outcome(read: Callable[[Path], object], path: Path) -> tuple[object, str]:
    """Return what a reader returns, or says."""
    try:
        return read(path), ""
    except ConfigError as error:
        return None, str(error)


def parts(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    return [path, *path.parent.glob(f".{path.name}.manifest")]


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_happens_to_a_file_it_is_named_or_nothing_changes(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / kind
    write, read = KINDS[kind]
    write(path)
    written = read(path)
    caplog.set_level(logging.WARNING)
    for file in parts(path):
        content = file.read_bytes()
        bits = range(len(content) * 8)[:: max(1, len(content) * 4)]
        flipped = [_flipped(content, bit) for bit in bits]
        for damaged in [None, b"", content[: len(content) // 2], content[:-1], *flipped]:
            file.unlink(missing_ok=True)
            if damaged is not None:
                file.write_bytes(damaged)
            caplog.clear()
            found, told = outcome(read, path)
            if told:
                assert "\n" not in told
                assert path.name in told
            else:
                assert found == written
                assert damaged is not None or "unchecked" in caplog.text, file
            _forget()
        file.write_bytes(content)
    assert read(path) == written


def _flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def _forget() -> None:
    from actsense.store import manifest

    manifest._told.clear()


def test_every_bit_of_labels_and_descriptions_counts(tmp_path: Path) -> None:
    path = tmp_path / "results.zarr"
    results(path)
    chosen = [path / "zarr.json", *path.glob("c/factor/c/*"), *path.glob("c/name/c/*")]
    assert len(chosen) == 3
    for file in chosen:
        content = file.read_bytes()
        for bit in range(0, len(content) * 8, 5):
            file.write_bytes(_flipped(content, bit))
            with pytest.raises(CorruptFileError, match=f"{file}: damaged"):
                read_results(path)
        file.write_bytes(content)


def test_what_disappears_after_opening_is_not_nan(tmp_path: Path) -> None:
    path = tmp_path / "results.zarr"
    results(path)
    opened = read_results(path)
    shutil.rmtree(path / "c/S1/c")
    with pytest.raises(CorruptFileError, match=r"c/S1/c/0/0: damaged \(missing\). Delete .*zarr "):
        opened["c"]["S1"].to_numpy()


def test_a_store_made_again_while_it_is_open_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "results.zarr"
    results(path)
    opened = read_results(path)
    write_results(path, {"c": xr.Dataset({"S1": ("unit", np.ones(3))})}, attributes={})
    with pytest.raises(ConfigError, match="made again since it was opened") as raised:
        opened["c"]["S1"].to_numpy()
    assert "damaged" not in str(raised.value)


def test_a_file_that_is_no_part_of_a_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.zarr"
    results(path)
    (path / ".snakemake_timestamp").touch()
    read_results(path)
    shutil.copytree(path / "c", path / "ghost")
    with pytest.raises(CorruptFileError, match="ghost"):
        read_results(path)


def test_contents_are_compared_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "card.json"
    facts(path)
    read_facts(path)
    monkeypatch.setattr("actsense.store.manifest._checksum", lambda *_: pytest.fail("again"))
    read_facts(path)


def test_chunks_with_checksums_of_their_own_are_not_compared_twice(tmp_path: Path) -> None:
    results(tmp_path / "results.zarr")
    rows(tmp_path / "rows.zarr")
    for store, chunk in (("results.zarr", "c/S1/c/0/0"), ("rows.zarr", "c/0/0")):
        lines = (tmp_path / store / ".manifest").read_text()
        assert f'"{chunk}": [\n' in lines
        assert lines.split(f'"{chunk}": [\n')[1].split("\n")[1] == '""'


def test_a_result_without_a_manifest_is_read_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for kind, (write, read) in KINDS.items():
        path = tmp_path / kind
        write(path)
        written = read(path)
        if path.suffix != ".zip":
            parts(path)[0 if path.is_dir() else 1].unlink()
            assert read(path) == read(path) == written
            assert caplog.text.count(f"{path}: read unchecked") == 1
    assert not (tmp_path / "results.zarr/.manifest").exists()


def test_sealed_anew_a_changed_store_is_good(tmp_path: Path) -> None:
    path = tmp_path / "results.zarr"
    results(path)
    shutil.rmtree(path / "c/c")
    with pytest.raises(CorruptFileError):
        read_results(path)
    seal(path)
    assert "c" not in read_results(path)["c"].children


def test_files_of_one_folder_have_manifests_of_their_own(tmp_path: Path) -> None:
    table(tmp_path / "a.csv")
    table(tmp_path / "b.csv")
    before = (tmp_path / ".a.csv.manifest").read_text()
    table(tmp_path / "b.csv")
    assert (tmp_path / ".a.csv.manifest").read_text() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *(".a.csv.manifest", ".b.csv.manifest", "a.csv", "b.csv")
    ]


def test_an_archive_whose_member_is_gone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sums.zarr.zip"
    archive(path)
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(tmp_path / "less.zip", "w") as less:
        less.comment = whole.comment
        for name in whole.namelist():
            if name != "sums/c/0/1":
                less.writestr(name, whole.read(name))
    with pytest.raises(CorruptFileError, match="its directory is not as it was written"):
        whole_archive(tmp_path / "less.zip")


def test_a_manifest_says_what_it_is_of(tmp_path: Path) -> None:
    results(tmp_path / "results.zarr")
    Manifest.open(tmp_path / "results.zarr").check_all()
