"""Which regions of an image tell it from others, beside the image."""

__all__ = ["weight_maps"]

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.drawing.depth import fitting
from actsense.drawing.names import short_names
from actsense.drawing.style import new_figure
from actsense.patterns.figures.choice import CHOICE
from actsense.patterns.figures.regions import show_picture
from actsense.patterns.stored import StoredPatterns

SIDE = 1.55  # inches of a picture
MOST = 7  # layers that a page has room for
TICKS = (0, 1, 4, 16, 64)  # of the scale
LONGEST = 18  # characters of a layer's or class's name above or beside a picture


def weight_maps(
    stored: StoredPatterns, images: Sequence[int], pixels: NDArray[np.uint8], *, title: str
) -> Figure:
    """Draw a row per image: the image, and the weights of its regions in every layer.

    Arguments:
        stored: The patterns of the network.
        images: Which images, numbers in the store.
        pixels: These images, (images, 3, side, side).
        title: The study and the network.
    """
    layers, left_out = fitting(stored.layers, MOST)
    figure = new_figure(
        SIDE * (1 + len(layers)) + 1.6,
        (SIDE + 0.12) * len(images) + 1.2,
        f"{title}: which regions tell an image from the others?",
        "Weights with which the features of an image's regions predict how much the network says "
        "the same of other images, in multiples of the mean of all regions.\n"
        f"{CHOICE}.{left_out}",
    )
    axes = figure.subplots(len(images), 1 + len(layers), squeeze=False)
    classes, names = short_names(stored.classes, LONGEST), short_names(stored.layers, LONGEST)
    regions = int(np.prod(stored.grid))
    norm = PowerNorm(0.5, 0, regions)  # all weight on one region is the last color
    drawn = None
    for row, image, picture in zip(axes, images, pixels, strict=True):
        show_picture(row[0], picture)
        label = stored.classes[stored.labels[image]]
        row[0].set_ylabel(classes[label], fontsize=8)
        for axis, layer in zip(row[1:], layers, strict=True):
            weights = stored.weights(stored.layers.index(layer), stored.final)[image]
            relative = (weights * len(weights)).reshape(stored.grid)
            drawn = axis.imshow(relative, cmap="viridis", norm=norm)
            axis.set_xticks([])
            axis.set_yticks([])
    axes[0, 0].set_title("image", fontsize=9)
    for axis, layer in zip(axes[0, 1:], layers, strict=True):
        axis.set_title(names[layer], fontsize=9)
    if drawn is not None:
        ticks = [tick for tick in TICKS if tick < regions] + [regions]
        figure.colorbar(drawn, ax=axes, label="weight, mean = 1", ticks=ticks, shrink=0.6,
                        aspect=30, format="%g")  # fmt: skip
    return figure
