"""Knowledge points on an image as HTML: outlines, and everything else dimmed."""

__all__ = ["cell_pictures"]

import base64
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from actsense.drawing.style import counted
from actsense.explorer.heatmaps import picture
from actsense.explorer.patterns.points import Cells
from actsense.patterns.figures.regions import DIMMED, RELIABLE, UNRELIABLE, outline

LINE, COARSE = 2.5, 8  # pixels of an outline, and regions of a side up to which
SHOWN = 170  # pixels of a picture, where there is room
DASHES = {RELIABLE["color"]: "", UNRELIABLE["color"]: 'stroke-dasharray="6 5"'}


def cell_pictures(pixels: NDArray[np.uint8], layers: Sequence[Cells], lines: Sequence[str]) -> str:
    """Draw an image, and the same with the knowledge points of every layer.

    Arguments:
        pixels: The image, (3, side, side).
        layers: Its regions, layer by layer.
        lines: What stands below the image.
    """
    parts = [f'<div style="width:{SHOWN}px">{picture(pixels, lines)}</div>']
    for cells in layers:
        below = f"{counted(int(cells.points.sum()), 'point')}, {cells.reliable.sum()} reliable"
        parts.append(
            f'<div style="width:{SHOWN}px"><div style="position:relative">'
            f"{picture(pixels, [cells.layer, below])}{_cover(cells)}</div></div>"
        )
    return f'<div style="display:flex;gap:0.9rem;flex-wrap:wrap">{"".join(parts)}</div>'


def _cover(cells: Cells) -> str:
    """Draw over a square picture at the top of what it lies in."""
    rows, columns = cells.points.shape
    width = LINE if max(rows, columns) <= COARSE else LINE / 2
    dark = "".join(
        f"M{100 * x / columns:.2f} {100 * y / rows:.2f}h{100 / columns:.2f}v{100 / rows:.2f}"
        f"h-{100 / columns:.2f}z"
        for y, x in np.argwhere(~cells.points)
    )
    drawn = f'<path d="{dark}" fill="black" fill-opacity="{DIMMED}"/>'
    for chosen, line in ((cells.points & ~cells.reliable, UNRELIABLE), (cells.reliable, RELIABLE)):
        sides = outline(chosen) * (100 / columns, 100 / rows)
        border = "".join(f"M{a:.2f} {b:.2f}L{c:.2f} {d:.2f}" for (a, b), (c, d) in sides)
        color = line["color"]
        fixed = 'fill="none" stroke-linecap="square" vector-effect="non-scaling-stroke"'
        drawn += f'<path d="{border}" {fixed} stroke="white" stroke-width="{width + 3}"/>'
        drawn += f'<path d="{border}" {fixed} stroke="{color}" stroke-width="{width}" '
        drawn += f"{DASHES[color]}/>"
    # As a file of its own: drawings inside the page are taken out for safety.
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" width="300" height="300">'
        f"{drawn}</svg>"
    )
    data = base64.b64encode(svg.encode()).decode()
    return (
        f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(cells.layer)}" '
        'style="position:absolute;left:0;top:0;width:100%;aspect-ratio:1">'
    )
