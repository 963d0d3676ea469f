"""The settings of the autoencoder that stands behind every flow of a study."""

__all__ = ["Adversary", "AutoencoderSettings"]

from typing import Annotated, Literal

from pydantic import Field

from actsense.errors import ConfigError
from actsense.settings import Integer, Number, Section

SIDES = range(32, 257)  # of images, pixels
WIDTHS = {"small": 16, "medium": 32, "published": 96}
CHUNK = 20  # numbers of a latent that condition one block of the published decoder
BLOCKS = {32: 3, 64: 4, 128: 5, 256: 6}  # of the published decoder, by the side of the images
FIRST = 2  # numbers that its first map is made from, at least


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

    @property
    def channels(self) -> int:
        """Channels at the finest grid."""
        return WIDTHS[self.architecture] if self.width == "auto" else self.width

    def check_side(self, side: int) -> None:
        """Refuse images that there is no such autoencoder for.

        Arguments:
            side: Side of the square images, pixels.

        Raises:
            ConfigError: With the sizes that there are.
        """
        if side not in SIDES:
            raise ConfigError(
                f"invariance.autoencoder: images of {side} pixels. Allowed: {SIDES[0]} to "
                f"{SIDES[-1]} pixels; set dataset.image_size."
            )
        if self.architecture != "published":
            return
        if side not in BLOCKS:
            raise ConfigError(
                "invariance.autoencoder.architecture: the published one makes no images of "
                f"{side} pixels. Allowed: {', '.join(map(str, BLOCKS))}; or take another "
                "architecture."
            )
        least = CHUNK * BLOCKS[side] + FIRST
        if self.latent < least:
            raise ConfigError(
                f"invariance.autoencoder.latent: {self.latent} numbers are too few for the "
                f"published decoder at {side} pixels, which takes {CHUNK} for every block. "
                f"Allowed: {least} or more."
            )
