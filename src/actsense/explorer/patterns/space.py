"""Points in space that can be turned with the mouse, as a component of the page."""

__all__ = ["Cloud", "atlas", "show_cloud"]

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from actsense.drawing.lines import MARKERS
from actsense.drawing.names import short_names
from actsense.patterns.figures.space import class_styles

FOLDER = Path(__file__).parent
HTML = (
    '<div class="space"><canvas tabindex="0" role="img" aria-label="Points in space: '
    'drag or press arrows to turn them"></canvas><button>Front</button><div class="tip" hidden>'
    '<div class="picture"><div class="mark"></div></div><div class="words"></div></div></div>'
)
TILE = 56  # pixels of a thumbnail's side, at most
QUALITY = 85  # of the thumbnails
DIGITS = 3  # behind the point
FEW = 800  # points that are drawn large
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cloud:
    """What is drawn.

    Attributes:
        about: What the points are; another text begins with a fresh view.
        points: Where, (points, 3).
        images: The image of every point, a number in the atlas, (points,).
        cells: The region of every point, or None for whole images.
        grid: Regions along the height and the width of an image.
        colors: The class whose color every point has, (points,).
        words: What a reader who hovers is told, for every point.
        directions: Unit vectors of the classes, (classes, 3).
        classes: Their names.
        view: Rotation that is shown first, (3, 3).
        reach: The greatest strength that is shown.
    """

    about: str
    points: Floats
    images: NDArray[np.int64]
    cells: NDArray[np.int64] | None
    grid: tuple[int, int]
    colors: NDArray[np.int64]
    words: Sequence[str]
    directions: Floats
    classes: Sequence[str]
    view: Floats
    reach: float

    def plain(self, pictures: tuple[str, int]) -> dict[str, Any]:
        """Return the same as JSON holds it, with the atlas of images and its columns."""
        short = short_names(self.classes)
        styles = [
            {
                "color": style["color"],
                "mark": MARKERS.index(style["marker"]),
                "name": short[name].replace(r"\$", "$"),
            }
            for name, style in class_styles(self.classes).items()
        ]
        url, columns = pictures
        return {
            **{"about": self.about, "atlas": url, "columns": columns, "grid": list(self.grid)},
            **{"points": self.points.round(DIGITS).tolist(), "images": self.images.tolist()},
            **{"cells": None if self.cells is None else self.cells.tolist()},
            **{"colors": self.colors.tolist(), "words": list(self.words), "styles": styles},
            **{"directions": self.directions.round(DIGITS).tolist(), "view": self.view.tolist()},
            **{"reach": self.reach, "step": max(1, round(self.reach / 4))},
            **{"size": 4.5 if len(self.points) <= FEW else 2.6},
        }


def atlas(pixels: NDArray[np.uint8]) -> tuple[str, int]:
    """Put images side by side into one picture.

    Arguments:
        pixels: (images, 3, side, side).

    Returns:
        A `data:` address, and how many images stand in a row.
    """
    side = min(TILE, pixels.shape[-1])
    columns = ceil(sqrt(len(pixels)))
    rows = ceil(len(pixels) / columns)
    sheet = Image.new("RGB", (columns * side, rows * side))
    for number, one in enumerate(np.moveaxis(pixels, 1, -1)):
        row, column = divmod(number, columns)
        tile = Image.fromarray(one).resize((side, side), Image.Resampling.BOX)
        sheet.paste(tile, (column * side, row * side))
    file = BytesIO()
    sheet.save(file, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}", columns


def show_cloud(cloud: Cloud, pictures: tuple[str, int]) -> None:
    """Show points in space.

    Arguments:
        cloud: What is drawn.
        pictures: What `atlas` returned.
    """
    _component()(data=cloud.plain(pictures), key="space")


@cache
def _component() -> Any:
    # Once: a component that is registered again replaces the one on the page.
    css, js = (FOLDER.joinpath(f"space.{kind}").read_text("utf-8") for kind in ("css", "js"))
    return st.components.v2.component("actsense_space", html=HTML, css=css, js=js)
