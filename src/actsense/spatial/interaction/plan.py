"""Which patches of an image are edited to see whether distant parts interact.

An image is cut into square patches, and every second patch of every second row is edited: about a
quarter of the area. Two edited patches are at least the side of a patch apart.
"""

__all__ = ["count_passes", "edited_patches", "usable_sizes"]

from collections.abc import Sequence


def edited_patches(side: int, size: int) -> list[tuple[int, int]]:
    """Return the first row and column of every edited patch, pixels.

    Only whole patches count; they lie in the middle, and what is left over surrounds them.

    Arguments:
        side: Side of the square image, pixels.
        size: Side of a patch, pixels.
    """
    start = side % size // 2
    edges = range(start, start + side // size * size, 2 * size)
    return [(row, column) for row in edges for column in edges]


def usable_sizes(side: int, sizes: Sequence[int]) -> list[int]:
    """Return the sizes with two edited patches at least, the fewest that can interact."""
    return [size for size in sizes if len(edited_patches(side, size)) > 1]


def count_passes(side: int, sizes: Sequence[int]) -> int:
    """Count the forward passes that every image needs: intact, each edit, and all together."""
    usable = usable_sizes(side, sizes)
    return 1 + sum(len(edited_patches(side, size)) + 1 for size in usable)
