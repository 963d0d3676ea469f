"""Store mode against stream mode, and the shard's file against the disk it lies on."""

import os
import statistics
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import xarray as xr

from actsense.sampling.blocks import write_shard
from actsense.sampling.designs import Block, Design
from actsense.sampling.opening import Sampling
from actsense.sampling.sharding import Shard
from actsense.sensitivity.summing import accumulate_replicate, stream_replicate
from actsense.store import create_shard, manifest, read_parts, read_results, write_results
from actsense.store.columns import ALONE, Column
from actsense.store.rows import Rows, write_rows
from benchmarks import alexnet
from benchmarks.measure import Measurement, Work, interleaved, seconds

ROUNDS = 5
BLOCKS = range(2)  # of the file that is written and read at full speed
PIECE = 2**25
BATCH = 128  # rows appended, and read, at a time


def measurements() -> Iterator[Measurement]:
    """Measure everything about the disk."""
    with tempfile.TemporaryDirectory() as folder:
        sampling = alexnet.prepare(Path(folder))
        yield from modes(sampling, Path(folder) / "modes")
        yield from rates(sampling.design, sampling.evaluate.recording.units, Path(folder))
        yield from rows_rates(Path(folder))
        yield from checks(Path(folder))


def modes(sampling: Sampling, folder: Path, blocks: range = range(1)) -> Iterator[Measurement]:
    """Run the same blocks in both modes; compare seconds and bytes."""
    folder.mkdir()
    shard = folder / "shard.zarr.zip"

    def store() -> None:
        write_shard(sampling, Shard(range(1), blocks), shard)
        accumulate_replicate(sampling.design, 0, blocks, shard).joined()

    def stream() -> int:
        return stream_replicate(sampling, 0, blocks).joined().forwards

    slow, fast = interleaved(store, stream, rounds=2)
    size = shard.stat().st_size
    shard.unlink()
    streamed = bytes_written(stream)
    with peak_size(folder) as peak:
        stored = bytes_written(store)
    evaluations = len(blocks) * sampling.design.points_per_block * sampling.design.nodes
    how = f"AlexNet, {evaluations} evaluations, {size / 1e6:.0f} MB of activations"
    yield Measurement(
        "store_over_stream",
        slow / fast,
        *(1.3, 1.1, "ratio"),
        f"{how}: write and accumulate {slow:.1f} s, stream {fast:.1f} s",
    )
    yield Measurement(
        "store_bytes_written",
        stored / size,
        *(1.02, 1.01, "ratio"),
        f"{how}: {stored / 1e6:.0f} MB went to the disk; in stream mode {streamed / 1e6:.1f} MB",
    )
    yield Measurement(
        "store_peak_on_disk",
        peak[0] / size,
        *(1.02, 1.001, "ratio"),
        f"{how}: at most {peak[0] / 1e6:.0f} MB at a time, partial files counted",
    )


def rates(design: Design, units: int, folder: Path, rounds: int = ROUNDS) -> Iterator[Measurement]:
    """Write and read a shard and a plain file of the same size, in turn, in one folder."""
    block = design.block(0, 0)
    rows = block.coordinates.shape[0] * block.coordinates.shape[1]
    responses = np.random.default_rng(0).random((rows, units), dtype=np.float32)
    plain, shard = folder / "plain", folder / "shard.zarr.zip"
    works: list[tuple[str, Work, Path | None]] = [
        ("disk writes", lambda: write_plain(plain, responses), None),
        ("shard is written", lambda: write_blocks(shard, responses, block, units), None),
        ("disk reads", lambda: read_plain(plain), plain),
        ("shard is read", lambda: read_all(shard), shard),
        ("accumulate", lambda: accumulate_replicate(design, 0, BLOCKS, shard).joined(), shard),
    ]
    times = timed(works, rounds)
    size = len(BLOCKS) * responses.nbytes
    rate = {name: size / statistics.median(taken) / 1e6 for name, taken in times.items()}
    for name, work, disk in (
        ("write_over_disk", "shard is written", "disk writes"),
        ("read_over_disk", "shard is read", "disk reads"),
        ("accumulate_over_disk", "accumulate", "disk reads"),
    ):
        yield Measurement(
            name,
            rate[work] / rate[disk],
            *(0.6, 0.9, "ratio"),
            f"{work} at {rate[work]:.0f} MB/s, the {disk} {rate[disk]:.0f} MB/s in pieces of "
            f"{PIECE // 2**20} MiB; file of {size / 1e9:.2f} GB, written beside the old one with "
            f"fsync, read cold (evicted from the page cache), medians of {rounds} in turn",
            more_is_better=True,
        )


def timed(works: list[tuple[str, Work, Path | None]], rounds: int) -> dict[str, list[float]]:
    """Time works in turn, each in every round, what it reads cold."""
    times: dict[str, list[float]] = {name: [] for name, *_ in works}
    for turn in range(-1, rounds):
        # Each one begins a round in turn: what runs after a write finds memory in another state.
        first = max(0, turn) % len(works)
        for name, work, path in works[first:] + works[:first]:
            for file in [path] if path and path.is_file() else path.rglob("*") if path else ():
                if file.is_file():
                    evict(file)
            times[name].append(seconds(work))
    return {name: taken[1:] for name, taken in times.items()}  # without the warm-up


def rows_rates(
    folder: Path, count: int = 2000, units: int = 2**16, rounds: int = ROUNDS
) -> Iterator[Measurement]:
    """Write and read rows of features and a plain file of the same size, in turn."""
    values = np.random.default_rng(0).random((count, units), dtype=np.float32)
    plain, path = folder / "plain_rows", folder / "rows.zarr"
    shuffled = np.random.default_rng(0).permutation(count)

    def write() -> None:
        columns = {ALONE: Column((units,), "float32", compressed=False)}
        with write_rows(path, columns) as writer:
            for part in np.array_split(values, len(values) // BATCH + 1):
                writer.append({ALONE: part})
        for file in path.rglob("*"):
            if file.is_file():
                with file.open("rb") as opened:
                    os.fsync(opened.fileno())

    def read(order: np.ndarray) -> None:
        held = Rows(path, memory_bytes=0)
        for part in np.array_split(order, count // BATCH + 1):
            held.read(part)

    works: list[tuple[str, Work, Path | None]] = [
        ("disk writes", lambda: write_plain(plain, values, times=1), None),
        ("rows are written", write, None),
        ("disk reads", lambda: read_plain(plain), plain),
        ("rows are read in order", lambda: read(np.arange(count)), path),
        ("rows are read in random order", lambda: read(shuffled), path),
    ]
    times = timed(works, rounds)
    rate = {name: values.nbytes / statistics.median(taken) / 1e6 for name, taken in times.items()}
    for name, work, disk in (
        ("rows_write_over_disk", "rows are written", "disk writes"),
        ("rows_read_over_disk", "rows are read in order", "disk reads"),
        ("rows_read_randomly_over_disk", "rows are read in random order", "disk reads"),
    ):
        yield Measurement(
            name,
            rate[work] / rate[disk],
            *(0.5, 0.8, "ratio"),
            f"{work} at {rate[work]:.0f} MB/s, {disk} {rate[disk]:.0f} MB/s; {count} rows of "
            f"{units} float32 in batches of {BATCH}, {values.nbytes / 1e9:.2f} GB, written with "
            f"fsync, read cold, medians of {rounds} in turn",
            more_is_better=True,
        )


def checks(folder: Path, side: int = 27, rounds: int = ROUNDS) -> Iterator[Measurement]:
    """Compare a store with its manifest, as the first reader in a process does, and read it."""
    path, rng = folder / "indices.zarr", np.random.default_rng(0)
    shape = (14, 64, side, side)
    names = ("S1", "ST", "shapley", "S1_ci", "ST_ci", "shapley_ci")
    layers = {
        f"layer_{number}": xr.Dataset(
            {
                name: (("factor", "channel", "row", "col"), rng.random(shape, "f4"))
                for name in names
            }
        )
        for number in range(8)
    }
    write_results(path, layers, attributes={})

    def check() -> None:
        manifest._compared.clear()
        manifest.Manifest.open(path).check_all()

    checked, read = interleaved(check, lambda: read_results(path).load(), rounds=rounds)
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    yield Measurement(
        "store_checks_over_reading",
        checked / read,
        *(0.02, 0.01, "ratio"),
        f"{size / 1e6:.0f} MB of indices: compared with the manifest in {1e3 * checked:.1f} ms, "
        f"opened and read in {read:.2f} s, medians of {rounds} in turn",
    )


def write_plain(path: Path, responses: np.ndarray, *, times: int = len(BLOCKS)) -> None:
    """Write as many bytes as the store has, in large pieces, beside the file and into place."""
    content = memoryview(responses).cast("B")
    beside = path.with_suffix(".new")
    with beside.open("wb", buffering=0) as file:
        for _ in range(times):
            for start in range(0, len(content), PIECE):
                file.write(content[start : start + PIECE])
        os.fsync(file.fileno())
    beside.replace(path)


def write_blocks(path: Path, responses: np.ndarray, block: Block, units: int) -> None:
    """Write a shard of the same responses again and again, as `write_shard` does."""
    points, nodes, _ = block.coordinates.shape
    place = np.arange(points * nodes).reshape(points, nodes)
    layers = [{"name": "all", "shape": [units]}]
    with create_shard(path, {"layers": layers}) as shard:
        for number in BLOCKS:
            shard.write(0, number, responses, place)


def read_plain(path: Path) -> None:
    piece = bytearray(PIECE)
    with path.open("rb", buffering=0) as file:
        while file.readinto(piece):
            pass


def read_all(path: Path) -> None:
    for _ in read_parts(path, 0, BLOCKS):
        pass


def evict(path: Path) -> None:
    """Take a file out of the page cache, so that it is read from the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def bytes_written(work: Callable[[], object]) -> int:
    """Return how many bytes this process sends to the disk while it works."""
    before = psutil.Process().io_counters().write_bytes
    work()
    return psutil.Process().io_counters().write_bytes - before


@contextmanager
def peak_size(folder: Path) -> Iterator[list[int]]:
    """Watch a folder; yield a list of one number, the most bytes ever seen in it."""
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            peak[0] = max(peak[0], sum(_size(path) for path in folder.iterdir()))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # renamed meanwhile
        return 0
