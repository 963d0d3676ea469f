"""How much of a target's drive a picture keeps when an augmentation changes it."""

__all__ = ["Versions", "list_versions", "shifted"]

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.augment import AUGMENTATIONS, Augmentation, augment
from actsense.draws import stream
from actsense.sampling.law import catalog_of, ranged
from actsense.sampling.settings import DesignSettings

STEPS = 9  # of a range, with both ends
DRAWS = 9  # where several numbers are drawn together


@dataclass(frozen=True)
class Versions:
    """Versions of a picture under one augmentation.

    Attributes:
        factor: The augmentation.
        parameter: What its versions differ by; empty if there is one alone.
        value: The parameter of every version, or its number where several are drawn, (versions,).
        table: All that the augmentation takes, (versions, parameters) float32.
        catalog: What its name stands for.
    """

    factor: str
    parameter: str
    value: NDArray[np.float64]
    table: NDArray[np.float32]
    catalog: Mapping[str, Augmentation] = field(default_factory=lambda: AUGMENTATIONS)


def list_versions(
    factor: str, side: int, *, seed: int, design: DesignSettings | None = None
) -> Versions | None:
    """Return the versions of pictures under a factor, or None if it is no augmentation.

    A single parameter goes through its range; several are drawn.

    Arguments:
        factor: Name of the factor.
        side: Side of the pictures, pixels.
        seed: Seed of the study.
        design: The design whose ranges and law they follow; the usual ones if None.
    """
    catalog = catalog_of(design.law if design else "")
    if factor not in catalog:
        return None
    given = design.chosen_ranges.get(factor, {}) if design else {}
    parameters = ranged(catalog[factor].parameters(side, side), given)
    if not parameters:
        return Versions(factor, "", np.zeros(1), np.zeros((1, 0), np.float32), catalog)
    if len(parameters) == 1:
        (only,) = parameters
        values = np.unique(only.at(np.linspace(0, 1, STEPS)))
        return Versions(factor, only.name, values, values[:, None].astype(np.float32), catalog)
    drawn = stream(seed, "versions of pictures", factor).random((DRAWS, len(parameters)))
    table = np.stack([own.at(drawn[:, k]) for k, own in enumerate(parameters)], axis=1)
    return Versions(
        factor, "draw", np.arange(DRAWS, dtype=float), table.astype(np.float32), catalog
    )


def shifted(pictures: Tensor, versions: Versions) -> Tensor:
    """Return all versions of pictures, (pictures * versions, 3, side, side), version by version.

    Arguments:
        pictures: Pictures in [0, 1], (pictures, 3, side, side) float32.
        versions: See `list_versions`.
    """
    count = len(versions.value)
    table = torch.from_numpy(versions.table).repeat(len(pictures), 1)
    sequence = torch.zeros(len(table), 1, dtype=torch.int64)
    repeated = pictures.repeat_interleave(count, dim=0)
    return augment(repeated, sequence, table, [versions.factor], versions.catalog)
