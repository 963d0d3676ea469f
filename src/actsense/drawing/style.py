"""What all figures share: a color per factor, readable text, files without chance."""

__all__ = [
    "CONTENT",
    "CONTEXT_LINES",
    "FACTOR_COLORS",
    "FACTOR_MARKERS",
    "FLAGS",
    "PARTS",
    "ROUNDING",
    "Marker",
    "counted",
    "empty_figure",
    "factor_labels",
    "foot",
    "interval_errors",
    "line_style",
    "new_figure",
    "place",
    "save",
    "show_image",
    "spread",
    "text_width",
]

from collections.abc import Iterable, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any, Literal, TypeVar

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import LoadFlags
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from actsense.store import replacing

# The first six after Okabe and Ito, the others as far from these and each other as could be found:
# all may meet in one design, and eyes that see no red or no green tell augmentations apart.
FACTOR_COLORS = {
    "brightness": "#E69F00",
    "contrast": "#D55E00",
    "saturation": "#CC79A7",
    "hue": "#009E73",
    "grayscaling": "#56B4E9",
    "erasing": "#0072B2",
    "rolling": "#747354",
    "hflip": "#811140",
    "rotation": "#6A20BC",
    "gaussian_blur": "#0F0A8E",
    "sharpness_const": "#46DDAC",
    "elliptic_local_blur": "#482F00",
    "patch_shuffle": "#046523",
    "patch_mask": "#C8D42A",
    "order": "#AAAAAA",
    "content": "#000000",
    "partition": "#739294",
    "class": "#064E69",
    "image": "#985A77",
}
# Beside colors: what tells factors apart in black and white; those of patches repeat others.
# All are filled: stars with three, four and six points stand for the parts of content.
Marker = str | tuple[int, Literal[1], int]
MARKERS: tuple[Marker, ...] = (*"os^DvPX<>ph*osd8", (3, 1, 0), (4, 1, 0), (6, 1, 0))
FACTOR_MARKERS: dict[str, Marker] = dict(zip(FACTOR_COLORS, MARKERS, strict=True))
CONTENT, PARTS = "content", ("partition", "class", "image")  # a factor, and its nested split
Line = str | tuple[int, tuple[int, ...]]
CONTEXT_LINES: dict[str, Line] = {
    "order": ":",
    CONTENT: "-",
    "partition": "-.",
    "class": "--",
    "image": (0, (4, 1)),
}
FLAGS = {"dead": "0.7", "rare": "#A9C1DC"}  # gray, and pale blue: in no map of colors
Value = TypeVar("Value")

TITLE: dict[str, Any] = {"size": 12, "weight": "bold"}
SUBTITLE: dict[str, Any] = {"size": 9}
FOOT: dict[str, Any] = {"size": 8}
MARGIN = 0.1  # inches
ROUNDING = 1.12  # at few dots per inch, letters of whole pixels are so much wider, at most
HEADER = 0.72  # inches for the title and two lines below it
SETTINGS: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}
mpl.rcParams.update(SETTINGS)


def line_style(factor: str) -> Line:
    """Return a solid line for augmentations and content, another for order and each part."""
    return CONTEXT_LINES.get(factor, "-")


def factor_labels(factors: Iterable[str]) -> dict[str, str]:
    """Return how factors are written where content may stand beside its parts."""
    names = list(factors)
    split = CONTENT in names
    return {
        name: f"{name} (part of {CONTENT})" if split and name in PARTS else name for name in names
    }


def interval_errors(table: pd.DataFrame, metric: str) -> NDArray[np.float64]:
    """Return how far the intervals of a metric reach below and above, (2, rows)."""
    low, high = table[f"{metric}_low"], table[f"{metric}_high"]
    # An estimate may lie outside the percentiles of its resamples.
    return np.stack([table[metric] - low, high - table[metric]]).astype(float).clip(0)


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: `1 image`, `1,200 images`."""
    return f"{count:,} {noun}" + "s" * (count != 1)


def spread(values: Sequence[Value], count: int) -> list[Value]:
    """Return values from the first to the last, evenly spread, at most so many."""
    places = np.linspace(0, len(values) - 1, min(count, len(values))).round().astype(int)
    return [values[place] for place in places]


def show_image(axis: Axes, image: NDArray[Any]) -> None:
    """Draw an image, (height, width, 3), pixel by pixel and without a frame."""
    axis.imshow(image, interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)


def new_figure(
    width: float, height: float, title: str, subtitle: str, *, arranged: bool = True
) -> Figure:
    """Return an empty figure, sizes in inches, with a title and what a reader must know.

    A figure is made wider where its title or a line of the subtitle would not fit.

    Arguments:
        width: Least width, inches.
        height: Height, inches.
        title: What the figure is about.
        subtitle: One or two lines below it.
        arranged: Whether matplotlib finds places for axes and legends. It draws all texts twice
            for that: pages of many panels place them by `panels` and `place`.
    """
    lines = [(title, TITLE), *((line, SUBTITLE) for line in subtitle.splitlines())]
    wanted = (ROUNDING * text_width(line, **font) + 2 * MARGIN for line, font in lines)
    width = max(width, *wanted)
    engine = ConstrainedLayoutEngine(rect=(0, 0, 1, 1 - HEADER / height)) if arranged else None
    figure = Figure(figsize=(width, height), layout=engine)
    left = MARGIN / width
    figure.text(left, 1 - 0.08 / height, title, **TITLE, va="top")
    figure.text(left, 1 - 0.32 / height, subtitle, **SUBTITLE, va="top")
    return figure


def empty_figure(title: str, reason: str) -> Figure:
    """Return a figure that says why it is empty; notebooks show none without axes."""
    figure = new_figure(8, 1.2, title, reason, arranged=False)
    figure.add_axes((0, 0, 1, 0.3)).set_axis_off()
    return figure


def text_width(line: str, size: float, weight: str = "normal") -> float:
    """Return how wide a line of text will be, of a size in points: inches."""
    families = FontProperties().get_family()  # of late: names may have brought others, see `names`
    faces = [findfont(FontProperties(family=[one], weight=weight)) for one in families]
    face = get_font(faces)
    face.set_size(size, 72)
    face.set_text(line, 0, flags=LoadFlags.NO_HINTING)
    return float(face.get_width_height()[0]) / 64 / 72


def foot(figure: Figure, line: str) -> None:
    """Write a line below an arranged figure, which makes room for it; nothing for no text."""
    if not line:
        return
    wide, high = figure.get_size_inches()
    room = 0.3 / high
    if ROUNDING * text_width(line, **FOOT) + 2 * MARGIN > wide:
        line = "\n".join(wrap(line, int(len(line) * wide / text_width(line, **FOOT) / 1.3)))
        room *= 1 + 0.5 * line.count("\n")
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0, room, 1, 1 - HEADER / high - room))
    figure.text(MARGIN / wide, 0.08 / high, line, **FOOT, va="bottom", color="0.3")


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Return axes at a place of a figure, inches from its left and upper edges."""
    wide, high = figure.get_size_inches()
    bounds = (left / wide, 1 - (top + height) / high, width / wide, height / high)
    return figure.add_axes(bounds)


def save(figure: Figure, png: Path, *, dpi: int) -> None:
    """Write a figure as one PNG file, which results, report and documentation share.

    Whoever needs vectors calls the function that draws the figure, and its `savefig`.
    """
    figure.set_dpi(dpi)
    with replacing(png) as beside:  # `savefig` would draw everything twice
        canvas = FigureCanvasAgg(figure)
        canvas.print_png(beside, metadata={"Software": None})  # type: ignore[no-untyped-call]
