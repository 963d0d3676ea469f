"""Cells that an image is divided into, for maps with one value per cell."""

__all__ = ["cells_across"]

from actsense.errors import ConfigError


def cells_across(side: int, size: int) -> int:
    """Return how many cells lie along a side: the number that brings them nearest to their size.

    Arguments:
        side: Side of the square image, pixels.
        size: Side of a cell, pixels; where it does not divide the image, sides of cells differ
            by one pixel.

    Raises:
        ConfigError: If there are fewer than two.
    """
    across = round(side / size)
    if across < 2:
        raise ConfigError(
            f"spatial.cells.size: {size} leaves fewer than two cells side by side in images of "
            f"{side}x{side} pixels. Allowed: 1 to {side // 2}."
        )
    return across
