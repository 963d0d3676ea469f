"""What every picture model can do, and the one that settings ask for."""

__all__ = ["PictureModel", "make_model"]

from typing import Protocol

from torch import Tensor

from actsense.featvis.pictures.fourier import Fourier
from actsense.featvis.pictures.maco import Maco
from actsense.featvis.pictures.pixels import Pixels
from actsense.featvis.pictures.statistics import ImageStatistics
from actsense.featvis.settings import Picture


class PictureModel(Protocol):
    """Pictures as a function of numbers that an optimiser changes.

    Attributes:
        parameters: These numbers, leaves whose first axis is the picture; a picture depends on
            its own alone.
        rate: Rate of learning that suits them with Adam.
        editable: Whether `images` returns exactly what `replace` was given.
    """

    parameters: list[Tensor]
    rate: float
    editable: bool

    def images(self) -> Tensor:
        """Return the pictures, (pictures, 3, side, side) in [0, 1]; gradients flow."""

    def replace(self, images: Tensor) -> None:
        """Put in other images of this shape, in place: what an optimiser knows stays valid."""


def make_model(settings: Picture, starts: Tensor, statistics: ImageStatistics) -> PictureModel:
    """Return pictures that are the start images, as near as their model comes to these.

    Arguments:
        settings: The section `picture`.
        starts: Start images, (pictures, 3, side, side) in [0, 1], on the device.
        statistics: Of the study's images, of the same side.
    """
    statistics = statistics.to(starts.device)
    if settings.model == "pixels":
        return Pixels(starts)
    if settings.model == "maco":
        return Maco(starts, statistics)
    return Fourier(starts, statistics, decay=settings.decay)
