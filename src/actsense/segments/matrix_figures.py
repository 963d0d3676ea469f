"""Which factors go together in space: matrices of segments beside those of the whole network."""

__all__ = ["segment_correlations", "segment_distances", "segment_likeness"]

from collections.abc import Sequence
from math import ceil

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from actsense.drawing.matrices import NAME, Numbers, grid, longest, name_sides
from actsense.drawing.names import short_names
from actsense.drawing.style import HEADER, new_figure, place
from actsense.drawing.values import TITLES, value_name

Floats = NDArray[np.float64]

COLOURS = ("hue", "saturation", "value")
IN_PLACE = "in place"
LAST = list(TITLES)[-1]  # index of the lowest row
CORRELATION = ("RdBu_r", Normalize(-1, 1))  # the same in every figure
SCALES = {"rho": CORRELATION, "difference": ("Greys", Normalize(0, 1))}
LABELS = {"rho": "rank correlation", "difference": "mean |difference|"}
DARK = 0.6  # magnitude from which text is white
CELL, GAP, BAR = 0.26, (0.2, 0.35), 0.95  # inches: of a cell, between panels, right of the last
BLANK = " Blank: too few units are neither dead nor rare; more base points help."
MOST = 2.1  # inches of a matrix of many layers, without numbers


def segment_correlations(correlations: pd.DataFrame, *, title: str) -> Figure:
    """Draw the correlations between factors of one layer, beside those in place.

    Arguments:
        correlations: Rows of one layer: colour, index, factor, factor_2, rho, low, high.
        title: Network, design and layer.
    """
    factors = list(dict.fromkeys([*correlations["factor"], *correlations["factor_2"]]))
    side, margin = CELL * len(factors), longest(factors) + 0.2
    fewest, most = correlations["channels"].min(), correlations["channels"].max()
    channels = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    figure = new_figure(
        margin + 4 * (side + GAP[0]) + BAR,
        HEADER + 3 * (side + GAP[1]) + margin,
        f"{title}: do factors act at the same positions?",
        "Rank correlation over positions between the maps of two factors, averaged over "
        f"{channels} channels: behind one colour channel, and in the whole network (in place).\n"
        "Gray numbers: the 95 % interval covers 0."
        + (BLANK if correlations["rho"].isna().any() else ""),
        arranged=False,
    )
    corner = (margin, HEADER + GAP[1])
    axes = grid(figure, len(TITLES), len(COLOURS) + 1, corner=corner, size=(side, side), gap=GAP)
    for row, index in zip(axes, TITLES, strict=True):
        for axis, colour in zip(row, [*COLOURS, IN_PLACE], strict=True):
            one = _selected(correlations, index, colour)
            below, sure = (_square(one, factors, "factor", "rho"), _sure(one, factors, "factor"))
            image = _cells(axis, below.T, sure.T, *CORRELATION)
            axis.set_title(f"{colour}, {value_name(index)}", loc="left", fontsize=9)
            name_sides(axis, factors, left=axis is row[0], below=index == LAST)
    bar = place(figure, margin + 4 * (side + GAP[0]), corner[1], 0.15, side)
    figure.colorbar(image, bar, label="rank correlation")
    return figure


def segment_likeness(patterns: pd.DataFrame, *, title: str) -> Figure:
    """Draw how alike the correlations between factors are in two layers.

    Arguments:
        patterns: Columns against, colour, index, layer, layer_2, rho, low, high.
        title: Network and design.
    """
    return _layer_matrices(
        patterns,
        "rho",
        f"{title}: in which layers do factors go together alike?",
        "Rank correlation, over pairs of factors, of the correlations in two layers. Gray "
        "numbers: the 95 % interval covers 0.\nRows: the part behind a colour channel; columns: "
        "another such part, or a layer of the whole network.",
    )


def segment_distances(patterns: pd.DataFrame, *, title: str) -> Figure:
    """Draw how far the correlations between factors in two layers are apart.

    Arguments:
        patterns: Columns against, colour, index, layer, layer_2, difference, difference_low,
            difference_high.
        title: Network and design.
    """
    return _layer_matrices(
        patterns,
        "difference",
        f"{title}: how far apart are layers in which factors go together?",
        "Mean magnitude, over pairs of factors, of the difference between their correlations in "
        "two layers: dark is far apart, 0 is alike.\nRows: the part behind a colour channel; "
        "columns: another such part, or a layer of the whole network. Noise of the maps adds to "
        "it.",
    )


def _layer_matrices(patterns: pd.DataFrame, column: str, title: str, subtitle: str) -> Figure:
    """Draw a matrix of layers for every index, colour channel, and what it is compared with."""
    layers = list(dict.fromkeys(patterns["layer"]))
    against = ["segments", IN_PLACE] if len(layers) > 1 else [IN_PLACE]
    columns = [(other, colour) for other in against for colour in COLOURS]
    short = [*short_names(layers).values()]
    side, margin = min(MOST, max(1.5, 0.34 * len(layers))), longest(short) + 0.2
    named, corner = _thinned(short, side), (0.8 + margin, HEADER + 0.5)
    figure = new_figure(
        corner[0] + len(columns) * (side + GAP[0]) + BAR,
        HEADER + 3 * (side + 0.5) + margin,
        title,
        subtitle + (BLANK if patterns[column].isna().any() else ""),
        arranged=False,
    )
    size, gap = (side, side), (GAP[0], 0.5)
    axes = grid(figure, len(TITLES), len(columns), corner=corner, size=size, gap=gap)
    for row, index in zip(axes, TITLES, strict=True):
        for axis, (other, colour) in zip(row, columns, strict=True):
            one = _selected(patterns[patterns["against"] == other], index, colour)
            values = _square(one, layers, "layer", column)
            sure = _sure(one, layers, "layer") if column == "rho" else np.isfinite(values)
            if other == "segments":  # each pair once: below the diagonal
                values, sure = values.T, sure.T
            image = _cells(axis, values, sure, *SCALES[column])
            name = "other segments" if other == "segments" else "layers in place"
            axis.set_title(f"{colour}\nwith {name}", loc="left", fontsize=8.5)
            name_sides(axis, named, left=axis is row[0], below=index == LAST)
        row[0].set_ylabel(value_name(index))
    left = corner[0] + len(columns) * (side + GAP[0])
    bar, label = place(figure, left, corner[1], 0.15, side), LABELS[column]
    figure.colorbar(image, bar, label=label, extend="max" if column == "difference" else "neither")
    return figure


def _thinned(names: Sequence[str], side: float) -> list[str]:
    """Leave out names that have no room along a side of so many inches."""
    step = ceil(NAME / 72 * 1.25 * len(names) / side)
    return [name if number % step == 0 else "" for number, name in enumerate(names)]


def _selected(table: pd.DataFrame, index: str, colour: str) -> pd.DataFrame:
    return table[(table["index"] == index) & (table["colour"] == colour)]


def _square(table: pd.DataFrame, names: Sequence[str], ends: str, column: str) -> Floats:
    """Spread a table over a matrix, `ends` by `ends_2`; NaN where it has no row."""
    wide = table.pivot(index=ends, columns=f"{ends}_2", values=column)
    return np.asarray(
        wide.reindex(index=pd.Index(list(names)), columns=pd.Index(list(names))), dtype=np.float64
    )


def _sure(table: pd.DataFrame, names: Sequence[str], ends: str) -> NDArray[np.bool_]:
    """Return where an interval leaves out zero, like `_square`."""
    certain = table.assign(certain=(table["low"] * table["high"] > 0).astype(float))
    return np.asarray(_square(certain, names, ends, "certain") == 1)


def _cells(
    axis: Axes, values: Floats, sure: NDArray[np.bool_], colors: str, limits: Normalize
) -> AxesImage:
    image = axis.imshow(np.ma.masked_invalid(values), cmap=colors, norm=limits)
    if 72 * axis.get_window_extent().width / axis.figure.dpi < 15 * len(values):
        return image  # no room for numbers
    cells = {}
    for j, k in zip(*np.nonzero(np.isfinite(values)), strict=True):
        strong = abs(values[j, k]) > DARK
        color = "white" if strong else "black" if sure[j, k] else "0.55"
        text = f"{values[j, k]:.2f}".replace("-0.00", "0.00").replace("0.", ".")
        cells[int(j), int(k)] = text, color
    Numbers(axis, cells)
    return image
