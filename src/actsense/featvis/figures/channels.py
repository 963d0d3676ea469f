"""A picture of every channel of a layer, side by side."""

__all__ = ["channel_mosaic"]

from math import ceil, sqrt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actsense.drawing.depth import PAGE, fitting
from actsense.drawing.matrices import Numbers
from actsense.drawing.names import short_names
from actsense.drawing.sheet import put_picture, sheet, write
from actsense.drawing.style import HEADER, counted, new_figure, spread
from actsense.featvis.figures.sheet import Judged, put_failure
from actsense.featvis.stored import PictureGroup, StoredPictures

LARGEST, LEAST = 0.95, 0.5  # inches of a picture
GAP, LINE, HEAD = 0.08, 0.17, 0.4  # inches: between pictures, of numbers below, above a layer
CHANNELS, LAYERS = 600, 6  # that a page has room for
FEWEST = 10  # channels side by side, where there are so many
HALF = 0.045  # inches: half the height of a number


def channel_mosaic(stored: StoredPictures, pictures: pd.DataFrame, *, title: str) -> Figure:
    """Draw the picture of every channel of the layers that have them, by number.

    Arguments:
        stored: The pictures of the network.
        pictures: Table `pictures` of the study.
        title: The study and the network.
    """
    groups, note = fitting(stored.of_kind("channels"), LAYERS)
    chosen = [spread(range(len(one.names)), CHANNELS // len(groups)) for one in groups]
    most = max(map(len, chosen))
    columns = max(ceil(sqrt(1.5 * most)), min(FEWEST, most))
    side = float(np.clip(PAGE / columns - GAP, LEAST, LARGEST))
    lines = [ceil(len(own) / columns) for own in chosen]
    heights = [HEAD + count * (side + 2 * LINE + GAP) for count in lines]
    figure = new_figure(
        columns * (side + GAP) + 0.2,
        HEADER + sum(heights) + 0.05,
        f"{title}: what does every channel of a layer respond to?",
        "Pictures made to drive one channel each, over all places, ordered by channel (above). "
        "Below: the percentile of its activation among those of natural images.\nA channel that "
        f"responds to several things shows one of them, or a mixture.{note}",
        arranged=False,
    )
    names = short_names(group.layer for group in groups)
    top = HEADER
    for group, own, height in zip(groups, chosen, heights, strict=True):
        axis = sheet(figure, 0, top, figure.get_figwidth(), height)
        judged = Judged(group, pictures, stored.network)
        write(axis, 0.1, 0.1, _said(names[group.layer], group, own), 10, weight="bold")
        _mosaic(axis, judged, own, columns, side)
        top += height
    return figure


def _said(name: str, group: PictureGroup, own: list[int]) -> str:
    count = len(group.names)
    words = f"{name}: {counted(count, 'channel')}"
    return words + f"; shown: {len(own)}, evenly spread" * (len(own) < count)


def _mosaic(axis: Axes, judged: Judged, own: list[int], columns: int, side: float) -> None:
    numbers: dict[tuple[float, float], tuple[str, str]] = {}
    for place, target in enumerate(own):
        row, column = divmod(place, columns)
        x = 0.1 + column * (side + GAP)
        y = HEAD + LINE + row * (side + 2 * LINE + GAP)
        numbers[y - LINE / 2 + HALF / 2, x + side / 2] = (_short(judged.group, target), "black")
        picture = judged.group.shown(target)
        if picture is None or judged.failed[picture]:
            put_failure(axis, x, y, side)
            continue
        put_picture(axis, judged.group.image(picture), x, y, side)
        reached = judged.facts["percentile"][picture]
        numbers[y + side + LINE / 2, x + side / 2] = (f"{reached:.3g}", "0.4")
    Numbers(axis, numbers)


def _short(group: PictureGroup, target: int) -> str:
    """Return the number of a channel, which its name ends with."""
    return group.names[target].rpartition(" ")[2]
