"""Filled ellipses as OpenCV draws them: polygons with few corners, borders included."""

__all__ = ["filled_ellipses"]

from math import ceil, pi

import torch
from torch import Tensor

FIXED = 2**16  # OpenCV's steps per pixel
HALF = FIXED // 2
DIGITS = 1e7  # of its table of sines
CORNERS = 72  # at most: one every 5 degrees


def filled_ellipses(semi_axes: Tensor, angle: Tensor, reach: int) -> Tensor:
    """Draw ellipses into squares of 2 reach + 1 pixels around their centers.

    An ellipse is a polygon with a corner every 5 degrees, every 18 if its longer semi-axis is
    below 15 pixels, every 30 below 10, every 90 below 3. A row is filled from edge to edge; the
    pixels of the edges' own lines are added. What lies outside of the square is not drawn.

    Arguments:
        semi_axes: First and second semi-axis, whole pixels, (batch, 2) int64.
        angle: Angle of the first axis from the horizontal, clockwise, whole degrees, (batch,)
            int64.
        reach: Pixels from the center to the border of the square.

    Returns:
        True inside, (batch, 2 reach + 1, 2 reach + 1) bool.

    Source:
        `ellipse` of OpenCV 4.5 to 5.0 with a negative thickness, in 16.16 fixed point.
    """
    x, y = _corners(semi_axes, angle).unbind(dim=1)
    start, stop = (torch.stack((x[:, part], y[:, part])) for part in (slice(-1), slice(1, None)))
    longest = max(reach * 5 / 180 * pi, 14 * 18 / 180 * pi)  # of the edges, pixels
    drawn = _lines(start, stop, reach, ceil(longest) + 1)
    return drawn | _spans(start, stop, reach)


def _corners(semi_axes: Tensor, angle: Tensor) -> Tensor:
    """Corners of the polygons, the first once more at the end, (batch, 2, corners + 1) int64."""
    longest = semi_axes.amax(dim=1, keepdim=True)
    step = torch.full_like(longest, 5)
    for size, degrees in ((15, 18), (10, 30), (3, 90)):
        step = torch.where(longest < size, degrees, step)
    arc = (step * torch.arange(CORNERS + 1, device=angle.device)).clamp_max(360)
    cos, sin = _cosine(angle)[:, None], _sine(angle)[:, None]
    x = semi_axes[:, :1] * FIXED * _cosine(arc)
    y = semi_axes[:, 1:] * FIXED * _sine(arc)
    return torch.stack((x * cos - y * sin, x * sin + y * cos), dim=1).round().long()


def _sine(degrees: Tensor) -> Tensor:
    """Sine of whole degrees from a table of seven digits in float32, float64."""
    return (torch.deg2rad(degrees.double()).sin().mul(DIGITS).round() / DIGITS).float().double()


def _cosine(degrees: Tensor) -> Tensor:
    """Cosine from the same table."""
    return _sine(90 - degrees)


def _lines(start: Tensor, stop: Tensor, reach: int, points: int) -> Tensor:
    """Draw the edges, one pixel for every step of the longer of their two extents.

    Arguments:
        start: x and y of one end of every edge, 16.16 fixed point, (2, batch, edges).
        stop: The same of the other end.
        reach: Pixels from the center to the border of the square.
        points: Pixels of the longest line.
    """
    extent = (stop - start).abs()
    flat = extent[0] > extent[1]
    major, minor = torch.where(flat, start, start.flip(0)), torch.where(flat, stop, stop.flip(0))
    backward = (minor - major)[0] < 0
    near, far = torch.where(backward, minor, major), torch.where(backward, major, minor)
    length, rise = far - near  # along and across the longer extent
    slope = torch.div(rise * FIXED, length | 1, rounding_mode="trunc")

    count = torch.arange(points, device=start.device)
    count = torch.minimum(count, length[..., None] // FIXED)
    along = ((near[0] + HALF) // FIXED)[..., None] + count
    beside = (near[1] + HALF)[..., None] + slope[..., None] * count
    along = torch.cat((along, (far[0] + HALF)[..., None] // FIXED), dim=2)
    beside = torch.cat((beside, (far[1] + HALF)[..., None]), dim=2) // FIXED

    flat = flat[..., None]
    x, y = torch.where(flat, along, beside), torch.where(flat, beside, along)
    side = 2 * reach + 3  # with a frame that takes what lies outside
    x, y = ((place + reach + 1).clamp_(0, side - 1).flatten(1) for place in (x, y))
    drawn = torch.zeros(len(x), side * side, dtype=torch.bool, device=x.device)
    drawn.scatter_(1, y * side + x, True)
    return drawn.view(-1, side, side)[:, 1:-1, 1:-1]


def _spans(start: Tensor, stop: Tensor, reach: int) -> Tensor:
    """Fill every row between its leftmost and its rightmost edge.

    Arguments:
        start: x and y of one end of every edge, 16.16 fixed point, (2, batch, edges).
        stop: The same of the other end.
        reach: Pixels from the center to the border of the square.
    """
    upward = stop[1] < start[1]
    upper, lower = torch.where(upward, stop, start), torch.where(upward, start, stop)
    first, last = (upper[1] + HALF) // FIXED, (lower[1] + HALF) // FIXED
    rows = (last - first).clamp_min(1)
    slope = torch.div(2 * (lower[0] - upper[0]) + rows, 2 * rows, rounding_mode="trunc")

    place = torch.arange(-reach, reach + 1, device=start.device)
    row = place[:, None]
    met = (first[:, None] <= row) & (row < last[:, None])  # (batch, rows, edges)
    x = upper[0][:, None] + slope[:, None] * (row - first[:, None])
    beyond = FIXED * FIXED
    left = torch.where(met, x, beyond).amin(dim=2, keepdim=True)
    right = torch.where(met, x, -beyond).amax(dim=2, keepdim=True)
    return (place >= (left + HALF) // FIXED) & (place <= (right + HALF) // FIXED)
