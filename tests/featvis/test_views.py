"""Views: SciPy's affine transform, the matrix that a ramp gives away, and what keys promise."""

import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from torch import Tensor

from actsense.draws import stream
from actsense.draws.counter import counter_keys
from actsense.featvis.search.mirroring import mirrored
from actsense.featvis.search.views import _transformed, random_views

ALL = {"jitter_px": 3, "zoom": 0.1, "rotation_degrees": 20.0}
NONE = {"jitter_px": 0, "zoom": 0.0, "rotation_degrees": 0.0}


def images(pictures: int, side: int) -> Tensor:
    numbers = stream(side, "pictures in a test of views")
    return torch.from_numpy(numbers.random((pictures, 3, side, side))).float()


def keys(pictures: int) -> Tensor:
    return counter_keys(5, ["pictures in a test of views", torch.arange(pictures)])


def drawn(pictures: int, side: int = 33, **ranges: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return angles in degrees, sizes, and moves in pixels, read off views of ramps."""
    at = torch.arange(side) - side // 2
    ramp = torch.stack([at.expand(side, side).T, at.expand(side, side), 0 * at.expand(side, side)])
    views = random_views(ramp.expand(pictures, -1, -1, -1).float(), keys(pictures), 1, **ranges)
    middle = side // 2
    down = views[:, :2, middle + 1, middle] - views[:, :2, middle, middle]
    right = views[:, :2, middle, middle + 1] - views[:, :2, middle, middle]
    inverse = torch.stack([down, right], dim=2)  # from view to picture, rows and columns
    forward = torch.linalg.inv(inverse)
    moved = -(forward @ views[:, :2, middle, middle, None])[..., 0]
    angle = torch.rad2deg(torch.atan2(forward[:, 0, 1], forward[:, 0, 0]))
    return angle, torch.linalg.det(forward).sqrt(), moved


@pytest.mark.parametrize("side", [8, 33])
def test_a_view_is_the_affine_transform_of_scipy(side: int) -> None:
    pictures = images(4, side)
    angle = torch.tensor([0.3, -0.1, 0.0, 3.0])
    size = torch.tensor([1.1, 0.8, 1.0, 0.5])
    moved = torch.tensor([[1, -2], [0, 3], [-2, 1], [5, 0]])
    found = _transformed(pictures, angle, size, moved)
    centre = np.full(2, (side - 1) / 2)
    for n in range(4):
        cos, sin = np.cos(angle[n].item()), np.sin(angle[n].item())
        inverse = np.linalg.inv(size[n].item() * np.array([[cos, sin], [-sin, cos]]))
        offset = centre - inverse @ (centre + moved[n].numpy())
        for colour in range(3):
            expected = ndimage.affine_transform(
                pictures[n, colour].numpy(), inverse, offset, order=1, mode="reflect"
            )
            np.testing.assert_allclose(found[n, colour], expected, atol=2e-5)


def test_without_ranges_a_view_is_the_picture() -> None:
    pictures = images(3, 9)
    assert random_views(pictures, keys(3), 4, **NONE) is pictures


def test_without_turn_and_zoom_pixels_are_moved_and_mirrored_at_the_border() -> None:
    pictures, side = images(40, 8), 8
    views = random_views(pictures, keys(40), 2, **{**NONE, "jitter_px": 3})
    seen = set()
    for picture, view in zip(pictures.numpy(), views.numpy(), strict=True):
        wide = np.pad(picture, ((0, 0), (3, 3), (3, 3)), mode="symmetric")
        moves = [
            (3 - down, 3 - right)
            for down in range(7)
            for right in range(7)
            if np.array_equal(wide[:, down : down + side, right : right + side], view)
        ]
        assert len(moves) == 1
        seen.add(moves[0])
    assert len(seen) > 15


def test_moves_without_turn_are_those_with_it() -> None:
    pictures = images(6, 12)
    moved = random_views(pictures, keys(6), 2, **{**NONE, "jitter_px": 3})
    nearly = random_views(pictures, keys(6), 2, **{**NONE, "jitter_px": 3, "zoom": 1e-7})
    torch.testing.assert_close(nearly, moved, atol=1e-4, rtol=0)


def test_angles_sizes_and_moves_fill_their_ranges_evenly() -> None:
    angle, size, moved = drawn(400, **ALL)
    assert stats.kstest(angle.numpy(), stats.uniform(-20, 40).cdf).pvalue > 0.01
    assert stats.kstest(size.numpy(), stats.uniform(0.9, 0.2).cdf).pvalue > 0.01
    assert (moved - moved.round()).abs().max() < 1e-3
    for axis in (0, 1):
        found, counts = np.unique(moved[:, axis].round().numpy(), return_counts=True)
        assert found.tolist() == [-3, -2, -1, 0, 1, 2, 3]
        assert stats.chisquare(counts).pvalue > 0.01
    drawn_alone = torch.cat([angle[None], size[None], moved.T])
    off_diagonal = torch.corrcoef(drawn_alone) - torch.eye(4)
    assert off_diagonal.abs().max() < 4 / 400**0.5


@pytest.mark.parametrize("ranges", [ALL, {**NONE, "jitter_px": 3}])
def test_a_view_depends_on_key_and_iteration_alone(ranges: dict[str, float]) -> None:
    pictures = images(5, 16)
    views = random_views(pictures, keys(5), 7, **ranges)
    order = torch.tensor([3, 0])
    assert torch.equal(random_views(pictures[order], keys(5)[order], 7, **ranges), views[order])
    assert not torch.equal(random_views(pictures, keys(5), 8, **ranges), views)
    same = random_views(pictures[:1].expand(5, -1, -1, -1), keys(5), 7, **ranges)
    assert len(torch.unique(same.flatten(1), dim=0)) == 5


@pytest.mark.parametrize("ranges", [ALL, {**NONE, "jitter_px": 3}])
def test_gradients_are_exact(ranges: dict[str, float]) -> None:
    pictures = images(2, 6).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: random_views(x, keys(2), 1, **ranges), pictures)


def test_colours_stay_within_those_of_the_picture() -> None:
    views = random_views(images(8, 16), keys(8), 1, **ALL)
    assert views.min() >= 0
    assert views.max() <= 1


@pytest.mark.parametrize("length", [1, 2, 5])
def test_positions_are_mirrored_as_numpy_pads(length: int) -> None:
    padded = np.pad(np.arange(length), 13, mode="symmetric")
    np.testing.assert_array_equal(mirrored(torch.arange(-13, length + 13), length), padded)
