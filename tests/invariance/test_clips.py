"""Clips from files and made up, and their translation in the linear world."""

import sys
from dataclasses import dataclass
from fractions import Fraction
from itertools import repeat
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from demo_world import demo_images, demo_view, left
from PIL import Image

from actsense.errors import ConfigError
from actsense.invariance.demos.clips import Clip, driving_clip, read_clip, write_gif
from actsense.invariance.demos.video import translate_clip

WORLD, VIEW = demo_view()
REFERENCE = demo_images(WORLD, 1, seed=5)[0]


def clip_of(images: torch.Tensor) -> Clip:
    return Clip((images * 255).round().byte().numpy(), 10.0)


# Translation.


def test_a_translation_has_as_many_frames_and_says_what_the_still_image_says() -> None:
    clip = clip_of(demo_images(WORLD, 9))
    found = translate_clip(VIEW, clip, REFERENCE)
    assert found.images.shape == found.frames.shape == (9, 3, 2, 2)
    assert found.rate == 10
    expected = left(WORLD, clip.images, REFERENCE[None].expand(9, 3, 2, 2))
    np.testing.assert_allclose(WORLD.encode(found.images)[0], expected, atol=1e-3)
    assert (found.predicted == found.predicted_reference).all()


def test_a_constant_video_gives_a_constant_translation() -> None:
    clip = clip_of(demo_images(WORLD, 1).expand(8, 3, 2, 2))
    found = translate_clip(VIEW, clip, REFERENCE).images
    torch.testing.assert_close(found, found[:1].expand_as(found), atol=1e-6, rtol=0)


def test_a_video_of_the_still_image_is_left_as_it_is() -> None:
    clip = clip_of(REFERENCE.expand(3, 3, 2, 2))
    found = translate_clip(VIEW, clip, clip.images[0])
    torch.testing.assert_close(found.images, found.frames, atol=1e-5, rtol=0)


def test_a_translation_without_frames_or_of_another_size_is_refused() -> None:
    with pytest.raises(ConfigError, match="The video has no frame"):
        translate_clip(VIEW, Clip(np.zeros((0, 3, 2, 2), np.uint8), 10.0), REFERENCE)
    with pytest.raises(ConfigError, match="3 x 2 x 2 values; got 24 x 3 x 8 x 8"):
        translate_clip(VIEW, driving_clip(8), REFERENCE)
    with pytest.raises(ConfigError, match="got 1 x 3 x 4 x 4"):
        translate_clip(VIEW, driving_clip(2), torch.zeros(3, 4, 4))


# A clip that is made up.


def test_a_driving_clip_moves_a_disc_once_round() -> None:
    clip = driving_clip(32, 24)
    assert clip.frames.shape == (24, 3, 32, 32)
    change = np.abs(np.diff(clip.images.numpy(), axis=0, append=clip.images[:1].numpy()))
    assert change.max(axis=(1, 2, 3)).min() > 0.05  # every step, the last one to the first as well
    mean = change.mean(axis=(1, 2, 3))
    assert mean.max() < 4 * mean.min()
    # The ground is a product of rows and colours; the disc is where it is not.
    ground = np.median(clip.images.numpy(), axis=0)
    away = np.abs(clip.images.numpy() - ground).sum(axis=1)
    place = (np.arange(32) + 0.5) / 32
    rows = (away.sum(axis=2) * place).sum(axis=1) / away.sum(axis=(1, 2))
    columns = (away.sum(axis=1) * place).sum(axis=1) / away.sum(axis=(1, 2))
    angle = np.arange(24) / 24 * 2 * np.pi
    np.testing.assert_allclose(rows, 0.5 + 0.25 * np.sin(angle), atol=0.03)
    np.testing.assert_allclose(columns, 0.5 + 0.25 * np.cos(angle), atol=0.03)


def test_a_driving_clip_is_a_matter_of_its_seed() -> None:
    np.testing.assert_array_equal(driving_clip(8, 3).frames, driving_clip(8, 3).frames)
    assert (driving_clip(8, 3, seed=1).frames != driving_clip(8, 3).frames).any()
    with pytest.raises(ConfigError, match="one frame or more, of one pixel or more; got 0 of 8"):
        driving_clip(8, 0)


# Files.


def test_a_gif_comes_back_as_it_was_written(tmp_path: Path) -> None:
    clip = driving_clip(16, 10)
    write_gif(clip.images, tmp_path / "clip.gif", rate=20)
    again = read_clip(tmp_path / "clip.gif", 16)
    assert again.frames.shape == clip.frames.shape
    assert again.rate == pytest.approx(20)
    # A GIF has 256 colours.
    assert np.abs(again.frames.astype(int) - clip.frames).mean() < 3
    assert len(read_clip(tmp_path / "clip.gif", 16, most=4).frames) == 4
    write_gif(torch.full((1, 3, 4, 4), 0.999), tmp_path / "white.gif")
    assert (read_clip(tmp_path / "white.gif", 4).frames == 255).all()


def test_frames_are_not_squashed(tmp_path: Path) -> None:
    """Twice as wide as high: the outer quarters are cut off."""
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, :10], pixels[:, 30:], pixels[:, 10:20] = 255, 255, 100
    Image.fromarray(pixels).save(tmp_path / "wide.gif")
    (frame,) = read_clip(tmp_path / "wide.gif", 20).frames
    np.testing.assert_allclose(frame[:, :, :9], 100, atol=2)
    np.testing.assert_allclose(frame[:, :, 11:], 0, atol=2)


def test_a_still_image_is_a_clip_of_one_frame_and_keeps_its_colours(tmp_path: Path) -> None:
    red = np.zeros((3, 8, 8), np.uint8)
    red[0] = 200
    Image.fromarray(red.transpose(1, 2, 0)).save(tmp_path / "red.png")
    clip = read_clip(tmp_path / "red.png", 8)
    np.testing.assert_array_equal(clip.frames, red[None])
    assert clip.rate == 25


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.gif", None, "none.gif: not there"),
        ("empty.mp4", b"", "empty.mp4: the file is empty"),
        ("empty.gif", b"", "empty.gif: the file is empty"),
        ("text.gif", b"no picture", "text.gif: cannot be read as a GIF"),
        ("cut.gif", b"GIF89a", "cut.gif: cannot be read as a GIF"),
    ],
)
def test_files_without_pictures_are_refused(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        read_clip(tmp_path / name, 8)
    assert "\n" not in str(caught.value)


def test_a_gif_without_frames_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs one frame or more; got none"):
        write_gif(torch.zeros(0, 3, 4, 4), tmp_path / "none.gif")
    assert not [*tmp_path.iterdir()]


def test_videos_ask_for_pyav_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    (tmp_path / "clip.MP4").write_bytes(b"video")
    with pytest.raises(ConfigError, match=r"need PyAV, which is not installed.*pip install av"):
        read_clip(tmp_path / "clip.MP4", 8)


@dataclass(frozen=True)
class Container:
    """What stands in for an opened video."""

    frames: int
    rate: Fraction | None = Fraction(12)
    broken: bool = False

    def __enter__(self) -> "Container":
        return self

    def __exit__(self, *error: object) -> None:
        return None

    @property
    def streams(self) -> SimpleNamespace:
        """Streams of pictures: none where there is no frame."""
        return SimpleNamespace(video=[SimpleNamespace(average_rate=self.rate)][: self.frames])

    def decode(self, video: int) -> list[SimpleNamespace]:
        """Return red frames."""
        assert video == 0
        if self.broken:
            raise ValueError("bad data\nmore of it")
        red = Image.new("RGB", (16, 8), (200, 0, 0))
        return [*repeat(SimpleNamespace(to_image=lambda: red), self.frames)]


def read_video(folder: Path, monkeypatch: pytest.MonkeyPatch, container: Container) -> Clip:
    monkeypatch.setitem(sys.modules, "av", SimpleNamespace(open=lambda path: container))
    (folder / "clip.mp4").write_bytes(b"video")
    return read_clip(folder / "clip.mp4", 4, most=5)


def test_videos_are_read_by_pyav(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = read_video(tmp_path, monkeypatch, Container(3))
    assert clip.frames.shape == (3, 3, 4, 4)
    assert (clip.frames[:, 0] == 200).all()
    assert not clip.frames[:, 1:].any()
    assert clip.rate == 12
    assert len(read_video(tmp_path, monkeypatch, Container(9)).frames) == 5
    assert read_video(tmp_path, monkeypatch, Container(1, rate=None)).rate == 25


def test_videos_without_pictures_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="holds no frame"):
        read_video(tmp_path, monkeypatch, Container(0))
    with pytest.raises(ConfigError, match=r"cannot be read as a video \(bad data\)"):
        read_video(tmp_path, monkeypatch, Container(1, broken=True))
