import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import binom
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeClassifier

from actsense.data.build import build_cache
from actsense.data.cache import ImageCache
from actsense.data.digits import background_labels, digit_blends, enlarged_digits
from actsense.data.photographs import PHOTOGRAPHS, photograph
from actsense.data.settings import Digits
from actsense.errors import ConfigError

PATH = re.compile(r"digit(\d+)/(\w+)/y(\d+)x(\d+)")


def parsed(manifest: pd.DataFrame) -> pd.DataFrame:
    parts = manifest["path"].str.extract(PATH)
    return parts.set_axis(["digit", "photograph", "top", "left"], axis=1).astype(
        {"digit": int, "top": int, "left": int}
    )


def backgrounds(manifest: pd.DataFrame) -> NDArray[np.uint8]:
    names = parsed(manifest)
    sources = {name: photograph(name) for name in names["photograph"].unique()}
    return np.stack(
        [
            sources[row.photograph][row.top : row.top + 32, row.left : row.left + 32]
            for row in names.itertuples()
        ]
    )


@pytest.fixture(scope="module")
def cache(digits: tuple[Path, Path]) -> ImageCache:
    return ImageCache.open(*digits)


@pytest.mark.parametrize("column", ["digit", "photograph"])
def test_train_and_validation_share_no(cache: ImageCache, column: str) -> None:
    train, validation = (
        set(parsed(cache.manifest)[column].iloc[cache.partition_rows(part)])
        for part in ("train", "validation")
    )
    assert train
    assert validation
    assert not train & validation


def test_shared_photographs_are_behind_digits_of_both_partitions() -> None:
    apart = digit_blends(Digits(patches_per_digit=2), 3)
    blends = digit_blends(Digits(patches_per_digit=2, photographs="shared"), 3)

    assert [blend.digit for blend in blends] == [blend.digit for blend in apart]
    for partition in ("train", "validation"):
        own = [blend for blend in blends if blend.partition == partition]
        numbers = background_labels(blend.path for blend in own)
        assert [[*PHOTOGRAPHS][k] for k in numbers] == [blend.photograph for blend in own]
        counts = np.zeros((10, 10))
        np.add.at(counts, ([blend.label for blend in own], numbers), 1)
        expected = counts.sum(axis=1)[:, None] * counts.sum(axis=0) / counts.sum()
        # Which photograph it is says nothing of the digit: 99.9 % of chi-squared with 81 degrees.
        assert ((counts - expected) ** 2 / expected).sum() < 126


def test_every_digit_is_used(cache: ImageCache) -> None:
    assert set(parsed(cache.manifest)["digit"]) == set(range(1797))


def test_labels_are_those_of_the_digits(cache: ImageCache) -> None:
    expected = load_digits().target[parsed(cache.manifest)["digit"]]
    np.testing.assert_array_equal(cache.manifest["label"], expected)
    assert (cache.manifest["class_name"] == cache.manifest["label"].astype(str)).all()


def test_each_class_is_split_in_the_same_proportion(cache: ImageCache) -> None:
    train = np.bincount(cache.manifest["label"][cache.partition_rows("train")]) / 2
    validation = np.bincount(cache.manifest["label"][cache.partition_rows("validation")])
    np.testing.assert_allclose(validation / (train + validation), 0.25, atol=0.005)


def test_an_image_is_the_difference_of_digit_and_photograph(cache: ImageCache) -> None:
    rows = np.arange(0, len(cache), 97)
    table = cache.manifest.iloc[rows]
    digit = enlarged_digits(32)[parsed(table)["digit"]].astype(int)[:, None]
    patch = backgrounds(table).astype(int).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(cache.read(rows), abs(digit - patch))


def test_enlarged_digits_average_to_the_scanned_ones() -> None:
    shrunk = enlarged_digits(32).reshape(-1, 8, 4, 8, 4).mean(axis=(2, 4))
    scanned = load_digits().images * 255 / 16
    assert abs(shrunk.mean() - scanned.mean()) < 1
    assert np.corrcoef(shrunk.ravel(), scanned.ravel())[0, 1] > 0.98


def test_backgrounds_alone_do_not_tell_the_digit(cache: ImageCache) -> None:
    # Mean colour of 4x4 blocks: what a background could leak through.
    features = backgrounds(cache.manifest).reshape(-1, 4, 8, 4, 8, 3).mean(axis=(2, 4)) / 255
    features = features.reshape(len(cache), -1)
    train, validation = cache.partition_rows("train"), cache.partition_rows("validation")
    labels = cache.manifest["label"].to_numpy()
    guess = RidgeClassifier().fit(features[train], labels[train])
    hits = (guess.predict(features[validation]) == labels[validation]).sum()
    low, high = binom.interval(0.99, len(validation), 0.1)
    assert low <= hits <= high
    assert high < 0.15 * len(validation)


def test_the_seed_decides_everything(digits: tuple[Path, Path], tmp_path: Path) -> None:
    again = tmp_path / "images.zarr", tmp_path / "manifest.csv"
    build_cache(Digits(patches_per_digit=2), 3, *again)
    assert ImageCache.open(*again).sha256() == ImageCache.open(*digits).sha256()
    first, other = (digit_blends(Digits(), seed) for seed in (3, 4))
    assert first != other


def test_a_missing_photograph_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from actsense.data import photographs as module

    monkeypatch.setitem(module.PHOTOGRAPHS, "lost", ("skimage.data", "lost.png"))
    with pytest.raises(ConfigError, match=r"'lost\.png' is missing from .* skimage\.data"):
        photograph("lost")
