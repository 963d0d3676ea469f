"""How large autoencoders and flows are, told without building them.

Needs no torch. Numbers are those of the networks that are built, to about a fifth.
"""

__all__ = [
    "autoencoder_alive",
    "autoencoder_products",
    "autoencoder_weights",
    "flow_weights",
]

from math import prod

from actsense.invariance.autoencoder.settings import AutoencoderSettings
from actsense.invariance.flow.settings import FlowSettings
from actsense.layers import Layer

NUMBER = 4  # bytes
WIDEST = 8  # widths at the coarsest grid, at most
# Weights of convolutions, for every square of the channels at the coarsest grid.
CONVOLUTIONS = {"small": 17, "medium": 112}
COARSEST = 3 * 16  # weights of every channel there and number of a latent
# Weights of the published one at its width, for images of that side and larger ones.
PUBLISHED, PUBLISHED_WIDTH, PUBLISHED_SIDE = 125e6, 96, 64
PIXEL_PRODUCTS = 40  # for every pixel and square of the width
PIXEL_NUMBERS = 8  # that are alive for every pixel and channel at the finest grid
KERNEL = 16  # weights of a halving for every pair of channels
DOUBLED = 22  # squares of the channels at most that halvings and the last layer have together


def autoencoder_weights(settings: AutoencoderSettings, side: int) -> float:
    """Return about how many weights an autoencoder of images of that side has."""
    width = settings.channels
    if settings.architecture == "published":
        smaller = min(1.0, side / PUBLISHED_SIDE)
        return PUBLISHED * smaller * (width / PUBLISHED_WIDTH) ** 2
    widest = min(WIDEST, max(1, side // 8)) * width
    convolutions = CONVOLUTIONS[settings.architecture] * widest**2 * max(1.0, side / 52)
    return convolutions + COARSEST * widest * settings.latent


def autoencoder_products(settings: AutoencoderSettings, side: int) -> float:
    """Return about how many products an image takes on its way through both halves."""
    return float(PIXEL_PRODUCTS * settings.channels**2 * side**2)


def autoencoder_alive(settings: AutoencoderSettings, side: int, batch: int) -> float:
    """Return the megabytes that are alive while a batch passes an autoencoder and back."""
    return batch * NUMBER * PIXEL_NUMBERS * settings.channels * side**2 / 1e6


def flow_weights(settings: FlowSettings, latent: int, layer: Layer) -> float:
    """Return about how many weights the flow of a layer has.

    Arguments:
        settings: Its settings.
        latent: Numbers of a latent.
        layer: The layer that it is conditioned on.
    """
    embedder, width = settings.embedder, settings.width
    size = embedder.size or latent
    inner = width * ((latent // 2 + size) + settings.hidden * width)
    couplings = 2 * (inner * (2 if settings.networks == "separate" else 1) + width * latent)
    channels, *sides = layer.shape
    if prod(sides) <= 1:
        widths = [channels, *(embedder.widths or ()), size]
        layers = len(widths) - 1 if embedder.widths else embedder.depth - 1
        embedding = layers * max(widths) ** 2
    else:
        embedding = min(
            KERNEL * channels * embedder.channels + DOUBLED * embedder.channels_most**2,
            KERNEL * (channels + 4 * size) * embedder.channels,
        )
    return float(settings.blocks * couplings + embedding)
