"""Rows of facets: real images, the way from the start to the result, and the control."""

__all__ = ["facet_rows"]

from math import isnan

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actsense.data.cache import ImageCache
from actsense.drawing.depth import fitting
from actsense.drawing.names import short_names
from actsense.drawing.sheet import put_picture, sheet, write
from actsense.drawing.style import HEADER, counted, new_figure, spread
from actsense.featvis.figures.sheet import Judged
from actsense.featvis.stored import RANDOM, PictureGroup, StoredPictures

SIDE, GAP, APART = 1.0, 0.06, 0.22  # inches: of a picture, between pictures, between their kinds
LEFT, LINE, HEAD = 0.95, 0.24, 0.62  # inches: for names, for numbers below a row, above a layer
NUMBERS = 3.4  # inches that numbers below the moments take
NEAREST = 3  # real images of a facet
MOMENTS = 6  # pictures between the first and the last column, at most
ROWS, LAYERS = 24, 8  # that a page has room for


def facet_rows(
    stored: StoredPictures, pictures: pd.DataFrame, images: ImageCache, *, title: str
) -> Figure:
    """Draw a row per facet of every layer.

    Arguments:
        stored: The pictures of the network.
        pictures: Table `pictures` of the study.
        images: The images of the study.
        title: The study and the network.
    """
    groups, note = fitting(stored.of_kind("facets"), LAYERS)
    rows = [spread(range(len(one.names)), ROWS // len(groups)) for one in groups]
    moments = spread(range(len(stored.groups[0].kept)), MOMENTS)
    heights = [HEAD + len(own) * (SIDE + LINE) for own in rows]
    width = _columns(moments)[-1] + SIDE + 0.1
    figure = new_figure(
        width,
        HEADER + sum(heights) + 0.05,
        f"{title}: what does each facet of a layer respond to?",
        "Images that a layer responds to alike are a facet; its picture is made to drive the "
        "channels of the facet and to answer as its members do.\nPercentile: of its activation "
        "among those of natural images; then in multiples of the strongest image's; cosine: of "
        f"its response and the facet's.{note}",
        arranged=False,
    )
    names, top = short_names(group.layer for group in groups), HEADER
    for group, own, height in zip(groups, rows, heights, strict=True):
        axis = sheet(figure, 0, top, figure.get_figwidth(), height)
        judged = Judged(group, pictures, stored.network)
        _head(axis, group, names[group.layer], own, moments)
        for number, facet in enumerate(own):
            _row(axis, judged, facet, images, moments, HEAD + number * (SIDE + LINE))
        top += height
    return figure


def _columns(moments: list[int]) -> list[float]:
    """Return where columns begin: real images, moments, control."""
    step = SIDE + GAP
    first = LEFT + NEAREST * step + APART
    last = first + max(len(moments) * step, NUMBERS) + APART
    real, made = (
        (LEFT + step * k for k in range(NEAREST)),
        (first + step * k for k in range(len(moments))),
    )
    return [*real, *made, last]


def _head(axis: Axes, group: PictureGroup, layer: str, own: list[int], moments: list[int]) -> None:
    count = len(group.names)
    words = f"{layer}: {counted(count, 'facet')} of {counted(len(group.facet), 'image')}"
    if len(own) < count:
        words += f"; shown: {len(own)}, evenly spread"
    write(axis, 0.1, 0.12, words, 10, weight="bold")
    places = _columns(moments)
    write(axis, places[0], HEAD - 0.05, "nearest real images", 8.5, va="bottom")
    for place, moment in zip(places[NEAREST:], moments, strict=False):
        write(axis, place, HEAD - 0.05, _moment(group, moment), 8.5, va="bottom")
    if RANDOM in set(group.pictures["weights"]):
        write(axis, places[-1], HEAD - 0.05, "random weights", 8.5, va="bottom")


def _moment(group: PictureGroup, moment: int) -> str:
    iteration = group.kept[moment]
    if moment == len(group.kept) - 1:
        return f"result ({iteration})"
    return f"iteration {iteration}" if iteration else "start"


def _row(
    axis: Axes, judged: Judged, facet: int, images: ImageCache, moments: list[int], top: float
) -> None:
    group, places = judged.group, _columns(moments)
    members = int((group.facet == facet).sum())
    write(axis, 0.1, top + SIDE / 2, f"{group.names[facet]}\n{counted(members, 'image')}", 8.5,
          va="center")  # fmt: skip
    nearest = images.read(group.best_rows(facet, NEAREST))
    for place, pixels in zip(places, nearest, strict=False):
        put_picture(axis, pixels, place, top, SIDE)
    picture = group.shown(facet)
    for place, moment in zip(places[NEAREST:], moments, strict=False):
        if moment == len(group.kept) - 1 or picture is None:
            judged.put(axis, picture, place, top, SIDE)
        else:
            put_picture(axis, group.image(picture, moment), place, top, SIDE)
    write(axis, places[NEAREST], top + SIDE + 0.03, _numbers(judged, picture), 8)
    control = group.shown(facet, RANDOM)
    if control is not None:
        judged.put(axis, control, places[-1], top, SIDE)
        reached = judged.facts["percentile"][control]
        write(axis, places[-1], top + SIDE + 0.03, f"percentile {reached:.3g}", 8)


def _numbers(judged: Judged, picture: int | None) -> str:
    """Return what came of a picture in one line."""
    if picture is None or judged.failed[picture]:
        return "failed: it ended grey"
    percentile, ratio, cosine = (
        float(judged.facts[name][picture]) for name in ("percentile", "ratio", "cosine")
    )
    words = [
        f"percentile {percentile:.3g}",
        "" if isnan(ratio) else f"{ratio:.2f} times the best image",
        "" if isnan(cosine) else f"cosine {cosine:.2f}",
    ]
    return ",  ".join(filter(None, words))
