"""The images of a layer in a plane, coloured by facet, and how many facets part them best."""

__all__ = ["facet_maps"]

from math import ceil
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from actsense.data.cache import ImageCache
from actsense.drawing.depth import fitting
from actsense.drawing.lines import network_styles
from actsense.drawing.names import short_names
from actsense.drawing.style import counted, new_figure
from actsense.featvis.stored import PictureGroup, StoredPictures

HEIGHT, WIDTH, BESIDE = 4.6, 6.4, 3.6  # inches of a panel, and of the one beside it
LARGEST, PANEL = 0.6, 3.7  # inches of a thumbnail, and of all below each other
LAYERS = 8  # that a page has room for
FRAMED = 24  # facets of a layer, at most
EDGE, MARGIN = 0.08, 0.26  # of thumbnails, shares of the panel; beside points, of their width
CHOSEN = "#D55E00"
Floats = NDArray[np.float64]


def facet_maps(stored: StoredPictures, images: ImageCache, *, title: str) -> Figure:
    """Draw a row per layer: its images in a plane, and silhouettes by count of facets.

    Arguments:
        stored: The pictures of the network.
        images: The images of the study.
        title: The study and the network.
    """
    groups, note = fitting(stored.of_kind("facets"), LAYERS)
    tried = any(group.silhouette for group in groups)
    figure = new_figure(
        WIDTH + tried * BESIDE + 0.6,
        HEIGHT * len(groups) + 1,
        f"{title}: into which facets does a layer part the images?",
        "Points: natural images, near each other where the layer responds to them alike; colours "
        "and marks: facets. Framed, with a line to a facet's centre: the image nearest to it.\n"
        "Facets were found in more dimensions than the plane shows: distances in it are "
        "approximate, and its "
        f"axes have no unit.{note}",
    )
    axes = figure.subplots(len(groups), 1 + tried, squeeze=False,
                           width_ratios=(WIDTH, BESIDE)[: 1 + tried])  # fmt: skip
    names = short_names(group.layer for group in groups)
    for row, group in zip(axes, groups, strict=True):
        count = len(group.names)
        words = f"{names[group.layer]}: {counted(count, 'facet')}"
        words += f"; framed: the {FRAMED} largest" * (count > FRAMED)
        _plane(row[0], group, images)
        row[0].set_title(words, loc="left")
        if tried:
            _silhouettes(row[1], group)
    return figure


def _plane(axis: Axes, group: PictureGroup, images: ImageCache) -> None:
    numbers = range(len(group.names))
    styles: list[dict[str, Any]] = [*network_styles(map(str, numbers)).values()]
    points, many = group.points, len(group.points) > 200
    for facet in numbers:
        own = points[group.facet == facet]
        axis.scatter(own[:, 0], own[:, 1], s=12 if many else 26, alpha=0.7, linewidth=0,
                     **styles[facet])  # fmt: skip
    sizes = np.bincount(group.facet, minlength=len(numbers))
    framed = np.sort(np.argsort(-sizes, kind="stable")[:FRAMED])
    centres = np.stack([points[group.facet == facet].mean(axis=0) for facet in framed])
    nearest = images.read(np.array([group.best_rows(facet, 1)[0] for facet in framed]))
    places = _beside(centres)
    size = min(LARGEST, 0.9 * PANEL / ceil(len(framed) / 2))
    for facet, pixels, centre, place in zip(framed, nearest, centres, places, strict=True):
        color = styles[facet]["color"]
        _thumbnail(axis, pixels, centre, place, size, color, str(facet + 1))
    axis.margins(MARGIN, 0.06)  # between the thumbnails
    axis.set_aspect("equal", "datalim")
    axis.set_facecolor("0.97")
    axis.spines[:].set_visible(False)
    axis.set_xticks([])
    axis.set_yticks([])


def _beside(centres: Floats) -> list[tuple[float, float]]:
    """Return where thumbnails stand, in shares of the panel: left and right, by height."""
    places = [(0.0, 0.0)] * len(centres)
    by_width = np.argsort(centres[:, 0], kind="stable")
    half = ceil(len(centres) / 2)
    for x, own in ((EDGE, by_width[:half]), (1 - EDGE, by_width[half:])):
        by_height = own[np.argsort(-centres[own, 1], kind="stable")]
        for number, facet in enumerate(by_height):
            places[facet] = (x, 1 - (number + 0.5) / len(own))
    return places


def _thumbnail(
    axis: Axes,
    pixels: NDArray[np.uint8],
    centre: Floats,
    place: tuple[float, float],
    size: float,
    color: str,
    word: str,
) -> None:
    """Draw a small framed image at a place of the panel, and a line to the centre of its facet."""
    axis.plot(*centre, marker="o", markersize=6, color=color, markeredgecolor="black", zorder=4)
    small = OffsetImage(np.moveaxis(pixels, 0, -1), zoom=72 * size / pixels.shape[-1])
    look: dict[str, Any] = {"bboxprops": {"edgecolor": color, "linewidth": 2.2}, "pad": 0.1}
    line = {"arrowstyle": "-", "color": color, "linewidth": 1.2}
    axis.add_artist(AnnotationBbox(small, tuple(centre), place, boxcoords="axes fraction",
                                   arrowprops=line, zorder=3, **look))  # fmt: skip
    axis.annotate(word, place, (-36 * size, 36 * size), "axes fraction",
                  textcoords="offset points", fontsize=8, zorder=5, color="white", weight="bold",
                  ha="center", va="center",
                  bbox={"boxstyle": "round,pad=0.2", "facecolor": color, "edgecolor": "white",
                        "linewidth": 0.6})  # fmt: skip


def _silhouettes(axis: Axes, group: PictureGroup) -> None:
    scores = group.silhouette
    if not scores:
        axis.set_axis_off()
        axis.text(0, 0.5, "The number of facets\nwas given.", transform=axis.transAxes,
                  color="0.4")  # fmt: skip
        return
    axis.plot([*scores], [*scores.values()], color="0.4", marker="o", markersize=4)
    count = len(group.names)
    if count in scores:
        axis.plot(count, scores[count], color=CHOSEN, marker="o", markersize=8)
        axis.annotate("taken", (count, scores[count]), (0, 8), textcoords="offset points",
                      color=CHOSEN, ha="center", fontsize=8.5)  # fmt: skip
    axis.margins(0.12, 0.2)
    axis.set_xlabel("number of facets")
    axis.set_ylabel("silhouette (higher: better parted)")
    axis.xaxis.set_major_locator(MaxNLocator(min(6, ceil(max(scores))), integer=True))
