"""Sheets of small pictures, in inches; in place of one that failed there is a hatched field."""

__all__ = ["FAILED", "Judged", "put_failure", "put_picture", "sheet", "write"]

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from actsense.drawing.style import place
from actsense.featvis.stored import PictureGroup

FAILED = "no picture"
FIELD: dict[str, Any] = {"facecolor": "0.96", "edgecolor": "0.75", "linewidth": 0.6}


@dataclass(frozen=True)
class Judged:
    """Pictures of a group beside what came of them.

    Attributes:
        group: The pictures.
        table: Table `pictures` of the study.
        network: Name of the network.
    """

    group: PictureGroup
    table: pd.DataFrame
    network: str

    @cached_property
    def facts(self) -> pd.DataFrame:
        """A row of the table for every picture, in the order of the store."""
        return self.group.facts(self.table, self.network)

    @cached_property
    def failed(self) -> NDArray[np.bool_]:
        """Which pictures ended grey, (pictures,): these are never shown."""
        return np.asarray(self.facts["grey"].eq(True), bool)

    def put(self, axis: Axes, picture: int | None, x: float, y: float, side: float) -> None:
        """Draw the result of a picture on a sheet, or that there is none."""
        if picture is None or self.failed[picture]:
            put_failure(axis, x, y, side)
        else:
            put_picture(axis, self.group.image(picture), x, y, side)


def sheet(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Return axes without lines, at a place of a figure, whose units are inches from above."""
    axis = place(figure, left, top, width, height)
    axis.set_axis_off()
    axis.set_xlim(0, width)
    axis.set_ylim(height, 0)
    return axis


def put_picture(axis: Axes, pixels: NDArray[np.uint8], x: float, y: float, side: float) -> None:
    """Draw an image, (3, side, side), its upper left corner at a place of a sheet."""
    limits = axis.get_xlim(), axis.get_ylim()
    axis.imshow(np.moveaxis(pixels, 0, -1), extent=(x, x + side, y + side, y), aspect="auto")
    axis.set(xlim=limits[0], ylim=limits[1])


def put_failure(axis: Axes, x: float, y: float, side: float) -> None:
    """Draw a hatched field in place of a picture."""
    axis.add_patch(Rectangle((x, y), side, side, hatch="////", **FIELD))
    axis.text(x + side / 2, y + side / 2, FAILED.replace(" ", "\n"), fontsize=min(8.0, 9 * side),
              ha="center", va="center", linespacing=1.0,
              bbox={"facecolor": "0.96", "edgecolor": "none", "pad": 1.5})  # fmt: skip


def write(axis: Axes, x: float, y: float, words: str, size: float = 8, **how: Any) -> None:
    """Write words on a sheet; they hang below a place unless `va` says otherwise."""
    axis.text(x, y, words, fontsize=size, **({"va": "top"} | how))
