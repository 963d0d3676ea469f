"""Which augmentations act together, and how often they are drawn."""

__all__ = ["DIVIDED", "DesignSettings"]

from typing import Annotated, Literal

from pydantic import Field

from actsense.sampling.designs import CONTEXT, PARTS
from actsense.settings import Integer, List, PowerOfTwo, Section

DIVIDED = ("patch_shuffle", "patch_mask")  # augmentations that draw one of the divisions


class DesignSettings(Section):
    """A group of augmentations that act together."""

    augmentations: List[
        Literal[
            "erasing",
            "sharpness_const",
            "rolling",
            "grayscaling",
            "gaussian_blur",
            "brightness",
            "contrast",
            "saturation",
            "hue",
            "hflip",
            "rotation",
            "elliptic_local_blur",
            "patch_shuffle",
            "patch_mask",
        ]
    ] = Field(min_length=1, description="Names of the augmentations, in the order of the results.")
    divisions: List[Annotated[Integer, Field(ge=2, le=16)]] = Field(
        default=(2, 4, 8),
        min_length=1,
        description="Patches along each side, for `patch_shuffle` and `patch_mask`; one is drawn.",
    )
    analyses: bool = Field(
        default=True,
        description="Whether correlation, LDA, masking, single classes and segments include the "
        "design.",
    )
    base_points: PowerOfTwo = Field(description="Base points of every replicate; a power of two.")
    replicates: Integer = Field(
        default=8,
        ge=2,
        description="Independent scrambles of the sequence, from which the intervals come.",
    )
    walks: Integer = Field(
        default=2,
        ge=1,
        description="Shapley walks per base point; every second one reverses the one before. A "
        "pair costs least for its precision (measured on the g-function with eight factors).",
    )
    law: Literal["switched", "always"] = Field(
        default="switched",
        description="`switched`: every augmentation is on with probability one half. `always`: "
        "those with parameters are always on.",
    )
    stretch: bool = Field(
        default=False,
        description="Stretch every channel to [0, 1] after augmentation, as the published study.",
    )
    shards: Literal["auto"] | Annotated[Integer, Field(ge=1)] = Field(
        default="auto",
        description="Sampling jobs per replicate. `auto`: the fewest whose activations fit eight "
        "times into the budget and, where the speed of a network is known, that end within "
        "`job_minutes`; replicates that are sampled within two minutes together share a job. "
        "Another number makes the replicates again, so settle it before a long run.",
    )

    @property
    def factors(self) -> tuple[str, ...]:
        """Names behind every index of the design: its factors, then the parts of the last."""
        return (*self.augmentations, *CONTEXT, *PARTS)
