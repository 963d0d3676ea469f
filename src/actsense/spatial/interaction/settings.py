"""Which distant patches are moved together."""

__all__ = ["Interaction"]

from typing import Annotated

from pydantic import Field

from actsense.settings import Integer, List, Resamples, Section, ValidationImages


class Interaction(Section):
    """What distant patches do together, against the sum of what each does alone."""

    images: ValidationImages = 200
    sizes: List[Annotated[Integer, Field(ge=2)]] = Field(
        default=(4, 8, 16, 32),
        min_length=1,
        description="Sides of the patches, which are as far apart, pixels.",
    )
    bootstrap: Resamples = 1000
