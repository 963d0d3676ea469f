from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from torchvision.transforms import CenterCrop, Compose, Resize

from actsense.data.decode import decode


def plain(path: Path, side: int) -> NDArray[np.uint8]:
    return decode(path, resize=side, side=side)


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("size", [(40, 57), (57, 40), (33, 33), (20, 90), (16, 21)])
def test_scaling_and_cutting_are_those_of_torchvision(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    image = Image.fromarray(noise(*size, 3))
    image.save(tmp_path / "a.png")
    expected = Compose([Resize(20), CenterCrop(17)])(image)
    found = decode(tmp_path / "a.png", resize=20, side=17)
    np.testing.assert_array_equal(found.transpose(1, 2, 0), np.asarray(expected))


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    grey = noise(8, 8)
    Image.fromarray(grey).save(tmp_path / "a.png")
    np.testing.assert_array_equal(plain(tmp_path / "a.png", 8), np.stack([grey] * 3))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path, suffix: str) -> None:
    grey = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1040
    Image.fromarray(grey).save(tmp_path / f"a.{suffix}")
    expected = np.rint(grey / 257)
    np.testing.assert_array_equal(plain(tmp_path / f"a.{suffix}", 8)[0], expected)


def test_palette_colours_are_looked_up(tmp_path: Path) -> None:
    image = Image.fromarray(noise(8, 8, 3)).quantize(16)
    image.save(tmp_path / "a.png")
    expected = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    np.testing.assert_array_equal(plain(tmp_path / "a.png", 8), expected)


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.tif")
    red, green, blue = plain(tmp_path / "a.tif", 8)
    assert red.min() == 255
    assert green.max() == blue.max() == 0


@pytest.mark.parametrize(
    ("mode", "hidden"), [("RGBA", (10, 20, 30, 0)), ("LA", (10, 0)), ("P", 0)]
)
def test_transparent_parts_show_white(tmp_path: Path, mode: str, hidden: Any) -> None:
    image = Image.new(mode, (8, 8), hidden)
    options = {"transparency": 0} if mode == "P" else {}
    image.save(tmp_path / "a.png", **options)
    assert plain(tmp_path / "a.png", 8).min() == 255


def test_the_orientation_tag_is_obeyed(tmp_path: Path) -> None:
    pixels = noise(8, 8, 3)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to view
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    expected = np.rot90(pixels, -1).transpose(2, 0, 1)
    np.testing.assert_array_equal(plain(tmp_path / "a.png", 8), expected)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.full((8, 8), 0.5, np.float32), "floating-point pixels"),
        (np.full((8, 8), 70000, np.int32), "32-bit integer pixels"),
    ],
)
def test_pixels_without_a_known_range_are_refused(
    tmp_path: Path, pixels: NDArray[Any], message: str
) -> None:
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match=message):
        plain(tmp_path / "a.tif", 8)
