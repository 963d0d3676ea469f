"""The published encoder and decoder: a ResNet-101, and the generator of BigGAN on latents.

The first numbers of a latent are the start of a map of 4x4 places; of the others, every block that
doubles the map has twenty. All of them together also choose a soft class, whose embedding every
block gets as well: it scales and shifts its channels by class and by its twenty numbers.
"""

__all__ = ["PublishedDecoder", "PublishedEncoder"]

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from actsense.invariance.autoencoder.settings import CHUNK

BLOCKS = (3, 4, 23, 3)  # of a ResNet-101
COARSEST = 4  # side of the first map, pixels
CLASSES, EMBEDDED, HIDDEN = 1000, 128, 2000  # soft classes, their embedding, widths to get there
# Channels of the first map and behind every block, in widths, by the side of the images.
CHANNELS = {
    32: (4, 4, 4, 4),
    64: (16, 16, 8, 4, 2),
    128: (16, 16, 8, 4, 2, 1),
    256: (16, 16, 8, 8, 4, 2, 1),
}
ATTENTIVE = 64  # side of the map with self-attention, pixels; where images are smaller, the last


class PublishedEncoder(nn.Module):
    """A ResNet-101 with as many outputs as asked for.

    Arguments:
        outputs: Numbers per image.
        blocks: Residual blocks of every stage.
    """

    def __init__(self, outputs: int, blocks: tuple[int, ...] = BLOCKS) -> None:
        super().__init__()
        # Takes seconds, which only this architecture pays for.
        from torchvision.models.resnet import Bottleneck, ResNet

        self.network = ResNet(Bottleneck, [*blocks], num_classes=outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Map images in [-1, 1], (batch, 3, side, side), to numbers, (batch, outputs)."""
        found: Tensor = self.network(images)
        return found


class PublishedDecoder(nn.Module):
    """The generator of BigGAN, fed by a latent in place of noise and a class.

    Arguments:
        side: Side of the square images, pixels: 32, 64, 128 or 256.
        latent: Numbers per image: more than twenty for every block.
        width: Channels of the last map; 96 as published.

    Raises:
        KeyError: If there is none for the side, see `AutoencoderSettings.check_side`.

    Source:
        Brock, Donahue & Simonyan (2019), Large scale GAN training for high fidelity natural image
        synthesis, ICLR; Rombach, Esser & Ommer (2020), Making sense of CNNs, ECCV.
    """

    def __init__(self, side: int, latent: int, *, width: int) -> None:
        super().__init__()
        channels = [width * factor for factor in CHANNELS[side]]
        count = len(channels) - 1
        self._split = [latent - CHUNK * count, *[CHUNK] * count]
        self.soft_class = _soft_class(latent)
        self.embedding = nn.Linear(CLASSES, EMBEDDED, bias=False)
        self.first = spectral_norm(nn.Linear(self._split[0], channels[0] * COARSEST**2))
        self.blocks = nn.ModuleList(
            _Block(channels[k], channels[k + 1], EMBEDDED + CHUNK) for k in range(count)
        )
        self.attentive = min(ATTENTIVE, side // 2)
        sides = [COARSEST * 2 ** (k + 1) for k in range(count)]
        self.attention = _Attention(channels[1 + sides.index(self.attentive)])
        self.norm = nn.BatchNorm2d(channels[-1])
        self.image = _convolution(channels[-1], 3, 3)

    @property
    def last(self) -> nn.Parameter:
        """Weights of the last layer, before they are divided by their norm."""
        weight: nn.Parameter = self.image.parametrizations.weight.original  # type: ignore
        return weight

    def forward(self, latents: Tensor) -> Tensor:
        """Map latents, (batch, latent), to images in [0, 1], (batch, 3, side, side)."""
        first, *chunks = torch.split(latents, self._split, dim=1)
        embedded = self.embedding(self.soft_class(latents))
        maps: Tensor = self.first(first).unflatten(1, (-1, COARSEST, COARSEST))
        for block, chunk in zip(self.blocks, chunks, strict=True):
            maps = block(maps, torch.cat([embedded, chunk], dim=1))
            if maps.shape[-1] == self.attentive:
                maps = self.attention(maps)
        image: Tensor = self.image(functional.relu(self.norm(maps)))
        return (image.tanh() + 1) / 2


class _Block(nn.Module):
    """Doubles the side of maps; a residual block whose norms follow a condition."""

    def __init__(self, inputs: int, outputs: int, condition: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = _Norm(inputs, condition), _Norm(outputs, condition)
        self.conv1, self.conv2 = (
            _convolution(inputs, outputs, 3),
            _convolution(outputs, outputs, 3),
        )
        self.shortcut = _convolution(inputs, outputs, 1)

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        found = functional.relu(self.norm1(maps, condition))
        found = self.conv1(_doubled(found))
        found = self.conv2(functional.relu(self.norm2(found, condition)))
        # The same as after doubling, and cheaper.
        both: Tensor = found + _doubled(self.shortcut(maps))
        return both


class _Norm(nn.Module):
    """Batch normalisation whose scales and shifts are linear in a condition."""

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.scale = spectral_norm(nn.Linear(condition, channels, bias=False))
        self.shift = spectral_norm(nn.Linear(condition, channels, bias=False))

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.scale(condition), self.shift(condition)  # (batch, channels)
        normed: Tensor = self.norm(maps)
        changed: Tensor = normed * (1 + scale[:, :, None, None]) + shift[:, :, None, None]
        return changed


class _Attention(nn.Module):
    """Adds to every place what others show, weighted by how well they fit; nothing at first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow, half = max(1, channels // 8), max(1, channels // 2)
        self.query = _convolution(channels, narrow, 1, bias=False)
        self.key = _convolution(channels, narrow, 1, bias=False)
        self.value = _convolution(channels, half, 1, bias=False)
        self.out = _convolution(half, channels, 1, bias=False)
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, maps: Tensor) -> Tensor:
        query = self.query(maps).flatten(2)  # (batch, narrow, places)
        key = functional.max_pool2d(self.key(maps), 2).flatten(2)  # (batch, narrow, places / 4)
        value = functional.max_pool2d(self.value(maps), 2).flatten(2)
        fit = (query.mT @ key).softmax(dim=-1)  # (batch, places, places / 4)
        found = self.out((value @ fit.mT).unflatten(2, maps.shape[2:]))
        changed: Tensor = maps + self.weight * found
        return changed


def _soft_class(latent: int) -> nn.Sequential:
    widths = [latent, HIDDEN, HIDDEN, HIDDEN]
    parts: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        parts += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2)]
    return nn.Sequential(*parts, nn.Linear(HIDDEN, CLASSES), nn.Softmax(dim=1))


def _convolution(inputs: int, outputs: int, side: int, *, bias: bool = True) -> nn.Module:
    return spectral_norm(nn.Conv2d(inputs, outputs, side, padding=side // 2, bias=bias))


def _doubled(maps: Tensor) -> Tensor:
    """Copy every place to 2x2 places."""
    return functional.interpolate(maps, scale_factor=2)
