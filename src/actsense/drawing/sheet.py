"""Sheets of small pictures and words, in inches."""

__all__ = ["put_frame", "put_picture", "sheet", "write"]

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from actsense.drawing.style import place


def sheet(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Return axes without lines, at a place of a figure, whose units are inches from above."""
    axis = place(figure, left, top, width, height)
    axis.set_axis_off()
    axis.set_xlim(0, width)
    axis.set_ylim(height, 0)
    return axis


def put_picture(axis: Axes, pixels: NDArray[np.uint8], x: float, y: float, side: float) -> None:
    """Draw an image, (3, side, side), its upper left corner at a place of a sheet."""
    limits = axis.get_xlim(), axis.get_ylim()
    axis.imshow(np.moveaxis(pixels, 0, -1), extent=(x, x + side, y + side, y), aspect="auto")
    axis.set(xlim=limits[0], ylim=limits[1])


def put_frame(axis: Axes, x: float, y: float, side: float, **how: Any) -> None:
    """Draw a frame around the picture at a place of a sheet, outside of it."""
    style = {"fill": False, "linewidth": 1.6} | how
    axis.add_patch(Rectangle((x, y), side, side, **style))


def write(axis: Axes, x: float, y: float, words: str, size: float = 8, **how: Any) -> None:
    """Write words on a sheet; they hang below a place unless `va` says otherwise."""
    axis.text(x, y, words, fontsize=size, **({"va": "top"} | how))
