"""Settings of semantic factors."""

__all__ = ["FactorSettings"]

from typing import Annotated, Literal

from pydantic import Field

from actsense.invariance.flow.settings import FlowSettings
from actsense.settings import Number, Section


class FactorSettings(Section):
    """A flow that splits latents into concepts, and what it learns from."""

    sizes: Literal["published", "rank"] = Field(
        default="published",
        description="How many numbers a concept gets: by its share of the variance of latents, as "
        "published, or as many as pairs that share it have in common.",
    )
    supervised: bool = Field(
        default=True,
        description="Learn from what pairs share; else images alone are learned, and the parts "
        "mean nothing.",
    )
    correlation: Annotated[Number, Field(ge=0, lt=1)] = Field(
        default=0.975, description="Correlation of a concept over a pair that shares it."
    )
    flow: FlowSettings = FlowSettings()
