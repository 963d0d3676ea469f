r"""What images of a study are like: their mean colour, its spread, and their mean spectrum.

All is measured on the logits of colours, since pictures are sums of waves there:

    image = sigmoid(mean + A z)

where z holds three colours that do not correlate, brightness first, and A is a square root of the
covariance of the logits. Its columns are principal axes; they are scaled so that the longest has
length 1.
"""

__all__ = ["ImageStatistics", "frequencies"]

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

EXTREME = 0.02  # colours are kept this far from 0 and 1, where a logit is infinite
FAINTEST = 1e-3  # smallest variance of a colour, in largest ones: grey images have no others
# Lucid's, of photographs of ImageNet: principal axes of their colours times standard deviations.
TYPICAL_COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
TYPICAL_CONTRAST = 2.2  # standard deviation of z in photographs


@dataclass(frozen=True)
class ImageStatistics:
    """What images of a study are like.

    Attributes:
        mean: Mean of the logits of every colour, (3,) float32.
        colours: The square root A of the covariance of these logits, (3, 3) float32, longest
            column of length 1.
        magnitude: Mean magnitude of the unnormalised `rfft2` of z, (3, side, side // 2 + 1)
            float32.
    """

    mean: Tensor
    colours: Tensor
    magnitude: Tensor

    @property
    def side(self) -> int:
        """Side of the images that were measured, pixels."""
        return self.magnitude.shape[1]

    def to(self, device: torch.device | str) -> Self:
        """Return the statistics on a device."""
        parts = (self.mean, self.colours, self.magnitude)
        return type(self)(*(part.to(device) for part in parts))

    def decorrelate(self, images: Tensor) -> Tensor:
        """Return z of images in [0, 1], (batch, 3, side, side)."""
        centred = _logits(images) - self.mean[:, None, None]
        return _mixed(torch.linalg.inv(self.colours), centred)

    def recolour(self, z: Tensor) -> Tensor:
        """Return the images that z stands for, (batch, 3, side, side) in [0, 1]."""
        return torch.sigmoid(_mixed(self.colours, z) + self.mean[:, None, None])

    @classmethod
    def measure(cls, batches: Iterable[Tensor]) -> Self:
        """Measure images, batch by batch.

        Arguments:
            batches: Images in [0, 1], each (images, 3, side, side), on one device. They are gone
                through twice: colours must be known before their waves are.

        Raises:
            ValueError: If batches can be gone through once only, as those of a generator, or
                there is no image.

        Source:
            Colours: Olah, Mordvintsev & Schubert (2017), Feature visualization, Distill.
            Magnitudes: Fel et al. (2023), Unlocking feature visualization for deeper networks
            with magnitude constrained optimization, NeurIPS; of the decorrelated colours.
        """
        if isinstance(batches, Iterator):
            raise ValueError("`batches` must be a list, or what else can be gone through twice.")
        mean, colours = _colours(batches)
        known = cls(mean, colours, magnitude=torch.empty(0))
        total, images = torch.zeros((), dtype=torch.float64, device=mean.device), 0
        for batch in batches:
            waves = torch.fft.rfft2(known.decorrelate(batch)).abs()
            total = total + waves.double().sum(dim=0)
            images += len(batch)
        return cls(mean, colours, (total / images).float())

    @classmethod
    def typical(cls, side: int) -> Self:
        """Return those of photographs at large: magnitudes fall with the frequency.

        Arguments:
            side: Side of the pictures, pixels.

        Source:
            Colours: Olah, Mordvintsev & Schubert (2017), as in Lucid. Spectrum: Field (1987),
            Relations between the statistics of natural images, JOSA A.
        """
        colours = torch.tensor(TYPICAL_COLOURS)
        falling = 1 / frequencies(side)
        falling[0, 0] = 0
        power = TYPICAL_CONTRAST**2 * side**4 / _whole(falling.square(), side).sum()
        magnitude = falling * power.sqrt()
        magnitude[0, 0] = magnitude[0, 1]
        return cls(torch.zeros(3), _scaled(colours), magnitude.expand(3, -1, -1).clone())


def _logits(images: Tensor) -> Tensor:
    """Return logits of images in [0, 1]; those nearly black or white are taken as less so."""
    return torch.logit(images, eps=EXTREME)


def frequencies(side: int, device: torch.device | str = "cpu") -> Tensor:
    """Return frequencies of the waves of `rfft2`, cycles per pixel, (side, side // 2 + 1).

    That of a constant, 0, is given as the lowest other one, 1 / side, since all divide by it.
    """
    down = torch.fft.fftfreq(side, device=device)[:, None]
    right = torch.fft.rfftfreq(side, device=device)
    return torch.hypot(down, right).clamp(min=1 / side)


def _colours(batches: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the mean of logits, (3,), and the square root of their covariance, (3, 3)."""
    count, total, products = 0, torch.zeros(3), torch.zeros(3, 3)
    for batch in batches:
        # float64: variances are small differences of sums over millions of pixels.
        flat = _logits(batch.double()).transpose(0, 1).flatten(1)
        total = total.to(flat) + flat.sum(dim=1)
        products = products.to(flat) + flat @ flat.T
        count += flat.shape[1]
    if not count:
        raise ValueError("There is no image to measure.")
    mean = total / count
    variances, axes = torch.linalg.eigh(products / count - mean.outer(mean))
    variances, axes = variances.flip(0), axes.flip(1)
    # An axis has two directions: the one that brightens more is taken on every machine.
    axes = torch.where(axes.sum(dim=0) < 0, -axes, axes)
    if variances[0] <= 0:  # images of a single colour
        variances = torch.ones_like(variances)
    deviations = variances.clamp(min=FAINTEST * variances[0]).sqrt()
    return mean.float(), _scaled(axes * deviations).float()


def _scaled(colours: Tensor) -> Tensor:
    longest: Tensor = colours.norm(dim=0).max()
    return colours / longest


def _whole(half: Tensor, side: int) -> Tensor:
    """Return values of all waves from those of `rfft2`, which keeps one of two mirrored ones."""
    return torch.cat([half, half[:, 1 : (side + 1) // 2]], dim=1)


def _mixed(matrix: Tensor, images: Tensor) -> Tensor:
    """Multiply the colours of every pixel by a matrix."""
    return torch.einsum("dc,nchw->ndhw", matrix, images)
