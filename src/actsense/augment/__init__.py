"""Image augmentations with their own parameters and their own order for every image."""

__all__ = [
    "AUGMENTATIONS",
    "DIVISIONS",
    "LARGEST_DIVISION",
    "PUBLISHED",
    "Augmentation",
    "Choice",
    "Parameter",
    "PatchShuffle",
    "augment",
    "parameter_columns",
    "patch_shuffle",
    "patch_unshuffle",
    "shuffle_keys",
    "stretch",
]

from actsense.augment.catalog import (
    AUGMENTATIONS,
    DIVISIONS,
    LARGEST_DIVISION,
    Augmentation,
    Choice,
    Parameter,
    parameter_columns,
)
from actsense.augment.patches import PatchShuffle, patch_shuffle, patch_unshuffle, shuffle_keys
from actsense.augment.published import PUBLISHED
from actsense.augment.sequence import augment, stretch
