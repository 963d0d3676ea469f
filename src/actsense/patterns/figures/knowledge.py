"""Knowledge points on images, layer by layer, and the ways of one image's regions."""

__all__ = ["depth_paths", "knowledge_points_on_images"]

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from actsense.drawing.depth import fitting
from actsense.drawing.names import short_names
from actsense.drawing.style import counted, new_figure
from actsense.patterns.figures.choice import CHOICE, clearest_image
from actsense.patterns.figures.regions import (
    RELIABLE,
    UNRELIABLE,
    draw_cells,
    shade,
    show_picture,
)
from actsense.patterns.figures.space import (
    class_legend,
    draw_directions,
    frame,
    seen,
    upward_view,
)
from actsense.patterns.stored import StoredPatterns

SIDE = 1.75  # inches of a picture
MOST = 7  # layers that a page has room for
LONGEST = 18  # characters of a name above or beside a picture
FOLLOWED = 6  # regions of one image


def knowledge_points_on_images(
    stored: StoredPatterns, images: Sequence[int], pixels: NDArray[np.uint8], *, title: str
) -> Figure:
    """Draw a row per image and a column per layer: knowledge points outlined, the rest dimmed.

    Arguments:
        stored: The patterns of the network.
        images: Which images, numbers in the store.
        pixels: These images, (images, 3, side, side).
        title: The study and the network.
    """
    layers, left_out = fitting(stored.layers, MOST)
    figure = new_figure(
        SIDE * (1 + len(layers)) + 0.5,
        (SIDE + 0.24) * len(images) + 1.5,
        f"{title}: which regions support a class, and is it the true one?",
        "Outlined: knowledge points, regions that support one class with "
        f"p >= {stored.threshold:g}; all others are dimmed. Below: how many, and how many of them "
        "support the true class.\n"
        f"{CHOICE}.{left_out}",
    )
    axes = figure.subplots(len(images), 1 + len(layers), squeeze=False)
    classes, names = short_names(stored.classes, LONGEST), short_names(stored.layers, LONGEST)
    for row, image, picture in zip(axes, images, pixels, strict=True):
        show_picture(row[0], picture)
        row[0].set_ylabel(classes[stored.classes[stored.labels[image]]], fontsize=8)
    axes[0, 0].set_title("image", fontsize=9)
    for column, layer in zip(axes[:, 1:].T, layers, strict=True):
        column[0].set_title(names[layer], fontsize=9)
        points, reliable = stored.points(stored.layers.index(layer), stored.final)
        for axis, image, picture in zip(column, images, pixels, strict=True):
            cells = [one[image].reshape(stored.grid) for one in (points, reliable)]
            _mark(axis, picture, *cells)
    _region_legend(figure)
    return figure


def depth_paths(stored: StoredPatterns, pixels: NDArray[np.uint8], *, title: str) -> Figure:
    """Draw where regions of one image lie in the common space, from the first layer to the last.

    Arguments:
        stored: The patterns of the network.
        pixels: All images of the store, (images, 3, side, side), or `clearest_image` alone.
        title: The study and the network.
    """
    image = clearest_image(stored)
    label = int(stored.labels[image])
    name = short_names(stored.classes)[stored.classes[label]]
    chosen = _followed(stored, image)
    figure = new_figure(
        13.0,
        5.0,
        f"{title}: how do regions come to support a class, from layer to layer?",
        f"One image ({name}), the one with the most reliable knowledge points in the last layer. "
        f"Lines: up to {FOLLOWED} of these through all layers; small dots: all its regions.\n"
        "Strengths in the mean strength of each layer; the true class points upwards (thick). "
        "A pattern emerges where a line leaves the middle along its class.",
    )
    axes = figure.subplots(1, 3, width_ratios=(0.8, 1, 1))
    show_picture(axes[0], pixels[image] if len(pixels) > 1 else pixels[0])
    cells = np.zeros(stored.grid, bool)
    cells.flat[chosen] = True
    draw_cells(axes[0], cells, pixels.shape[-1], **RELIABLE)
    axes[0].set_title("regions that are followed", loc="left")
    paths = np.stack([stored.regions(k, stored.final)[image] for k in range(len(stored.layers))])
    directions = stored.directions(stored.final)
    view = upward_view(directions[label], np.delete(directions, label, axis=0))
    lengths = np.linalg.norm(paths, axis=-1)
    reach = 1.1 * max(float(lengths[:, chosen].max()), float(np.quantile(lengths, 0.98)))
    for axis, turned, name in (
        (axes[1], view, "front"),
        (axes[2], view[[2, 1, 0]], "the side"),
    ):
        frame(axis, reach, up="strength, in means of the layer")
        _paths(axis, paths, chosen, turned)
        draw_directions(axis, directions, stored.classes, turned, length=0.85 * reach,
                        bold=[label], faint=True)  # fmt: skip
        axis.set_title(f"seen from {name}", loc="left")
    colors = _depth_colors(len(stored.layers))
    layers = short_names(stored.layers)
    handles = [
        Line2D([], [], linestyle="none", marker="o", color=color, label=layers[layer])
        for layer, color in zip(stored.layers, colors, strict=True)
    ]
    figure.legend(handles=handles, loc="outside lower left", title="layer", ncols=8, fontsize=8)
    class_legend(figure, stored.classes)
    return figure


def _mark(
    axis: Axes, picture: NDArray[np.uint8], points: NDArray[np.bool_], reliable: NDArray[np.bool_]
) -> None:
    show_picture(axis, picture)
    shade(axis, points, picture.shape[-1])
    for cells, line in ((points & ~reliable, UNRELIABLE), (reliable, RELIABLE)):
        if cells.any():
            draw_cells(axis, cells, picture.shape[-1], **line)
    axis.set_xlabel(
        f"{counted(int(points.sum()), 'point')}, {reliable.sum()} reliable", fontsize=7.5
    )


def _region_legend(figure: Figure) -> None:
    words = {"supports the true class (reliable)": RELIABLE, "supports another one": UNRELIABLE}
    handles = [Line2D([], [], linewidth=1.8, label=k, **line) for k, line in words.items()]
    figure.legend(handles=handles, loc="outside lower left", ncols=2)


def _followed(stored: StoredPatterns, image: int) -> NDArray[np.int64]:
    """Return the strongest reliable regions of the last layer, or the strongest of all."""
    last = len(stored.layers) - 1
    strength = np.linalg.norm(stored.regions(last, stored.final)[image], axis=-1)
    reliable = stored.points(last, stored.final)[1][image]
    allowed = reliable if reliable.any() else np.ones_like(reliable)
    order = np.where(allowed, strength, -1).argsort(kind="stable")[::-1]
    found: NDArray[np.int64] = order[: min(FOLLOWED, int(allowed.sum()))]
    return found


def _paths(
    axis: Axes, paths: NDArray[np.float64], chosen: NDArray[np.int64], view: NDArray[np.float64]
) -> None:
    """Draw regions of all layers, (layers, regions, axes), and the ways of the chosen ones."""
    places = seen(paths, view)
    for layer, color in zip(places, _depth_colors(len(places)), strict=True):
        axis.scatter(layer[:, 0], layer[:, 1], s=5, color=color, linewidth=0, alpha=0.6)
        own = layer[chosen]
        axis.scatter(own[:, 0], own[:, 1], s=30, color=color, edgecolor="black", linewidth=0.5,
                     zorder=5)  # fmt: skip
    for region in chosen:
        axis.plot(*places[:, region, :2].T, color="0.35", linewidth=0.9, zorder=4)


def _depth_colors(count: int) -> NDArray[np.float64]:
    colors: NDArray[np.float64] = colormaps["viridis"](np.linspace(0, 0.95, count))
    return colors
