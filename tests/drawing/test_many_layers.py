"""Figures of few and of many layers stay as large as a page, and their names stay apart."""

from itertools import pairwise

import numpy as np
import pytest
from figure_texts import outside
from many_layers import FIGURES, layer_names
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from actsense.drawing.depth import fitting, pages

INCHES = 20.0  # 3,000 pixels as files are written; a page is about 14 inches of panels
FEWER = [
    *(("depth_profile", 4), ("depth_profile", 19), ("contrast", 4), ("contrast", 19)),
    *(("lda_accuracy", 4), ("across", 19), ("segment_profile", 4), ("networks", 19)),
]


@pytest.mark.parametrize(("name", "layers"), [(name, 40) for name in FIGURES] + FEWER)
def test_a_figure_of_any_number_of_layers_is_a_page_with_names_apart(
    name: str, layers: int
) -> None:
    figure = FIGURES[name](layer_names(layers))
    assert figure is not None
    assert max(figure.get_size_inches()) < INCHES
    figure.set_dpi(60)
    FigureCanvasAgg(figure).draw()
    for axes in filter(lambda axes: axes.axison, figure.axes):
        hidden = outside(axes)
        for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
            shown = [one for one in labels if one.get_visible() and one.get_text()]
            shown = [one for one in shown if one not in hidden]
            assert all(apart(*two) for two in pairwise(shown)), [s.get_text() for s in shown]
            assert not [label.get_text() for label in shown if not on_page(label)]


def apart(one: Text, other: Text) -> bool:
    """Tell whether neighbouring lines, turned alike, are further apart than letters are high."""
    turned = np.deg2rad(one.get_rotation())
    across = np.array([-np.sin(turned), np.cos(turned)])
    places = [label.get_transform().transform(label.get_position()) for label in (one, other)]
    figure = one.get_figure(root=True)
    assert figure is not None
    gap = abs(float(across @ (places[1] - places[0])))
    beside = not one.get_window_extent().overlaps(other.get_window_extent())
    return beside or gap > one.get_fontsize() * figure.dpi / 72


def on_page(label: Text) -> bool:
    figure = label.get_figure(root=True)
    assert figure is not None
    box, page = label.get_window_extent(), figure.bbox.padded(3)
    return bool(page.contains(box.x0, box.y0) and page.contains(box.x1, box.y1))


def test_layers_that_fit_are_the_first_and_the_last_and_some_between() -> None:
    layers = layer_names(40)
    chosen, note = fitting(layers, 12)
    assert (chosen[0], chosen[-1], len(chosen)) == (layers[0], layers[-1], 12)
    assert "12 of 40 layers" in note
    assert fitting(layers[:3], 12) == (layers[:3], "")


@pytest.mark.parametrize(("count", "sizes"), [(0, [0]), (5, [5]), (6, [3, 3]), (19, [5, 5, 5, 4])])
def test_pages_hold_all_layers_in_order(count: int, sizes: list[int]) -> None:
    layers = [str(number) for number in range(count)]
    cut = pages(layers, 5)
    assert [len(page) for page in cut] == sizes
    assert [layer for page in cut for layer in page] == layers
