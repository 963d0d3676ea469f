"""How far images are shuffled and saturated."""

__all__ = ["ORIGINAL_IMAGE", "UNCHANGED", "UNSATURATED", "Transforms"]

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from actsense.settings import Integer, List, Number, Resamples, Section, Tuple, ValidationImages
from actsense.spatial.transforms.divisions import Division, sides

ORIGINAL_IMAGE = "none"  # in results, the transform that changes nothing
UNSATURATED = 2
UNCHANGED = {"patch_shuffle": 1, "saturation": UNSATURATED}  # levels that change nothing

Count = Annotated[Integer, Field(ge=1)]


def _square(division: Division) -> Division:
    """Take [2, 2] for 2."""
    rows, columns = sides(division)
    return rows if rows == columns else division


def _with_a_curve(divisions: tuple[Division, ...]) -> tuple[Division, ...]:
    if not any(isinstance(k, int) and k > 1 for k in divisions):
        raise PydanticCustomError(
            "no_curve",
            "there is no number above 1, which curves and scores are over. Add some, such as 2.",
        )
    return divisions


Patches = Annotated[
    Count | Annotated[Tuple[Count], Field(min_length=2, max_length=2)],
    AfterValidator(_square),
]


class Transforms(Section):
    """Accuracy on shuffled patches, and on saturated colours."""

    images: ValidationImages = 1000
    divisions: Annotated[List[Patches], AfterValidator(_with_a_curve)] = Field(
        default=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
        min_length=2,
        description="Patches along each side of the shuffled image, or rows and columns of them, "
        "such as [2, 3]; 1 is the intact image.",
    )
    modes: List[Literal["grid", "bands"]] = Field(
        default=("grid", "bands"),
        min_length=1,
        description="`grid` permutes all patches; `bands` permutes whole rows and whole columns "
        "of them.",
    )
    repeats: Integer = Field(default=3, ge=1, description="Shuffles of every image.")
    saturations: List[Annotated[Number, Field(gt=0)]] = Field(
        default=(0.25, 0.5, 1, 2, 4, 8, 16, 64, 1024),
        min_length=1,
        description="Levels; 2 is the intact image, 0 would be grey, infinity black and white.",
    )
    bootstrap: Resamples = 1000
