"""Folders may be called anything; classes are text, the same on every system."""

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from actsense.data.build import build_cache
from actsense.data.cache import ImageCache
from actsense.data.class_names import class_name
from actsense.data.listing import list_images
from actsense.data.settings import ImageFolder
from actsense.errors import ConfigError

SaveNoise = Callable[[Path, int], None]
COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "caf\u00e9") for form in ("NFC", "NFD"))
LATIN = os.fsdecode("th\u00e9".encode("latin-1"))
FOLDERS = [
    *("001", "1", "1e5", "NA", "nan", "null", "None", "True"),
    *("$x$", "a,b", '"q"', "# a", "\u732b", DECOMPOSED, LATIN, "two\nlines", "cr\rhere", " lead "),
    *("x" * 200, "\U0001f600", "\u05e9\u05dc"),
]


def test_classes_of_any_name_come_back(tmp_path: Path, save_noise: SaveNoise) -> None:
    photos, made = tmp_path / "photos", (tmp_path / "images.zarr", tmp_path / "manifest.csv")
    for number, folder in enumerate(FOLDERS):
        for image in range(2):
            save_noise(photos / folder / f"{LATIN}{image}.png", 2 * number + image)
    settings = ImageFolder(path=str(photos), image_size=16, resize=20, validation_fraction=0.5)
    build_cache(settings, 0, *made, threads=1)
    images = ImageCache.open(*made)
    names = sorted(map(class_name, FOLDERS))
    assert images.class_names == names
    assert COMPOSED in names
    assert {r"th\xe9", r"two\nlines", r"cr\rhere"} <= set(names)
    assert images.manifest["class_name"].tolist() == [names[k] for k in images.manifest["label"]]
    assert images.manifest["path"].str.endswith(".png").all()
    assert images.manifest["path"].is_unique


def test_partitions_from_two_systems_have_the_same_classes(
    tmp_path: Path, save_noise: SaveNoise
) -> None:
    for part, name in (("train", COMPOSED), ("val", DECOMPOSED)):
        save_noise(tmp_path / part / name / "0.png", 0)
    listing = list_images(tmp_path)
    assert listing.classes == [COMPOSED]
    assert listing.files["validation"][COMPOSED] == [f"val/{DECOMPOSED}/0.png"]


def test_folders_that_look_alike_are_refused(tmp_path: Path, save_noise: SaveNoise) -> None:
    for name in (DECOMPOSED, COMPOSED):
        save_noise(tmp_path / name / "0.png", 0)
    with pytest.raises(ConfigError, match=r"two folders .*'cafe\\u0301' and 'caf\\xe9'. Join"):
        list_images(tmp_path)
