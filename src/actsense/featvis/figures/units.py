"""Units that feel a factor most and least: where, which images drive them, and their pictures."""

__all__ = ["unit_rows"]

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from actsense.data.cache import ImageCache
from actsense.drawing.mosaic import COLORS, LIMITS, share_bar
from actsense.drawing.names import short_names
from actsense.drawing.sheet import put_picture, sheet, write
from actsense.drawing.style import HEADER, counted, new_figure
from actsense.featvis.figures.sheet import Judged
from actsense.featvis.stored import PictureGroup, StoredPictures

SIDE, GAP, APART = 0.95, 0.06, 0.25  # inches: of a picture, between pictures, between their kinds
LEFT, LINE, HEAD, BAR = 1.75, 0.24, 0.55, 1.25  # for names, below a row, above a block, beside all
NATURAL, MADE = 3, 3  # images and pictures of a unit
ROWS = 12  # of a role
ROLES = {"most": "feel {factor} most", "least": "feel {factor} least"}
INDICES = {"S1": "first-order index", "ST": "total index", "shapley": "Shapley effect"}
FRAME = 0.09  # inches of a frame, at least
MARK = "#56B4E9"  # of the unit's place


@dataclass(frozen=True)
class Row:
    """One unit of a group."""

    judged: Judged
    target: int

    @property
    def group(self) -> PictureGroup:
        """The group of the unit."""
        return self.judged.group

    @property
    def index(self) -> float:
        """How much the unit feels the factor."""
        return float(self.group.indices[self.target])


def unit_rows(
    stored: StoredPictures, pictures: pd.DataFrame, images: ImageCache, *, title: str
) -> Figure:
    """Draw a row per unit: its map, its strongest images, its pictures, its index.

    Arguments:
        stored: The pictures of the network.
        pictures: Table `pictures` of the study.
        images: The images of the study.
        title: The study and the network.
    """
    groups = stored.of_kind("units")
    factor, index = groups[0].factor, INDICES.get(groups[0].by, groups[0].by)
    blocks = {role: _ranked(stored, pictures, role) for role in ROLES}
    shown = {role: rows[:ROWS] for role, rows in blocks.items() if rows}
    made = min(MADE, max(len(group.of_target(0)) for group in groups))
    heights = [HEAD + len(rows) * (SIDE + LINE) for rows in shown.values()]
    width = LEFT + (1 + NATURAL + made) * (SIDE + GAP) + 2 * APART
    figure = new_figure(
        width + BAR,
        HEADER + sum(heights) + 0.05,
        f"{title}: what do units respond to that feel {factor} most, and least?",
        f"Map: {index} of {factor} over the places of the unit's channel, clipped to [0, 1] in "
        "this picture only; framed: the unit; grey: dead units.\n"
        "Then the natural images that drive the unit most, "
        f"and pictures made to drive it, from {counted(made, 'start')}. Below a picture: its "
        "activation's percentile among natural images.",
        arranged=False,
    )
    names = short_names(group.layer for group in groups)
    top = HEADER
    for (role, rows), height in zip(shown.items(), heights, strict=True):
        axis = sheet(figure, 0, top, figure.get_figwidth() - BAR, height)
        words = f"units that {ROLES[role].format(factor=factor)}"
        left_out = len(blocks[role]) - len(rows)
        words += f" ({left_out} more are not shown)" * (left_out > 0)
        _head(axis, words)
        for number, row in enumerate(rows):
            y = HEAD + number * (SIDE + LINE)
            write(axis, 0.1, y + SIDE / 2, f"{names[row.group.layer]}\n{_name(row)}\n"
                  f"{index} {_rounded(row.index)}", 8.5, va="center")  # fmt: skip
            _row(axis, row, images, made, y)
        top += height
    if any(line >= 0 for group in groups for _, line, _ in group.places):
        share_bar(figure, width + 0.1, HEADER + HEAD, min(3, heights[0] - HEAD))
        figure.axes[-1].set_ylabel("of maps: share of variance")
    return figure


def _ranked(stored: StoredPictures, pictures: pd.DataFrame, role: str) -> list[Row]:
    """Return the units of a role in all layers: those that show the role most come first."""
    rows = [
        Row(Judged(group, pictures, stored.network), target)
        for group in stored.of_kind("units")
        for target, own in enumerate(group.roles)
        if own == role
    ]
    return sorted(rows, key=lambda row: row.index, reverse=role == "most")


def _places(made: int) -> tuple[float, list[float], list[float]]:
    """Return where the map, the natural images and the pictures begin."""
    natural = LEFT + SIDE + GAP + APART
    pictures = natural + NATURAL * (SIDE + GAP) + APART
    step = SIDE + GAP
    return (
        LEFT,
        [natural + k * step for k in range(NATURAL)],
        [pictures + k * step for k in range(made)],
    )


def _head(axis: Axes, words: str) -> None:
    first, natural, pictures = _places(1)
    write(axis, 0.1, 0.08, words, 10, weight="bold")
    for x, name in ((first, "map"), (natural[0], "strongest natural images"),
                    (pictures[0], "pictures")):  # fmt: skip
        write(axis, x, HEAD - 0.05, name, 8.5, va="bottom")


def _name(row: Row) -> str:
    channel, line, column = row.group.places[row.target]
    return f"unit {channel}" if line < 0 else f"channel {channel} at {line}, {column}"


def _rounded(index: float) -> str:
    """Return an index as text; noise makes small ones negative, but none is -0."""
    return f"{round(index, 2) + 0.0:.2f}"


def _row(axis: Axes, row: Row, images: ImageCache, made: int, y: float) -> None:
    first, natural, pictures = _places(made)
    _map(axis, row, first, y)
    best = images.read(row.group.best_rows(row.target, NATURAL))
    for x, pixels in zip(natural, best, strict=False):
        put_picture(axis, pixels, x, y, SIDE)
    for x, picture in zip(pictures, row.group.of_target(row.target), strict=False):
        row.judged.put(axis, picture, x, y, SIDE)
        if not row.judged.failed[picture]:
            reached = row.judged.facts["percentile"][picture]
            write(axis, x, y + SIDE + 0.03, f"percentile {reached:.3g}", 8)


def _map(axis: Axes, row: Row, x: float, y: float) -> None:
    """Draw the index over the places of the unit's channel, and where the unit is."""
    _, line, column = row.group.places[row.target]
    if line < 0:
        write(
            axis, x, y + SIDE / 2, "no map:\na vector has\nno places", 8, va="center", color="0.4"
        )
        return
    values = row.group.index_map(row.target)
    high, wide = values.shape
    cell = SIDE / max(high, wide)
    box = (x, x + wide * cell, y + high * cell, y)
    limits = axis.get_xlim(), axis.get_ylim()
    axis.imshow(np.ma.masked_invalid(values), extent=box, aspect="auto", cmap=COLORS, norm=LIMITS,
                interpolation="nearest")  # fmt: skip
    axis.set(xlim=limits[0], ylim=limits[1])
    frame, middle = max(cell, FRAME), (x + (column + 0.5) * cell, y + (line + 0.5) * cell)
    corner = (middle[0] - frame / 2, middle[1] - frame / 2)
    axis.add_patch(Rectangle(corner, frame, frame, fill=False, edgecolor=MARK, linewidth=1.4))
