"""The canvas: the same moves in NumPy, and where windows come to lie."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from actsense.draws import stream
from actsense.draws.counter import counter_keys
from actsense.featvis.search.canvas import Canvas


def images(pictures: int, side: int, case: int = 0) -> Tensor:
    numbers = stream(case, "pictures in a test of the canvas", side)
    return torch.from_numpy(numbers.random((pictures, 3, side, side))).float()


def keys(pictures: int) -> Tensor:
    return counter_keys(5, ["pictures in a test of the canvas", torch.arange(pictures)])


@pytest.mark.parametrize(("size", "margin"), [(1.2, 2), (1.5, 4), (3.5, 20), (1.4, 3)])
def test_a_picture_is_the_middle_of_its_mirror_images(size: float, margin: int) -> None:
    starts = images(2, 8)
    canvas = Canvas.around(starts, size)
    before, after = margin // 2, margin - margin // 2
    edges = ((0, 0), (0, 0), (before, after), (before, after))
    np.testing.assert_array_equal(canvas.images, np.pad(starts, edges, mode="symmetric"))
    assert (canvas.place == before).all()


def test_pictures_are_put_back_where_they_were_taken_from() -> None:
    canvas = Canvas.around(images(3, 8), 1.5)
    expected, side = canvas.images.numpy().copy(), 8
    for iteration in range(5):
        picture, before = images(3, side, case=iteration), canvas.place.tolist()
        found = canvas.move(picture, keys(3), iteration, spread=0.4)
        for n, ((row, col), (y, x)) in enumerate(zip(before, canvas.place.tolist(), strict=True)):
            expected[n, :, row : row + side, col : col + side] = picture[n]
            np.testing.assert_array_equal(found[n], expected[n, :, y : y + side, x : x + side])
    np.testing.assert_array_equal(canvas.images, expected)


def test_a_canvas_of_the_size_of_the_picture_changes_nothing() -> None:
    canvas = Canvas.around(images(2, 9), 1)
    picture = images(2, 9, case=1)
    assert torch.equal(canvas.move(picture, keys(2), 3, spread=0.4), picture)


def test_windows_scatter_around_the_middle_and_stop_at_the_ends() -> None:
    canvas = Canvas.around(torch.zeros(3000, 3, 2, 2), 11)  # a margin of 20
    canvas.move(torch.zeros(3000, 3, 2, 2), keys(3000), 1, spread=0.4)
    law = stats.norm(10, 8)
    edges = [-np.inf, *np.arange(0.5, 20), np.inf]
    for place in canvas.place.T.numpy():
        counts = np.bincount(place, minlength=21)
        assert stats.chisquare(counts, 3000 * np.diff(law.cdf(edges))).pvalue > 0.01
    assert abs(np.corrcoef(canvas.place.T)[0, 1]) < 4 / 3000**0.5


def test_without_spread_windows_stay_in_the_middle() -> None:
    canvas = Canvas.around(images(2, 8), 1.5)
    picture = images(2, 8, case=1)
    assert torch.equal(canvas.move(picture, keys(2), 3, spread=0.0), picture)


def test_a_window_depends_on_key_and_iteration_alone() -> None:
    starts = images(1, 8).expand(4, -1, -1, -1)
    canvas, other = Canvas.around(starts, 2), Canvas.around(starts[1:2], 2)
    windows = canvas.move(starts, keys(4), 1, spread=0.4)
    assert torch.equal(other.move(starts[1:2], keys(4)[1:2], 1, spread=0.4), windows[1:2])
    assert len(torch.unique(canvas.place, dim=0)) > 2
    first = canvas.place
    canvas.move(windows, keys(4), 2, spread=0.4)
    assert not torch.equal(canvas.place, first)
