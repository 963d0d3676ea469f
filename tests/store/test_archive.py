"""Files are complete or absent, and damage is named."""

from pathlib import Path

import numpy as np
import pytest
import zarr

from actsense.store import (
    CorruptFileError,
    create_archive,
    open_archive,
    read_blocks,
    replacing,
    write_block,
)

PLACE = np.arange(12).reshape(3, 4)


def shard(path: Path, blocks: int = 2) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    written = [generator.normal(size=(9 + k, 5000)).astype(np.float32) for k in range(blocks)]
    with create_archive(path, {"layers": []}) as group:
        for number, responses in enumerate(written):
            write_block(group, number, responses, PLACE)
    return written


def test_blocks_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "shard.zarr.zip"
    written = shard(path)
    found = list(read_blocks(path, range(2)))

    assert [number for number, *_ in found] == [0, 1]
    for (_, responses, place), expected in zip(found, written, strict=True):
        np.testing.assert_array_equal(responses, expected)
        np.testing.assert_array_equal(place, PLACE)


def test_a_shard_is_one_file(tmp_path: Path) -> None:
    shard(tmp_path / "shard.zarr.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["shard.zarr.zip"]


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "shard.zarr.zip"

    def killed() -> None:
        with create_archive(path, {}) as group:
            write_block(group, 0, np.ones((2, 3), np.float32), PLACE)
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        killed()
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


@pytest.mark.parametrize("where", [0.2, 0.5, 0.8])
def test_a_flipped_bit_is_found_and_the_file_named(tmp_path: Path, where: float) -> None:
    path = tmp_path / "shard.zarr.zip"
    shard(path)
    content = bytearray(path.read_bytes())
    content[int(where * len(content))] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"shard\.zarr\.zip: damaged .* Delete it and run"):
        list(read_blocks(path, range(2)))


@pytest.mark.parametrize("kept", [0, 10, 20_000])
def test_a_truncated_file_is_found(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "shard.zarr.zip"
    shard(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CorruptFileError, match="damaged"):
        list(read_blocks(path, range(2)))


def test_missing_blocks_are_found(tmp_path: Path) -> None:
    path = tmp_path / "shard.zarr.zip"
    shard(path)
    with pytest.raises(CorruptFileError, match=r"expected blocks range\(0, 3\)"):
        list(read_blocks(path, range(3)))


def test_arrays_carry_a_checksum(tmp_path: Path) -> None:
    path = tmp_path / "shard.zarr.zip"
    shard(path)
    with open_archive(path) as group:
        array = group["block_000000/responses"]
        assert isinstance(array, zarr.Array)
        assert "Crc32cCodec" in str(array.compressors)
