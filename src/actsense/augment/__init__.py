"""Twelve image augmentations with their own parameters and their own order for every image."""

__all__ = [
    "AUGMENTATIONS",
    "Augmentation",
    "Parameter",
    "augment",
    "parameter_columns",
    "stretch",
]

from actsense.augment.catalog import AUGMENTATIONS, Augmentation, Parameter, parameter_columns
from actsense.augment.sequence import augment, stretch
