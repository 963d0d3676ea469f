"""The contrasts of every augmentation alone."""

__all__ = ["Contrast"]

from pydantic import Field

from actsense.settings import Integer, Section


class Contrast(Section):
    """Every augmentation alone against the untouched image."""

    images: Integer = Field(
        default=1000,
        ge=2,
        description="Images, taken in turn from every class and partition; the independent units.",
    )
    draws: Integer = Field(
        default=1,
        ge=1,
        description="Random draws of an augmentation per image, averaged before any statistic.",
    )
    top_images: Integer = Field(
        default=6,
        ge=0,
        le=100,
        description="Images kept per unit that it answers most strongly, untouched and under "
        "every augmentation; 0 for none.",
    )
