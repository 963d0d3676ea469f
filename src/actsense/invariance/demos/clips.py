"""Clips: short videos as arrays, read from files, written to GIF, or made up."""

__all__ = ["Clip", "driving_clip", "read_clip", "write_gif"]

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, ImageSequence
from torch import Tensor

from actsense.draws import stream
from actsense.errors import ConfigError
from actsense.store.atomic import replacing

MOST_FRAMES = 1000
USUAL_RATE = 25.0  # frames per second, where a file does not say
SHARP = 4.0  # edges of a disc are 1 / SHARP of a pixel wide
UNREADABLE = (Image.DecompressionBombError, OSError, SyntaxError, ValueError)  # by Pillow
VIDEOS = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm"})


@dataclass(frozen=True)
class Clip:
    """Frames of a video.

    Attributes:
        frames: (frames, 3, side, side) uint8.
        rate: Frames per second.
    """

    frames: NDArray[np.uint8]
    rate: float

    @property
    def images(self) -> Tensor:
        """The frames in [0, 1], float32, on the CPU."""
        return torch.from_numpy(self.frames).float() / 255


def read_clip(path: Path, side: int, *, most: int = MOST_FRAMES) -> Clip:
    """Read frames of a file: GIF and other animations by Pillow, videos by PyAV.

    The shorter side is scaled to `side`, and the centre is cut out: nothing is squashed.

    Arguments:
        path: The file.
        side: Side of the frames, pixels.
        most: Frames that are read; what comes later is left out.

    Raises:
        ConfigError: If the file is missing, holds no frame or cannot be read, or if it is a video
            and PyAV is not installed.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: not there. Give a GIF, or a video such as mp4.")
    if path.stat().st_size == 0:
        raise ConfigError(f"{path}: the file is empty. Give a GIF, or a video such as mp4.")
    read = _video if path.suffix.lower() in VIDEOS else _animation
    frames, rate = read(path, side, most)
    if not frames:
        raise ConfigError(f"{path}: holds no frame. Give a video with one or more.")
    return Clip(np.stack(frames), rate)


def write_gif(images: Tensor, path: Path, *, rate: float = USUAL_RATE) -> None:
    """Write images in [0, 1], (frames, 3, side, side), that follow each other in an endless loop.

    Equal frames in a row become one that lasts longer; times are rounded to 1/100 s.

    Raises:
        ConfigError: If there is no frame.
    """
    if not len(images):
        raise ConfigError(f"{path}: a video needs one frame or more; got none.")
    pixels = (images.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    first, *others = (Image.fromarray(frame) for frame in pixels)
    options = {"save_all": True, "append_images": others, "duration": 1000 / rate, "loop": 0}
    with replacing(path) as written:
        first.save(written, format="GIF", **options)


def driving_clip(side: int, frames: int = 24, *, seed: int = 0) -> Clip:
    """Make up a clip that ends where it begins: a disc on its round in front of a shaded ground.

    Arguments:
        side: Side of the frames, pixels.
        frames: How many, 1 or more.
        seed: Seed of the colours.

    Raises:
        ConfigError: If it has no frame or no pixel.
    """
    if frames < 1 or side < 1:
        raise ConfigError(
            f"A clip needs one frame or more, of one pixel or more; got {frames} of {side}."
        )
    disc, ground = stream(seed, "colours of a driving clip").uniform(size=(2, 3, 1, 1))
    place = (np.arange(side) + 0.5) / side
    rows, columns = np.meshgrid(place, place, indexing="ij")
    made = []
    for angle in np.arange(frames) / frames * 2 * np.pi:
        centre = 0.5 + 0.25 * np.array([np.sin(angle), np.cos(angle)])
        radius = 0.15 + 0.05 * np.sin(angle)
        away = np.hypot(rows - centre[0], columns - centre[1]) - radius
        inside = np.clip(0.5 - away * side * SHARP / 2, 0, 1)
        image = inside * disc + (1 - inside) * ground * (0.5 + 0.5 * rows)
        made.append(np.round(255 * image).astype(np.uint8))
    return Clip(np.stack(made), USUAL_RATE)


Frames = tuple[list[NDArray[np.uint8]], float]


def _animation(path: Path, side: int, most: int) -> Frames:
    """Read frames by Pillow."""
    frames, times = [], []
    try:
        with Image.open(path) as opened:
            for frame in islice(ImageSequence.Iterator(opened), most):
                frames.append(_square(frame.convert("RGB"), side))
                times.append(float(frame.info.get("duration", 0)))
    except UNREADABLE as error:
        raise ConfigError(
            f"{path}: cannot be read as a GIF ({_line(error)}). Give a GIF, or one of "
            f"{', '.join(sorted(VIDEOS))}."
        ) from error
    lasting = sum(times)
    return frames, 1000 * len(frames) / lasting if lasting > 0 else USUAL_RATE


def _video(path: Path, side: int, most: int) -> Frames:
    """Read frames by PyAV."""
    try:
        av = import_module("av")
    except ImportError as error:
        raise ConfigError(
            f"{path}: videos need PyAV, which is not installed. Install it with: pip install av; "
            "or convert the video to GIF."
        ) from error
    return _decoded(av.open, path, side, most)


def _decoded(open_: Callable[[str], Any], path: Path, side: int, most: int) -> Frames:
    try:
        with open_(str(path)) as container:
            if not container.streams.video:
                return [], USUAL_RATE
            rate = container.streams.video[0].average_rate
            shown: Iterator[Any] = islice(container.decode(video=0), most)
            frames = [_square(frame.to_image(), side) for frame in shown]
    except (OSError, ValueError) as error:  # those of FFmpeg are both
        raise ConfigError(
            f"{path}: cannot be read as a video ({_line(error)}). Convert it to mp4 or GIF."
        ) from error
    return frames, float(rate) if rate else USUAL_RATE


def _square(image: Image.Image, side: int) -> NDArray[np.uint8]:
    """Return the centre of a picture, its shorter side scaled, (3, side, side)."""
    fitted = ImageOps.fit(image.convert("RGB"), (side, side), Image.Resampling.BILINEAR)
    return np.ascontiguousarray(np.asarray(fitted).transpose(2, 0, 1))


def _line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
