"""What a folder of photographs holds beside photographs is left out, and said."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from actsense.data.build import build_cache
from actsense.data.listing import list_images
from actsense.data.settings import ImageFolder
from actsense.errors import ConfigError

SaveNoise = Callable[[Path, int], None]


@pytest.mark.parametrize(
    "place",
    [
        *(
            "cat/@eaDir/a.jpg/SYNO_M.jpg",
            "@eaDir/a.jpg",
            "cat/.thumbnails/a.png",
            ".AppleDouble/a",
        ),
        *("__MACOSX/cat/a.png", "lost+found/a.png", "cat/._00.png", "cat/.hidden.jpg"),
    ],
)
def test_what_storage_boxes_put_there_is_no_photograph(
    photos: Path, save_noise: SaveNoise, place: str
) -> None:
    before = list_images(photos)
    (photos / place).parent.mkdir(parents=True, exist_ok=True)
    (photos / place).write_bytes(b"")
    after = list_images(photos)
    assert (after.classes, after.files) == (before.classes, before.files)
    assert sum(after.left_out.values()) == 1


def test_files_left_out_are_counted_by_suffix(photos: Path) -> None:
    for name in ("a.heic", "b.HEIC", "c.svg", "d", "Thumbs.db", "e.raw"):
        (photos / "cat" / name).write_bytes(b"")
    (photos / "beside.jpg").write_bytes(b"")
    listing = list_images(photos)
    assert listing.left_out == {
        **{"files .heic": 2, "files .svg": 1, "files .raw": 1, "files without suffix": 1},
        **{"hidden files": 1, "images beside the class folders": 1},
    }
    assert listing.summary()[0].startswith("left out: 2 files .heic, ")


def test_the_log_and_the_cache_say_what_was_left(
    tmp_path: Path, settings: ImageFolder, photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (photos / "cat" / "a.heic").write_bytes(b"")
    paths = tmp_path / "images.zarr", tmp_path / "manifest.csv"
    with caplog.at_level("INFO"):
        build_cache(settings, 0, *paths)
    assert "left out: 1 files .heic" in caplog.text
    assert '"files .heic": 1' in (tmp_path / "images.zarr/zarr.json").read_text()


@pytest.mark.parametrize("suffix", [".jfif", ".AVIF", ".webp", ".JPG", ".tiff", ".pbm", ".dib"])
def test_what_pillow_reads_is_taken(photos: Path, suffix: str) -> None:
    (photos / "cat" / f"a{suffix}").write_bytes(b"")
    assert f"cat/a{suffix}" in list_images(photos).all_files


def test_loops_of_links_end_and_give_no_doubles(photos: Path) -> None:
    expected = list_images(photos).all_files
    (photos / "cat" / "up").symlink_to(photos)
    (photos / "cat" / "self").symlink_to(photos / "cat")
    listing = list_images(photos)
    assert listing.all_files == expected
    assert listing.left_out == {"folders reached twice by links": 2}


def test_what_is_no_file_is_skipped_and_counted(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = list_images(photos).all_files
    os.mkfifo(photos / "cat" / "pipe.png")
    monkeypatch.chdir(photos / "cat")  # addresses of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.png")
    (photos / "dog" / "device.png").symlink_to("/dev/null")
    (photos / "dog" / "to_pipe.png").symlink_to(photos / "cat" / "pipe.png")
    listing = list_images(photos)
    assert listing.all_files == before
    assert listing.left_out == {"pipes, sockets or devices": 4}


def test_links_that_lead_nowhere_are_photographs_that_are_missing(photos: Path) -> None:
    (photos / "cat" / "gone.png").symlink_to(photos / "elsewhere.png")
    (photos / "cat" / "circle.png").symlink_to(photos / "cat" / "circle.png")
    assert {"cat/gone.png", "cat/circle.png"} <= {*list_images(photos).all_files}


def test_a_subfolder_that_may_not_be_read_is_no_fewer_images(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / "cat" / "more").mkdir()
    scandir = os.scandir

    def refused(path: Path) -> object:
        if Path(path).name == "more":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", refused)
    with pytest.raises(ConfigError, match=r"cannot be listed: .*Permission denied.*more"):
        list_images(photos)


def test_links_to_folders_and_files_are_followed(photos: Path, tmp_path: Path) -> None:
    (photos / "dog").rename(tmp_path / "elsewhere")
    (photos / "dog").symlink_to(tmp_path / "elsewhere")
    (photos / "cat" / "link.png").symlink_to(photos / "cat" / "00.png")
    listing = list_images(photos)
    assert listing.classes == ["cat", "dog"]
    assert len(listing.all_files) == 19


@pytest.mark.parametrize(
    ("train", "validation"),
    [("Train", "Val"), ("TRAIN", "VALIDATION"), ("train", "valid"), ("train", "test")],
)
def test_partitions_are_found_in_any_case(photos: Path, train: str, validation: str) -> None:
    (photos / train).mkdir()
    (photos / validation).mkdir()
    for name in ("cat", "dog"):
        (photos / validation / name).mkdir()
        (photos / name / "00.png").rename(photos / validation / name / "00.png")
        (photos / name).rename(photos / train / name)
    (photos / "more").mkdir()
    listing = list_images(photos)
    assert listing.taken_from == {"train": train, "validation": validation}
    assert {part: len(files["cat"]) for part, files in listing.files.items()} == {
        "train": 9,
        "validation": 1,
    }
    assert (
        listing.summary()[0] == f"taken from {train}/ for train and {validation}/ for validation"
    )
    assert listing.left_out == {f"folder more beside {train} and {validation}": 1}


def test_a_folder_that_cannot_be_listed_is_one_line(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", refused)
    with pytest.raises(ConfigError, match=r"cannot be listed: .*Permission denied"):
        list_images(photos)


def test_copies_are_said(
    tmp_path: Path,
    settings: ImageFolder,
    photos: Path,
    save_noise: SaveNoise,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for number in range(9):
        save_noise(photos / "cat" / f"copy{number}.png", 5)
    save_noise(photos / "dog" / "cat.png", 5)
    build_cache(settings, 0, tmp_path / "images.zarr", tmp_path / "manifest.csv")
    assert "images are copies of others in their class" in caplog.text
    assert "1 images are the same in several classes" in caplog.text


def test_one_class_alone_is_refused(settings: ImageFolder, photos: Path) -> None:
    above = photos.parent / "above"
    above.mkdir()
    photos.rename(above / "photos")
    with pytest.raises(ConfigError, match=r"'photos' is the only class, .* folder above the cl"):
        build_cache(settings.replaced(path=str(above)), 0, above / "i.zarr", above / "m.csv")
