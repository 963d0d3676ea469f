"""Random views of pictures: what a network sees of them in one iteration.

A unit answers to a pattern of pixels that no longer exists one pixel further; a picture that must
work wherever it is moved, turned and zoomed to cannot be made of such patterns.
"""

__all__ = ["random_views"]

from math import pi

import torch
from torch import Tensor
from torch.nn import functional

from actsense.draws.counter import counter_keys, counter_noise
from actsense.featvis.search.mirroring import mirrored


def random_views(
    images: Tensor,
    keys: Tensor,
    iteration: int,
    *,
    jitter_px: int,
    zoom: float,
    rotation_degrees: float,
) -> Tensor:
    """Turn, zoom and move every picture by numbers of its own, around its centre.

    Beyond its border a picture goes on as its mirror image. Without turn and zoom it is moved by
    whole pixels and none is interpolated.

    Arguments:
        images: Pictures, (pictures, 3, side, side); gradients flow.
        keys: Their keys, (pictures,) int64. A view depends on key and iteration alone.
        iteration: Number of the iteration.
        jitter_px: Pixels that it is moved by along either axis, at most.
        zoom: It is enlarged by 1 - zoom to 1 + zoom.
        rotation_degrees: Degrees that it is turned by, at most.

    Returns:
        Views, (pictures, 3, side, side); the images themselves if all ranges are 0.
    """
    if not (jitter_px or zoom or rotation_degrees):
        return images
    uniform = _uniform(keys, iteration).to(images.device)  # (pictures, 4)
    # Every whole number from -jitter to jitter is as likely, the ends too.
    moved = ((uniform[:, :2] + 1) / 2 * (2 * jitter_px + 1)).floor() - jitter_px
    if not (zoom or rotation_degrees):
        return _moved(images, moved.long())
    angle = uniform[:, 2] * rotation_degrees * pi / 180
    return _transformed(images, angle, 1 + uniform[:, 3] * zoom, moved)


def _uniform(keys: Tensor, iteration: int) -> Tensor:
    """Return four numbers in [-1, 1) for every key, (pictures, 4) float32."""
    own = counter_keys("view of a picture in an iteration", [keys, iteration])
    # 24 bits: float32 holds them all, and never rounds up to 1.
    return (counter_noise(own, 4) >> 40).float() / 2**23


def _moved(images: Tensor, pixels: Tensor) -> Tensor:
    """Move every picture down and to the right by whole pixels, (pictures, 2)."""
    pictures, colours, side, _ = images.shape
    at = torch.arange(side, device=images.device)
    rows, columns = (mirrored(at - by[:, None], side) for by in pixels.unbind(dim=1))
    places = (rows[:, :, None] * side + columns[:, None, :]).view(pictures, 1, side**2)
    flat = images.reshape(pictures, colours, side**2)
    return flat.gather(2, places.expand(-1, colours, -1)).view_as(images)


def _transformed(images: Tensor, angle: Tensor, size: Tensor, pixels: Tensor) -> Tensor:
    """Turn every picture, enlarge it, and then move it by pixels, (pictures, 2) down and right."""
    side = images.shape[-1]
    cos, sin = angle.cos() / size, angle.sin() / size
    matrix = torch.stack([torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)], 1)  # x, y
    moved = matrix @ (pixels.flip(1)[:, :, None] * (2 / side))  # to grid_sample a side is 2 long
    at = (2 * torch.arange(side, device=images.device) + 1) / side - 1
    # Sums of rows and columns: in a third of the time of affine_grid, which multiplies matrices.
    right = at[:, None] * matrix[:, None, :, 0]
    down = at[:, None] * matrix[:, None, :, 1] - moved.mT
    grid = (right[:, None] + down[:, :, None]).to(images.dtype)  # (pictures, side, side, 2)
    return functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
