"""What figures of demos share: pictures with what the network says of them, and layers' heads."""

__all__ = [
    "APART",
    "GAP",
    "LINE",
    "SIDE",
    "Columns",
    "bytes_of",
    "foot",
    "foot_height",
    "gate_note",
    "group_head",
    "head_width",
    "put_hatch",
    "put_said",
    "said_names",
    "wrapped",
]

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor

from actsense.drawing.names import short_names
from actsense.drawing.sheet import put_picture, write
from actsense.drawing.style import text_width
from actsense.invariance.autoencoder.gate import AGREEMENT, COSINE
from actsense.invariance.demos.opening import DemoSet

SIDE, GAP, APART = 0.72, 0.05, 0.3  # inches: of a picture, between pictures, between groups
LINE = 0.19  # inches: what the network says
NOTE, LETTER = 0.15, 0.061  # inches: a line of notes, and a letter of it
LONGEST = 10  # characters of what it says
SMALL = 6.8  # points
SAME, OTHER = "0.25", "#CC3311"


@dataclass(frozen=True)
class Columns:
    """Where groups of pictures side by side begin, inches.

    Arguments:
        left: Where the first one begins.
        counts: Pictures of every group.
        widths: Least width of every group, such as that of its head; shorter lists end with 0.
    """

    left: float
    counts: Sequence[int]
    widths: Sequence[float] = ()

    @property
    def spans(self) -> list[float]:
        """Width of every group."""
        widths = [*self.widths, *[0.0] * len(self.counts)]
        return [
            max(count * (SIDE + GAP) - GAP, width)
            for count, width in zip(self.counts, widths, strict=False)
        ]

    @property
    def starts(self) -> list[float]:
        """Left edge of every group."""
        steps = [span + APART for span in self.spans]
        return [*accumulate(steps[:-1], initial=self.left)]

    @property
    def width(self) -> float:
        """Width of it all, with the margin on the right."""
        return self.starts[-1] + self.spans[-1] + 0.15

    def places(self, group: int) -> list[float]:
        """Left edges of the pictures of a group."""
        return [self.starts[group] + k * (SIDE + GAP) for k in range(self.counts[group])]


def bytes_of(images: Tensor) -> NDArray[np.uint8]:
    """Return images in [0, 1] as they are drawn, of the same shape."""
    return (images.clamp(0, 1) * 255).round().byte().numpy()


def said_names(demos: DemoSet) -> list[str]:
    """Return short texts of the outputs, by number."""
    short = short_names(demos.outputs, LONGEST)
    return [short[name] for name in demos.outputs]


def put_said(
    axis: Axes,
    image: NDArray[np.uint8],
    x: float,
    y: float,
    said: str,
    *,
    same: bool = True,
) -> None:
    """Draw a picture and what the network says of it; bold red if that is something else."""
    put_picture(axis, image, x, y, SIDE)
    style = {"color": SAME} if same else {"color": OTHER, "weight": "bold"}
    write(axis, x + SIDE / 2, y + SIDE + 0.02, said, SMALL, ha="center", **style)


def group_head(
    axis: Axes,
    x: float,
    width: float,
    name: str,
    lines: Sequence[str],
    *,
    limited: bool,
    bottom: float,
) -> None:
    """Write the head of the pictures of a layer, which begin at `bottom`; hatched if limited."""
    write(axis, x, 0.02, name, 9.5, weight="bold")
    for number, line in enumerate(lines):
        write(axis, x, 0.2 + 0.135 * number, line, 7.2, color="0.3")
    if limited:
        put_hatch(axis, x, bottom - 0.1, width)


def put_hatch(axis: Axes, x: float, y: float, width: float) -> None:
    """Draw the mark of pictures that are limited by the autoencoder."""
    hatch: dict[str, Any] = {
        "facecolor": "0.94",
        "edgecolor": "0.45",
        "linewidth": 0,
        "hatch": "/////",
    }
    axis.add_patch(Rectangle((x, y), width, 0.06, **hatch))


def head_width(name: str, lines: Iterable[str]) -> float:
    """Return how wide a head is, inches."""
    return max(text_width(name, 9.5, "bold"), *(text_width(line, 7.2) for line in lines), 0)


def gate_note(demos: DemoSet, layers: Sequence[str]) -> str:
    """Say which layers are limited by the autoencoder, in a line; or nothing."""
    limited = [layer for layer in layers if demos.limited(layer)]
    if not limited:
        return ""
    short = short_names(demos.layers)
    told = ", ".join(
        f"{short[layer]} ({demos.faithful[layer].agreement:.2f} and "
        f"{demos.faithful[layer].cosine:.2f})"
        for layer in limited
    )
    return (
        "Hatched: limited by the autoencoder. Of its reconstructions, a share below "
        f"{AGREEMENT:g} has the class of the image, or the centred cosine is below {COSINE:g}: "
        f"{told}."
    )


def wrapped(width: float, *notes: str) -> list[str]:
    """Return the lines of notes below all pictures, as wide as a page of some inches."""
    letters = round((width - 0.2) / LETTER)
    return [line for note in notes if note for line in wrap(note, letters)]


def foot_height(lines: Sequence[str]) -> float:
    """Return how much room notes below all pictures take, inches."""
    return 0.1 + NOTE * len(lines)


def foot(axis: Axes, y: float, lines: Sequence[str]) -> None:
    """Write notes below all pictures."""
    for number, line in enumerate(lines):
        write(axis, 0.1, y + NOTE * number, line, 7.5, color="0.3")
