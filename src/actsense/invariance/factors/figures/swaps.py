"""Images with the concept of other ones, and walks along a concept."""

__all__ = ["swap_grids"]

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.drawing.names import legible
from actsense.drawing.style import new_figure, place, show_image
from actsense.invariance.factors.stored import StoredFactors

CELL, GAP = 0.42, 0.3  # inches of an image, and between grids
TOP, BESIDE = 1.15, 0.5  # inches above the grids, and left of them
LEAST = 64  # pixels of an image: smaller ones are magnified
SPACE = 4  # pixels between images


def swap_grids(stored: StoredFactors, *, title: str) -> Figure:
    """Draw a grid for every part of latents, and walks below.

    Arguments:
        stored: What was found in a network; these images are the same in all of them.
        title: The study.
    """
    reconstruction = stored.images("reconstruction")
    swapped, walked = stored.images("swapped"), stored.images("walked")
    shown = len(reconstruction)
    across, down = shown + 1, walked.shape[1]
    high = TOP + CELL * (across + down) + 0.5
    wide = BESIDE + (CELL * across + GAP) * len(stored.parts)
    figure = new_figure(
        wide,
        high,
        f"{title}: what changes with one concept alone?",
        "Image of the row, with the concept of the image of the column. Outside the lines: these "
        "images, as the autoencoder returns them.\nBelow: a concept wanders at random, from the "
        "image on the left. Behind names: how many numbers of a latent a concept has.",
        arranged=False,
    )
    for number, part in enumerate(stored.parts):
        left = BESIDE + (CELL * across + GAP) * number
        axis = place(figure, left, TOP, CELL * across, CELL * across)
        _show(axis, _grid(reconstruction, swapped[number]), across)
        size = stored.sizes[part]
        axis.set_title(f"{legible(part)} ({size} of {sum(stored.sizes.values())})", loc="left")
        axis = place(figure, left, TOP + CELL * across + 0.35, CELL * across, CELL * down)
        steps = walked[number][:, :across]
        blank = np.full((down, across - steps.shape[1], *steps.shape[2:]), 255, np.uint8)
        show_image(axis, _tiled(np.concatenate([steps, blank], axis=1)))
    return figure


def _grid(images: NDArray[np.uint8], swapped: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put images left of the rows and above the columns of a matrix."""
    head = np.concatenate([np.full_like(images[:1], 255), images])
    return _tiled(np.concatenate([head[None], np.concatenate([images[:, None], swapped], axis=1)]))


def _tiled(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put images, (rows, columns, 3, side, side), side by side on white, (height, width, 3)."""
    times = -(-LEAST // images.shape[-1])
    large = images.repeat(times, axis=-1).repeat(times, axis=-2)
    edge = [(0, 0)] * 3 + [(0, SPACE)] * 2
    spaced = np.pad(large, edge, constant_values=255)
    rows, columns, _, side, _ = spaced.shape
    return spaced.transpose(0, 3, 1, 4, 2).reshape(rows * side, columns * side, 3)


def _show(axis: Axes, picture: NDArray[np.uint8], across: int) -> None:
    """Draw a grid, with a line between the images and those that are made of them."""
    show_image(axis, picture)
    edge = picture.shape[0] / across - SPACE / 2 - 0.5
    axis.axhline(edge, color="black", linewidth=1)
    axis.axvline(edge, color="black", linewidth=1)
