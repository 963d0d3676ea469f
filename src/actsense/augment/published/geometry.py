"""Operations that move or remove pixels, with the borders and the 8 bits of the published study.

Images are (batch, 3, height, width) in [0, 1].
"""

__all__ = ["erasing", "rotation"]

import torch
from torch import Tensor

from actsense.augment.published.levels import to_images, to_levels

FIXED = 2**16  # PIL's steps per pixel


def erasing(images: Tensor, rectangle: Tensor) -> Tensor:
    """Set a rectangle to zero, unless it reaches over the lower or the right border.

    Then the image stays as it is. Over the upper or the left border, it is moved inside.

    Arguments:
        images: Images, (batch, 3, height, width).
        rectangle: Row and column of the center (pixels, rounded), area as a share of the
            image, logarithm of height over width, (batch, 4).
    """
    height, width = images.shape[2:]
    row, column, scale, log_ratio = rectangle.double().unbind(dim=1)
    area = height * width * scale
    rows, down = _side(row, (area * log_ratio.exp()).sqrt(), height)
    columns, across = _side(column, (area / log_ratio.exp()).sqrt(), width)
    erased = rows[:, :, None] & columns[:, None, :] & (down & across)[:, None, None]
    return images * ~erased[:, None]


def rotation(images: Tensor, angle: Tensor) -> Tensor:
    """Rotate in 8 bits to the nearest pixel, crop generously and enlarge bilinearly.

    With t = |tan angle|, the crop loses t (height - width t) / (1 - t^2) pixels on the left and as
    many on the right, and the same with height and width exchanged above and below: about twice
    what the black corners need. New images hold 256 levels.

    Arguments:
        images: Images, (batch, 3, height, width).
        angle: Degrees, counter-clockwise, (batch, 1).

    Source:
        PIL's rotate without interpolation, in 16.16 fixed point, and torchvision's resize of a
        tensor in 8 bits, which rounds.
    """
    height, width = images.shape[2:]
    levels = to_levels(images).flatten(2)
    levels = torch.cat([levels, levels.new_zeros(*levels.shape[:2], 1)], dim=2)  # black, the last
    angle = torch.deg2rad(angle.double())
    top, left = _margins(angle, height, width)
    above, below, down = _between(top, height)
    before, behind, across = _between(left, width)

    rows = torch.arange(height, device=images.device)[None]
    first = _turned(levels, angle, rows, before, height, width)
    second = _turned(levels, angle, rows, behind, height, width)
    across = across[:, None, None]
    wide = first.mul_(1 - across).add_(second.mul_(across))  # (batch, 3, height, width)

    plane = torch.arange(images.shape[0] * 3, device=images.device).view(-1, 3, 1) * height
    lines = wide.view(-1, width)
    upper = lines.index_select(0, (plane + above[:, None]).flatten()).view(images.shape)
    lower = lines.index_select(0, (plane + below[:, None]).flatten()).view(images.shape)
    down = down[:, None, :, None]
    return to_images(upper.mul_(1 - down).add_(lower.mul_(down)).round_())


def _side(center: Tensor, size: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Which positions the rectangle covers, (batch, length), and whether it fits, (batch,)."""
    size = size.round()
    start = (center.round() - (size / 2).floor()).clamp_min(0)
    position = torch.arange(length, device=center.device)
    inside = (position >= start[:, None]) & (position < (start + size)[:, None])
    return inside, start + size < length


def _margins(angle: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Rows lost above and below, columns lost left and right, (batch, 1) each.

    One pixel at least stays, and nothing is added to an image that is long and narrow.
    """
    slope = angle.tan().abs()
    share = slope / (1 - slope**2)
    rows = (share * (width - height * slope)).round()
    columns = (share * (height - width * slope)).round()
    return rows.clamp(0, (height - 1) // 2), columns.clamp(0, (width - 1) // 2)


def _between(margin: Tensor, length: int) -> tuple[Tensor, Tensor, Tensor]:
    """Two source positions of every pixel and the weight of the second, (batch, length) each."""
    inner = length - 2 * margin.float()
    place = torch.arange(length, device=margin.device)
    source = ((inner / length) * (place + 0.5) - 0.5).clamp_min(0)
    first = source.floor()
    second = torch.minimum(first + 1, inner - 1)
    return (first + margin).long(), (second + margin).long(), source - first


def _turned(
    levels: Tensor, angle: Tensor, rows: Tensor, columns: Tensor, height: int, width: int
) -> Tensor:
    """Pixels of the rotated image at rows x columns, (batch, 3, rows, columns).

    Arguments:
        levels: Pixels in one line, and black behind them, (batch, 3, height width + 1).
        angle: Radians, (batch, 1).
        rows: Rows, (1 or batch, rows).
        columns: Columns, (batch, columns).
        height: Height of the image.
        width: Width of the image.
    """
    cos, sin = angle.cos(), angle.sin()
    x, y = width / 2, height / 2  # PIL's center
    x_start = x - cos * x + sin * y + (cos - sin) / 2
    y_start = y - sin * x - cos * y + (sin + cos) / 2
    across = _fixed(x_start) + _fixed(cos) * columns
    down = _fixed(y_start) + _fixed(sin) * columns
    source_x = (across[:, None, :] + (_fixed(-sin) * rows)[:, :, None]) >> 16
    source_y = (down[:, None, :] + (_fixed(cos) * rows)[:, :, None]) >> 16
    outside = (source_x < 0) | (source_x >= width) | (source_y < 0) | (source_y >= height)
    places = source_y.mul_(width).add_(source_x).masked_fill_(outside, height * width)
    places = places.flatten(1)[:, None].expand(-1, 3, -1)
    return levels.gather(2, places).view(*levels.shape[:2], rows.shape[1], columns.shape[1])


def _fixed(numbers: Tensor) -> Tensor:
    """Round to 16 binary digits behind the point, as whole numbers."""
    return (numbers * FIXED + 0.5).floor().long()
