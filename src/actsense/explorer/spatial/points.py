"""From tables of the spatial study to points: `curve`, `x`, `place`, `value`, `low`, `high`.

`x` is what the axis says, `place` where the point is drawn, a little beside those of other curves.
"""

__all__ = ["cell_points", "named", "network_points", "order_styles", "styles_of"]

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsense.drawing.lines import COLORS, network_styles
from actsense.explorer.curves import SOLID, Style
from actsense.spatial.cells.figures import METHOD_COLORS, RANDOM, name_orders

BORROWED = ((6, 3), (2, 2), (8, 3, 2, 3))  # dashes of maps of other networks
APART = 0.06  # between networks, in units of the axis
PREDICTED = "*"  # behind a network whose labels are its own predictions

Floats = NDArray[np.float64]


def named(table: pd.DataFrame) -> pd.DataFrame:
    """Add `curve`, the network, with a star if right is what itself says of the intact image."""
    if "label" not in table:
        return table.assign(curve=table["network"])
    star = np.where(table["label"] == "prediction", PREDICTED, "")
    return table.assign(curve=table["network"] + star)


def styles_of(table: pd.DataFrame) -> dict[str, Style]:
    """Return how the networks of a table of `named` are drawn, as in the figures of the study."""
    colors = network_styles(table["curve"])
    return {
        name: Style(style["color"], SOLID if place < len(COLORS) else BORROWED[0])
        for place, (name, style) in enumerate(colors.items())
    }


def network_points(
    table: pd.DataFrame,
    metric: str,
    over: str,
    *,
    place: Callable[[pd.Series], pd.Series] = np.positive,
) -> pd.DataFrame:
    """Return a curve for every network.

    Arguments:
        table: What `named` returned; a metric has columns `_low` and `_high`.
        metric: What is drawn.
        over: The column along the axis.
        place: From that column to where it is on the axis.
    """
    names = list(dict.fromkeys(table["curve"]))
    middle = (len(names) - 1) / 2
    shift = table["curve"].map({name: APART * (k - middle) for k, name in enumerate(names)})
    own = _points(table, metric, over)
    return own.assign(place=place(own["x"]) + shift)


def cell_points(
    table: pd.DataFrame, network: str, fill: str, direction: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the curves of every order of a network's cells, and those of random orders.

    Arguments:
        table: Table `cell_curves`.
        network: The tested network.
        fill: What masked cells show.
        direction: `deletion` or `insertion`.
    """
    own = name_orders(table[table["network"] == network])
    own = own[(own["fill"] == fill) & (own["direction"] == direction)]
    own = own.assign(curve=own["order"], percent=100 * own["share"])
    random = own["method"] == RANDOM
    points = _points(own, "probability", "percent")
    points = points.assign(place=points["x"])
    return points[~random], points[random]


def order_styles(table: pd.DataFrame, network: str) -> dict[str, Style]:
    """Return how the orders of a network's cells are drawn: maps of others are dashed."""
    orders = name_orders(table[table["network"] == network])
    orders = orders[orders["method"] != RANDOM].drop_duplicates("order")
    borrowed = orders["borrowed"].cumsum() - 1
    return {
        order: Style(METHOD_COLORS[method], BORROWED[k % len(BORROWED)] if other else SOLID)
        for order, method, other, k in zip(
            orders["order"], orders["method"], orders["borrowed"], borrowed, strict=True
        )
    }


def _points(table: pd.DataFrame, metric: str, over: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "curve": table["curve"],
            "x": table[over],
            "value": table[metric],
            "low": table[f"{metric}_low"],
            "high": table[f"{metric}_high"],
        }
    )
