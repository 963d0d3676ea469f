"""The convolutional encoder and decoder: light enough for a CPU at 32 pixels."""

__all__ = ["ConvolutionalDecoder", "ConvolutionalEncoder"]

from torch import Tensor, nn
from torch.nn import functional

from actsense.errors import ConfigError

COARSEST = range(4, 8)  # sides of the last map, pixels
WIDEST = 8  # of the last map, in widths of the first


class ConvolutionalEncoder(nn.Sequential):
    """Convolutions that halve the side and double the channels, and a linear layer.

    Arguments:
        side: Side of the square images, pixels.
        outputs: Numbers per image.
        width: Channels at half the side; they grow up to 8 times as many.
        residual: Residual blocks at every size.

    Raises:
        ConfigError: If the side cannot be halved down to 4 to 7 pixels.
    """

    def __init__(self, side: int, outputs: int, *, width: int, residual: int) -> None:
        channels, coarsest = _plan(side, width)
        parts = [nn.PixelUnshuffle(2), *_convolution(12, channels[0])]
        for k, count in enumerate(channels):
            parts += _convolution(channels[k - 1], count, halving=True) if k else []
            parts += [_Residual(count) for _ in range(residual)]
        last = nn.Linear(channels[-1] * coarsest**2, outputs)
        super().__init__(*parts, nn.Flatten(), last)


class ConvolutionalDecoder(nn.Sequential):
    """The way back: a linear layer, and convolutions that double the side.

    Arguments:
        side: Side of the square images, pixels.
        latent: Numbers per image.
        width: As of the encoder.
        residual: As of the encoder.

    Raises:
        ConfigError: As of the encoder.
    """

    def __init__(self, side: int, latent: int, *, width: int, residual: int) -> None:
        channels, coarsest = _plan(side, width)
        first = nn.Linear(latent, channels[-1] * coarsest**2)
        parts = [first, nn.Unflatten(1, (channels[-1], coarsest, coarsest))]
        parts += [nn.BatchNorm2d(channels[-1]), nn.ReLU()]
        for k, count in reversed([*enumerate(channels)]):
            parts += [_Residual(count) for _ in range(residual)]
            parts += _doubling(count, channels[k - 1]) if k else []
        last = nn.Conv2d(channels[0], 12, 3, padding=1)
        super().__init__(*parts, last, nn.PixelShuffle(2), nn.Sigmoid())
        self._last = len(parts)

    @property
    def last(self) -> nn.Parameter:
        """Weights of the last layer."""
        weight: nn.Parameter = self[self._last].weight  # type: ignore[assignment]
        return weight


class _Residual(nn.Module):
    """What a block of two convolutions finds, added to what it is given."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        second = _convolution(channels, channels)[:-1]
        self.block = nn.Sequential(*_convolution(channels, channels), *second)

    def forward(self, features: Tensor) -> Tensor:
        return functional.relu(features + self.block(features))


def _plan(side: int, width: int) -> tuple[list[int], int]:
    """Return the channels of every size, the finest first, and the side of the coarsest."""
    halvings, coarsest = 0, side
    while coarsest > COARSEST[-1] and coarsest % 2 == 0:
        halvings, coarsest = halvings + 1, coarsest // 2
    if coarsest not in COARSEST or halvings < 2:
        raise ConfigError(
            f"autoencoder: images of {side} pixels cannot be halved down to {COARSEST[0]} to "
            f"{COARSEST[-1]} pixels. Use images of 32, 48, 64, 96, 128, 224 or 256 pixels."
        )
    return [width * min(2**k, WIDEST) for k in range(halvings)], coarsest


def _convolution(inputs: int, outputs: int, *, halving: bool = False) -> list[nn.Module]:
    side, stride = (4, 2) if halving else (3, 1)
    convolution = nn.Conv2d(inputs, outputs, side, stride=stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


def _doubling(inputs: int, outputs: int) -> list[nn.Module]:
    # Copied and convolved: transposed convolutions take half the time and leave half as much more
    # error, a checked pattern in smooth images.
    return [nn.Upsample(scale_factor=2), *_convolution(inputs, outputs)]
