"""The tars of Places365 become a cache without being unpacked."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision import datasets

from actsense.data import places
from actsense.data.archives import index_tar
from actsense.data.build import build_cache, count_classes
from actsense.data.cache import ImageCache
from actsense.data.decode import decode
from actsense.data.manifest import read_skipped
from actsense.data.places import LISTS, TRAIN, VALIDATION, plan_places
from actsense.data.settings import Places365
from actsense.errors import ConfigError

CATEGORIES = ["/b/beach", "/a/airfield", "/c/church/indoor"]  # the order decides, not the name
Tars = dict[str, dict[str, bytes]]


def jpeg(seed: int) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


def content() -> Tars:
    """Return the members of every tar: 3 train and 2 validation images per class."""
    train = {
        f"{name}/{number:08d}.jpg": (label, jpeg(10 * label + number))
        for label, name in enumerate(CATEGORIES)
        for number in range(3)
    }
    validation = {
        f"Places365_val_{number:08d}.jpg": (number % 3, jpeg(100 + number)) for number in range(6)
    }
    lists = {
        "categories_places365.txt": [f"{name} {i}" for i, name in enumerate(CATEGORIES)],
        "places365_train_standard.txt": [f"{name} {i}" for name, (i, _) in train.items()],
        "places365_val.txt": [f"{name} {i}" for name, (i, _) in validation.items()],
    }
    return {
        LISTS: {name: "\n".join(lines).encode() for name, lines in lists.items()},
        TRAIN: {f"data_256{name}": data for name, (_, data) in train.items()},
        VALIDATION: {f"val_256/{name}": data for name, (_, data) in validation.items()},
    }


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places365:
    monkeypatch.setattr(places, "CLASSES", 3)
    return Places365(folder=str(tmp_path), image_size=16, resize=18, samples_per_class=None)


def pack(settings: Places365, tars: Tars, prefix: str = "") -> None:
    for archive, files in tars.items():
        with tarfile.open(Path(settings.folder) / archive, "w") as opened:
            for name, data in files.items():
                entry = tarfile.TarInfo(prefix + name)
                entry.size = len(data)
                opened.addfile(entry, io.BytesIO(data))


def built(settings: Places365) -> ImageCache:
    folder = Path(settings.folder) / "cache"
    paths = folder / "images.zarr", folder / "manifest.csv"
    build_cache(settings, 0, *paths, threads=2)
    return ImageCache.open(*paths)


@pytest.mark.parametrize("prefix", ["", "./"])
def test_images_are_those_of_the_members(settings: Places365, prefix: str) -> None:
    tars = content()
    pack(settings, tars, prefix)
    data = built(settings)
    assert len(data) == 15
    for row, member in enumerate(data.manifest["path"]):
        stream = io.BytesIO((tars[TRAIN] | tars[VALIDATION])[member])
        expected = decode(stream, resize=18, side=16).pixels
        np.testing.assert_array_equal(data.read(np.array([row]))[0], expected)


def test_labels_follow_the_list_of_categories(settings: Places365) -> None:
    pack(settings, content())
    data = built(settings)
    assert data.class_names == ["beach", "airfield", "church/indoor"]
    for path, label in zip(data.manifest["path"], data.manifest["label"], strict=True):
        if path.startswith("val_256"):
            assert int(path[-12:-4]) % 3 == label  # by construction
        else:
            assert path.startswith(f"data_256{CATEGORIES[label]}/")


def test_partitions_are_those_of_places(settings: Places365) -> None:
    pack(settings, content())
    table = built(settings).manifest
    assert (table["path"].str.startswith("val") == (table["partition"] == "validation")).all()
    assert table["partition"].value_counts().to_dict() == {"train": 9, "validation": 6}


def test_archives_are_those_that_torchvision_names() -> None:
    assert places.ADDRESS == datasets.Places365._BASE_URL
    theirs = [
        datasets.Places365._DEVKIT_META["standard"],
        datasets.Places365._IMAGES_META["train-standard", True],
        datasets.Places365._IMAGES_META["val", True],
    ]
    assert list(places.ARCHIVES.items()) == theirs
    lists = [datasets.Places365._FILE_LIST_META[split][0] for split in ("train-standard", "val")]
    assert [part[1] for part in places.PARTS.values()] == lists
    assert datasets.Places365._CATEGORIES_META[0] == places.CATEGORIES


def test_the_number_of_classes_needs_no_archive() -> None:
    assert count_classes(Places365(folder="nowhere")) == 365


def test_a_corrupt_image_stops_or_is_skipped(settings: Places365, tmp_path: Path) -> None:
    tars = content()
    bad = "data_256/a/airfield/00000001.jpg"
    tars[TRAIN][bad] = tars[TRAIN][bad][:200]
    pack(settings, tars)
    with pytest.raises(ConfigError, match=rf"{TRAIN}, member {bad}: unreadable image"):
        built(settings)
    assert len(built(settings.replaced(on_unreadable="skip"))) == 14
    assert read_skipped(tmp_path / "cache" / "manifest.csv")["path"].tolist() == [bad]


@pytest.mark.parametrize("archive", [LISTS, TRAIN, VALIDATION])
@pytest.mark.parametrize("cut", ["empty", "header", "data", "between"])
def test_a_tar_cut_short_is_named(
    settings: Places365, tmp_path: Path, archive: str, cut: str
) -> None:
    pack(settings, content())
    path = tmp_path / archive
    *_, last = index_tar(path).values()
    keep = {"empty": 0, "header": last.start - 100, "data": last.start + 7}
    whole = path.read_bytes()
    path.write_bytes(whole[: keep.get(cut, last.start - 512)])  # a header has 512 bytes
    with pytest.raises(ConfigError, match=rf"{archive}: .* archive .*\. Delete it and run again"):
        plan_places(settings, 0)


@pytest.mark.parametrize(
    ("name", "replacement", "message"),
    [
        ("categories_places365.txt", None, r"\(categories_places365\.txt is missing\)"),
        ("categories_places365.txt", b"/a/airfield 0", "does not have the labels 0 to 2"),
        ("places365_val.txt", b"Places365_val_00000000.jpg 7", "has the label 7"),
        ("places365_val.txt", b"Places365_val_00000000.jpg", "is not a list of names and labels"),
        ("places365_val.txt", b"Places365_val_00000000.jpg 0", r"val_256\.tar.*no images of airf"),
    ],
)
def test_lists_that_do_not_fit_are_refused(
    settings: Places365, name: str, replacement: bytes | None, message: str
) -> None:
    tars = content()
    del tars[LISTS][name]
    tars[LISTS] |= {} if replacement is None else {name: replacement}
    pack(settings, tars)
    with pytest.raises(ConfigError, match=message) as caught:
        plan_places(settings, 0)
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_archive_is_named(settings: Places365, tmp_path: Path) -> None:
    pack(settings, content())
    (tmp_path / TRAIN).unlink()
    with pytest.raises(ConfigError, match=rf"{TRAIN}: no such file\. Run the rule download_data"):
        plan_places(settings, 0)
