import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from torchvision.transforms import CenterCrop, Compose, Resize

from actsense.data.decode import decode
from actsense.data.listing import SUFFIXES


def plain(path: Path, side: int) -> NDArray[np.uint8]:
    return decode(path, resize=side, side=side).pixels


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("size", [(40, 57), (57, 40), (33, 33), (20, 90), (16, 21)])
def test_scaling_and_cutting_are_those_of_torchvision(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    image = Image.fromarray(noise(*size, 3))
    image.save(tmp_path / "a.png")
    expected = Compose([Resize(20), CenterCrop(17)])(image)
    found = decode(tmp_path / "a.png", resize=20, side=17).pixels
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
    ("pixels", "white", "expected"),
    [
        (np.full((8, 8), 0.5, np.float32), None, 128),
        (np.full((8, 8), 51, np.float32), 255, 51),
        (np.full((8, 8), 200, np.int32), None, 200),  # 8 bits, kept in 32
        (np.full((8, 8), 51400, np.int32), None, 200),
        (np.full((8, 8), 70000, np.int32), 140000, 128),
        (np.full((8, 8), 4095, np.uint16), 4095, 255),
        (np.full((8, 8), 819, np.uint16), 4095, 51),
    ],
)
def test_values_are_scaled_from_black_to_white(
    tmp_path: Path, pixels: NDArray[Any], white: float | None, expected: int
) -> None:
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    found = decode(tmp_path / "a.tif", resize=8, side=8, white=white)
    assert {*found.pixels.ravel().tolist()} == {expected}
    assert found.brightest is None


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.full((8, 8), 1.5, np.float32), "values from 1.5 to 1.5, where 0 .* and 1 white; set"),
        (np.full((8, 8), np.nan, np.float32), "values from nan to nan"),
        (np.full((8, 8), 70000, np.int32), "and 65535 white; set dataset.white to the value of"),
        (np.full((8, 8), -1, np.int32), "values from -1"),
    ],
)
def test_values_beyond_white_are_refused(
    tmp_path: Path, pixels: NDArray[Any], message: str
) -> None:
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match=message):
        plain(tmp_path / "a.tif", 8)


def test_twelve_bits_in_sixteen_are_noted_as_dark(tmp_path: Path) -> None:
    grey = np.arange(64, dtype=np.uint16).reshape(8, 8) * 65
    Image.fromarray(grey).save(tmp_path / "a.png")
    assert decode(tmp_path / "a.png", resize=8, side=8).brightest == 4095
    Image.fromarray((grey * 2).astype(np.uint16) * 8).save(tmp_path / "a.png")
    assert decode(tmp_path / "a.png", resize=8, side=8).brightest is None


def test_dark_colours_of_sixteen_bits_are_noted(tmp_path: Path) -> None:
    rows = b"".join(b"\0" + bytes([15, 255]) * 24 for _ in range(8))  # 4095 in every channel
    (tmp_path / "a.png").write_bytes(png(8, 8, depth=16, colour=2, rows=rows))
    assert decode(tmp_path / "a.png", resize=8, side=8).brightest == 15 * 257


def png(width: int, height: int, *, depth: int, colour: int, rows: bytes = b"") -> bytes:
    """Return a PNG file; without rows, only what says how large it is."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def test_a_scan_beyond_the_limit_is_let_in_by_a_setting(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(20_000, 10_000, depth=8, colour=0))
    with pytest.raises(ValueError, match=r"20000 x 10000 pixels.*dataset\.max_pixels: 178956970"):
        plain(tmp_path / "a.png", 8)
    Image.fromarray(noise(30, 40, 3)).save(tmp_path / "b.png")
    with pytest.raises(ValueError, match=r"40 x 30 .* raise that to 1200"):
        decode(tmp_path / "b.png", resize=8, side=8, max_pixels=1199)
    assert decode(tmp_path / "b.png", resize=8, side=8, max_pixels=1200).pixels.shape == (3, 8, 8)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_every_mode_shows_the_grey_that_it_holds(tmp_path: Path, mode: str) -> None:
    suffix = "jpg" if mode in ("CMYK", "YCbCr") else "png"
    white = Image.new("RGB", (8, 8), (255, 255, 255)).convert(mode)
    white.save(tmp_path / f"a.{suffix}")
    assert plain(tmp_path / f"a.{suffix}", 8).min() >= 254


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_of_an_animation_the_first_frame_is_taken(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (8, 8), (value, value, value)) for value in (250, 10)]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])
    assert plain(tmp_path / f"a.{suffix}", 8).min() > 240


@pytest.mark.parametrize("suffix", ["avif", "webp", "jfif", "bmp", "tiff", "gif", "ppm"])
def test_formats_of_the_listing_are_read(tmp_path: Path, suffix: str) -> None:
    image = Image.new("RGB", (9, 8), (200, 200, 200))
    image.save(tmp_path / f"a.{suffix}", "jpeg" if suffix == "jfif" else None)
    assert f".{suffix}" in SUFFIXES
    assert abs(plain(tmp_path / f"a.{suffix}", 8).astype(int) - 200).max() <= 3
