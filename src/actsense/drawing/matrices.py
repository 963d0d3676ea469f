"""Pages of matrices with numbers in their cells, arranged in inches."""

__all__ = ["Numbers", "grid", "longest", "name_sides"]

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray

from actsense.drawing.style import place, text_width

FONT = FontProperties()
SIZE = 6.5  # points of a number in a cell
NAME = 7.5  # points of a name beside a matrix
HALF = 0.36 * SIZE  # of the height of a digit, points


class Numbers(PathCollection):
    """Short texts in the middle of cells, as outlines that are drawn in one stroke.

    A page has hundreds of them, most of them equal: as texts of matplotlib, each would be laid
    out and set on its own, which takes longer than everything else on the page.

    Arguments:
        axis: Where cells are: columns along x, rows along y.
        cells: What is written, and its color, by row and column; between cells by fractions.
    """

    def __init__(self, axis: Axes, cells: Mapping[Any, tuple[str, str]]) -> None:
        figure = axis.get_figure(root=True)
        assert figure is not None
        super().__init__(
            [_outline(text) for text, _ in cells.values()],
            offsets=np.array([(column, row) for row, column in cells]).reshape(-1, 2),
            offset_transform=axis.transData,
            facecolors=[color for _, color in cells.values()],
            edgecolors="none",
            linewidths=0,
        )
        self.set_transform(Affine2D().scale(1 / 72) + figure.dpi_scale_trans)
        self.set_in_layout(False)  # all inside
        self.cells = dict(cells)
        axis.add_collection(self, autolim=False)


@lru_cache(maxsize=1000)
def _outline(text: str) -> Path:
    """Return the outline of a text around its middle, points."""
    outline = TextPath((0, 0), text, size=SIZE, prop=FONT)
    # The box of all points, controls of curves too: it is as good and costs a tenth.
    return outline.transformed(Affine2D().translate(-outline.vertices[:, 0].max() / 2, -HALF))


def grid(
    figure: Figure,
    rows: int,
    columns: int,
    *,
    corner: tuple[float, float],
    size: tuple[float, float],
    gap: tuple[float, float],
) -> NDArray[Any]:
    """Return axes in rows and columns, (rows, columns), all inches.

    Arguments:
        figure: Where to.
        rows: How many below each other.
        columns: How many side by side.
        corner: Of the first panel: from the left and upper edges of the figure.
        size: Of every panel: width and height.
        gap: Between panels: side by side and below each other.
    """
    (left, top), (width, height), (right, down) = corner, size, gap
    axes = np.empty((rows, columns), object)
    for row, column in np.ndindex(rows, columns):
        x, y = left + column * (width + right), top + row * (height + down)
        axes[row, column] = place(figure, x, y, width, height)
    return axes


def longest(names: Iterable[str], size: float = NAME) -> float:
    """Return the room that names need beside a matrix, inches."""
    return max(text_width(name, size) for name in names)


def name_sides(
    axis: Axes, names: Sequence[str], *, left: bool = True, below: bool = True, size: float = NAME
) -> None:
    """Name rows and columns of a square matrix; every name that is left out saves its time."""
    places = range(len(names))
    turned: dict[str, Any] = {"rotation": 60, "ha": "right", "rotation_mode": "anchor"}
    axis.set_xticks(*((places, names) if below else ([], [])), fontsize=size, **turned)
    axis.set_yticks(*((places, names) if left else ([], [])), fontsize=size)
    axis.spines[:].set_visible(False)
