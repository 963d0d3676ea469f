"""Crops of photographs: where they come from, and that partitions see different views."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from torchvision.models._meta import _IMAGENET_CATEGORIES

from actsense.data.build import build_cache, count_classes
from actsense.data.cache import ImageCache
from actsense.data.crops import SUBJECTS, draw_crops
from actsense.data.photographs import photograph
from actsense.data.settings import PhotographCrops, SamplesPerClass

SETTINGS = PhotographCrops(
    image_size=32, samples_per_class=SamplesPerClass(train=12, validation=6)
)
NAMES = ["photograph", "top", "left", "side"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> ImageCache:
    folder = tmp_path_factory.mktemp("crops")
    paths = folder / "images.zarr", folder / "manifest.csv"
    build_cache(SETTINGS, 3, *paths)
    return ImageCache.open(*paths)


def parsed(manifest: pd.DataFrame) -> pd.DataFrame:
    parts = manifest["path"].str.extract(re.compile(r"(\w+)/y(\d+)x(\d+)s(\d+)"))
    return parts.set_axis(NAMES, axis=1).astype(dict.fromkeys(NAMES[1:], int))


def test_an_image_is_the_named_part_of_a_photograph(cache: ImageCache) -> None:
    for row, one in enumerate(parsed(cache.manifest).itertuples()):
        part = photograph(one.photograph)[one.top :, one.left :][: one.side, : one.side]
        assert part.shape == (one.side, one.side, 3)  # all of it lies inside
        small = Image.fromarray(part).resize((32, 32), Image.Resampling.BILINEAR)
        shown = cache.read(np.array([row]))[0].transpose(1, 2, 0)
        np.testing.assert_array_equal(shown, np.asarray(small))


def test_classes_are_photographs_under_the_names_that_imagenet_has(cache: ImageCache) -> None:
    assert cache.class_names == list(SUBJECTS)
    assert count_classes(SETTINGS) == len(SUBJECTS)
    own = {name: subject.photograph for name, subject in SUBJECTS.items()}
    shown = parsed(cache.manifest)["photograph"]
    assert shown.tolist() == cache.manifest["class_name"].map(own).tolist()
    assert {*SUBJECTS} - {*_IMAGENET_CATEGORIES} == {"astronaut"}


def test_every_class_has_as_many_images_as_wanted(cache: ImageCache) -> None:
    counts = cache.manifest.groupby(["partition", "label"]).size()
    assert (counts["train"] == 12).all()
    assert (counts["validation"] == 6).all()
    assert len(set(cache.manifest["sha256"])) == len(cache)


def test_partitions_see_different_views(cache: ImageCache) -> None:
    """Centres lie on different halves of the subject, where the photograph leaves room."""
    table = parsed(cache.manifest).assign(partition=cache.manifest["partition"])
    table["y"], table["x"] = table["top"] + table["side"] / 2, table["left"] + table["side"] / 2
    for subject in SUBJECTS.values():
        down, across = np.diff(subject.down)[0], np.diff(subject.across)[0]
        axis, (start, stop) = ("y", subject.down) if down >= across else ("x", subject.across)
        length = photograph(subject.photograph).shape["yx".index(axis)]
        own = table[table["photograph"] == subject.photograph]
        middle, half = (start + stop) / 2, own["side"] / 2
        train = own["partition"] == "train"
        assert (own[axis] <= np.maximum(middle, half) + 1)[train].all()
        assert (own[axis] >= np.minimum(middle, length - half) - 1)[~train].all()


def test_the_seed_decides_and_fewer_are_the_first_of_more() -> None:
    few = PhotographCrops(samples_per_class=SamplesPerClass(train=2, validation=1))
    own, more, other = draw_crops(few, 3), draw_crops(SETTINGS, 3), draw_crops(few, 4)
    assert set(own) <= set(more)
    assert not set(own) & set(other)
