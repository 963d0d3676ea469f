"""The twelve augmentations as the published study ran them, 8 bits and borders included."""

__all__ = ["PUBLISHED"]

from actsense.augment.published.catalog import PUBLISHED
