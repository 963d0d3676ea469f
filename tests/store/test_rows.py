"""Rows come back as they went in, from whole files or not at all."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.store import CorruptFileError, columns, rows
from actsense.store.columns import ALONE, Column
from actsense.store.rows import Rows, write_rows

TYPES = ("bool", "uint8", "int16", "int64", "float16", "float32", "float64", "complex64")
LARGE = """
import resource, sys
from pathlib import Path
import numpy as np
from actsense.store import columns, rows
from actsense.store.columns import ALONE, Column
from actsense.store.rows import Rows, write_rows

columns.SHARD_BYTES = 2**24
path, count = Path(sys.argv[1]), 1000
column = Column((2**15,), "float32", compressed=False)
with write_rows(path, {ALONE: column}) as writer:
    for start in range(0, count, 100):
        numbers = np.arange(start, start + 100, dtype="float32")
        writer.append({ALONE: numbers[:, None].repeat(2**15, axis=1)})
        if start == 100:
            begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
held = Rows(path, memory_bytes=0)
order = np.random.default_rng(0).permutation(count)
for part in np.array_split(order, 10):
    assert (held.read(part)[:, ::1000] == part[:, None]).all()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begun) / 1024)
"""


@pytest.fixture(autouse=True)
def small(request: pytest.FixtureRequest) -> Iterator[None]:
    """Make small shards of small chunks, and read them from disk each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "CHUNK_BYTES", 64)
        patch.setattr(columns, "SHARD_BYTES", 256)
        patch.setattr(rows, "PIECE_BYTES", 128)
        patch.setattr(rows, "MEMORY_BYTES", 0)
        yield


def drawn(shape: tuple[int, ...], dtype: str, seed: int = 0) -> NDArray[Any]:
    """Return numbers of any bits."""
    draw = np.random.default_rng(seed)
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if dtype == "bool":
        return draw.integers(0, 2, shape).astype(bool)
    return np.frombuffer(draw.bytes(size), dtype).reshape(shape)


def written(path: Path, arrays: Mapping[str, NDArray[Any]], cuts: tuple[int, ...] = ()) -> None:
    columns = {name: Column(array.shape[1:], array.dtype.str) for name, array in arrays.items()}
    count = len(next(iter(arrays.values())))
    bounds = [0, *sorted(min(cut, count) for cut in cuts), count]
    with write_rows(path, columns) as writer:
        for start, stop in pairwise(bounds):
            writer.append({name: array[start:stop] for name, array in arrays.items()})
        assert len(writer) == count
        writer.attributes["origin"] = {"seed": 3}


def contents(path: Path) -> dict[Path, bytes]:
    files = [file for file in path.rglob("*") if file.is_file()]
    return {file.relative_to(path): file.read_bytes() for file in files}


@settings(max_examples=25, deadline=None)  # files take their time
@given(
    count=st.integers(0, 60),
    shapes=st.lists(st.lists(st.integers(1, 5), max_size=3), min_size=1, max_size=3),
    dtype=st.sampled_from(TYPES),
    alone=st.booleans(),
    cuts=st.lists(st.integers(0, 60), max_size=5),
    seed=st.integers(0, 99),
)
def test_any_rows_come_back_bit_by_bit_however_they_were_appended(
    tmp_path_factory: pytest.TempPathFactory,
    count: int,
    shapes: list[list[int]],
    dtype: str,
    alone: bool,
    cuts: list[int],
    seed: int,
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    names = [ALONE] if alone else [f"layer{k}.conv" for k in range(len(shapes))]
    arrays = {
        name: drawn((count, *shape), dtype, seed + k)
        for k, (name, shape) in enumerate(zip(names, shapes, strict=False))
    }
    written(folder / "whole", arrays)
    written(folder / "cut", arrays, tuple(cuts))
    assert contents(folder / "whole") == contents(folder / "cut")
    held = Rows(folder / "cut")
    assert len(held) == count
    chosen = np.random.default_rng(seed).integers(0, max(1, count), 2 * count)
    for name, array in arrays.items():
        assert held.columns[name].shape == array.shape[1:]
        assert held.read(np.arange(count), name).tobytes() == array.tobytes()
        found = held.read(chosen, name)
        assert found.dtype == array.dtype
        assert found.tobytes() == array[chosen].tobytes()


def test_where_rows_come_from_is_kept_with_them(tmp_path: Path) -> None:
    for names in ([ALONE], ["a", "b"]):
        path = tmp_path / f"{len(names)}"
        written(path, {name: drawn((9, 2), "int16") for name in names})
        assert Rows(path).attributes["origin"] == {"seed": 3}
        assert [*Rows(path).columns] == names


def test_every_chunk_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = drawn((90, 2), "float64")  # four to a chunk, sixteen to a shard
    written(tmp_path / "rows", {ALONE: values})
    held, read, get = Rows(tmp_path / "rows"), [], zarr.Array.__getitem__

    def counted(array: zarr.Array[Any], selection: Any) -> Any:
        read.append((selection.start, selection.stop))
        return get(array, selection)

    monkeypatch.setattr(zarr.Array, "__getitem__", counted)
    chosen = np.array([80, 3, 1, 7, 0, 81, 40, 8, 80])
    assert held.read(chosen).tobytes() == values[chosen].tobytes()
    chunks = [k for start, stop in read for k in range(start // 4, (stop - 1) // 4 + 1)]
    assert sorted(chunks) == [0, 1, 2, 10, 20]
    assert len(read) == 4  # two chunks are a piece


def test_a_small_array_is_read_once_and_kept(tmp_path: Path) -> None:
    values = drawn((90, 2), "float64")
    written(tmp_path / "rows", {ALONE: values})
    kept, other = (Rows(tmp_path / "rows", memory_bytes=size) for size in (1441, 1440))
    for held in (kept, other):
        assert held.read(np.array([5])).tobytes() == values[5:6].tobytes()
    for file in (tmp_path / "rows/c").rglob("0"):
        if file.is_file():
            file.unlink()
    assert kept.read(np.array([89, 5])).tobytes() == values[[89, 5]].tobytes()
    with pytest.raises(CorruptFileError, match="missing"):
        other.read(np.array([5]))


@pytest.mark.parametrize("chosen", [[90], [-1, 3]])
def test_a_row_that_does_not_exist_is_refused(tmp_path: Path, chosen: list[int]) -> None:
    written(tmp_path / "rows", {ALONE: drawn((90, 2), "float64")})
    with pytest.raises(IndexError, match=r"rows must lie in 0\.\.89"):
        Rows(tmp_path / "rows").read(np.array(chosen))


@pytest.mark.parametrize("place", [0, 0.2, 0.5, 0.8, 0.999])
@pytest.mark.parametrize("name", [ALONE, "b"])
def test_a_flipped_bit_is_found_and_its_file_named(
    tmp_path: Path, name: str, place: float
) -> None:
    path = tmp_path / "rows"
    names = [ALONE] if name == ALONE else ["a", "b"]
    written(path, {each: drawn((90, 2), "float64") for each in names})
    file = path / name / "c/1/0"
    content = bytearray(file.read_bytes())
    content[int(place * len(content))] ^= 1
    file.write_bytes(content)
    held = Rows(path)
    held.read(np.arange(16), name)  # the other shards are still good
    message = rf"c/1/0: damaged \(.*\)\. Delete {path} and run again"
    with pytest.raises(CorruptFileError, match=message):
        held.read(np.arange(90), name)


@pytest.mark.parametrize("place", range(0, 260, 20))
def test_no_flipped_bit_gives_other_numbers(tmp_path: Path, place: int) -> None:
    path, values = tmp_path / "rows", drawn((90, 2), "float64")
    written(path, {ALONE: values})
    file = path / "c/2/0"
    content = bytearray(file.read_bytes())
    content[place] ^= 16
    file.write_bytes(content)
    with pytest.raises(CorruptFileError, match="c/2/0"):
        Rows(path).read(np.arange(90))


def test_a_lost_or_shortened_shard_is_not_zeros(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    written(path, {ALONE: drawn((90, 2), "float64")})
    file = path / "c/3/0"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(CorruptFileError, match=r"c/3/0: damaged"):
        Rows(path).read(np.array([60]))
    file.unlink()
    with pytest.raises(CorruptFileError, match=r"c/3/0: damaged \(missing\)"):
        Rows(path).read(np.array([60]))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"zarr_format": 3, "node_type": "group"}'])
def test_damaged_metadata_is_named(tmp_path: Path, content: str) -> None:
    written(tmp_path / "rows", {ALONE: drawn((9, 2), "float64")})
    (tmp_path / "rows/zarr.json").write_text(content)
    with pytest.raises(CorruptFileError, match=r"zarr\.json: damaged .* Delete .*rows and run"):
        Rows(tmp_path / "rows")


def test_no_rows_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"lost: no rows there"):
        Rows(tmp_path / "lost")


def test_a_killed_writer_leaves_nothing_that_can_be_taken_for_rows(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; import numpy as np\n"
        "from actsense.store import columns, rows\n"
        "columns.CHUNK_BYTES, columns.SHARD_BYTES = 64, 256\n"
        "with rows.write_rows(Path(sys.argv[1]), {'': columns.Column((2,), 'f8')}) as writer:\n"
        "    writer.append({'': np.ones((70, 2))})\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = tmp_path / "rows"
    killed = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert killed.returncode == -9
    assert not path.exists()
    assert len([*tmp_path.iterdir()]) == 1  # beside it, under a hidden name
    values = drawn((20, 2), "float64")
    written(path, {ALONE: values})
    assert [*tmp_path.iterdir()] == [path]
    assert Rows(path).read(np.arange(20)).tobytes() == values.tobytes()


def test_a_failed_writer_leaves_what_was_there(tmp_path: Path) -> None:
    values = drawn((20, 2), "float64")
    written(tmp_path / "rows", {ALONE: values})

    def fail() -> None:
        with write_rows(tmp_path / "rows", {ALONE: Column((2,), "float64")}) as writer:
            writer.append({ALONE: values + 1})
            raise RuntimeError("on fire")

    with pytest.raises(RuntimeError, match="on fire"):
        fail()
    assert [*tmp_path.iterdir()] == [tmp_path / "rows"]
    assert Rows(tmp_path / "rows").read(np.arange(20)).tobytes() == values.tobytes()


def test_of_two_writers_one_fails_and_the_other_is_whole(tmp_path: Path) -> None:
    path, columns = tmp_path / "rows", {"a": Column((2,), "float64")}
    values = drawn((90, 2), "float64")

    def disturbed() -> None:
        with write_rows(path, columns) as first:
            first.append({"a": values[:50] * 0})
            with write_rows(path, columns) as second:
                second.append({"a": values})
            first.append({"a": values[50:] * 0})

    with pytest.raises(ConfigError, match="another job has written it at the same time"):
        disturbed()
    assert Rows(path).read(np.arange(90), "a").tobytes() == values.tobytes()


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"a": np.zeros((3, 2), "f4")}, r"Columns are \['a', 'b'\]; got \['a'\]"),
        ({"a": np.zeros((3, 2), "f4"), "b": np.zeros(2)}, r"as many rows; got \[2, 3\]"),
        (
            {"a": np.zeros((3, 3), "f4"), "b": np.zeros(3)},
            r"a is float32 \(2,\); got .* \(3,",
        ),
        ({"a": np.zeros((3, 2)), "b": np.zeros(3)}, r"a is float32 \(2,\); got float64"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, batch: dict[str, NDArray[Any]], message: str
) -> None:
    columns = {"a": Column((2,), "float32"), "b": Column((), "float64")}
    with pytest.raises(ValueError, match=message), write_rows(tmp_path / "r", columns) as writer:
        writer.append(batch)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(("shape", "dtype"), [((2, 0), "float32"), ((2,), "U3"), ((2,), "O")])
def test_rows_hold_numbers(shape: tuple[int, ...], dtype: str) -> None:
    with pytest.raises(ValueError, match="Rows hold numbers, at least one along every axis"):
        Column(shape, dtype)


def test_a_store_larger_than_memory_is_written_and_read_in_little(tmp_path: Path) -> None:
    """131 MB in shards of 17 MB, batches of 13 MB and pieces of 34 MB."""
    run = subprocess.run(
        [sys.executable, "-c", LARGE, str(tmp_path / "rows")],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    assert sum(file.stat().st_size for file in (tmp_path / "rows").rglob("0")) > 130e6
    assert float(run.stdout) < 60
