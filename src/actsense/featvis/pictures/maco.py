r"""Pictures whose waves keep the magnitudes of natural images, and have phases alone to change.

With M the mean magnitudes of the study's images and phi the parameters,

    z = irfft2(M exp(i phi)),   image = sigmoid(mean + A z)

in the colours that the magnitudes were measured in, so that nothing has to be standardised. Four
waves of a picture with an even side, the constant among them, are real and have no phase: they are
M cos(phi), and so M at most. The brightness of a picture is free within these bounds.
"""

__all__ = ["Maco"]

import torch
from torch import Tensor

from actsense.featvis.pictures.statistics import ImageStatistics

STEEP = 0.99  # largest cosine of a real wave at the start: at 1 it could not change


class Maco:
    """Pictures with the magnitudes of natural images.

    Arguments:
        starts: Start images, (pictures, 3, side, side) in [0, 1], whose phases are taken.
        statistics: What the study's images are like, of the same side.

    Attributes:
        parameters: Phases, radians, (pictures, 3, side, side // 2 + 1).
        rate: Rate of learning for Adam.
        editable: Whether `images` returns what `replace` was given: it has its phases alone.

    Raises:
        ValueError: If the statistics are those of another side.

    Source:
        Fel et al. (2023), Unlocking feature visualization for deeper networks with magnitude
        constrained optimization, NeurIPS.
    """

    rate = 0.1
    editable = False

    def __init__(self, starts: Tensor, statistics: ImageStatistics) -> None:
        self._side = starts.shape[-1]
        if statistics.side != self._side:
            raise ValueError(
                f"Magnitudes of images of {statistics.side} pixels do not fit pictures of "
                f"{self._side}."
            )
        self._statistics = statistics
        own = [0] if self._side % 2 else [0, self._side // 2]
        self._real = torch.zeros_like(statistics.magnitude, dtype=torch.bool)
        for row in own:
            self._real[:, row, own] = True
        # Without imaginary parts there: transforms may differ in what they make of such.
        self._turning = statistics.magnitude.masked_fill(self._real, 0)
        self.parameters = [self._phases(starts).requires_grad_()]

    def images(self) -> Tensor:
        """Return the pictures, (pictures, 3, side, side) in [0, 1]."""
        (phases,) = self.parameters
        waves = torch.complex(
            self._statistics.magnitude * phases.cos(), self._turning * phases.sin()
        )
        return self._statistics.recolour(torch.fft.irfft2(waves, s=(self._side, self._side)))

    def replace(self, images: Tensor) -> None:
        """Take the phases of other images, in place."""
        with torch.no_grad():
            self.parameters[0].copy_(self._phases(images))

    def _phases(self, images: Tensor) -> Tensor:
        waves = torch.fft.rfft2(self._statistics.decorrelate(images.detach()))
        tiny = torch.finfo(waves.real.dtype).tiny
        cosines = (waves.real / self._statistics.magnitude.clamp(min=tiny)).clamp(-STEEP, STEEP)
        return torch.where(self._real, cosines.acos(), waves.angle())
