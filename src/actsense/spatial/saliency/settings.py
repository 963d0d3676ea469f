"""How maps of the loss's gradient are made."""

__all__ = ["Saliency"]

from typing import Annotated

from pydantic import Field

from actsense.settings import Integer, List, Number, Section, ValidationImages


class Saliency(Section):
    """Maps of the loss's gradient."""

    images: ValidationImages = 4
    samples: Integer = Field(
        default=100, ge=1, description="Noisy copies of an image behind a SmoothGrad map."
    )
    spread: Number = Field(
        default=0.1,
        ge=0,
        description="Standard deviation of the noise, as a share of the image's range.",
    )
    saturations: List[Annotated[Number, Field(gt=0)]] = Field(
        default=(2, 1024),
        min_length=1,
        description="Levels of saturation that maps are drawn at; 2 is the intact image.",
    )
