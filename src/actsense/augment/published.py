"""The augmentations as the published study ran them: names, ranges and operations."""

__all__ = ["PUBLISHED"]

from collections.abc import Mapping

from actsense.augment.catalog import AUGMENTATIONS, Augmentation

PUBLISHED: Mapping[str, Augmentation] = {
    name: AUGMENTATIONS[name] for name in list(AUGMENTATIONS)[:12]
}
