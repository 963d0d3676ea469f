"""From images to latents and back: the architectures, by the names of the settings."""

__all__ = ["Autoencoder", "build_autoencoder"]

import math

from torch import Tensor, nn
from torch.nn import functional

from actsense.errors import ConfigError
from actsense.invariance.autoencoder.convolutional import (
    ConvolutionalDecoder,
    ConvolutionalEncoder,
)
from actsense.invariance.autoencoder.published import PublishedDecoder, PublishedEncoder
from actsense.invariance.autoencoder.settings import AutoencoderSettings

LARGEST = 10.0  # of log-variances, as published
MOMENTUM = 0.05  # of the running moments of latents
RESIDUAL = {"small": 0, "medium": 2}  # blocks at every size


class Autoencoder(nn.Module):
    """An encoder of images as normal distributions of latents, and a decoder of latents.

    Means are standardised: over the images of a training every one of them has mean 0 and
    variance 1. The noise of a latent is thus in its standard deviations, and has a floor:

        variance = floor^2 (1 + exp(what the encoder says))

    Arguments:
        encoder: From images in [-1, 1] to means and log-variances, (batch, 2 latent).
        decoder: From latents to images in [0, 1]; has the weights of its last layer as `last`.
        latent: Numbers per image.
        side: Side of the square images, pixels.
        noise: Least standard deviation of a latent.

    Attributes:
        latent: Numbers per image.
        side: Side of the square images, pixels.
    """

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, *, latent: int, side: int, noise: float
    ) -> None:
        super().__init__()
        self.latent, self.side = latent, side
        self.encoder, self.decoder = encoder, decoder
        self.standard = nn.BatchNorm1d(latent, affine=False, momentum=MOMENTUM)
        self._least = 2 * math.log(noise)

    @property
    def last(self) -> nn.Parameter:
        """Weights of the decoder's last layer."""
        weight: nn.Parameter = self.decoder.last  # type: ignore[assignment]
        return weight

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of the latents of images, each (batch, latent).

        Arguments:
            images: Images in [0, 1], (batch, 3, side, side).

        Raises:
            ConfigError: If they are of another size.
        """
        if images.shape[1:] != (3, self.side, self.side):
            raise ConfigError(
                f"The autoencoder was made for images of {self.side} pixels and is given "
                f"{' x '.join(map(str, images.shape[1:]))} numbers each. Train one for these "
                "images, or show it its own."
            )
        found = self.encoder(2 * images - 1).float()  # moments of latents are never narrow
        mean, spread = found.chunk(2, dim=1)
        # Where the encoder says 0, as it nearly does at first, there is little noise: a decoder
        # that begins with much learns to do without latents.
        return self.standard(mean), self._least + functional.softplus(spread.clamp(max=LARGEST))

    def decode(self, latents: Tensor) -> Tensor:
        """Return images in [0, 1], (batch, 3, side, side), of latents, (batch, latent)."""
        images: Tensor = self.decoder(latents)
        return images.float()

    def forward(self, images: Tensor) -> Tensor:
        """Return reconstructions, (batch, 3, side, side), from the means of the latents."""
        return self.decode(self.encode(images)[0])


def build_autoencoder(settings: AutoencoderSettings, side: int) -> Autoencoder:
    """Build an autoencoder with weights drawn from PyTorch's own generator.

    Arguments:
        settings: Its settings.
        side: Side of the square images, pixels.

    Raises:
        ConfigError: If there is none for images of that size.
    """
    settings.check_side(side)
    latent, kind, width = settings.latent, settings.architecture, settings.channels
    encoder: nn.Module
    decoder: nn.Module
    if kind == "published":
        decoder = PublishedDecoder(side, latent, width=width)
        encoder = PublishedEncoder(2 * latent)
    else:
        blocks = RESIDUAL[kind]
        encoder = ConvolutionalEncoder(side, 2 * latent, width=width, residual=blocks)
        decoder = ConvolutionalDecoder(side, latent, width=width, residual=blocks)
    return Autoencoder(encoder, decoder, latent=latent, side=side, noise=settings.noise)
