"""Pairs of digits on photographs that are made: the same digit, or the same background.

Two images share the digit alone where both show a digit of one class, written another time, on
crops that have nothing to do with each other. They share the background alone where one crop of
one photograph is behind digits of two classes. Both are made of one partition's digits and
photographs, as the dataset's own images are.
"""

__all__ = ["BACKGROUND", "DIGIT", "MadePairs", "digit_pairs", "encode_blends"]

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from actsense.data.digits import DigitBlend, DigitSources, blend_images, digit_sources
from actsense.data.pixels import unit_images
from actsense.data.settings import Digits
from actsense.device.memory import Memory
from actsense.draws import stream
from actsense.invariance.flow.data import FlowData
from actsense.invariance.latents import Encoder
from actsense.progress import Progress

DIGIT, BACKGROUND = "digit", "background"
MADE = 4096  # images that are held at a time

Places = NDArray[np.int64]


@dataclass(frozen=True)
class MadePairs:
    """Images to be made, and which of them are pairs.

    Attributes:
        blends: What is on every image: first ones of all pairs, then second ones.
        first: One image of every pair, (pairs,).
        second: The other one, (pairs,).
        shared: Whether they share the digit, the background, the rest, (pairs, 3).
    """

    blends: list[DigitBlend]
    first: Places
    second: Places
    shared: NDArray[np.bool_]

    @property
    def concepts(self) -> tuple[str, str]:
        """What pairs share, in the order of `shared`."""
        return DIGIT, BACKGROUND


def digit_pairs(settings: Digits, partition: str, count: int, *, seed: int) -> MadePairs:
    """Draw pairs of both concepts.

    Arguments:
        settings: Those of the dataset.
        partition: Whose digits and photographs they are made of, `train` or `validation`.
        count: Pairs of every concept.
        seed: Seed of the dataset.
    """
    sources, side = digit_sources(settings, seed)[partition], settings.image_size
    draws = stream(seed, "pairs of digits", partition)
    one, crops = draws.integers(len(sources.digits), size=2 * count), _crops(sources, side)
    behind = crops.draw(2 * count, draws)
    alike = _another(one[:count], sources.labels, draws, same=True)
    unlike = _another(one[count:], sources.labels, draws, same=False)
    elsewhere = crops.draw(count, draws)
    while (same := (elsewhere == behind[:count]).all(axis=1)).any():
        elsewhere[same] = crops.draw(int(same.sum()), draws)
    digits = np.concatenate([one, alike, unlike])
    places = np.concatenate([behind, elsewhere, behind[count:]])
    blends = [
        DigitBlend(
            *(int(sources.digits[digit]), int(sources.labels[digit]), partition),
            *(crops.names[photograph], top, left),
        )
        for digit, (photograph, top, left) in zip(digits.tolist(), places.tolist(), strict=True)
    ]
    pairs = np.arange(2 * count)
    shared = np.eye(2, 3, dtype=bool).repeat(count, axis=0)
    return MadePairs(blends, pairs, pairs + 2 * count, shared)


def encode_blends(
    encoder: Encoder,
    blends: Sequence[DigitBlend],
    side: int,
    *,
    memory: Memory,
    device: torch.device,
) -> FlowData:
    """Make images, some at a time, and return the posteriors of their latents.

    Arguments:
        encoder: Ready to be evaluated, on the device.
        blends: What is on the images.
        side: Of the images, pixels.
        memory: How many images fit at a time.
        device: Where the encoder runs.
    """
    found: list[NDArray[np.float32]] = []
    with Progress(len(blends), desc="latents of pairs", unit="image") as bar:
        for start in range(0, len(blends), MADE):
            pixels = np.stack([*blend_images([*blends[start : start + MADE]], side)])

            def encode(part: slice, pixels: NDArray[np.uint8] = pixels) -> None:
                with torch.inference_mode():
                    posterior = encoder.encode(unit_images(pixels[part], device))
                found.append(torch.stack(posterior).float().cpu().numpy())

            memory.run(len(pixels), encode)
            bar.update(len(pixels))
    mean, log_variance = np.concatenate(found, axis=1)
    return FlowData(mean, log_variance, None)


@dataclass(frozen=True)
class _Crops:
    """Photographs, and how far a crop can lie from their upper left corner."""

    names: list[str]
    reach: NDArray[np.int64]  # (photographs, 2)

    def draw(self, count: int, draws: np.random.Generator) -> Places:
        """Draw photograph, top and left of crops, (count, 3)."""
        photograph = draws.integers(len(self.names), size=count)
        return np.column_stack([photograph, draws.integers(self.reach[photograph] + 1)])


def _crops(sources: DigitSources, side: int) -> _Crops:
    return _Crops([*sources.shapes], np.array([*sources.shapes.values()]) - side)


def _another(
    digits: Places, labels: NDArray[np.int64], draws: np.random.Generator, *, same: bool
) -> Places:
    """Draw a digit of the same class that is written another time, or one of another class.

    Digits stand class by class. The only one of its class is taken twice.
    """
    _, group, size = np.unique(labels, return_inverse=True, return_counts=True)
    start, own = (size.cumsum() - size)[group[digits]], size[group[digits]]
    if same:
        step = 1 + draws.integers(np.maximum(own - 1, 1))
        return start + (digits - start + step) % own
    return (start + own + draws.integers(len(labels) - own)) % len(labels)
