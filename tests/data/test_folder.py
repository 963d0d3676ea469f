import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actsense.data.build import build_cache
from actsense.data.cache import ImageCache
from actsense.data.decode import decode
from actsense.data.folder import plan_folder
from actsense.data.manifest import read_manifest, read_skipped
from actsense.data.settings import ImageFolder
from actsense.errors import ConfigError

SaveNoise = Callable[[Path, int], None]


def built(tmp_path: Path, settings: ImageFolder, seed: int = 0) -> ImageCache:
    paths = tmp_path / "images.zarr", tmp_path / "manifest.csv"
    build_cache(settings, seed, *paths, threads=2)
    return ImageCache.open(*paths)


def split(photos: Path) -> None:
    """Turn the fixture into train/ and val/ folders."""
    for name in ("cat", "dog"):
        for part, keep in (("train", 5), ("val", 3)):
            (photos / part).mkdir(exist_ok=True)
            (photos / part / name).mkdir()
            for file in sorted((photos / name).iterdir())[:keep]:
                file.rename(photos / part / name / file.name)
        for file in (photos / name).iterdir():
            file.unlink()
        (photos / name).rmdir()


def test_images_are_those_of_the_files(
    tmp_path: Path, settings: ImageFolder, photos: Path
) -> None:
    data = built(tmp_path, settings)
    assert data.class_names == ["cat", "dog"]
    assert data.image_size == 16
    assert len(data) == 18
    for row, file in enumerate(data.manifest["path"]):
        expected = decode(photos / file, resize=20, side=16).pixels
        np.testing.assert_array_equal(data.read(np.array([row]))[0], expected)


def test_a_folder_is_split_class_by_class(tmp_path: Path, settings: ImageFolder) -> None:
    table = built(tmp_path, settings.replaced(validation_fraction=0.25)).manifest
    counts = table.groupby(["class_name", "partition"]).size().to_dict()
    assert counts[("cat", "validation")] == counts[("dog", "validation")] == 2
    assert counts[("cat", "train")] == 8
    assert table["path"].is_unique


def test_given_partitions_are_kept(tmp_path: Path, settings: ImageFolder, photos: Path) -> None:
    split(photos)
    table = built(tmp_path, settings).manifest
    assert (table["path"].str.startswith("train/") == (table["partition"] == "train")).all()
    assert table["partition"].value_counts().to_dict() == {"train": 10, "validation": 6}


def test_subsets_have_the_same_size_in_every_class(tmp_path: Path, settings: ImageFolder) -> None:
    chosen = settings.replaced(samples_per_class={"train": 4, "validation": 1})
    table = built(tmp_path, chosen).manifest
    assert set(table.groupby(["class_name", "partition"]).size()) == {4, 1}


def test_a_smaller_subset_lies_inside_a_larger_one(settings: ImageFolder) -> None:
    def files(count: int) -> set[str]:
        plan = plan_folder(
            settings.replaced(samples_per_class={"train": count, "validation": 1}), 1
        )
        return {file for group in plan.groups for file in group.files[: group.wanted]}

    assert files(2) < files(5)


def test_the_seed_decides_the_split(settings: ImageFolder) -> None:
    def split_of(seed: int) -> list[list[str]]:
        return [group.files for group in plan_folder(settings, seed).groups]

    assert split_of(0) == split_of(0)
    assert split_of(0) != split_of(1)


def test_another_class_does_not_change_the_split_of_this_one(
    settings: ImageFolder, photos: Path, save_noise: SaveNoise
) -> None:
    before = plan_folder(settings, 0).groups[0].files
    save_noise(photos / "ant" / "0.png", 0)
    save_noise(photos / "ant" / "1.png", 1)
    assert plan_folder(settings, 0).groups[1].files == before


def test_suffixes_in_capitals_and_deeper_folders_are_found(
    settings: ImageFolder, photos: Path, save_noise: SaveNoise
) -> None:
    save_noise(photos / "dog" / "deep" / "A.PNG", 0)
    (photos / "dog" / ".hidden.png").write_bytes(b"")
    (photos / "dog" / "notes.txt").write_text("no image")
    files = {file for group in plan_folder(settings, 0).groups for file in group.files}
    assert "dog/deep/A.PNG" in files
    assert len(files) == 19


def test_a_class_may_be_called_train(settings: ImageFolder, photos: Path) -> None:
    (photos / "cat").rename(photos / "train")
    assert plan_folder(settings, 0).classes == ["dog", "train"]


@pytest.mark.parametrize("content", [b"", b"no image at all", b"\x89PNG\r\n\x1a\n cut"])
def test_an_unreadable_file_stops_and_the_way_out_is_named(
    tmp_path: Path, settings: ImageFolder, photos: Path, content: bytes
) -> None:
    (photos / "cat" / "00.png").write_bytes(content)
    message = r"cat/00\.png: unreadable image .*dataset\.on_unreadable: skip"
    with pytest.raises(ConfigError, match=message):
        built(tmp_path, settings)
    assert not (tmp_path / "images.zarr").exists()


def test_skipped_files_are_counted_in_the_manifest(
    tmp_path: Path, settings: ImageFolder, photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = photos / "cat" / "00.png"
    file.write_bytes(file.read_bytes()[:200])
    with caplog.at_level(logging.WARNING):
        data = built(tmp_path, settings.replaced(on_unreadable="skip"))
    assert len(data) == len(data.manifest) == 17
    assert data.read(np.arange(17)).shape == (17, 3, 16, 16)
    assert read_skipped(tmp_path / "manifest.csv")["path"].tolist() == ["cat/00.png"]
    assert "cat/00.png" not in set(read_manifest(tmp_path / "manifest.csv")["path"])
    assert "1 unreadable files skipped: cat/00.png" in caplog.text


def test_another_file_stands_in_for_a_skipped_one(
    tmp_path: Path, settings: ImageFolder, photos: Path
) -> None:
    split(photos)
    (photos / "train" / "cat" / "00.png").write_bytes(b"")
    samples = {"train": 4, "validation": 3}
    chosen = settings.replaced(on_unreadable="skip", samples_per_class=samples)
    table = built(tmp_path, chosen).manifest
    assert (table["partition"] == "train").sum() == 8


def test_too_few_readable_files_are_an_error(
    tmp_path: Path, settings: ImageFolder, photos: Path
) -> None:
    split(photos)
    for number in (0, 1):
        (photos / "train" / "cat" / f"0{number}.png").write_bytes(b"")
    samples = {"train": 4, "validation": 3}
    chosen = settings.replaced(on_unreadable="skip", samples_per_class=samples)
    with pytest.raises(ConfigError, match="class 'cat' has 3 readable images in train, 4 are"):
        built(tmp_path, chosen)


def test_the_same_picture_in_both_partitions_is_reported(
    tmp_path: Path,
    settings: ImageFolder,
    photos: Path,
    caplog: pytest.LogCaptureFixture,
    save_noise: SaveNoise,
) -> None:
    split(photos)
    save_noise(photos / "train" / "cat" / "twin.png", 5)
    save_noise(photos / "val" / "cat" / "twin.png", 5)
    with caplog.at_level(logging.WARNING):
        built(tmp_path, settings)
    assert "1 images are the same in train and validation" in caplog.text


def test_files_are_read_in_bounded_waves(
    tmp_path: Path, settings: ImageFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actsense.data.image_plan.WAVE", 3)
    assert len(built(tmp_path, settings)) == 18


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": "/no/such/folder"}, r"dataset\.path: the folder '/no/such/folder' does not"),
        ({"image_size": 24}, r"dataset\.resize: 20 is smaller than dataset\.image_size: 24"),
        (
            {"samples_per_class": {"train": 7, "validation": 1}},
            r"samples_per_class\.train: 7 wanted, but class",
        ),
    ],
)
def test_wrong_settings_are_refused(
    settings: ImageFolder, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        plan_folder(settings.replaced(**change), 0)


def test_an_empty_class_is_named(settings: ImageFolder, photos: Path) -> None:
    (photos / "eel").mkdir()
    with pytest.raises(ConfigError, match="no images in the class folders eel of"):
        plan_folder(settings, 0)


def test_a_class_of_one_image_cannot_be_split(
    settings: ImageFolder, photos: Path, save_noise: SaveNoise
) -> None:
    save_noise(photos / "eel" / "0.png", 0)
    with pytest.raises(ConfigError, match="class 'eel' has 1 image: at least 2"):
        plan_folder(settings, 0)


def test_a_folder_without_images_is_refused(settings: ImageFolder, tmp_path: Path) -> None:
    (tmp_path / "none" / "cat").mkdir(parents=True)
    with pytest.raises(ConfigError, match="no images under"):
        plan_folder(settings.replaced(path=str(tmp_path / "none")), 0)


def test_a_folder_without_classes_is_refused(settings: ImageFolder, photos: Path) -> None:
    with pytest.raises(ConfigError, match="has no class folders"):
        plan_folder(settings.replaced(path=str(photos / "cat")), 0)


@pytest.mark.parametrize(("part", "lacking"), [("train", "validation"), ("val", "train")])
def test_partitions_with_different_classes_are_refused(
    settings: ImageFolder, photos: Path, part: str, lacking: str, save_noise: SaveNoise
) -> None:
    split(photos)
    save_noise(photos / part / "eel" / "0.png", 0)
    with pytest.raises(ConfigError, match=f"{lacking} lacks the classes eel"):
        plan_folder(settings, 0)


@pytest.mark.parametrize("part", ["train", "val"])
def test_a_lone_partition_is_refused(settings: ImageFolder, photos: Path, part: str) -> None:
    split(photos)
    (photos / ("val" if part == "train" else "train")).rename(photos.parent / "away")
    with pytest.raises(ConfigError, match=f"has {part}/ with classes inside, but no"):
        plan_folder(settings, 0)


def test_two_validation_folders_are_refused(settings: ImageFolder, photos: Path) -> None:
    split(photos)
    (photos / "validation").mkdir()
    with pytest.raises(ConfigError, match="has both val/ and validation/"):
        plan_folder(settings, 0)
