"""The published augmentations: names, parameters, ranges and operations.

Names and columns are those of `AUGMENTATIONS`. Numbers of pixels and the angle of the local blur
are rounded to whole ones as they are drawn; at 224 pixels the ranges are the published ones, at
other sizes they follow the image as in `AUGMENTATIONS`.
"""

__all__ = ["PUBLISHED"]

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from actsense.augment.catalog import AUGMENTATIONS, Augmentation, Parameter
from actsense.augment.published import blur, color, geometry


def _erasing(height: int, width: int) -> tuple[Parameter, ...]:
    _, _, *rest = AUGMENTATIONS["erasing"].ranges(height, width)
    return (
        Parameter("center_row", height // 5, height - height // 5, whole=True),
        Parameter("center_column", width // 5, width - width // 5, whole=True),
        *rest,
    )


def _rolling(height: int, width: int) -> tuple[Parameter, ...]:
    return (
        Parameter("rows", -(height // 5), height // 5, whole=True),
        Parameter("columns", -(width // 5), width // 5, whole=True),
    )


def _elliptic_local_blur(height: int, width: int) -> tuple[Parameter, ...]:
    ranges = AUGMENTATIONS["elliptic_local_blur"].ranges(height, width)
    return tuple(replace(parameter, whole=True) for parameter in ranges)


# What is not as in `AUGMENTATIONS`.
CHANGED: Mapping[str, dict[str, Any]] = {
    "erasing": {"ranges": _erasing, "apply": geometry.erasing},
    "sharpness_const": {"apply_in_8_bits": blur.sharpness_const_in_8_bits},
    "rolling": {"ranges": _rolling},
    "grayscaling": {
        "apply": color.grayscaling,
        "apply_in_8_bits": color.grayscaling_in_8_bits,
    },
    "gaussian_blur": {"apply_in_8_bits": blur.gaussian_blur_in_8_bits},
    "brightness": {"apply_in_8_bits": color.brightness_in_8_bits},
    "contrast": {"apply": color.contrast, "apply_in_8_bits": color.contrast_in_8_bits},
    "saturation": {"apply": color.saturation, "apply_in_8_bits": color.saturation_in_8_bits},
    "hue": {"apply": color.hue, "apply_in_8_bits": color.hue_in_8_bits},
    "hflip": {},
    "rotation": {"apply": geometry.rotation, "leaves_8_bits": True},
    "elliptic_local_blur": {
        "ranges": _elliptic_local_blur,
        "apply": blur.elliptic_local_blur,
        "leaves_8_bits": True,
    },
}
PUBLISHED: Mapping[str, Augmentation] = {
    name: replace(AUGMENTATIONS[name], **changed) for name, changed in CHANGED.items()
}
