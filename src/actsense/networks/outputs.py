"""The outputs of a network beside the classes of a dataset, and what is right by them."""

__all__ = ["NONE", "Outputs", "disagreement"]

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

NONE = -1  # output of a class that has none
CERTAIN = 3.0  # standard deviations of chance
USUAL = 0.5  # share of images that another assignment must have right before the given is doubted
LISTED = 3  # classes in a message


@dataclass(frozen=True)
class Outputs:
    """The outputs of a network beside the classes of a dataset.

    Attributes:
        names: A name of every output, all different.
        places: Output of every class, or `NONE`, (classes,).
        basis: What tells so.
    """

    names: list[str]
    places: Integers
    basis: str

    @property
    def label(self) -> str:
        """What images are labelled by: their `class`, or what the network says, `prediction`."""
        return "class" if (self.places != NONE).any() else "prediction"

    @property
    def known(self) -> Integers:
        """The classes that have an output, ascending; all where none has."""
        return np.flatnonzero((self.places != NONE) | (self.label == "prediction"))


def disagreement(names: Sequence[str], labels: Integers, predicted: Integers) -> str:
    """Say what looks as if names and outputs do not belong together, or nothing.

    Another assignment of outputs to classes, one to one, is learned from every second image of
    a class. If it is right on most of the others, and far more often than the given one, labels
    are in doubt.

    Arguments:
        names: Of the outputs.
        labels: Output of the class of every image, or `NONE`, (images,).
        predicted: Output that the network predicts for it when intact, (images,).
    """
    known = labels != NONE
    own, place = np.unique(labels[known], return_inverse=True)
    said, tried = predicted[known], _turn(place) % 2 == 1
    given = own[place[tried]] == said[tried]
    if 2 * given.sum() > len(given):  # no other has twice as many right
        return ""
    from scipy.optimize import linear_sum_assignment  # takes longer than what follows

    learned = ~tried
    counts = np.zeros((len(own), len(names)))
    np.add.at(counts, (place[learned], said[learned]), 1)
    _, assigned = linear_sum_assignment(counts, maximize=True)
    other = assigned[place[tried]] == said[tried]
    gained, lost = int((other & ~given).sum()), int((given & ~other).sum())
    if other.sum() < USUAL * len(other) or other.sum() < 2 * given.sum():
        return ""
    if gained - lost < CERTAIN * sqrt(gained + lost) or not gained:
        return ""
    swapped = [
        f"{names[taken]!r} for {names[right]!r}"
        for right, taken in zip(own, assigned, strict=True)
        if right != taken
    ]
    return (
        f"names and outputs disagree: {given.sum()} of {len(given)} images are right, and "
        f"{other.sum()} would be if the network said {', '.join(swapped[:LISTED])}"
        f"{' ...' if len(swapped) > LISTED else ''}. Check `outputs`, and which order of the "
        "classes the network was trained with"
    )


def _turn(place: Integers) -> Integers:
    """Return how often the class of every image came before it, (images,)."""
    order = place.argsort(kind="stable")
    first = np.searchsorted(place[order], place[order])
    turn = np.empty_like(order)
    turn[order] = np.arange(len(order)) - first
    return turn
