"""The settings of feature inversion."""

__all__ = ["Inversion"]

from typing import Annotated

from pydantic import Field

from actsense.settings import Integer, Number, Section


class Inversion(Section):
    """How an image is looked for that a layer says the same of."""

    iterations: Annotated[Integer, Field(ge=1)] = Field(default=300, description="Steps of Adam.")
    learning_rate: Annotated[Number, Field(gt=0)] = Field(
        default=0.03,
        description="Length of the first step, in the range of pixels; it falls to 0 by a cosine.",
    )
    bound: Annotated[Number, Field(ge=0)] = Field(
        default=0.001, description="Weight of how far pixels are from grey."
    )
    bound_power: Annotated[Number, Field(ge=1)] = Field(
        default=6.0, description="Power of that distance: large ones spare all but the extremes."
    )
    variation: Annotated[Number, Field(ge=0)] = Field(
        default=0.001, description="Weight of differences between neighbouring pixels."
    )
    variation_power: Annotated[Number, Field(ge=1)] = Field(
        default=2.0, description="Power of these differences; 1 allows edges, 2 blurs them."
    )
    noise: Annotated[Number, Field(ge=0)] = Field(
        default=0.1, description="Standard deviation of the grey noise that it starts from."
    )
