"""Pictures and natural images as HTML: cards of the gallery, strips, and what failed."""

__all__ = ["film_strip", "gallery_card", "natural_grid", "one_picture", "picture_strip"]

from collections.abc import Sequence
from html import escape

from actsense.explorer.heatmaps import CAPTION, CUT
from actsense.explorer.pictures.images import Card, Natural

SHARP = "image-rendering:pixelated"
# Stripes: nobody takes them for a picture that a network answers to.
HATCHED = (
    "background:repeating-linear-gradient(45deg,#f4e3e0 0 8px,#fbf3f1 8px 16px);"
    "border:1px solid #c0392b;color:#8e2418"
)
EDGE = "outline:1px solid #dddddd;"
STRIP, THUMB = 132, 96  # pixels


def gallery_card(card: Card, name: str, lines: Sequence[str], *, failed: bool) -> str:
    """Draw the picture of a target, its natural images beside it, and lines below.

    Arguments:
        card: Its images.
        name: What the target is called.
        lines: What stands below.
        failed: Whether the picture is a failure, which is not shown.
    """
    left = _failure() if failed else _image(card.picture, name)
    beside = "".join(_image(address, f"natural image of {name}") for address in card.natural)
    return (
        '<div style="display:grid;grid-template-columns:1fr 1fr;gap:4px">'
        f'<div>{left}</div><div style="display:grid;grid-template-columns:1fr 1fr;gap:4px;'
        f'align-content:start">{beside}</div></div>{_below(lines)}'
    )


def one_picture(address: str, name: str, *, failed: bool) -> str:
    """Draw a picture alone, as wide as there is room; a failure inside a red frame."""
    frame = "outline:3px solid #c0392b;outline-offset:2px;" if failed else EDGE
    return f'<div style="{frame}max-width:372px">{_image(address, name)}</div>'


def picture_strip(addresses: Sequence[str], titles: Sequence[str], failed: Sequence[bool]) -> str:
    """Draw results side by side, with titles; what failed is not shown."""
    parts = [
        f'<div style="width:{STRIP}px">{_failure() if gone else _image(address, title)}'
        f"{_below([title])}</div>"
        for address, title, gone in zip(addresses, titles, failed, strict=True)
    ]
    return _row(parts)


def film_strip(addresses: Sequence[str], kept: Sequence[int], shown: int) -> str:
    """Draw a picture at all kept iterations; the one that is shown large is framed."""
    parts = []
    for place, (address, iteration) in enumerate(zip(addresses, kept, strict=True)):
        frame = "outline:3px solid #0072B2;outline-offset:1px;" if place == shown else EDGE
        title = "start" if iteration == 0 else str(iteration)
        drawn = f'<div style="{frame}">{_image(address, title)}</div>'
        parts.append(f'<div style="width:62px">{drawn}{_below([title])}</div>')
    return _row(parts)


def natural_grid(images: Sequence[Natural]) -> str:
    """Draw natural images with their class, their row of the dataset and their drive."""
    parts = []
    for one in images:
        strength = f"drive {one.drive:.2f}"
        if one.weight == one.weight:
            strength += f", weight {one.weight:.2f}"
        lines = [one.label, f"row {one.row}", strength]
        parts.append(
            f'<div style="width:{THUMB + 24}px">{_image(one.address, one.label)}{_below(lines)}'
            "</div>"
        )
    return _row(parts)


def _row(parts: Sequence[str]) -> str:
    return f'<div style="display:flex;flex-wrap:wrap;gap:0.7rem">{"".join(parts)}</div>'


def _image(address: str, words: str) -> str:
    sharp = SHARP if address.startswith("data:image/png") else ""
    return (
        f'<img src="{address}" alt="{escape(words, quote=True)}" '
        f'style="width:100%;aspect-ratio:1;display:block;{sharp}">'
    )


def _failure() -> str:
    return (
        f'<div style="{HATCHED};width:100%;aspect-ratio:1;display:flex;align-items:center;'
        f'justify-content:center;text-align:center;box-sizing:border-box;{CAPTION}">'
        "failed:<br>no picture</div>"
    )


def _below(lines: Sequence[str]) -> str:
    return "".join(
        f'<div style="{CAPTION};{CUT}" title="{escape(line, quote=True)}">{escape(line)}</div>'
        for line in lines
    )
