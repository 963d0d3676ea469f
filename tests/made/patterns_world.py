"""Worlds in which regions and attacks are planted, so that what has to be found is known.

N images, C classes, K channels, R regions, 3 axes. Strengths are dimensionless.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

AXES = 3


@dataclass(frozen=True)
class RegionWorld:
    """Images some of whose regions show the prototype of a class, while the others are noise."""

    features: Tensor  # (N, K, R) float32
    labels: Tensor  # (N,)
    shown: Tensor  # class of the prototype, another than the label in swapped images, (N,)
    planted: Tensor  # regions that show it, (N, R) bool
    own: Tensor  # channels of the prototype that is shown, (N, K) bool
    target: Tensor  # peaked on the class that is shown, (N, C) float64
    samples: Tensor  # embedding of the images, (N, 3) float64
    directions: Tensor  # (C, 3), unit rows


@dataclass(frozen=True)
class AttackWorld:
    """Regions that move from one class to another in the four ways there are, or stay."""

    path: Tensor  # (T, N, R, 3) float64, strengths in units of a layer's mean
    types: NDArray[np.int8]  # (N, R), 0 for those that stay
    directions: Tensor  # (C, 3), unit rows
    original: Tensor  # (N,)
    adversarial: Tensor  # (N,)


def spread_directions(classes: int, *, seed: int = 0, apart: float = 40.0) -> Tensor:
    """Draw unit rows, (classes, 3), no two of them nearer than so many degrees."""
    generator = np.random.default_rng(seed)
    found: list[NDArray[np.float64]] = []
    for _ in range(100_000):
        row = generator.normal(size=AXES)
        row /= np.linalg.norm(row)
        if all(row @ other < np.cos(np.radians(apart)) for other in found):
            found.append(row)
        if len(found) == classes:
            return torch.from_numpy(np.stack(found))
    raise AssertionError("No room for so many directions.")


def region_world(
    images: int = 60,
    *,
    classes: int = 5,
    channels: int = 32,
    regions: int = 16,
    planted: int = 3,
    strength: float = 4.0,
    noise: float = 0.1,
    swapped: float = 0.0,
    seed: int = 0,
) -> RegionWorld:
    """Plant prototypes in regions of noise; a share of the images shows that of another class.

    With five classes, a region as strong as the mean is a point already if it points to one.
    """
    generator = np.random.default_rng(seed)
    labels = np.arange(images) % classes
    shown = labels.copy()
    wrong = generator.permutation(images)[: round(swapped * images)]
    shown[wrong] = (labels[wrong] + generator.integers(1, classes, len(wrong))) % classes
    width = channels * 3 // 4 // classes  # a quarter of the channels belongs to no class
    own = np.arange(channels) // width == shown[:, None]
    where = generator.random((images, regions)).argsort(axis=1) < planted
    features = noise * generator.normal(size=(images, channels, regions))
    features += (
        strength
        * own[:, :, None]
        * where[:, None]
        * generator.uniform(0.8, 1.2, size=(images, 1, regions))
    )
    directions = spread_directions(classes, seed=seed, apart=70.0)
    logits = 12.0 * np.eye(classes)[shown] + generator.normal(size=(images, classes))
    lengths = generator.uniform(1.5, 2.5, size=(images, 1))
    return RegionWorld(
        torch.from_numpy(features).float(),
        torch.from_numpy(labels),
        torch.from_numpy(shown),
        torch.from_numpy(where),
        torch.from_numpy(own),
        torch.from_numpy(logits).softmax(dim=1),
        torch.from_numpy(lengths) * directions[torch.from_numpy(shown)],
        directions,
    )


def attack_world(
    images: int = 20, *, steps: int = 11, each: int = 3, classes: int = 5, seed: int = 0
) -> AttackWorld:
    """Move regions of every image: `each` of them in each of the four ways, and as many stay."""
    generator = np.random.default_rng(seed)
    directions = spread_directions(classes, seed=seed, apart=60.0)
    original = generator.integers(classes, size=images)
    adversarial = (original + generator.integers(1, classes, size=images)) % classes
    types = np.stack([generator.permutation(np.repeat(range(5), each)) for _ in range(images)])
    away = generator.normal(size=(images, types.shape[1], AXES))
    away /= np.linalg.norm(away, axis=-1, keepdims=True)
    start, end = (directions.numpy()[one][:, None] for one in (original, adversarial))
    time = np.linspace(0, 1, steps)[:, None, None, None]
    turning = (1 - time) * start + time * end
    turning /= np.linalg.norm(turning, axis=-1, keepdims=True)
    ways = [
        np.broadcast_to(0.8 * start, (steps, images, 1, AXES)),
        (1.4 + 1.6 * time) * turning,  # around the origin
        np.where(time < 0.5, (1 - 2 * time) * 1.6 * start, (2 * time - 1) * 3.0 * end),
        0.3 * (1 - time) * away + 3.0 * time * end,
        (1.6 - 1.3 * time) * start,
    ]
    path = np.stack([np.broadcast_to(way, (steps, *away.shape)) for way in ways])
    chosen = np.take_along_axis(path, types[None, None, ..., None].astype(int), axis=0)[0]
    return AttackWorld(
        torch.from_numpy(chosen),
        types.astype(np.int8),
        directions,
        torch.from_numpy(original),
        torch.from_numpy(adversarial),
    )
