"""Regions drawn on images: outlines of sets of cells, and everything else dimmed."""

__all__ = ["RELIABLE", "UNRELIABLE", "draw_cells", "outline", "shade", "show_picture"]

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from actsense.drawing.style import show_image

Bools = NDArray[np.bool_]
# Told apart by color and by dashes; both stand on white, to be seen on any image.
RELIABLE: dict[str, Any] = {"color": "#0072B2", "linestyle": "-"}
UNRELIABLE: dict[str, Any] = {"color": "#D55E00", "linestyle": (0, (1.6, 0.9))}
WIDTH, COARSE = 1.8, 8  # points of an outline, and cells of a side up to which
DIMMED = 0.6  # of the light of an image, where nothing was chosen


def outline(cells: Bools) -> NDArray[np.float64]:
    """Return the border of a set of cells: the sides where a cell in it meets one that is not.

    Arguments:
        cells: Which are in the set, (rows, columns).

    Returns:
        Line segments, (sides, 2 ends, 2): x and y in cells, from the upper left corner.
    """
    beyond = np.pad(cells, 1)
    upright = np.argwhere(beyond[1:-1, 1:] != beyond[1:-1, :-1])  # between columns
    flat = np.argwhere(beyond[1:, 1:-1] != beyond[:-1, 1:-1])  # between rows
    down = [[(x, y), (x, y + 1)] for y, x in upright]
    across = [[(x, y), (x + 1, y)] for y, x in flat]
    return np.array([*down, *across], np.float64).reshape(-1, 2, 2)


def show_picture(axis: Axes, pixels: NDArray[np.uint8]) -> None:
    """Draw an image, (3, side, side)."""
    show_image(axis, np.moveaxis(pixels, 0, -1))


def shade(axis: Axes, cells: Bools, side: int) -> None:
    """Darken all cells of an image but some, (rows, columns)."""
    dark = np.zeros((*cells.shape, 4))
    dark[..., 3] = np.where(cells, 0, DIMMED)
    box = (-0.5, side - 0.5, side - 0.5, -0.5)
    axis.imshow(dark, extent=box, interpolation="nearest")


def draw_cells(axis: Axes, cells: Bools, side: int, **line: Any) -> None:
    """Draw the outline of a set of cells on an image.

    Arguments:
        axis: Where the image is.
        cells: Which are in the set, (rows, columns).
        side: Side of the image, pixels.
        line: Its color and dashes.
    """
    rows, columns = cells.shape
    width = WIDTH if max(rows, columns) <= COARSE else 0.6 * WIDTH
    sides = outline(cells) * (side / columns, side / rows) - 0.5
    axis.add_collection(LineCollection([*sides], colors="white", linewidths=width + 1.4,
                                       capstyle="round"))  # fmt: skip
    style = {"colors": line.pop("color", "black"), "linestyles": line.pop("linestyle", "-")}
    axis.add_collection(LineCollection(_chained(sides), linewidths=width, **style, **line))


def _chained(sides: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Join sides that follow each other straight on: dashes then run through."""
    joined: list[NDArray[np.float64]] = []
    upright = sides[:, 0, 0] == sides[:, 1, 0]
    for along, chosen in ((1, upright), (0, ~upright)):
        own = sides[chosen]
        own = own[np.lexsort((own[:, 0, along], own[:, 0, 1 - along]))]
        for one in own:
            if joined and np.array_equal(joined[-1][1], one[0]):
                joined[-1] = np.stack([joined[-1][0], one[1]])
            else:
                joined.append(one.copy())
    return joined
