"""Pairs of images that share a concept: the same digit, the same background.

A concept is whatever such pairs have in common. What no concept accounts for is the residual,
the last of the parts that a latent is split into.
"""

__all__ = ["RESIDUAL", "Pairs", "draw_pairs"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actsense.draws import stream
from actsense.errors import ConfigError
from actsense.invariance.flow.data import FlowData

RESIDUAL = "residual"


@dataclass(frozen=True)
class Pairs:
    """Pairs of images, by their latents.

    Arguments:
        latents: Posteriors of images, each of which may be in any number of pairs.
        concepts: Names of the concepts.
        first: One image of every pair, a place among `latents`, (pairs,).
        second: The other one, (pairs,).
        shared: What they share, (pairs, concepts + 1); the residual is last.

    Raises:
        ConfigError: If concepts have no or the same names, or a pair shares nothing.
        ValueError: If shapes do not fit together, or there are no such images.
    """

    latents: FlowData
    concepts: tuple[str, ...]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    shared: NDArray[np.bool_]

    def __post_init__(self) -> None:
        _check_names(self.concepts)
        count = len(self.first)
        if len(self.second) != count or self.shared.shape != (count, len(self.parts)):
            raise ValueError(
                f"{count} pairs need as many second images and {len(self.parts)} columns of what "
                f"is shared; got {len(self.second)} and {self.shared.shape}."
            )
        places = np.concatenate([self.first, self.second])
        if count == 0 or places.min() < 0 or places.max() >= len(self.latents):
            raise ValueError(f"There is at least one pair, of {len(self.latents)} images.")
        if not (some := self.shared.any(axis=1)).all():
            raise ConfigError(
                f"{(~some).sum()} of {count} pairs share nothing, such as pair {some.argmin()}. "
                "Say what they share, or leave them out."
            )

    def __len__(self) -> int:
        return len(self.first)

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts of a latent: the concepts, and the residual."""
        return (*self.concepts, RESIDUAL)

    def spread(self, most: int) -> "Pairs":
        """Return as many pairs as these at most, evenly spaced, in their order."""
        return self.chosen(np.linspace(0, len(self) - 1, min(most, len(self))).astype(np.int64))

    def chosen(self, pairs: NDArray[np.int64]) -> "Pairs":
        """Return some of the pairs."""
        first, second, shared = self.first[pairs], self.second[pairs], self.shared[pairs]
        return replace(self, first=first, second=second, shared=shared)

    def alone(self, concept: str) -> "Pairs":
        """Return the pairs that share a concept, and nothing else.

        Raises:
            ConfigError: If there is no such concept, or fewer than two such pairs.
        """
        check_part(concept, self.concepts)
        own = np.array(self.parts) == concept
        found = (self.shared == own).all(axis=1).nonzero()[0]
        if len(found) < 2:
            raise ConfigError(
                f"{len(found)} pairs share `{concept}` alone, which takes two at least. Make "
                "more of them, or leave the concept out."
            )
        return self.chosen(found)


def draw_pairs(
    labels: Mapping[str, NDArray[Any]], count: int, *, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Draw pairs of images that share a concept alone: what else they are is left to chance.

    Arguments:
        labels: Of every concept, the labels of all images, (images,).
        count: Pairs of every concept.
        seed: Seed of the pairs.

    Returns:
        First and second images, (concepts * count,) each, never the same one, and what they
        share, (concepts * count, concepts + 1): see `Pairs`.

    Raises:
        ConfigError: If no two images share a concept, or one has an unusable name.
    """
    _check_names(tuple(labels))
    first, second = [], []
    for concept, own in labels.items():
        draws = stream(seed, "pairs of images that share a concept", concept)
        _, group, size = np.unique(own, return_inverse=True, return_counts=True)
        order = group.argsort(kind="stable")  # images of one label side by side
        start = size.cumsum() - size
        able = (size[group] > 1).nonzero()[0]
        if len(able) == 0:
            raise ConfigError(
                f"No two images share `{concept}`: each has a label of its own. Make images that "
                "do, or leave the concept out."
            )
        one = draws.choice(able, count)
        place = order.argsort()[one] - start[group[one]]
        step = draws.integers(1, size[group[one]])
        other = order[start[group[one]] + (place + step) % size[group[one]]]
        first.append(one)
        second.append(other)
    shared = np.eye(len(labels), len(labels) + 1, dtype=bool).repeat(count, axis=0)
    return np.concatenate(first), np.concatenate(second), shared


def check_part(name: str, known: Sequence[str]) -> None:
    """Refuse a name that is not among those that are known."""
    if name not in known:
        raise ConfigError(f"There is no factor `{name}`. There are: {', '.join(known)}.")


def _check_names(concepts: tuple[str, ...]) -> None:
    if not concepts or len({*concepts, RESIDUAL}) <= len(concepts):
        raise ConfigError(
            f"Concepts have different names, of which none is `{RESIDUAL}`; got "
            f"{', '.join(concepts) or 'none'}."
        )
