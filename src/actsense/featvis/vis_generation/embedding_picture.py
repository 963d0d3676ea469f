"""A folder of images in a plane, coloured by facet, with the image that is nearest to each."""

__all__ = ["write_embedding"]

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from numpy.typing import NDArray

from actsense.drawing.lines import network_styles
from actsense.drawing.style import save
from actsense.featvis.targets.facets import FacetSplit

SIDE = 8.0  # inches
THUMBNAIL = 0.6  # inches
DPI = 200


def write_embedding(split: FacetSplit, nearest: NDArray[np.uint8], png: Path) -> None:
    """Draw images as points, and the one nearest to the centre of every facet there.

    Arguments:
        split: The facets.
        nearest: The nearest image of each, (facets, 3, side, side).
        png: Where the figure goes.
    """
    figure = Figure(figsize=(SIDE, SIDE), layout="constrained")
    axis = figure.subplots()
    styles: list[dict[str, Any]] = [*network_styles(map(str, range(len(split)))).values()]
    for facet, (pixels, style) in enumerate(zip(nearest, styles, strict=True)):
        own = split.point[split.facet == facet]
        axis.scatter(own[:, 0], own[:, 1], s=16, alpha=0.7, linewidth=0, **style)
        centre = own.mean(axis=0)
        axis.scatter(centre[:1], centre[1:], s=24, color="black", zorder=3)
        small = OffsetImage(np.moveaxis(pixels, 0, -1), zoom=72 * THUMBNAIL / pixels.shape[-1])
        frame = {"edgecolor": style["color"], "linewidth": 2}
        axis.add_artist(
            AnnotationBbox(
                *(small, tuple(centre), (0, 36 * THUMBNAIL + 12)),
                boxcoords="offset points",
                bboxprops=frame,
                pad=0.1,
                zorder=4,
            )
        )
    axis.set_title(f"{len(split.facet)} images in {len(split)} facets; dots: their centres")
    axis.margins(0.15)
    axis.set_xticks([])
    axis.set_yticks([])
    save(figure, png, dpi=DPI)
