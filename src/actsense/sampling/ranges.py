"""Which numbers the parameters of the augmentations may be, for who chooses their ranges.

The names are those of the catalogue, in its order; nothing here needs PyTorch.
"""

__all__ = ["PARAMETERS", "Domain", "adjustable"]

from collections.abc import Mapping
from dataclasses import dataclass

LARGEST_FACTOR = 100.0


@dataclass(frozen=True)
class Domain:
    """The numbers that an operation is defined for.

    Attributes:
        low: The least.
        high: The largest.
        above: Whether the least itself is none of them.
        sides: Whether both are in sides of the image, and the numbers in pixels.
        most: Pixels up to which numbers are taken whatever the side.
    """

    low: float
    high: float
    above: bool = False
    sides: bool = False
    most: float = 0.0

    def ends(self, side: int) -> tuple[float, float]:
        """Return the least and the largest number for images of a side in pixels."""
        if not self.sides:
            return self.low, self.high
        return self.low * side, max(self.high * side, self.most)

    def holds(self, low: float, high: float, side: int) -> bool:
        """Tell whether a range lies inside."""
        least, largest = self.ends(side)
        return (least < low if self.above else least <= low) and high <= largest

    def told(self, side: int) -> str:
        """Say what is allowed."""
        least, largest = self.ends(side)
        return f"{'above' if self.above else 'from'} {least:g} to {largest:g}"


ANYWHERE = Domain(0, 1, sides=True)
SHIFT = Domain(-1, 1, sides=True)
FACTOR = Domain(0, LARGEST_FACTOR)
# Ellipses beyond the usual range would be cut at the window that is blurred.
SEMI_AXIS = Domain(0, 32 / 224, above=True, sides=True, most=4.0)
ANGLE = Domain(-180, 180)

# None: which patches, and how many, is not a range to choose.
PARAMETERS: Mapping[str, Mapping[str, Domain | None]] = {
    "erasing": {
        "center_row": ANYWHERE,
        "center_column": ANYWHERE,
        "scale": Domain(0, 1, above=True),
        "log_ratio": Domain(-5, 5),
    },
    "sharpness_const": {},
    "rolling": {"rows": SHIFT, "columns": SHIFT},
    "grayscaling": {},
    "gaussian_blur": {"sigma": Domain(0.01, LARGEST_FACTOR)},  # below, its weights are 0 / 0
    "brightness": {"factor": FACTOR},
    "contrast": {"factor": FACTOR},
    "saturation": {"factor": FACTOR},
    "hue": {"shift": Domain(-0.5, 0.5)},
    "hflip": {},
    "rotation": {"angle": Domain(-30, 30)},  # the published crop leaves nothing from 45 on
    "elliptic_local_blur": {
        "semi_axis_1": SEMI_AXIS,
        "semi_axis_2": SEMI_AXIS,
        "shift_columns": SHIFT,
        "shift_rows": SHIFT,
        "angle": ANGLE,
    },
    "patch_shuffle": {"divisions": None, "seed": None},
    "patch_mask": {"divisions": None, "share": Domain(0, 1, above=True), "seed": None},
}


def adjustable(augmentation: str) -> dict[str, Domain]:
    """Return the parameters of an augmentation whose range may be chosen, if it is known."""
    return {name: own for name, own in PARAMETERS.get(augmentation, {}).items() if own}
