"""Seeded orders of the samples of a class, from which splits and subsets are cut."""

__all__ = ["check_counts", "order", "validation_count"]

from collections.abc import Mapping, Sized

import numpy as np
from numpy.typing import NDArray

from actsense.data.settings import SamplesPerClass
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


def check_counts(
    files: Mapping[str, Mapping[str, Sized]],
    samples: SamplesPerClass | None,
    fraction: float | None,
) -> None:
    """Refuse a listing that has one class only, or fewer files than are wanted.

    Arguments:
        files: By partition and class; the only partition is `all` before a split.
        samples: Files wanted of every class, or None for all of them.
        fraction: Share for validation where the listing is not split.

    Raises:
        ConfigError: With the class that has the fewest.
    """
    sizes = {
        part: {name: len(own) for name, own in inside.items()} for part, inside in files.items()
    }
    if len(names := [*next(iter(sizes.values()))]) < 2:
        raise ConfigError(
            f"dataset: {names[0]!r} is the only class, and at least 2 are compared. Does the "
            "path name the folder above the classes?"
        )
    if "all" in sizes and fraction is not None:
        held = {name: validation_count(n, fraction, name=name) for name, n in sizes["all"].items()}
        train = {name: n - held[name] for name, n in sizes["all"].items()}
        sizes = {"train": train, "validation": held}
    for part, wanted in (samples.plain() if samples else {}).items():
        name, fewest = min(sizes[part].items(), key=lambda size: size[1])
        if wanted > fewest:
            lacking = sum(wanted > size for size in sizes[part].values())
            more = f" (and {lacking - 1} more classes have too few)" if lacking > 1 else ""
            raise ConfigError(
                f"dataset.samples_per_class.{part}: {wanted} wanted, but class {name!r} has "
                f"{fewest} images there{more}. Choose between 1 and {fewest}, or null for all."
            )
