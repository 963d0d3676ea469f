"""Real handwritten digits on real colour photographs, from files inside installed packages.

An image is |D - P|, per pixel and channel: D is a digit of scikit-learn's `load_digits`,
enlarged from 8x8 by bicubic interpolation, and P a random crop of a photograph. Neither a
digit nor a photograph is seen in both partitions, unless photographs are shared; then they are
seen in both, behind other digits. Digit and photograph are drawn independently.

Source:
    The blend is that of MNIST-M: Ganin et al. (2016), JMLR 17(59).
"""

__all__ = [
    "DigitBlend",
    "DigitSources",
    "background_labels",
    "blend_images",
    "digit_blends",
    "digit_sources",
    "enlarged_digits",
]

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from actsense.data.photographs import PHOTOGRAPHS, photograph
from actsense.data.settings import Digits
from actsense.data.splits import order, validation_count
from actsense.draws import stream


@dataclass(frozen=True)
class DigitBlend:
    """Which digit lies on which crop of which photograph."""

    digit: int  # index in load_digits
    label: int
    partition: str
    photograph: str
    top: int  # of the crop, pixels
    left: int

    @property
    def path(self) -> str:
        """Name the blend; everything needed to make it again is in the name."""
        return f"digit{self.digit:04d}/{self.photograph}/y{self.top:04d}x{self.left:04d}"


@dataclass(frozen=True)
class DigitSources:
    """What the images of a partition are made of.

    Attributes:
        digits: Indices in load_digits, class by class, ascending in each, (digits,).
        labels: The class of each, (digits,).
        shapes: Height and width of the photographs in pixels, by name.
    """

    digits: NDArray[np.int64]
    labels: NDArray[np.int64]
    shapes: Mapping[str, tuple[int, int]]


def digit_sources(settings: Digits, seed: int) -> dict[str, DigitSources]:
    """Return the digits and photographs of both partitions, which have no digit in common.

    Arguments:
        settings: Share of the digits, and of photographs that are not shared, that is for
            validation.
        seed: Seed of the dataset.
    """
    fraction, names = settings.validation_fraction, sorted(PHOTOGRAPHS)
    shuffled = [names[i] for i in order(len(names), seed=seed, key="photographs")]
    cut = validation_count(len(names), fraction, name="photographs")
    labels = _scanned_digits().target
    parts = {"train": shuffled[cut:], "validation": shuffled[:cut]}
    if settings.photographs == "shared":
        parts = dict.fromkeys(parts, shuffled)
    found = {}
    for partition, sources in parts.items():
        digits = _digits(labels, partition, fraction, seed)
        shapes = {name: photograph(name).shape[:2] for name in sources}
        found[partition] = DigitSources(digits, labels[digits], shapes)
    return found


def digit_blends(settings: Digits, seed: int) -> list[DigitBlend]:
    """Draw the blends of both partitions.

    Arguments:
        settings: Side of the images; share of the digits, and of photographs that are not shared,
            that is for validation; blends of each training digit, while a validation digit has
            one.
        seed: Seed of the dataset.
    """
    side, blends = settings.image_size, []
    for partition, own in digit_sources(settings, seed).items():
        names = [*own.shapes]
        draw = stream(seed, "blends of digits", partition)
        repeats = settings.patches_per_digit if partition == "train" else 1
        for place in np.repeat(np.arange(len(own.digits)), repeats):
            name = names[draw.integers(len(names))]
            top, left = (int(draw.integers(length - side + 1)) for length in own.shapes[name])
            digit, label = int(own.digits[place]), int(own.labels[place])
            blends.append(DigitBlend(digit, label, partition, name, top, left))
    return blends


def blend_images(blends: list[DigitBlend], side: int) -> Iterator[NDArray[np.uint8]]:
    """Make the images of the blends one by one, each (3, side, side)."""
    digits = enlarged_digits(side)
    sources = {name: photograph(name) for name in {blend.photograph for blend in blends}}
    for blend in blends:
        rows, columns = slice(blend.top, blend.top + side), slice(blend.left, blend.left + side)
        patch = sources[blend.photograph][rows, columns].astype(np.int16)
        difference = np.abs(digits[blend.digit][:, :, None].astype(np.int16) - patch)
        yield difference.astype(np.uint8).transpose(2, 0, 1)


def background_labels(paths: Iterable[str]) -> NDArray[np.int64]:
    """Return which of `PHOTOGRAPHS` is behind every digit, (images,), by the names of blends."""
    place = {name: number for number, name in enumerate(PHOTOGRAPHS)}
    return np.array([place[path.split("/")[1]] for path in paths], dtype=np.int64)


def enlarged_digits(side: int) -> NDArray[np.uint8]:
    """Enlarge all digits to (digits, side, side) by bicubic interpolation, clamped to 0..255."""
    small = _scanned_digits().images.astype(np.float32) * (255 / 16)  # the scan counts 0..16
    large = [
        np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC))
        for digit in small
    ]
    clamped: NDArray[np.float32] = np.clip(np.rint(np.stack(large)), 0, 255)
    return clamped.astype(np.uint8)


def _scanned_digits() -> Any:
    # Importing scikit-learn takes seconds of every job; only this dataset pays for it.
    from sklearn.datasets import load_digits

    return load_digits()


def _digits(
    labels: NDArray[np.int64], partition: str, fraction: float, seed: int
) -> NDArray[np.int64]:
    """Return the digits of a partition, class by class, in ascending order."""
    chosen = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        members = members[order(len(members), seed=seed, key=f"digit {label}")]
        cut = validation_count(len(members), fraction, name=str(label))
        chosen.append(np.sort(members[cut:] if partition == "train" else members[:cut]))
    return np.concatenate(chosen)
