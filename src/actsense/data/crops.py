"""Crops of a few photographs of things that everybody knows, each photograph a class.

Photographs are those that scikit-image and scikit-learn carry, so nothing is downloaded. A class
has the name that ImageNet has for what is seen, if it has one. A crop shows at least half of the
photograph's height or width, and its centre lies on the subject: of train crops on the one half of
it, of validation crops on the other. So the partitions see different views; they cannot be wholly
apart, or one of them would not see the subject.
"""

__all__ = ["SUBJECTS", "Crop", "crop_images", "draw_crops"]

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from actsense.data.manifest import PARTITIONS
from actsense.data.photographs import photograph
from actsense.data.settings import PhotographCrops
from actsense.draws import stream

SCALES = (0.5, 0.9)  # side of a crop, as a share of the photograph's shorter side


@dataclass(frozen=True)
class Subject:
    """What a photograph shows, and where.

    Attributes:
        photograph: Its name, see `PHOTOGRAPHS`.
        down: First row and row behind the last, pixels.
        across: First column and column behind the last, pixels.
    """

    photograph: str
    down: tuple[int, int]
    across: tuple[int, int]


# By the names of the classes. An astronaut is in no class of ImageNet; a dahlia belongs to the
# family of the daisy, a rocket is next to a missile, a motorcycle to a moped.
SUBJECTS = {
    "Egyptian cat": Subject("chelsea", (20, 280), (60, 400)),
    "astronaut": Subject("astronaut", (60, 420), (100, 330)),
    "daisy": Subject("flower", (70, 360), (190, 440)),
    "espresso": Subject("coffee", (10, 390), (70, 500)),
    "missile": Subject("rocket", (90, 340), (270, 370)),
    "moped": Subject("motorcycle", (60, 440), (80, 690)),
    "palace": Subject("china", (20, 380), (80, 380)),
}


@dataclass(frozen=True)
class Crop:
    """A square cut out of a photograph."""

    label: int
    partition: str
    photograph: str
    top: int  # pixels, as all that follows
    left: int
    side: int

    @property
    def path(self) -> str:
        """Name the crop; everything needed to make it again is in the name."""
        return f"{self.photograph}/y{self.top:04d}x{self.left:04d}s{self.side:04d}"


def draw_crops(settings: PhotographCrops, seed: int) -> list[Crop]:
    """Draw the crops of every class and partition.

    Arguments:
        settings: How many of them.
        seed: Seed of the dataset.
    """
    wanted = settings.samples_per_class
    counts = dict(zip(PARTITIONS, (wanted.train, wanted.validation), strict=True))
    return [
        crop
        for partition, count in counts.items()
        for label in range(len(SUBJECTS))
        for crop in _drawn(label, partition, count, seed)
    ]


def crop_images(crops: Sequence[Crop], side: int) -> Iterator[NDArray[np.uint8]]:
    """Make the images of the crops one by one, each (3, side, side).

    Scaling is Pillow's bilinear filter, which averages when it shrinks.
    """
    sources = {name: photograph(name) for name in {crop.photograph for crop in crops}}
    for crop in crops:
        rows = slice(crop.top, crop.top + crop.side)
        columns = slice(crop.left, crop.left + crop.side)
        cut = Image.fromarray(sources[crop.photograph][rows, columns])
        scaled = cut.resize((side, side), Image.Resampling.BILINEAR)
        yield np.ascontiguousarray(np.asarray(scaled).transpose(2, 0, 1))


def _drawn(label: int, partition: str, count: int, seed: int) -> Iterator[Crop]:
    """Draw the crops of a class and partition; fewer are the first of more."""
    name, subject = list(SUBJECTS.items())[label]
    lengths = photograph(subject.photograph).shape[:2]
    ends = _half(subject, partition)
    draw = stream(seed, "crops of photographs", name, partition)
    for size, *centre in draw.random((count, 3)):
        low, high = SCALES
        side = round(min(lengths) * (low + (high - low) * size))
        top, left = (
            int(np.clip(round(start + (stop - start) * place - side / 2), 0, length - side))
            for (start, stop), place, length in zip(ends, centre, lengths, strict=True)
        )
        yield Crop(label, partition, subject.photograph, top, left, side)


def _half(subject: Subject, partition: str) -> list[tuple[float, float]]:
    """Return where the centres of crops lie, down and across: the longer of the two is halved."""
    ends: list[tuple[float, float]] = [subject.down, subject.across]
    longer = int(np.argmax([stop - start for start, stop in ends]))
    start, stop = ends[longer]
    ends[longer] = [*pairwise((start, (start + stop) / 2, stop))][PARTITIONS.index(partition)]
    return ends
