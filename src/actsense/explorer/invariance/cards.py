"""Images in rows, matrices of mixtures, gauges and maps of variance, as HTML."""

__all__ = ["Tile", "framed_row", "gauge", "mixing_matrix", "variance_map"]

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
from numpy.typing import NDArray

from actsense.explorer.heatmaps import CAPTION, CUT, color_bar, heatmap
from actsense.explorer.pictures.images import image_address

SIDE = 104  # pixels of a tile
SHARP = "image-rendering:pixelated"  # pixels of small images are to be seen
SAME, OTHER = "#00664B", "#A33B00"  # of what the network says: as expected, or something else
BLUE, BAND = "#0072B2", "#D9E2EA"
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Tile:
    """An image with words below it.

    Attributes:
        pixels: (3, side, side).
        title: What it is, in bold; empty for nothing.
        said: What the network says of it; empty for nothing.
        agrees: Whether it says what was to be expected; None where nothing was.
        words: What else is told below.
    """

    pixels: Bytes
    title: str = ""
    said: str = ""
    agrees: bool | None = None
    words: Sequence[str] = field(default=())


def framed_row(tiles: Sequence[Tile], *, side: int = SIDE) -> str:
    """Draw images side by side; those that do not fit stand below."""
    drawn = "".join(_tile(tile, side) for tile in tiles)
    return f'<div style="display:flex;flex-wrap:wrap;gap:0.6rem">{drawn}</div>'


def mixing_matrix(images: Sequence[Tile], mixed: Sequence[Sequence[Tile]]) -> str:
    """Draw mixtures: rows share what is not said, columns what is said.

    Arguments:
        images: What was mixed.
        mixed: [whose is left unsaid][of whom something is said].
    """
    head = "".join(_cell(_tile(tile, 88), head=True) for tile in images)
    corner = "<b>kept</b> from above, <b>the rest</b> from the left"
    rows = [f'<div style="{CAPTION};align-self:end;padding:6px">{corner}</div>{head}']
    for place, line in enumerate(mixed):
        cells = "".join(_cell(_tile(tile, 88), same=place == k) for k, tile in enumerate(line))
        rows.append(_cell(_tile(images[place], 88), head=True) + cells)
    columns = f"repeat({len(images) + 1},minmax(0,100px))"  # smaller where there is little room
    return (
        f'<div style="display:grid;grid-template-columns:{columns};gap:min(6px,1vw)">'
        f"{''.join(rows)}</div>"
    )


def gauge(title: str, value: float, floor: float, ceiling: float, *, limited: bool) -> str:
    """Draw a number on its way from the floor to the ceiling.

    Arguments:
        title: What is measured.
        value: Of samples.
        floor: What other images would have.
        ceiling: What the autoencoder allows.
        limited: Whether the ceiling is too low for the number to tell of the layer.
    """
    low = min(0.0, *(x for x in (value, floor, ceiling) if np.isfinite(x)), 0.0)
    band = _band(_place(floor, low), _place(ceiling, low), limited)
    marks = "".join(
        _mark(_place(x, low), color, width)
        for x, color, width in ((floor, "#777", 2), (ceiling, "#777", 2), (value, BLUE, 6))
        if np.isfinite(x)
    )
    told = f"<b>{_number(value)}</b>, between {_number(floor)} and {_number(ceiling)}"
    return (
        f'<div style="max-width:420px;{CAPTION}"><div>{escape(title)}: {told}</div>'
        f'<div style="position:relative;height:18px;background:#F4F4F4;margin:2px 0 8px">'
        f"{band}{marks}</div></div>"
    )


def variance_map(variance: NDArray[np.float32], limit: float) -> str:
    """Draw how much every pixel varies over samples, mean of the colours, with its scale.

    Arguments:
        variance: (3, side, side).
        limit: Variance of the last colour.
    """
    shown = heatmap(variance.mean(axis=0, dtype=np.float64), limit, title="variance")
    return f'<div style="width:{SIDE}px">{shown}{color_bar(limit)}</div>'


def _tile(tile: Tile, side: int) -> str:
    color = {True: SAME, False: OTHER, None: "inherit"}[tile.agrees]
    sign = {True: "✓ ", False: "✗ ", None: ""}[tile.agrees]
    lines = [f"<b>{escape(tile.title)}</b>"] if tile.title else []
    if tile.said:
        lines.append(f'<span style="color:{color}">{sign}{escape(tile.said)}</span>')
    lines += [escape(word) for word in tile.words]
    whole = " · ".join([tile.title, tile.said, *tile.words])
    below = "".join(
        f'<div style="{CAPTION};{CUT}" title="{escape(whole, quote=True)}">{line}</div>'
        for line in lines
    )
    alt = escape(tile.title or tile.said or "image", quote=True)
    return (
        f'<div style="width:{side}px;max-width:100%">'
        f'<img src="{image_address(tile.pixels, 2 * side)}" '
        f'alt="{alt}" style="width:100%;aspect-ratio:1;display:block;{SHARP}">{below}</div>'
    )


def _cell(drawn: str, *, head: bool = False, same: bool = False) -> str:
    edge = (
        "background:#F1F1F1"
        if head
        else ("outline:2px solid #0072B2;outline-offset:-2px" if same else "")
    )
    return f'<div style="padding:min(6px,1vw);{edge}">{drawn}</div>'


def _place(value: float, low: float) -> float:
    """Return where a value up to 1 stands, in percent from the left."""
    return 100 * (min(value, 1.0) - low) / (1 - low)


def _band(left: float, right: float, limited: bool) -> str:
    if not (np.isfinite(left) and np.isfinite(right)) or right < left:
        return ""
    hatched = f"repeating-linear-gradient(45deg,{BAND} 0 5px,#F4F4F4 5px 10px)"
    fill = hatched if limited else BAND
    return (
        f'<div style="position:absolute;left:{left:.2f}%;width:{right - left:.2f}%;top:0;bottom:0;'
        f'background:{fill}"></div>'
    )


def _mark(place: float, color: str, width: int) -> str:
    return (
        f'<div style="position:absolute;left:calc({place:.2f}% - {width / 2:g}px);top:0;bottom:0;'
        f'width:{width}px;background:{color}"></div>'
    )


def _number(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}" if np.isfinite(value) else "undefined"
