"""Image augmentations with their own parameters and their own order for every image."""

__all__ = [
    "AUGMENTATIONS",
    "DIVISIONS",
    "LARGEST_DIVISION",
    "Augmentation",
    "Choice",
    "Parameter",
    "augment",
    "parameter_columns",
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
from actsense.augment.sequence import augment, stretch
