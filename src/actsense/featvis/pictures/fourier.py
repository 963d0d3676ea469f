r"""Pictures as sums of waves of decorrelated colours.

With c the parameters, complex and one per wave and colour, and f the frequency of a wave in cycles
per pixel,

    z = irfft2(c side / (4 max(f, 1 / side)^decay)),   image = sigmoid(mean + A z)

A step of Adam then changes long waves more than short ones, as natural images have it. With a
decay of 1 a wave of k periods in the picture has the amplitude |c| / (2 k), whatever its side.
"""

__all__ = ["Fourier"]

import torch
from torch import Tensor

from actsense.featvis.pictures.statistics import ImageStatistics, frequencies


class Fourier:
    """Pictures as sums of waves of decorrelated colours.

    Arguments:
        starts: Start images, (pictures, 3, side, side) in [0, 1]. They are met exactly, but for
            colours within 0.02 of black or white.
        statistics: What the study's images are like.
        decay: How fast steps fall with the frequency.

    Attributes:
        parameters: Real and imaginary parts of c, (pictures, 3, side, side // 2 + 1, 2).
        rate: Rate of learning for Adam.
        editable: Whether `images` returns what `replace` was given: not so for extreme colours.

    Source:
        Olah, Mordvintsev & Schubert (2017), Feature visualization, Distill; scaled as in Lucid.
    """

    rate = 0.03
    editable = False

    def __init__(self, starts: Tensor, statistics: ImageStatistics, *, decay: float) -> None:
        self._side = starts.shape[-1]
        self._statistics = statistics
        self._scale = self._side / 4 / frequencies(self._side, starts.device) ** decay
        self.parameters = [self._fitted(starts).requires_grad_()]

    def images(self) -> Tensor:
        """Return the pictures, (pictures, 3, side, side) in [0, 1]."""
        waves = torch.view_as_complex(self.parameters[0]) * self._scale
        return self._statistics.recolour(torch.fft.irfft2(waves, s=(self._side, self._side)))

    def replace(self, images: Tensor) -> None:
        """Put in other images, in place."""
        with torch.no_grad():
            self.parameters[0].copy_(self._fitted(images))

    def _fitted(self, images: Tensor) -> Tensor:
        waves = torch.fft.rfft2(self._statistics.decorrelate(images.detach()))
        return torch.view_as_real(waves / self._scale).contiguous()
