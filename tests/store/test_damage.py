"""A file is called damaged only if it is; a limit or a missing right is named as such."""

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from actsense.__main__ import main
from actsense.errors import ConfigError
from actsense.job.log import logged
from actsense.store import (
    CorruptFileError,
    DiskFullError,
    LimitError,
    manifest,
    read_facts,
    read_results,
    read_table,
    reading,
    write_facts,
    write_results,
    write_tables,
)
from actsense.store.columns import ALONE, Column
from actsense.store.rows import Rows, write_rows

LIMITS: dict[str, tuple[BaseException, str]] = {
    "memory": (MemoryError(), "not enough memory"),
    "cannot allocate": (OSError(errno.ENOMEM, "Cannot allocate memory"), "not enough memory"),
    "torch": (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "not enough memory"),
    "right": (PermissionError(errno.EACCES, "Permission denied"), "permission denied to user"),
    "files": (OSError(errno.EMFILE, "Too many open files"), r"too many open files: .*`ulimit -n`"),
    "machine": (
        OSError(errno.ENFILE, "Too many open files"),
        "too many open files on this",
    ),
    "threads": (RuntimeError("can't start new thread"), "no further thread"),
    "processes": (BlockingIOError(errno.EAGAIN, "Try again"), "no further thread or process"),
    "disk": (OSError(errno.EIO, "Input/output error"), "the file system fails"),
}


@pytest.fixture(params=LIMITS)
def limit(request: pytest.FixtureRequest) -> tuple[BaseException, str]:
    return LIMITS[request.param]


def test_limits_are_not_damage(limit: tuple[BaseException, str]) -> None:
    error, told = limit

    def read() -> None:
        with reading(Path("results/a/store.zarr")):
            raise error

    with pytest.raises(LimitError, match=f"^results/a/store.zarr: {told}") as raised:
        read()
    assert "elete" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_damage_is_damage() -> None:
    for error in (ValueError("two\nlines"), KeyError("a"), EOFError(), RuntimeError("Zstd")):

        def read(error: Exception = error) -> None:
            with reading(Path("a.zarr")):
                raise error

        with pytest.raises(CorruptFileError, match=r"^a\.zarr: damaged \(.*\)\. Delete it"):
            read()


READERS: dict[str, Callable[[Path], object]] = {
    "results.zarr": lambda path: read_results(path).load(),
    "rows.zarr": lambda path: Rows(path).read(np.arange(2)),
    "table.csv": read_table,
    "card.json": read_facts,
}


@pytest.fixture
def stores(tmp_path: Path) -> Path:
    write_results(
        tmp_path / "results.zarr", {"a": xr.Dataset({"S1": ("unit", [1.0])})}, attributes={}
    )
    with write_rows(tmp_path / "rows.zarr", {ALONE: Column((3,), "float32")}) as writer:
        writer.append({ALONE: np.ones((2, 3), np.float32)})
    write_tables({"t": pd.DataFrame({"value": [1]})}, {"t": tmp_path / "table.csv"})
    write_facts(tmp_path / "card.json", {})
    return tmp_path


@pytest.mark.parametrize("name", READERS)
def test_no_reader_calls_a_limit_damage(
    stores: Path, name: str, limit: tuple[Exception, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise limit[0]

    manifest._compared.clear()
    opened = "read_text" if name == "card.json" else "open"
    monkeypatch.setattr(Path, opened, refuse)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(LimitError, match=limit[1]) as raised:
        READERS[name](stores / name)
    assert name in str(raised.value)


def test_jobs_and_commands_name_limits(
    tmp_path: Path,
    limit: tuple[Exception, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(path: Path, **options: object) -> str:
        raise limit[0]

    def job() -> None:
        with logged(str(tmp_path / "job.log")):
            refuse(tmp_path)

    with pytest.raises(SystemExit):
        job()
    capsys.readouterr()
    monkeypatch.setattr("actsense.inspection.describe.describe", refuse)
    assert main(["describe", str(tmp_path)]) == 1
    for said in ((tmp_path / "job.log").read_text(), capsys.readouterr().err):
        assert "Traceback" not in said
        assert limit[1].split(":")[0].lower() in said.lower()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Return what mounts a small file system, with some options; needs root."""
    import ctypes
    import os

    library = ctypes.CDLL(None, use_errno=True)
    place = str(tmp_path / "disk").encode()
    Path(tmp_path / "disk").mkdir()

    def mount(options: str) -> Path:
        if library.mount(b"tmpfs", place, b"tmpfs", 0, options.encode()):
            pytest.skip(f"mounting a small disk: {os.strerror(ctypes.get_errno())}")
        return tmp_path / "disk"

    yield mount
    library.umount2(place, 2)


def writers() -> dict[str, Callable[[Path], None]]:
    import h5py
    import torch

    from actsense.inspection.published.writing import create_file
    from actsense.networks.state import save_tensors
    from actsense.store import create_archive

    noise = np.random.default_rng(0).normal(size=(20, 5_000))

    def results(path: Path) -> None:
        groups = {f"l{k}": xr.Dataset({"S1": (("a", "b"), noise)}) for k in range(8)}
        write_results(path, groups, attributes={})

    def rows(path: Path) -> None:
        with write_rows(path, {ALONE: Column((5_000,), "float64")}) as writer:
            writer.append({ALONE: noise})

    def table(path: Path) -> None:
        write_tables({"t": pd.DataFrame(noise[:, :2000].T)}, {"t": path})

    def facts(path: Path) -> None:
        write_facts(path, noise.tolist())

    def weights(path: Path) -> None:
        save_tensors({"weight": torch.from_numpy(noise)}, path)

    def moments(path: Path) -> None:
        with create_archive(path, {}) as root:
            for k in range(4):
                root.create_array(f"a{k}", data=noise, chunks=(20, 1000))

    def export(path: Path) -> None:
        with create_file(path) as (file, written):
            for k in range(8):
                group = file.create_group(f"l{k}")
                group.create_dataset("si", data=noise, compression="gzip", fletcher32=True)
                written.check()

    def page(path: Path) -> None:
        from actsense.store import replacing

        with replacing(path) as beside:
            beside.write_text("x" * 1_000_000)

    assert h5py.version
    return {
        "results.zarr": results,
        "rows.zarr": rows,
        "table.csv": table,
        "card.json": facts,
        "weights.pt": weights,
        "moments.zarr.zip": moments,
        "export.hdf5": export,
        "page.html": page,
    }


@pytest.mark.parametrize("name", writers())
@pytest.mark.parametrize("size", [1, 150])
def test_no_writer_leaves_a_half_on_a_full_disk(
    disk: Callable[[str], Path], name: str, size: int
) -> None:
    folder = disk(f"size={4096 * size}")
    with pytest.raises(DiskFullError, match="no space left") as raised:
        writers()[name](folder / name)
    assert str(folder / name) in str(raised.value)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", writers())
@pytest.mark.parametrize("inodes", [1, 2])
def test_inodes_that_run_out_are_named(
    disk: Callable[[str], Path], name: str, inodes: int
) -> None:
    folder = disk(f"size=100m,nr_inodes={inodes}")
    if inodes == 2 and name in ("weights.pt", "moments.zarr.zip", "export.hdf5", "page.html"):
        writers()[name](folder / name)  # one file, beside the folder itself
        assert [path.name for path in folder.iterdir()] == [name]
    else:
        with pytest.raises(DiskFullError, match="no inodes left"):
            writers()[name](folder / name)
        assert list(folder.iterdir()) == []


def test_what_is_there_stays_when_the_disk_is_full(disk: Callable[[str], Path]) -> None:
    folder = disk("size=40960")
    write_facts(folder / "card.json", {"accuracy": 1})
    with pytest.raises(ConfigError):
        write_facts(folder / "card.json", ["x" * 100_000])
    assert read_facts(folder / "card.json") == {"accuracy": 1}
