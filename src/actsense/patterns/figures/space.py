"""Points, class directions and ellipsoids of a space of three axes, seen along one of them.

Views are orthographic: a length in the picture is one in space, seen from far away.
"""

__all__ = [
    "class_legend",
    "class_styles",
    "draw_directions",
    "draw_ellipsoid",
    "draw_points",
    "frame",
    "outline_reach",
    "principal_views",
    "seen",
    "three_axes",
    "upward_view",
]

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Ellipse
from numpy.typing import NDArray

from actsense.drawing.lines import COLORS as NETWORK_COLORS
from actsense.drawing.lines import MARKERS
from actsense.drawing.names import short_names

Floats = NDArray[np.float64]
# Three more than networks have, after Tol: ten classes differ in color alone.
COLORS = (*NETWORK_COLORS, "#882255", "#999933", "#888888")
GUIDE = "0.88"  # circles of equal strength
DEVIATIONS = 2.0  # from the middle of an ellipsoid to its surface
LONGEST = 14  # characters beside an arrow
LEGEND_ROWS = 20  # names below each other


def principal_views(vectors: Floats) -> Floats:
    """Return the axes along which vectors reach furthest, the rows of a rotation, (3, 3).

    The first two of them span the view that shows the most of the vectors' squared lengths. The
    sign of an axis is that of its largest entry.

    Arguments:
        vectors: Around the origin, (vectors, axes); axes beyond the third are left out, and
            one that is missing is 0.
    """
    first = three_axes(vectors)
    _, axes = np.linalg.eigh(first.T @ first)
    axes = axes.T[::-1]
    largest = np.take_along_axis(axes, abs(axes).argmax(axis=1)[:, None], axis=1)
    found: Floats = axes * np.where(largest < 0, -1.0, 1.0)
    return found


def upward_view(up: Floats, vectors: Floats) -> Floats:
    """Return a view with a direction upwards, and right the axis where vectors reach furthest.

    Arguments:
        up: Not zero, (axes,).
        vectors: (vectors, axes).
    """
    upward = three_axes(up) / np.linalg.norm(up)
    flat = three_axes(vectors)
    flat = flat - np.outer(flat @ upward, upward)
    right = principal_views(flat)[0]
    right = right - (right @ upward) * upward
    right /= np.linalg.norm(right)
    if (flat @ right).sum() < 0:
        right = -right
    return np.stack([right, upward, np.cross(right, upward)])


def seen(vectors: Floats, view: Floats) -> Floats:
    """Return vectors in the axes of a view, (..., 3): right, up, towards the reader."""
    turned: Floats = three_axes(vectors) @ view.T
    return turned


def class_styles(classes: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return color and mark of every class, by its place; no two classes have both alike."""
    return {
        name: {"color": COLORS[k % len(COLORS)], "marker": MARKERS[k % len(MARKERS)]}
        for k, name in enumerate(dict.fromkeys(classes))
    }


def class_legend(figure: Figure, classes: Sequence[str], title: str = "class") -> None:
    """Name the classes right of the panels, in as many columns as they need."""
    short = short_names(classes)
    handles = [
        Line2D([], [], linestyle="none", markersize=5, label=short[name], **style)
        for name, style in class_styles(classes).items()
    ]
    columns = -(-len(handles) // LEGEND_ROWS)
    figure.legend(handles=handles, loc="outside right center", title=title, ncols=columns)


def frame(axis: Axes, reach: float, across: str = "", up: str = "") -> None:
    """Make axes that show all directions alike, with circles of equal strength.

    Arguments:
        axis: Where to.
        reach: The greatest strength that is shown.
        across: Name of the axis to the right.
        up: Name of the axis upwards.
    """
    axis.set_aspect("equal")
    axis.set_xlim(-reach, reach)
    axis.set_ylim(-reach, reach)
    for radius in range(1, int(reach) + 1):
        if radius % max(1, round(reach / 4)) == 0:
            axis.add_patch(Circle((0, 0), radius, fill=False, color=GUIDE, linewidth=0.8))
    axis.set_xlabel(across)
    axis.set_ylabel(up)


def draw_points(
    axis: Axes,
    vectors: Floats,
    groups: NDArray[np.int64],
    classes: Sequence[str],
    view: Floats,
    **drawn: Any,
) -> None:
    """Draw vectors in the color and mark of their class, (vectors, axes) and (vectors,)."""
    places = seen(vectors, view)
    for number, style in enumerate(class_styles(classes).values()):
        own = places[groups == number]
        axis.scatter(own[:, 0], own[:, 1], **({"s": 18, "alpha": 0.7, "linewidth": 0}
                     | style | drawn))  # fmt: skip


def draw_directions(
    axis: Axes,
    directions: Floats,
    classes: Sequence[str],
    view: Floats,
    *,
    length: float,
    bold: Iterable[int] = (),
    faint: bool = False,
) -> None:
    """Draw the direction of every class from the origin, with the mark of the class at its end.

    Arguments:
        axis: Where to.
        directions: Unit vectors, (classes, axes).
        classes: Their names.
        view: What `principal_views` returned, or another rotation.
        length: Of every arrow.
        bold: Numbers of classes whose arrows are wider.
        faint: Whether all other arrows are pale.
    """
    wide, names = set(bold), short_names(classes, LONGEST)
    ends = length * seen(directions, view)
    for number, (end, style) in enumerate(zip(ends, class_styles(classes).values(), strict=True)):
        chosen = number in wide
        axis.plot(
            *zip((0, 0), end[:2], strict=True),
            color=style["color"],
            linewidth=2.6 if chosen else 1.1,
            alpha=0.25 if faint and not chosen else 1.0,
            marker=style["marker"],
            markevery=[1],
            markersize=7 if chosen else 6,
            markeredgecolor="black",
            markeredgewidth=0.6,
            zorder=4 if chosen else 3,
        )
        if chosen:
            _name_arrow(axis, end, names[classes[number]])


def _name_arrow(axis: Axes, end: Floats, name: str) -> None:
    """Write a name beside the end of an arrow, away from the middle."""
    right = end[0] >= 0
    axis.annotate(
        name,
        (end[0], end[1]),
        (8 if right else -8, 0),
        textcoords="offset points",
        ha="left" if right else "right",
        va="center",
        fontsize=8,
        weight="bold",
        zorder=7,
    )


def draw_ellipsoid(axis: Axes, vectors: Floats, view: Floats, color: str) -> Ellipse | None:
    """Draw the outline of the ellipsoid of the covariance of vectors, two deviations wide.

    Seen from far away, the ellipsoid of a covariance is the ellipse of the covariance in the
    plane of the view.

    Returns:
        The ellipse; none of fewer than two vectors.
    """
    if len(vectors) < 2:
        return None
    places = seen(vectors, view)[:, :2]
    spread, axes = np.linalg.eigh(np.cov(places.T))
    widths = 2 * DEVIATIONS * np.sqrt(spread.clip(0))
    angle = float(np.degrees(np.arctan2(axes[1, 1], axes[0, 1])))
    ellipse = Ellipse(
        tuple(places.mean(axis=0)), widths[1], widths[0], angle=angle, fill=False,
        edgecolor=color, linewidth=1.3, zorder=2,
    )  # fmt: skip
    axis.add_patch(ellipse)
    return ellipse


def outline_reach(vectors: Floats, labels: NDArray[np.int64], view: Floats) -> float:
    """Return how far from the middle, along either axis, outlines of `draw_ellipsoid` reach."""
    reach = 0.0
    for label in np.unique(labels):
        places = seen(vectors[labels == label], view)[:, :2]
        if len(places) > 1:
            ends = np.abs(places.mean(axis=0)) + DEVIATIONS * places.std(axis=0, ddof=1)
            reach = max(reach, float(ends.max()))
    return reach


def three_axes(vectors: Floats) -> Floats:
    """Return vectors with three axes: those beyond are left out, those that lack are 0."""
    lacking = max(0, 3 - vectors.shape[-1])
    wide = [(0, 0)] * (vectors.ndim - 1) + [(0, lacking)]
    return np.pad(vectors, wide)[..., :3]
