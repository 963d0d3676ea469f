r"""Projected gradient descent: small changes of an image after which a network errs.

From an image x, at most epsilon is added, and values stay in [0, 1]. With L the cross-entropy of
the label among the chosen classes, or less that of a target, a step of length a is

    linf    x' + a sign(dL / dx')
    l2      x' + a dL / dx' over its length

after which the change is cut back to epsilon: every value of it, or its length. Changes are
rounded towards the image, so that they are within epsilon as they are stored, not about so.
"""

__all__ = ["Goal", "distances", "other_classes", "perturb", "start_keys"]

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from actsense.draws.counter import counter_keys, counter_noise, counter_normal
from actsense.features.settings import Attack
from actsense.networks.subject import Subject

MASK = 2**62 - 1  # leaves a number of int64 that is not negative
TINY = 1e-300  # a length that is none
UNIT = 2.0**-63  # of a number of int64, which becomes one from -1 to 1
WITHIN = 1 - 2.0**-40  # of a length that is cut back: sums of squares round in float64


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
    epsilon, pace, ball = settings.radius(side), settings.pace(side), BALLS[settings.norm]
    moved = images
    if settings.random_start:
        moved = _placed(images, ball.cut(epsilon * ball.drawn(keys, images), epsilon))
    for _ in range(settings.steps):
        gradient = subject.gradient(moved, lambda moved: goal.loss(subject(moved))).double()
        change = moved.double() + pace * ball.direction(gradient) - images.double()
        moved = _placed(images, ball.cut(change, epsilon))
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
    return BALLS[norm].length(moved.double() - images.double())


def _placed(images: Tensor, change: Tensor) -> Tensor:
    """Add a change, (batch, ...) float64; what is rounded is rounded towards the images."""
    moved = (images.double() + change).float()
    beyond = (moved.double() - images.double()).abs() > change.abs()
    return torch.where(beyond, torch.nextafter(moved, images), moved).clamp(0, 1)


@dataclass(frozen=True)
class _Ball:
    """All changes of an image up to a length; changes are (batch, 3, height, width) float64.

    Attributes:
        length: Of changes, (batch,).
        direction: From gradients to the change of length 1 that raises the loss most.
        cut: From changes and a length to the nearest changes that are not longer.
        drawn: From keys and images to changes of length 1 at most, drawn at random.
    """

    length: Callable[[Tensor], Tensor]
    direction: Callable[[Tensor], Tensor]
    cut: Callable[[Tensor, float], Tensor]
    drawn: Callable[[Tensor, Tensor], Tensor]


def _root(change: Tensor) -> Tensor:
    return change.flatten(1).square().sum(dim=1).sqrt()


def _unit(change: Tensor) -> Tensor:
    return change / _root(change).clamp(min=TINY).view(-1, 1, 1, 1)


def _shortened(change: Tensor, epsilon: float) -> Tensor:
    share = epsilon * WITHIN / _root(change).clamp(min=TINY)
    return change * share.clamp(max=1).view(-1, 1, 1, 1)


def _uniform(keys: Tensor, images: Tensor) -> Tensor:
    return (counter_noise(keys, images[0].numel()).double() * UNIT).view_as(images)


def _anywhere(keys: Tensor, images: Tensor) -> Tensor:
    """Draw a direction, all alike, and a length, all alike."""
    direction = counter_normal(keys, images[0].numel()).double().view_as(images)
    length = (counter_noise(counter_keys("length of a start", [keys]), 1).double() * UNIT).abs()
    return _unit(direction) * length.view(-1, 1, 1, 1)


BALLS = {
    "linf": _Ball(
        length=lambda change: change.flatten(1).abs().amax(dim=1),
        direction=torch.sign,
        cut=lambda change, epsilon: change.clamp(-epsilon, epsilon),
        drawn=_uniform,
    ),
    "l2": _Ball(length=_root, direction=_unit, cut=_shortened, drawn=_anywhere),
}
