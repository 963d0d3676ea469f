import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from actsense.errors import ConfigError
from actsense.store import DiskFullError, allowance, footprint, remove_orphans, replacing, reserve

SIZE = 1000


def shard(study: Path, name: str, network: str = "net") -> Path:
    return study / network / "design" / "shards" / f"{name}.zarr.zip"


def put(path: Path, *, size: int = SIZE, age: float = 0.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    os.utime(path, (time.time() - age,) * 2)
    return path


@contextmanager
def killed_writer(path: Path) -> Iterator[None]:
    """Start a process that reserves room, writes half a shard, and is killed."""
    program = (
        "import time; from pathlib import Path; from actsense.store import replacing, reserve\n"
        f"path = Path({str(path)!r})\n"
        f"with reserve(path, {SIZE}, {SIZE}), replacing(path) as beside:\n"
        f"    beside.write_bytes(bytes({SIZE // 2})); print('half', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
        yield


@pytest.mark.parametrize("room", [1, 2, 5])
def test_writers_never_exceed_the_budget_and_use_it_up(tmp_path: Path, room: int) -> None:
    inside, most, lock = set[int](), [0], threading.Lock()

    def write(number: int) -> None:
        with reserve(shard(tmp_path, f"0_{number}"), SIZE, room * SIZE, pause=0.02):
            with lock:
                inside.add(number)
                most[0] = max(most[0], len(inside))
            time.sleep(0.1)
            with lock:
                inside.remove(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == room
    assert not list(tmp_path.rglob(".*"))


def test_activations_that_are_kept_have_no_bound() -> None:
    settings = {"keep_activations": False, "store_budget_gb": 1.5}
    assert allowance(settings) == 1.5e9
    assert allowance(settings | {"keep_activations": True}) == float("inf")


def test_finished_shards_of_every_network_count(tmp_path: Path) -> None:
    put(shard(tmp_path, "0_0", "other"))
    put(shard(tmp_path, "3_1"))
    with reserve(shard(tmp_path, "0_1"), SIZE, 3 * SIZE, patience=0):
        pass
    with (
        pytest.raises(ConfigError, match=r"0_1.*store_budget_gb.*3_1.*accumulate"),
        reserve(shard(tmp_path, "0_1"), SIZE, 3 * SIZE - 1, patience=0, pause=0),
    ):
        pytest.fail("there is no room")


def test_moments_do_not_count(tmp_path: Path) -> None:
    put(shard(tmp_path, "0_0.moments"))
    with reserve(shard(tmp_path, "0_1"), SIZE, SIZE, patience=0):
        pass


def test_a_killed_writer_is_cleared_away(tmp_path: Path) -> None:
    with killed_writer(shard(tmp_path, "0_0")):
        assert len(list(shard(tmp_path, "0_0").parent.iterdir())) == 2
        with reserve(shard(tmp_path, "0_1"), SIZE, SIZE, patience=0):
            names = [path.name for path in shard(tmp_path, "0_0").parent.iterdir()]
        assert len(names) == 1
        assert "0_1" in names[0]


def test_a_second_attempt_takes_the_place_of_the_first(tmp_path: Path) -> None:
    path = shard(tmp_path, "0_0")
    with killed_writer(path):
        with reserve(path, SIZE, SIZE, patience=0), replacing(path) as beside:
            beside.write_bytes(bytes(SIZE))
        assert [left.name for left in path.parent.iterdir()] == [path.name]


def test_writers_on_other_hosts_count(tmp_path: Path) -> None:
    put(shard(tmp_path, "x").with_name(f".0_0.zarr.zip.elsewhere.{SIZE}.reserved"), size=0)
    with (
        pytest.raises(ConfigError, match="elsewhere"),
        reserve(shard(tmp_path, "0_1"), SIZE, SIZE, patience=0, pause=0),
    ):
        pytest.fail("there is no room")


def write_until_the_disk_is_full(path: Path) -> None:
    with reserve(path, SIZE, SIZE), replacing(path) as beside:
        beside.write_bytes(bytes(SIZE))
        raise OSError(errno.ENOSPC, "No space left on device")


def write_twice_at_once(path: Path) -> None:
    with replacing(path) as first:
        first.write_text("first, of a killed workflow")
        with replacing(path) as second:
            second.write_text("second")


def test_without_locks_a_reservation_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_arguments: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(footprint.fcntl, "flock", no_locks)
    held = shard(tmp_path, "0_0").with_name(f".0_0.zarr.zip.{footprint.HOST}.{SIZE}.reserved")
    put(held, size=0)
    with (
        pytest.raises(ConfigError, match="0_0"),
        reserve(shard(tmp_path, "0_1"), SIZE, SIZE, patience=0, pause=0),
    ):
        pytest.fail("there is no room")


def test_a_full_disk_is_named_before_and_during_writing(tmp_path: Path) -> None:
    with (
        pytest.raises(DiskFullError, match=r"mounted at /.*GB free.*GB needed.*store_budget_gb"),
        reserve(shard(tmp_path, "0_0"), 10**18, 10**19),
    ):
        pytest.fail("no disk is that large")
    path = shard(tmp_path, "0_1")
    with pytest.raises(DiskFullError, match=r"0_1.*GB needed for this shard.*activations: stream"):
        write_until_the_disk_is_full(path)
    assert not list(path.parent.iterdir())


def test_two_writers_of_a_file_cannot_put_halves_in_place(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(FileNotFoundError):
        write_twice_at_once(path)
    assert path.read_text() == "second"
    assert [left.name for left in tmp_path.iterdir()] == ["file"]


def test_orphans_are_what_nobody_will_read(tmp_path: Path) -> None:
    def merged(replicate: int, age: float) -> None:
        put(tmp_path / f"net/design/moments/replicate_{replicate}.zarr.zip", age=age)

    wanted = put(shard(tmp_path, "0_0"))  # its replicate is not merged
    remade = put(shard(tmp_path, "1_0"))  # younger than what was merged
    merged(1, age=60)
    used = put(shard(tmp_path, "2_0"), age=60)
    used_moments = put(shard(tmp_path, "2_0.moments"), age=60)
    merged(2, age=0)
    renamed = put(shard(tmp_path, "0_0", "dropped"))
    half = put(shard(tmp_path, "0_0").with_name(".0_1.zarr.zip.ab12cd34.partial"))
    expected = {wanted, remade, used, used_moments}
    assert remove_orphans(tmp_path, expected, keep=False) == sorted(
        [half, used, used_moments, renamed]
    )
    assert sorted(path for path in tmp_path.rglob("shards/*")) == sorted([wanted, remade])


def test_parts_of_what_is_there_are_orphans_and_so_are_those_of_another_cut(
    tmp_path: Path,
) -> None:
    def part(design: str, name: str, age: float) -> Path:
        return put(tmp_path / f"net/{design}/masking_parts/{name}.zarr.zip", age=age)

    read, remade = part("read", "0", 60), part("remade", "0", 0)
    for design, age in (("read", 0), ("remade", 60)):
        put(tmp_path / f"net/{design}/masking.zarr", age=age)
    waiting, cut_otherwise = part("begun", "0", 0), part("begun", "7", 0)
    expected = {read, remade, waiting}
    assert remove_orphans(tmp_path, expected, keep=True) == sorted([read, cut_otherwise])
    assert remade.exists()
    assert waiting.exists()


def test_kept_activations_are_no_orphans(tmp_path: Path) -> None:
    kept = put(shard(tmp_path, "0_0"), age=60)
    moments = put(shard(tmp_path, "0_0.moments"), age=60)
    put(tmp_path / "net/design/moments/replicate_0.zarr.zip")
    assert remove_orphans(tmp_path, {kept, moments}, keep=True) == [moments]
    assert kept.exists()
