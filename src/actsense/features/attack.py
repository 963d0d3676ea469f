r"""Projected gradient descent: small changes of an image after which a network errs.

From an image x, at most epsilon is added, and values stay in [0, 1]. With L the cross-entropy of
the label among the chosen classes, or less that of a target, a step of length a is

    linf    x' + a sign(dL / dx')
    l2      x' + a dL / dx' over its length

after which the change is cut back to epsilon: every value of it, or its length. Changes are
rounded towards the image, so that they are within epsilon as they are stored, not about so.
"""

__all__ = ["BALLS", "Goal", "distances", "other_classes", "perturb", "start_keys"]

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from actsense.draws.counter import counter_keys, counter_noise, counter_normal
from actsense.features.settings import Attack
from actsense.networks.subject import Subject

MASK = 2**62 - 1  # leaves a number of int64 that is not negative
TINY = 1e-30  # a length that is none
UNIT = 2.0**-63  # of a number of int64, which becomes one from -1 to 1
WITHIN = 1 - 2.0**-20  # of a length that is cut back: products and differences round


@dataclass(frozen=True)
class Goal:
    """What images are moved towards, or away from.

    Attributes:
        outputs: Outputs of the network among which it decides, (classes,) int64 on the device.
        classes: Of every image, as numbers among these, (batch,) int64 on the device.
        targeted: Whether they are to be reached; else they are to be left.
    """

    outputs: Tensor
    classes: Tensor
    targeted: bool

    def loss(self, logits: Tensor) -> Tensor:
        """Return what is raised, summed over images, (): of logits (batch, outputs)."""
        chosen = logits.double()[:, self.outputs]
        loss = functional.cross_entropy(chosen, self.classes, reduction="sum")
        return -loss if self.targeted else loss

    def decided(self, logits: Tensor) -> Tensor:
        """Return which of the classes is highest for every image, (batch,) int64."""
        return logits[:, self.outputs].argmax(dim=1)


def perturb(
    subject: Subject, images: Tensor, goal: Goal, keys: Tensor, settings: Attack
) -> Iterator[Tensor]:
    """Yield images after every step of the attack.

    What becomes of an image depends on it and its key, not on the images beside it, but for
    roundings of the network's gradient.

    Arguments:
        subject: The network.
        images: Images in [0, 1], (batch, 3, height, width) float32, on its device.
        goal: What they are moved towards or away from.
        keys: Keys of their random starts, (batch,) int64 on the device: see `start_keys`.
        settings: How far, in how many steps.

    Source:
        Madry, Makelov, Schmidt, Tsipras & Vladu (2018), Towards deep learning models resistant to
        adversarial attacks, ICLR.
    """
    side = images.shape[-1]
    ball, pace = BALLS[settings.norm](images, settings.radius(side)), settings.pace(side)
    moved = ball.drawn(keys) if settings.random_start else images
    for _ in range(settings.steps):
        gradient = subject.gradient(moved, lambda moved: goal.loss(subject(moved)))
        moved = ball.nearest(moved + pace * ball.direction(gradient))
        yield moved


def start_keys(seed: int, rows: NDArray[np.int64]) -> Tensor:
    """Return the keys of random starts, (images,) int64.

    Arguments:
        seed: Seed of the study.
        rows: Dataset rows of the images, (images,).
    """
    return counter_keys(seed, ["start of an attack", torch.from_numpy(rows)])


def other_classes(seed: int, rows: NDArray[np.int64], labels: Tensor, classes: int) -> Tensor:
    """Draw a class for every image that is not its own, all others alike, (images,) int64.

    Arguments:
        seed: Seed of the study.
        rows: Dataset rows of the images, (images,).
        labels: Their own classes, (images,) int64.
        classes: How many there are.
    """
    keys = counter_keys(seed, ["target of an attack", torch.from_numpy(rows)])
    further = (counter_noise(keys, 1).squeeze(1) & MASK) % (classes - 1)
    return (labels + 1 + further) % classes


def distances(images: Tensor, moved: Tensor, norm: str) -> Tensor:
    """Return how far every image was moved, (batch,) float64.

    Arguments:
        images: The images, (batch, ...).
        moved: What became of them, of the same shape.
        norm: `linf` or `l2`.
    """
    change = (moved.double() - images.double()).flatten(1)
    return change.abs().amax(dim=1) if norm == "linf" else _length(change)


class _Ball(Protocol):
    """All images up to a distance from some, (batch, 3, height, width) float32 in [0, 1]."""

    def __init__(self, images: Tensor, epsilon: float) -> None: ...

    def nearest(self, moved: Tensor) -> Tensor:
        """Return the nearest images that are not farther."""

    def direction(self, gradient: Tensor) -> Tensor:
        """Return the change of length 1 that raises the loss most."""

    def drawn(self, keys: Tensor) -> Tensor:
        """Draw images, one per key."""


class _Linf:
    """Every value lies between two bounds, which are rounded inwards."""

    def __init__(self, images: Tensor, epsilon: float) -> None:
        self._images, self._epsilon = images, epsilon
        self._low, self._high = (_bound(images, end) for end in (-epsilon, epsilon))

    def nearest(self, moved: Tensor) -> Tensor:
        return moved.clamp(self._low, self._high)

    def direction(self, gradient: Tensor) -> Tensor:
        return gradient.sign()

    def drawn(self, keys: Tensor) -> Tensor:
        """Draw every value between its bounds, all alike."""
        uniform = counter_noise(keys, self._images[0].numel()).view_as(self._images) * UNIT
        return self.nearest(self._images + self._epsilon * uniform)


class _L2:
    """Changes that are too long are shortened, and values rounded towards the image."""

    def __init__(self, images: Tensor, epsilon: float) -> None:
        self._images, self._epsilon = images, epsilon

    def nearest(self, moved: Tensor) -> Tensor:
        images, change = self._images, moved - self._images
        share = self._epsilon * WITHIN / _length(change).clamp(min=TINY)
        change = change * _each(share.clamp(max=1))
        moved = images + change
        beyond = (moved - images).abs() > change.abs()
        return torch.where(beyond, torch.nextafter(moved, images), moved).clamp(0, 1)

    def direction(self, gradient: Tensor) -> Tensor:
        return gradient / _each(_length(gradient).clamp(min=TINY))

    def drawn(self, keys: Tensor) -> Tensor:
        """Draw a direction, all alike, and a distance, all alike."""
        direction = self.direction(
            counter_normal(keys, self._images[0].numel()).view_as(self._images)
        )
        length = (counter_noise(counter_keys("length of a start", [keys]), 1) * UNIT).abs()
        return self.nearest(self._images + self._epsilon * _each(length) * direction)


def _bound(images: Tensor, change: float) -> Tensor:
    """Return how far values may go in a direction, not farther than `change` to the last bit."""
    moved = (images.double() + change).float()
    beyond = (moved.double() - images.double()).abs() > abs(change)
    return torch.where(beyond, torch.nextafter(moved, images), moved).clamp(0, 1)


def _length(change: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(change.flatten(1), dim=1, dtype=torch.float64)
    return length


def _each(numbers: Tensor) -> Tensor:
    """Turn a number of every image, (batch,), into what multiplies it."""
    return numbers.float().view(-1, 1, 1, 1)


BALLS: dict[str, type[_Ball]] = {"linf": _Linf, "l2": _L2}
