import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from actsense.data.cache import ImageCache, Sample, write_cache
from actsense.data.manifest import pixel_sha256, read_manifest, write_manifest
from actsense.data.signature import FinishedCache
from actsense.errors import ConfigError
from actsense.store import columns, rows


def noise(count: int, side: int = 8) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, 3, side, side), dtype=np.uint8)


def written(folder: Path, pixels: NDArray[Any]) -> tuple[Path, Path]:
    paths = folder / "images.zarr", folder / "manifest.csv"
    samples = [Sample(f"{i}.png", i % 2, "train", image) for i, image in enumerate(pixels)]
    write_cache(
        samples,
        *paths,
        capacity=len(samples) + 5,  # as if five files had been skipped
        side=pixels.shape[-1],
        class_names=["NA", "b"],
        provenance={"seed": 0},
    )
    return paths


@pytest.fixture
def shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make small shards of four chunks of two images, and read them from disk each time."""
    monkeypatch.setattr(columns, "CHUNK_BYTES", 2 * 3 * 64)
    monkeypatch.setattr(columns, "SHARD_BYTES", 8 * 3 * 64)
    monkeypatch.setattr(rows, "MEMORY_BYTES", 0)


@pytest.mark.parametrize("limit", [0, 10**9])
@pytest.mark.parametrize("chosen", [[], [0], [20, 3, 3, 19, 0, 8, 7], list(range(21))])
def test_rows_come_back_in_any_order_with_repeats(
    tmp_path: Path, shards: None, monkeypatch: pytest.MonkeyPatch, limit: int, chosen: list[int]
) -> None:
    monkeypatch.setattr(rows, "MEMORY_BYTES", limit)
    pixels = noise(21)
    found = ImageCache.open(*written(tmp_path, pixels)).read(np.array(chosen, int))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, pixels[np.array(chosen, int)])


def test_black_images_are_files_too(tmp_path: Path, shards: None) -> None:
    pixels = np.zeros((21, 3, 8, 8), np.uint8)
    assert not ImageCache.open(*written(tmp_path, pixels)).read(np.arange(21)).any()


LEFT = [".manifest.csv.manifest", "images.zarr", "manifest.csv"]


def test_many_images_share_few_files(digits: tuple[Path, Path]) -> None:
    files = [path for path in digits[0].rglob("*") if path.is_file()]
    assert len(ImageCache.open(*digits)) > 3000
    assert len(files) == 3  # the metadata, the manifest and one shard


def test_the_store_is_a_sharded_checksummed_zarr_array_of_version_3(
    digits: tuple[Path, Path],
) -> None:
    meta = json.loads((digits[0] / "zarr.json").read_text())
    assert meta["zarr_format"] == 3
    assert meta["data_type"] == "uint8"
    (sharding,) = meta["codecs"]
    assert sharding["name"] == "sharding_indexed"
    names = [codec["name"] for codec in sharding["configuration"]["codecs"]]
    assert names == ["bytes", "zstd", "crc32c"]


def test_the_attributes_tell_classes_and_origin(digits: tuple[Path, Path]) -> None:
    attributes = json.loads((digits[0] / "zarr.json").read_text())["attributes"]
    assert attributes["class_names"] == [str(digit) for digit in range(10)]
    assert attributes["settings"]["kind"] == "digits"
    assert attributes["seed"] == 3
    assert "zarr" in attributes["versions"]


def test_row_i_of_the_manifest_belongs_to_image_i(digits: tuple[Path, Path]) -> None:
    data = ImageCache.open(*digits)
    rows = np.arange(0, len(data), 50)
    hashes = [pixel_sha256(image) for image in data.read(rows)]
    assert data.manifest["sha256"].iloc[rows].tolist() == hashes


def test_a_class_called_na_keeps_its_name(tmp_path: Path) -> None:
    data = ImageCache.open(*written(tmp_path, noise(4)))
    assert data.manifest["class_name"].tolist() == ["NA", "b", "NA", "b"]


def test_names_like_formulas_are_quoted_and_come_back(tmp_path: Path) -> None:
    names = ["=1/a.png", "+b", "@\rc", "plain"]
    write_manifest([(name, name, 0, "train", "") for name in names], tmp_path / "manifest.csv")
    read = read_manifest(tmp_path / "manifest.csv")
    assert read["path"].tolist() == read["class_name"].tolist() == names
    cache = FinishedCache({}, 0, [], {}, tmp_path / "manifest.csv")
    assert cache.files() == names
    lines = (tmp_path / "manifest.csv").read_bytes().split(b"\n")
    assert lines[1:5:3] == [b"'=1/a.png,'=1/a.png,0,train,", b"plain,plain,0,train,"]


def test_partitions_cover_all_rows_once(digits: tuple[Path, Path]) -> None:
    data = ImageCache.open(*digits)
    both = np.concatenate([data.partition_rows(part) for part in ("train", "validation")])
    np.testing.assert_array_equal(np.sort(both), np.arange(len(data)))


def test_a_row_that_does_not_exist_is_refused(digits: tuple[Path, Path]) -> None:
    with pytest.raises(IndexError, match=r"rows must lie in 0\.\.3143, got -1\.\.2"):
        ImageCache.open(*digits).read(np.array([2, -1]))


@pytest.mark.parametrize("position", [0.02, 0.3, 0.6, 0.999])
def test_a_flipped_byte_is_found_and_its_file_named(
    tmp_path: Path, shards: None, position: float
) -> None:
    paths = written(tmp_path, noise(21))
    file = paths[0] / "c" / "1" / "0" / "0" / "0"
    content = bytearray(file.read_bytes())
    content[int(position * len(content))] ^= 1
    file.write_bytes(content)
    data = ImageCache.open(*paths)
    data.read(np.arange(8))  # the other shards are still good
    with pytest.raises(ConfigError, match=r"c/1/0/0/0: damaged .*Delete .*images\.zarr .* again"):
        data.read(np.arange(21))


def test_a_shortened_shard_is_found(tmp_path: Path, shards: None) -> None:
    paths = written(tmp_path, noise(21))
    file = paths[0] / "c" / "1" / "0" / "0" / "0"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ConfigError, match="c/1/0/0/0: damaged"):
        ImageCache.open(*paths).read(np.arange(21))


def test_a_lost_shard_is_not_black_images(tmp_path: Path, shards: None) -> None:
    paths = written(tmp_path, noise(21))
    (paths[0] / "c" / "1" / "0" / "0" / "0").unlink()
    with pytest.raises(ConfigError, match=r"c/1/0/0/0: damaged \(missing\)\. Delete"):
        ImageCache.open(*paths).read(np.array([9]))


def test_damaged_metadata_is_named(tmp_path: Path) -> None:
    paths = written(tmp_path, noise(3))
    (paths[0] / "zarr.json").write_text("{")
    with pytest.raises(ConfigError, match=r"zarr\.json: damaged"):
        ImageCache.open(*paths)


def test_images_and_manifest_of_different_datasets_are_refused(
    tmp_path: Path, digits: tuple[Path, Path]
) -> None:
    paths = written(tmp_path, noise(3))
    with pytest.raises(ConfigError, match="were not made together"):
        ImageCache.open(paths[0], digits[1])


def test_a_missing_cache_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"images\.zarr: no image cache there"):
        ImageCache.open(tmp_path / "images.zarr", tmp_path / "manifest.csv")


def test_another_table_is_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ConfigError, match="a manifest has the columns path, class_name"):
        read_manifest(tmp_path / "other.csv")


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"lost\.csv: not there"):
        read_manifest(tmp_path / "lost.csv")


def test_a_failed_build_leaves_nothing_and_the_old_version_stays(tmp_path: Path) -> None:
    paths = written(tmp_path, noise(3))
    before = ImageCache.open(*paths).sha256()

    def broken() -> Iterator[Sample]:
        yield Sample("0.png", 0, "train", noise(1)[0])
        raise ConfigError("disk on fire")

    with pytest.raises(ConfigError, match="disk on fire"):
        write_cache(
            broken(), *paths, capacity=2, side=8, class_names=["a"], provenance={"seed": 0}
        )
    assert ImageCache.open(*paths).sha256() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == LEFT


def test_a_second_build_replaces_the_first(tmp_path: Path) -> None:
    written(tmp_path, noise(3))
    left_by_a_crash = tmp_path / ".images.zarr.0a1b2c3d.partial"
    shutil.copytree(tmp_path / "images.zarr", left_by_a_crash)
    assert len(ImageCache.open(*written(tmp_path, noise(5)))) == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == LEFT
