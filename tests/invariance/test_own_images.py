"""A user's own images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from actsense.errors import ConfigError
from actsense.invariance.demos.own import read_images


def test_names_go_with_images_in_their_order(tmp_path: Path) -> None:
    for name, grey in (("c.png", 30), ("a.png", 10), ("b.jpg", 200)):
        Image.new("RGB", (12, 8), (grey,) * 3).save(tmp_path / name)
    (tmp_path / ".hidden").write_text("no image")
    (tmp_path / "folder").mkdir()
    own = read_images(tmp_path, 4)
    assert own.names == ["a.png", "b.jpg", "c.png"]
    assert own.pixels.shape == (3, 3, 4, 4)
    np.testing.assert_array_equal(own.pixels[:, 0, 0, 0], [10, 200, 30])
    np.testing.assert_allclose(own.images[1], 200 / 255)


def test_images_are_not_squashed(tmp_path: Path) -> None:
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, :4], pixels[:, 12:], pixels[:, 4:8, 0] = 255, 255, 100
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    (image,) = read_images(tmp_path, 8).pixels
    np.testing.assert_array_equal(image[0, 0], [100] * 4 + [0] * 4)
    assert not image[1:].any()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "1 to 2 images are shown; the folder has 0 files"),
        ({"a": b"", "b": b"", "c": b""}, "1 to 2 images are shown; the folder has 3 files"),
        ({"note.txt": b"no image"}, "note.txt: no image that can be read"),
    ],
)
def test_folders_without_images_are_refused(
    tmp_path: Path, files: dict[str, bytes], message: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        read_images(tmp_path, 4, most=2)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not there"):
        read_images(tmp_path / "none", 4)
