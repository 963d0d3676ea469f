"""What is masked in a network, and how often."""

__all__ = ["Masking"]

from typing import Annotated, Literal

from pydantic import Field

from actsense.settings import Integer, List, Number, Resamples, Section, added


class Masking(Section):
    """The network's predictions when its most sensitive activations are scaled.

    Defaults follow their cost: where masks would send more images through a network than the
    sampling of their design does, all that is not stated here is lowered until they do not, and
    `snakemake plan` says to what. What is stated is obeyed.
    """

    images: Integer = Field(
        default=1000,
        ge=10,
        description="Validation images, taken in turn from every class; by default 20 to 1000.",
    )
    values: List[Literal["S1", "ST", "shapley"]] = Field(
        default=("S1", "ST", "shapley"),
        min_length=1,
        description="Indices whose maps choose what is masked.",
    )
    factors: Literal["augmentations", "all"] = Field(
        default="all",
        description="Factors whose maps choose: `augmentations`, or `all` of the design.",
    )
    fractions: List[Annotated[Number, Field(gt=0, le=1)]] = Field(
        default=(0.5, 0.4, 0.3, 0.2, 0.1),
        min_length=2,
        description="Shares of a layer's activations or channels that are scaled.",
    )
    scales: List[Number] = Field(
        default=(0, 0.5, 1.5), min_length=1, description="Numbers that they are multiplied by."
    )
    levels: List[Literal["activation", "channel"]] = Field(
        default=("activation", "channel"),
        min_length=1,
        description="What is ranked and scaled, `activation` or whole `channel`. Only the first "
        "sees every input; others see the untouched images and their own augmentation.",
    )
    layers: List[Literal["together", "each"]] = Field(
        default=("together", "each"),
        min_length=1,
        description="Which layers with positions are masked: all `together`, or `each` alone. As "
        "with levels, only the first sees every input.",
    )
    random_masks: Integer = Field(
        default=20, ge=2, description="Random masks of equal size beside every mask."
    )
    draws: Integer = added(
        1,
        ge=1,
        le=100,
        description="Random draws of the augmentation of an input per image, 3 as published: "
        "numbers are means over them. Intervals are over images.",
    )
    soft: bool = added(
        False,
        description="Also multiply every activation by its index itself, and by one minus its "
        "index, as published; beside both, the same with the positions of the map permuted.",
    )
    bootstrap: Resamples = 1000
