"""Images in 8 bits: 256 levels, held as whole numbers 0 to 255 or as these over 255.

`level / 255 * 255` is exact in float32 for all 256 levels, so that an image passes from one form
to the other without loss.
"""

__all__ = ["LEVELS", "to_images", "to_levels"]

from torch import Tensor

LEVELS = 255


def to_levels(images: Tensor) -> Tensor:
    """Cut values in [0, 1] down to levels, whole numbers 0 to 255 of the same type.

    Source:
        What torchvision does to a tensor of floats that becomes a PIL image.
    """
    return (images * LEVELS).floor_()


def to_images(levels: Tensor) -> Tensor:
    """Divide levels by 255, in place; what lies between two levels is cut down first."""
    return levels.floor_().div_(LEVELS)
