"""Seeded orders of the samples of a class, from which splits and subsets are cut."""

__all__ = ["order", "validation_count"]


import numpy as np
from numpy.typing import NDArray

from actsense.draws import stream
from actsense.errors import ConfigError


def order(count: int, *, seed: int, key: str) -> NDArray[np.int64]:
    """Draw the order in which `count` samples are handed out.

    Subsets are the first entries of this order, so a smaller subset lies inside a larger one.

    Arguments:
        count: Number of samples, in a listing that is the same on every machine.
        seed: Seed of the dataset.
        key: What is ordered, such as the class name; each key has its own random stream, so
            one class does not depend on which others exist.

    Returns:
        A permutation of `range(count)`, shape (count,).
    """
    return stream(seed, key).permutation(count)


def validation_count(count: int, fraction: float, *, name: str) -> int:
    """Decide how many of `count` samples are for validation: at least one, and not all.

    Arguments:
        count: Number of samples of one class.
        fraction: Share for validation, dimensionless, between 0 and 1 exclusive.
        name: The class, for the message.

    Raises:
        ConfigError: If the fraction is not between 0 and 1, or there is nothing to split.
    """
    if not 0 < fraction < 1:
        raise ConfigError(
            f"dataset.validation_fraction: {fraction} is not between 0 and 1 (both exclusive)."
        )
    if count < 2:
        raise ConfigError(
            f"class {name!r} has {count} image: at least 2 are needed to split it into train "
            "and validation. Add images or remove the class."
        )
    return min(max(round(count * fraction), 1), count - 1)
