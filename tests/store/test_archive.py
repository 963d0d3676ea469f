"""Files are complete or absent, and damage is named."""

import errno
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import zarr

from actsense.store import (
    CorruptFileError,
    DiskFullError,
    create_archive,
    create_shard,
    open_archive,
    part_starts,
    read_parts,
    replacing,
    shards,
)

PLACE = np.arange(12).reshape(3, 4)


def shard(path: Path, blocks: int = 2) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    written = [generator.normal(size=(9 + k, 5000)).astype(np.float32) for k in range(blocks)]
    with create_shard(path, {"layers": []}) as writer:
        for number, responses in enumerate(written):
            writer.write(0, number, responses, PLACE)
    return written


@pytest.fixture(params=[2**25, 9 * 1100 * 4])
def chunk_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let a block of a shard be one chunk, and several of which the last one is padded."""
    monkeypatch.setattr(shards, "CHUNK_BYTES", request.param)
    return int(request.param)


def test_blocks_come_back_as_they_were_written(tmp_path: Path, chunk_bytes: int) -> None:
    path = tmp_path / "shard.zarr.zip"
    written = shard(path)
    found = []
    for part in read_parts(path, 0, range(2)):
        np.testing.assert_array_equal(part.place, PLACE)
        units = slice(part.start, part.start + part.responses.shape[1])
        np.testing.assert_array_equal(part.responses, written[part.number][:, units])
        assert part.responses.nbytes <= chunk_bytes
        found.append((part.number, units.start, units.stop))

    assert found[0][1] == found[-1][0] - 1 == 0
    assert found[-1][2] == 5000
    for (number, _, stop), (following, start, _) in pairwise(found):
        assert (following, start) == ((number, stop) if stop < 5000 else (number + 1, 0))
    assert len(found) == (
        2 if chunk_bytes == 2**25 else 7 + 7
    )  # cut alike, whatever rows they have


@pytest.mark.usefixtures("chunk_bytes")
@pytest.mark.parametrize("step", [1, 4, 7])
def test_blocks_that_are_written_some_rows_at_a_time_come_back(tmp_path: Path, step: int) -> None:
    path, generator = tmp_path / "shard.zarr.zip", np.random.default_rng(0)
    written = [generator.random((rows, 5000)).astype(np.float32) for rows in (7, 9)]
    with create_shard(path, {"layers": []}) as writer:
        for number, responses in enumerate(written):
            writer.begin(0, number, PLACE, responses.shape, step=step)
            for row in range(0, len(responses), step):
                writer.append(responses[row : row + step])
    starts = part_starts(path, 0, range(2))
    for first, last in pairwise([*starts[::2], 5000]):
        found: list[list[np.ndarray]] = [[], []]
        for part in read_parts(path, 0, range(2), slice(first, last)):
            found[part.number].append(part.responses.copy())
        for own, responses in zip(found, written, strict=True):
            np.testing.assert_array_equal(np.hstack(own), responses[:, first:last])


@pytest.mark.usefixtures("chunk_bytes")
def test_a_shard_is_a_plain_zarr_store(tmp_path: Path) -> None:
    path = tmp_path / "shard.zarr.zip"
    written = shard(path)
    with zarr.storage.ZipStore(path, mode="r") as store:
        group = zarr.open_group(store, mode="r")
        assert group.attrs["layers"] == []
        for number, responses in enumerate(written):
            np.testing.assert_array_equal(group[f"block_0_{number:06d}/responses"][:], responses)
            np.testing.assert_array_equal(group[f"block_0_{number:06d}/place"][:], PLACE)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}


def test_a_block_may_change_as_soon_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "shard.zarr.zip"
    responses = np.zeros((4, 5000), np.float32)
    with create_shard(path, {}) as writer:
        for number in range(5):
            responses[:] = number
            writer.write(0, number, responses, PLACE)
    for part in read_parts(path, 0, range(5)):
        assert (part.responses == part.number).all()


def test_a_shard_is_one_file(tmp_path: Path) -> None:
    shard(tmp_path / "shard.zarr.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["shard.zarr.zip"]


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "shard.zarr.zip"

    def killed() -> None:
        with create_shard(path, {}) as writer:
            writer.write(0, 0, np.ones((2, 3), np.float32), PLACE)
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        killed()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_behind_the_writer_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shards.ShardWriter, "_write", full)
    with pytest.raises(DiskFullError, match=r"shard\.zarr\.zip: no space left"):
        shard(tmp_path / "shard.zarr.zip")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_finished_file(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("finished")

    def killed() -> None:
        with replacing(path) as beside:
            beside.write_text("half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        killed()
    assert path.read_text() == "finished"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("chunk_bytes")
@pytest.mark.parametrize("where", [0.2, 0.5, 0.8])
def test_a_flipped_bit_is_found_and_the_file_named(tmp_path: Path, where: float) -> None:
    path = tmp_path / "shard.zarr.zip"
    shard(path)
    content = bytearray(path.read_bytes())
    content[int(where * len(content))] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"shard\.zarr\.zip: damaged .* Delete it and run"):
        list(read_parts(path, 0, range(2)))


@pytest.mark.parametrize("kept", [0, 10, 20_000])
def test_a_truncated_file_is_found(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "shard.zarr.zip"
    shard(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CorruptFileError, match="damaged"):
        list(read_parts(path, 0, range(2)))


def test_missing_blocks_are_found(tmp_path: Path) -> None:
    path = tmp_path / "shard.zarr.zip"
    shard(path)
    with pytest.raises(
        CorruptFileError,
        match="expected blocks block_0_000000, block_0_000001, block_0_000002; found",
    ):
        list(read_parts(path, 0, range(3)))


def test_arrays_carry_a_checksum(tmp_path: Path) -> None:
    path = tmp_path / "shard.zarr.zip"
    shard(path)
    with open_archive(path) as group:
        array = group["block_0_000000/responses"]
        assert isinstance(array, zarr.Array)
        assert "Crc32cCodec" in str(array.compressors)


def test_an_archive_that_is_complete_is_not_opened_again(tmp_path: Path) -> None:
    with create_archive(tmp_path / "store.zarr.zip", {}) as root:
        root.create_array("a", data=np.ones(3))
    written = (tmp_path / "store.zarr.zip").read_bytes()
    with pytest.raises(ValueError, match="is closed"):
        root.create_array("b", data=np.ones(3))
    assert (tmp_path / "store.zarr.zip").read_bytes() == written
