"""Figures of few and of many layers: along an axis, in a column of panels, on several pages."""

__all__ = ["MANY", "PAGE", "fitting", "name_layers", "pages"]

from collections.abc import Sequence
from math import ceil
from typing import TypeVar

from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from actsense.drawing.names import short_names
from actsense.drawing.style import counted, spread

MANY = 9  # layers, of which panels are too wide to stand side by side
PAGE = 14.0  # inches: what panels may take along a side of a page, about
SIZE, LEAST = 9.0, 7.0  # points of a name below an axis
APART = 1.25 / 72  # inches from a line of text to the next, for each point of its size
TURNED = 0.28  # inches between layers that slanted names need
Named = TypeVar("Named")


def fitting(layers: Sequence[Named], most: int) -> tuple[list[Named], str]:
    """Return the layers that a page has room for, from the first to the last, and a note."""
    chosen = spread(layers, max(2, most))
    if len(chosen) == len(layers):
        return chosen, ""
    return chosen, f" Shown: {len(chosen)} of {counted(len(layers), 'layer')}, evenly spread."


def pages(layers: Sequence[str], most: int) -> list[list[str]]:
    """Cut layers into pages of about as many each, at most so many; one page if there are none."""
    count = max(1, ceil(len(layers) / most))
    size = ceil(len(layers) / count) or 1
    return [list(layers[start : start + size]) for start in range(0, len(layers), size)] or [[]]


def name_layers(
    axis: Axes,
    places: ArrayLike,
    layers: Sequence[str],
    width: float,
    *,
    size: float = SIZE,
    angle: float = 35,
    named: bool = True,
    suffixes: Sequence[str] = (),
) -> None:
    """Name layers below an axis: slanted, or upright where they are many, all that have room.

    Arguments:
        axis: Where to.
        places: Of the layers along the axis, (layers,).
        layers: Their names.
        width: Of the axis, inches.
        size: Of the names, points; smaller where that makes room for all.
        angle: Of slanted names, degrees.
        named: Whether names are written, or places marked alone.
        suffixes: What follows each name.
    """
    pitch = width / max(1, len(layers))
    upright = pitch < TURNED
    size = min(size, max(LEAST, pitch / APART)) if upright else size
    step = ceil(APART * size / pitch) if upright else 1
    short = short_names(layers)
    texts = [short[layer] for layer in layers]
    if suffixes:
        texts = [f"{text} {more}" for text, more in zip(texts, suffixes, strict=True)]
    shown = [text if number % step == 0 else "" for number, text in enumerate(texts)]
    axis.set_xticks(places, shown if named else [""] * len(shown), fontsize=size)
    for label in axis.get_xticklabels():
        label.set(rotation=90 if upright else angle, ha="center" if upright else "right",
                  va="top", rotation_mode="default")  # fmt: skip
