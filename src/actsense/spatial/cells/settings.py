"""Which cells are masked, in which orders."""

__all__ = ["Cells"]

from typing import Literal

from pydantic import Field

from actsense.settings import Integer, List, Resamples, Section, ValidationImages


class Cells(Section):
    """Predictions when cells of the image are masked in the order of a map."""

    images: ValidationImages = 200
    size: Integer = Field(default=8, ge=1, description="Side of a cell, pixels.")
    methods: List[
        Literal[
            "gradient", "integrated_gradients", "smoothgrad", "occlusion", "regions", "evidence"
        ]
    ] = Field(
        default=(
            *("gradient", "integrated_gradients", "smoothgrad"),
            *("occlusion", "regions", "evidence"),
        ),
        min_length=1,
        description="Maps that order the cells, beside random orders and a greedy search.",
    )
    fills: List[Literal["mean", "zero", "blur"]] = Field(
        default=("mean", "zero", "blur"),
        min_length=1,
        description="What masked cells show: `mean` of each channel of the image, `zero` of the "
        "network's normalised input, or a `blur` of the image.",
    )
    random_orders: Integer = Field(
        default=5, ge=1, description="Random orders of the cells of every image."
    )
    greedy_images: Integer = Field(
        default=10,
        ge=0,
        description="Images of the greedy search, the slowest part; 0 for none.",
    )
    samples: Integer = Field(
        default=25, ge=1, description="Noisy copies of an image behind a SmoothGrad map."
    )
    steps: Integer = Field(
        default=25,
        ge=1,
        description="Points on the way from the baseline, for integrated gradients.",
    )
    bootstrap: Resamples = 1000
