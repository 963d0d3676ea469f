"""The settings of invariances: of which layers, learned from what, and how they are measured."""

__all__ = ["Demos", "Factors", "Invariance"]

from typing import Annotated, Literal

from pydantic import Field

from actsense.invariance.autoencoder.settings import AutoencoderSettings
from actsense.invariance.factors.settings import FactorSettings
from actsense.invariance.flow.settings import FlowSettings
from actsense.invariance.kept.settings import Inversion
from actsense.settings import Integer, List, Number, Resamples, Section

Positive = Annotated[Integer, Field(ge=1)]


class Demos(Section):
    """What is shown of every layer by way of example."""

    images: Annotated[Integer, Field(ge=2)] | Annotated[List[Integer], Field(min_length=2)] = (
        Field(
            default=6,
            description="Anchors that are shown, in turn from every class; or their rows.",
        )
    )
    layers: List[str] | None = Field(
        default=None, description="Layers whose demos are drawn; empty for the last one."
    )
    samples: Annotated[Integer, Field(ge=2)] = Field(
        default=4, description="Samples of every image."
    )
    epsilon: Annotated[Number, Field(ge=0)] = Field(
        default=0.03,
        description="How far an attack moves a value of an image, in [0, 1], at most.",
    )
    clip: str | None = Field(
        default=None,
        description="File of the video that moves a still image, a GIF or what PyAV reads; empty "
        "for one that is made up.",
    )
    bias: Annotated[List[str], Field(min_length=2, max_length=2)] | None = Field(
        default=None,
        description="Two networks that are compared for texture bias; empty for the first two, if "
        "there are two.",
    )


class Factors(FactorSettings):
    """Concepts that latents are split into, and where they are followed."""

    concepts: str = Field(
        default="classes",
        description="What pairs of images share: `classes`, the class; `digits`, for the dataset "
        "of digits, the same digit or the same background, on images that are made for it; or a "
        "CSV file with a column `path` as in the manifest and one column for every concept.",
    )
    pairs: Annotated[Integer, Field(ge=10)] = Field(
        default=20_000, description="Pairs that are drawn of every concept, to train on."
    )
    layers: List[str] | None = Field(
        default=None,
        description="Layers whose share of every concept is told; empty for all that are looked "
        "at.",
    )
    training: bool = Field(
        default=True,
        description="Whether networks are followed over their `checkpoints`, in the last of these "
        "layers.",
    )


class Invariance(Section):
    """What layers keep of images and what they discard, by conditional invertible networks."""

    networks: List[str] = Field(
        default=(),
        description="Networks that are looked at. None by default: an autoencoder and a flow for "
        "every layer have to be trained.",
    )
    layers: Literal["auto"] | Annotated[List[str], Field(min_length=1)] = Field(
        default="auto",
        description="Layers that are looked at; `auto`, the last with positions, what the "
        "classifier reads, and the logits, as far as they are recorded.",
    )
    images: Annotated[Integer, Field(ge=20)] = Field(
        default=100_000, description="Train images that autoencoder and flows learn from, at most."
    )
    validation: Annotated[Integer, Field(ge=20)] = Field(
        default=5_000,
        description="Validation images that tell when a flow has learned enough, at most.",
    )
    perceptual: Literal["auto"] | str | None = Field(
        default="auto",
        description="Network whose layers tell the autoencoder what matters in images, and judge "
        "how real samples look; none of `networks`. `auto`, the first other one; empty for none.",
    )
    autoencoder: AutoencoderSettings = AutoencoderSettings()
    flow: FlowSettings = FlowSettings()
    anchors: Annotated[Integer, Field(ge=4)] = Field(
        default=200,
        description="Validation images whose invariances are sampled, in turn from every class.",
    )
    samples: Annotated[Integer, Field(ge=2)] = Field(
        default=16, description="Samples of every anchor."
    )
    random: bool = Field(
        default=True,
        description="Whether all is done once more with random weights of the same architecture.",
    )
    inversion: Inversion | None = Field(
        default=Inversion(),
        description="Optimised images that a layer says the same of, beside samples; or empty.",
    )
    inverted: Positive = Field(default=8, description="Anchors that are inverted.")
    augmentations: List[str] | None = Field(
        default=None,
        description="Augmentations that samples are compared with; empty for all of the designs.",
    )
    rank: Positive = Field(
        default=2, description="Directions in the latent that stand for an augmentation."
    )
    factors: Factors | None = Field(
        default=None, description="Concepts that latents are split into, or empty for none."
    )
    demos: Demos = Demos()
    bootstrap: Resamples = 2000
