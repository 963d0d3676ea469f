"""The settings of the autoencoder that stands behind every flow of a study."""

__all__ = ["Adversary", "AutoencoderSettings"]

from typing import Annotated, Literal

from pydantic import Field

from actsense.settings import Integer, Number, Section


class Adversary(Section):
    """A network that learns to tell reconstructions from images, and makes them sharper."""

    start: Annotated[Number, Field(ge=0, lt=1)] = Field(
        default=0.5, description="Share of the training after which it is listened to."
    )
    weight: Annotated[Number, Field(gt=0)] = Field(
        default=0.5,
        description="Length of its gradient, at the last layer of the decoder, in lengths of the "
        "gradient of all that is measured.",
    )
    width: Annotated[Integer, Field(ge=1)] = Field(
        default=64, description="Channels of its first layer."
    )
    learning_rate: Annotated[Number, Field(gt=0)] = Field(
        default=0.0002, description="Its own, constant learning rate."
    )


class AutoencoderSettings(Section):
    """The autoencoder between images and the latents that flows work on.

    The defaults take 24 s of one core on the digits of the default study, 5,388 images of 32
    pixels, behind the layers of its `bag`. To its network `small`, 93 % of the validation images
    keep their class, and centred cosines are 0.87 (stage 2) to 0.96 (logits).
    """

    architecture: Literal["small", "medium", "published"] = Field(
        default="small",
        description="`small` and `medium` are convolutional, without and with residual blocks; "
        "`published` is a ResNet-101 and the generator of BigGAN.",
    )
    latent: Annotated[Integer, Field(ge=2, multiple_of=2)] = Field(
        default=64, description="Numbers that stand for an image; even, for flows halve them."
    )
    width: Literal["auto"] | Annotated[Integer, Field(ge=1)] = Field(
        default="auto",
        description="Channels at the finest grid; `auto`, 16, 32 or 96 by the architecture.",
    )
    epochs: Annotated[Integer, Field(ge=1)] = Field(
        default=4, description="Passes over the training images."
    )
    batch_size: Annotated[Integer, Field(ge=4)] = Field(
        default=32, description="Images per step of the training, at most."
    )
    learning_rate: Annotated[Number, Field(gt=0)] = Field(
        default=0.01,
        description="Largest learning rate of the course of the training: of networks from "
        "scratch at 32 pixels; the published one needs a tenth or less.",
    )
    weight_decay: Annotated[Number, Field(ge=0)] = Field(
        default=0.01, description="Weight decay of AdamW."
    )
    perceptual: Annotated[Number, Field(ge=0)] = Field(
        default=0.5,
        description="Weight of the difference between what another network sees in an image and "
        "in its reconstruction, in standard deviations, beside that of pixels.",
    )
    divergence: Annotated[Number, Field(ge=0)] = Field(
        default=0.00002,
        description="Weight of the divergence of latents from a normal distribution, in nats per "
        "image. Large values blur what images show.",
    )
    noise: Annotated[Number, Field(gt=0, lt=1)] = Field(
        default=0.1,
        description="Least noise of a latent, in standard deviations over images: without it, "
        "flows learn the training images by heart.",
    )
    adversary: Adversary | None = Field(
        default=None, description="Makes reconstructions sharper, or empty."
    )
