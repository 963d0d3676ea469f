"""The augmentations: their names, parameters, ranges and operations.

The first twelve are those of the published study. New ones come last: contrasts and masks draw by
an augmentation's place.
"""

__all__ = [
    "AUGMENTATIONS",
    "DIVISIONS",
    "LARGEST_DIVISION",
    "Augmentation",
    "Choice",
    "Parameter",
    "parameter_columns",
]

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from actsense.augment import blur, color, geometry, patches
from actsense.augment.patches import LARGEST_DIVISION

DIVISIONS = (2, 4, 8)  # cells per side, as Zhang & Zhu (2019) shuffled


@dataclass(frozen=True)
class Parameter:
    """One number that an augmentation draws uniformly.

    Attributes:
        name: Its name.
        low: Lower end of the range.
        high: Upper end of the range.
        whole: Whether the number is rounded to the nearest whole one.
    """

    name: str
    low: float
    high: float
    whole: bool = False

    def at(self, u: ArrayLike) -> NDArray[np.float64]:
        """Spread uniforms on [0, 1) over the range."""
        numbers = self.low + (self.high - self.low) * np.asarray(u)
        return np.asarray(np.rint(numbers) if self.whole else numbers)


@dataclass(frozen=True)
class Choice:
    """One number that an augmentation draws from a few, each as likely as the others.

    Attributes:
        name: Its name.
        options: The numbers, the smallest first.
    """

    name: str
    options: tuple[float, ...]

    def at(self, u: ArrayLike) -> NDArray[np.float64]:
        """Let uniforms on [0, 1) choose; 1 chooses the last number as well."""
        place = (np.asarray(u) * len(self.options)).astype(np.int64)
        options = np.array(self.options, dtype=np.float64)
        return np.asarray(options[place.clip(max=len(options) - 1)])


@dataclass(frozen=True)
class Augmentation:
    """One operation on images, with its own parameters for every image.

    Attributes:
        name: Its name.
        ranges: From the height and width of the images to the parameters that have a range, in
            the order of the columns that `apply` takes.
        apply: From images, (batch, 3, height, width) float32 in [0, 1], and values,
            (batch, parameters) float32, to new images.
        divided: Whether the first column is how many cells the image has per side.
        apply_in_8_bits: The same for images that hold 256 levels only, as multiples of 1/255;
            None if it is the same indeed.
        leaves_8_bits: Whether new images hold 256 levels only, so that whatever follows works on
            them in 8 bits. Such an operation does the same to images that are in 8 bits already.
    """

    name: str
    ranges: Callable[[int, int], tuple[Parameter, ...]]
    apply: Callable[[Tensor, Tensor], Tensor]
    divided: bool = False
    apply_in_8_bits: Callable[[Tensor, Tensor], Tensor] | None = None
    leaves_8_bits: bool = False

    def parameters(
        self, height: int, width: int, divisions: Sequence[int] = DIVISIONS
    ) -> tuple[Parameter | Choice, ...]:
        """Return the parameters in the order of their columns.

        Arguments:
            height: Height of the images.
            width: Width of the images.
            divisions: The numbers of cells per side to choose from, the smallest first.
        """
        ranges = self.ranges(height, width)
        return (Choice("divisions", tuple(divisions)), *ranges) if self.divided else ranges


def parameter_columns(
    names: Sequence[str], catalog: Mapping[str, Augmentation] | None = None
) -> dict[str, slice]:
    """Locate the values of every augmentation in the table of all parameters.

    Arguments:
        names: Augmentations, in the order of the table.
        catalog: The augmentations to choose from, `AUGMENTATIONS` if None.

    Raises:
        ValueError: If a name is unknown or appears twice.
    """
    catalog = AUGMENTATIONS if catalog is None else catalog
    columns: dict[str, slice] = {}
    start = 0
    for name in names:
        if name not in catalog:
            raise ValueError(f"{name!r} is not one of {', '.join(catalog)}.")
        if name in columns:
            raise ValueError(f"names must differ; {name!r} appears twice.")
        # How many parameters there are does not depend on the size of the images.
        stop = start + len(catalog[name].parameters(1, 1))
        columns[name] = slice(start, stop)
        start = stop
    return columns


def _erasing(height: int, width: int) -> tuple[Parameter, ...]:
    return (
        Parameter("center_row", height / 5, height - height / 5),
        Parameter("center_column", width / 5, width - width / 5),
        Parameter("scale", 0.02, 0.33),
        Parameter("log_ratio", log(0.3), log(3.3)),
    )


def _rolling(height: int, width: int) -> tuple[Parameter, ...]:
    return (
        Parameter("rows", -44 / 224 * height, 44 / 224 * height),
        Parameter("columns", -44 / 224 * width, 44 / 224 * width),
    )


def _elliptic_local_blur(height: int, width: int) -> tuple[Parameter, ...]:
    _, shortest, longest = blur.local_blur_sizes(min(height, width))
    return (
        Parameter("semi_axis_1", shortest, longest),
        Parameter("semi_axis_2", shortest, longest),
        Parameter("shift_columns", -32 / 224 * width, 32 / 224 * width),
        Parameter("shift_rows", -32 / 224 * height, 32 / 224 * height),
        Parameter("angle", -15.0, 15.0),
    )


def _fixed(*parameters: Parameter) -> Callable[[int, int], tuple[Parameter, ...]]:
    """The same ranges at every size."""
    return lambda height, width: parameters


SEED = Parameter("seed", 0.0, 2.0**24)  # whole numbers up to here are exact in float32

AUGMENTATIONS = {
    augmentation.name: augmentation
    for augmentation in (
        Augmentation("erasing", _erasing, geometry.erasing),
        Augmentation("sharpness_const", _fixed(), blur.sharpness_const),
        Augmentation("rolling", _rolling, geometry.rolling),
        Augmentation("grayscaling", _fixed(), color.grayscaling),
        Augmentation("gaussian_blur", _fixed(Parameter("sigma", 0.1, 2.0)), blur.gaussian_blur),
        Augmentation("brightness", _fixed(Parameter("factor", 0.1, 2.5)), color.brightness),
        Augmentation("contrast", _fixed(Parameter("factor", 0.01, 3.5)), color.contrast),
        Augmentation("saturation", _fixed(Parameter("factor", 0.01, 3.5)), color.saturation),
        Augmentation("hue", _fixed(Parameter("shift", -0.5, 0.5)), color.hue),
        Augmentation("hflip", _fixed(), geometry.hflip),
        Augmentation("rotation", _fixed(Parameter("angle", -10.0, 10.0)), geometry.rotation),
        Augmentation("elliptic_local_blur", _elliptic_local_blur, blur.elliptic_local_blur),
        Augmentation("patch_shuffle", _fixed(SEED), patches.shuffle_patches, divided=True),
        Augmentation(
            "patch_mask",
            _fixed(Parameter("share", 0.1, 0.5), SEED),
            patches.mask_patches,
            divided=True,
        ),
    )
}
