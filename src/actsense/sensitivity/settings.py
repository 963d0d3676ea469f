"""The contrasts of every augmentation alone."""

__all__ = ["Contrast"]

from typing import Literal

from pydantic import Field

from actsense.settings import Integer, Section, added


class Contrast(Section):
    """Every augmentation alone against the untouched image."""

    images: Integer = Field(
        default=1000,
        ge=2,
        description="Images, taken in turn from every class and partition; the independent units. "
        "With `partitions: each`, so many of every partition.",
    )
    draws: Integer = Field(
        default=1,
        ge=1,
        description="Random draws of an augmentation per image, averaged before any statistic.",
    )
    averaged: bool = added(
        True,
        description="Average the draws of an image, which then counts once. `false`: every draw "
        "counts as a pair of its own, as published; intervals and p-values are then far too sure.",
    )
    partitions: Literal["pooled", "each"] = added(
        "pooled",
        description="`pooled`: contrasts of both partitions together. `each`: train and "
        "validation images apart, as published, under the same draws.",
    )
    top_images: Integer = Field(
        default=6,
        ge=0,
        le=100,
        description="Images kept per unit that it answers most strongly, untouched and under "
        "every augmentation; 0 for none.",
    )
