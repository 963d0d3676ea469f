"""Maps as small pictures: one pixel per position, enlarged by the browser."""

__all__ = ["color_bar", "heatmap", "picture", "picture_address"]

import base64
from collections.abc import Sequence
from html import escape
from io import BytesIO

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from PIL import Image

from actsense.drawing.style import FLAGS

# Dead and rare units have the colors of the figures.
POSITIVE = colormaps["magma"].with_extremes(bad=FLAGS["dead"])
SIGNED = colormaps["RdBu_r"].with_extremes(bad=FLAGS["dead"])
RARE = (*to_rgb(FLAGS["rare"]), 1.0)
STOPS = 9  # colors that a color bar is drawn from
CAPTION = "font-size:0.8rem;line-height:1.3"
INSIDE = "object-fit:contain;object-position:0 0"  # whole, from the top left on
CUT = "white-space:nowrap;overflow:hidden;text-overflow:ellipsis"


def heatmap(
    values: NDArray[np.float64],
    limit: float,
    *,
    title: str,
    chosen: tuple[int, int] | None = None,
    signed: bool = False,
    rare: NDArray[np.bool_] | None = None,
    clicked: str = "",
) -> str:
    """Draw a map as HTML.

    Arguments:
        values: Shape (row, col).
        limit: Value of the last color; the first one is 0, or `-limit` for signed values.
        title: What stands above it.
        chosen: Row and column to mark.
        signed: Whether colors are centred at zero.
        rare: Units whose values cannot be trusted, same shape.
        clicked: Attributes of the picture, such as what a click on it chooses.
    """
    low = -limit if signed else 0.0
    span = limit - low or 1.0
    colors = (SIGNED if signed else POSITIVE)(np.ma.masked_invalid((values - low) / span))
    if rare is not None:
        colors[rare] = RARE
    marked = _mark(*chosen, *values.shape) if chosen else ""
    image = _pixels((255 * colors[..., :3]).astype(np.uint8), title)
    return (
        f'<div style="flex:1;min-width:0"><div style="{CAPTION};{CUT}">{escape(title)}</div>'
        f'<div style="position:relative" {clicked}>{image}'
        f"{marked}</div></div>"
    )


def color_bar(limit: float, *, signed: bool = False, unit: str = "") -> str:
    """Draw the colors of a map from the lowest to the highest value, as HTML."""
    colors = (SIGNED if signed else POSITIVE)(np.linspace(0, 1, STOPS))
    stops = ",".join(f"rgb({r},{g},{b})" for r, g, b in (255 * colors[:, :3]).astype(int))
    low = f"{-limit:.2g}" if signed else "0"
    return (
        f'<div style="display:flex;align-items:center;gap:0.4rem;{CAPTION};margin-top:0.2rem">'
        f'<span>{low}</span><span style="flex:1;height:0.5rem;'
        f'background:linear-gradient(to right,{stops})"></span>'
        f"<span>{limit:.2g} {escape(unit)}</span></div>"
    )


def picture(
    pixels: NDArray[np.uint8],
    lines: Sequence[str],
    *,
    framed: tuple[int, int, int, int] | None = None,
) -> str:
    """Draw an image with lines of text below it, as HTML.

    Arguments:
        pixels: Shape (3, side, side).
        lines: What stands below; long lines are cut.
        framed: Top, left, bottom and right of a part, pixels, that is framed and shown again,
            enlarged.
    """
    below = "".join(
        f'<div style="{CAPTION};{CUT}" title="{escape(line)}">{escape(line)}</div>'
        for line in lines
    )
    image = _pixels(np.moveaxis(pixels, 0, -1), lines[0])
    if framed is None:
        return f'<div style="min-width:0">{image}{below}</div>'
    top, left, bottom, right = framed
    seen = np.moveaxis(pixels[:, top:bottom, left:right], 0, -1)
    part = _pixels(seen, "what the unit sees", f"aspect-ratio:1;{INSIDE}")
    frame = _frame(top, left, bottom - top, right - left, *pixels.shape[1:])
    return (
        '<div style="min-width:0"><div style="display:flex;gap:3px;align-items:flex-start">'
        f'<div style="position:relative;flex:1 1 0;min-width:0">{image}{frame}</div>'
        f'<div style="flex:1 1 0;min-width:0">{part}</div></div>{below}</div>'
    )


def picture_address(pixels: NDArray[np.uint8]) -> str:
    """Return an image, (3, height, width), as an address that holds it."""
    return _address(np.moveaxis(pixels, 0, -1))


def _address(pixels: NDArray[np.uint8]) -> str:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)  # half the time, a fifth larger
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _pixels(pixels: NDArray[np.uint8], words: str, style: str = "") -> str:
    return (
        f'<img src="{_address(pixels)}" alt="{escape(words)}" '
        f'style="width:100%;display:block;image-rendering:pixelated;{style}">'
    )


def _mark(row: int, col: int, rows: int, cols: int) -> str:
    """Frame one position."""
    return _frame(row, col, 1, 1, rows, cols)


def _frame(top: int, left: int, height: int, width: int, rows: int, cols: int) -> str:
    """Frame a part: white inside black, to be seen on any color."""
    return (
        f'<div style="position:absolute;left:{100 * left / cols:.3f}%;top:{100 * top / rows:.3f}%;'
        f"width:{100 * width / cols:.3f}%;height:{100 * height / rows:.3f}%;"
        'outline:2px solid black;box-shadow:inset 0 0 0 1.5px white"></div>'
    )
