"""Pictures on a sheet beside what came of them; in place of one that failed, a hatched field."""

__all__ = ["FAILED", "Judged", "put_failure"]

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from actsense.drawing.sheet import put_picture
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


def put_failure(axis: Axes, x: float, y: float, side: float) -> None:
    """Draw a hatched field in place of a picture."""
    axis.add_patch(Rectangle((x, y), side, side, hatch="////", **FIELD))
    axis.text(x + side / 2, y + side / 2, FAILED.replace(" ", "\n"), fontsize=min(8.0, 9 * side),
              ha="center", va="center", linespacing=1.0,
              bbox={"facecolor": "0.96", "edgecolor": "none", "pad": 1.5})  # fmt: skip
