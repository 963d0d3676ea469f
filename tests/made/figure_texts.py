"""What a finished figure says, for tests of figures."""

import re

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from actsense.drawing.matrices import Numbers


def words(figure: Figure) -> list[str]:
    """Return all texts that a reader sees; all of them lie on the page."""
    figure.set_dpi(50)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    hidden = {label for axes in figure.axes for label in outside(axes)}
    seen = [
        text
        for text in figure.findobj(Text)
        if text.get_visible() and re.search(r"\w", text.get_text()) and text not in hidden
    ]
    page = figure.bbox.padded(2)
    for text in seen:
        box = text.get_window_extent()
        corners = np.array([[box.x0, box.y0], [box.x1, box.y1]])
        assert page.contains(*corners[0]), (text.get_text(), corners, page.extents)
        assert page.contains(*corners[1]), (text.get_text(), corners, page.extents)
    numbers = [text for axes in figure.axes for text, _ in cells(axes).values()]
    return [*(text.get_text() for text in seen), *numbers]


def cells(axes: Axes) -> dict[tuple[float, float], tuple[str, str]]:
    """Return what is written in the cells of a matrix, and in which color, by row and column."""
    return {
        place: written
        for numbers in axes.findobj(Numbers)
        for place, written in numbers.cells.items()
    }


def outside(axes: Axes) -> list[Text]:
    """Return the labels of ticks that are not drawn, as beyond the limits of their axes."""
    labels = []
    for axis in (axes.xaxis, axes.yaxis):
        drawn = axis._update_ticks() if axes.axison and axes.get_visible() else []
        for tick in {*axis.majorTicks, *axis.minorTicks}.difference(drawn):
            labels += [tick.label1, tick.label2]
    return labels
