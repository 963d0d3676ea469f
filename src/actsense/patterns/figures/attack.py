"""What an attack does to regions: which points it takes, on which ways, and in which layers."""

__all__ = ["attack_changes", "attacked_points", "changed_images"]

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from actsense.drawing.lines import draw_line
from actsense.drawing.names import short_names
from actsense.drawing.style import counted, new_figure
from actsense.patterns.figures.regions import draw_cells, shade, show_picture
from actsense.patterns.stored import StoredPatterns

BEFORE, AFTER = "#0072B2", "#D55E00"
SIDE = 1.7  # inches of a picture
MOST = 7  # images side by side
LONGEST = 16  # characters of a class's name above a picture
Floats = NDArray[np.float64]


def attacked_points(
    stored: StoredPatterns,
    pixels: NDArray[np.uint8],
    attacked: NDArray[np.uint8],
    images: Sequence[int],
    *,
    title: str,
) -> Figure:
    """Draw what supports the first answer before the attack, and the new one after it.

    Arguments:
        stored: The patterns of an attacked network.
        pixels: Clean images, (images, 3, side, side).
        attacked: The same after the last step.
        images: Which ones, numbers in the store; the attack changed the answer.
        title: The study and the network.
    """
    figure = new_figure(
        max(8.0, SIDE * len(images) + 0.9),
        2 * SIDE + 2.0,
        f"{title}: which regions does an attack turn against the answer?",
        "Above: regions of the clean image that support the answer there. Below: regions of the "
        f"attacked image that support the new answer (last layer, p >= {stored.threshold:g}; "
        "others are dimmed).\nImages: of every class, the one with most such regions among those "
        "whose answer the attack changed.",
    )
    axes = figure.subplots(2, max(1, len(images)), squeeze=False)
    names, side = short_names(stored.classes, LONGEST), pixels.shape[-1]
    last, end = len(stored.layers) - 1, stored.attack[-1].state
    rows = ((stored.final, pixels, BEFORE), (end, attacked, AFTER))
    for row, (state, shown, color) in zip(axes, rows, strict=True):
        posterior, top = stored.posterior(last, state), stored.predicted(state)
        for axis, image, picture in zip(row, images, shown, strict=False):
            cells = posterior[image, :, top[image]] >= stored.threshold
            cells = cells.reshape(stored.grid)
            show_picture(axis, picture)
            shade(axis, cells, side)
            draw_cells(axis, cells, side, color=color)
            axis.set_title(names[stored.classes[top[image]]], fontsize=8.5, color=color)
            axis.set_xlabel(counted(int(cells.sum()), "point"), fontsize=7.5)
    for axis, name in zip(axes[:, 0], ("before", "after"), strict=True):
        axis.set_ylabel(name)
    if not images:
        _say_none(axes, "The attack changed no answer.")
    return figure


def attack_changes(
    changes: pd.DataFrame, points: pd.DataFrame, origins: pd.DataFrame, *, title: str
) -> Figure:
    """Draw how far regions of every layer turn and grow, and where the taken ones came from.

    Arguments:
        changes: Rows of the table `attack_changes` on one network.
        points: Those of `attack_points`.
        origins: Those of `attack_origins`.
        title: The study and the network.
    """
    layers = list(dict.fromkeys(changes["layer"]))
    figure = new_figure(
        15.0,
        4.4,
        f"{title}: in which layers does an attack change what regions support?",
        "Mean change of all regions against the clean image: of direction (1 - cosine) and of "
        "strength (in the layer's mean strengths). Points: regions per image that support the "
        "first answer before, and the new one after.\nRight: of the regions that support the new "
        "answer after the attack, how probable they made the first answer before: near 1, the "
        "attack turned its evidence; near 0, it made new one. Bars: 95 % intervals.",
    )
    axes = figure.subplots(1, 4)
    names, colors = short_names(layers), _layer_colors(len(layers))
    for layer, color in zip(layers, colors, strict=True):
        own = changes[changes["layer"] == layer].sort_values("step")
        style = {"color": color, "marker": "o"}
        for axis, metric in zip(axes, ("orientation", "strength"), strict=False):
            draw_line(axis, own["step"], own, metric, style, names[layer])
        taken = origins[origins["layer"] == layer]
        axes[3].stairs(taken["regions"], [*taken["bin_low"], *taken["bin_high"].tail(1)],
                       color=color, linewidth=1.4)  # fmt: skip
    _before_and_after(axes[2], points, layers, [names[layer] for layer in layers])
    words = ("change of direction", "change of strength", "points per image", "regions")
    below = ("step of the attack", "step of the attack", "", "probability of the first answer")
    for axis, word, name in zip(axes, words, below, strict=True):
        axis.set_ylabel(word)
        axis.set_xlabel(name)
    for axis in axes[:3]:
        axis.set_ylim(bottom=0)
    axes[3].set_xlim(0, 1)
    axes[3].set_title("where taken regions come from", loc="left")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", title="layer")
    return figure


def changed_images(stored: StoredPatterns, most: int = MOST) -> list[int]:
    """Return of every class the image, among those of changed answer, with most points.

    Counted are regions of the last layer that support the first answer before the attack, and the
    new one after it.
    """
    counts = _turned_points(stored)
    first, last = (stored.predicted(stored.attack[k].state) for k in (0, -1))
    changed = np.flatnonzero(first != last)
    classes = np.unique(stored.labels[changed])[:most]
    own = (changed[stored.labels[changed] == label] for label in classes)
    return [int(images[counts[images].argmax()]) for images in own]


def _turned_points(stored: StoredPatterns) -> NDArray[np.int64]:
    """Count regions that support the answer of their time, before and after, (images,)."""
    last, images = len(stored.layers) - 1, np.arange(len(stored.labels))
    counts = np.zeros(len(images), np.int64)
    for moment in (stored.attack[0], stored.attack[-1]):
        said = stored.posterior(last, moment.state)[images, :, stored.predicted(moment.state)]
        counts += (said >= stored.threshold).sum(axis=1)
    return counts


def _before_and_after(
    axis: Axes, points: pd.DataFrame, layers: list[str], names: list[str]
) -> None:
    for when, color, marker, shift in (("before", BEFORE, "o", -0.1), ("after", AFTER, "s", 0.1)):
        own = points[points["when"] == when].set_index("layer").reindex(layers)
        own = own.rename(columns={"low": "points_low", "high": "points_high"})
        style = {"color": color, "marker": marker, "linestyle": "none"}
        draw_line(axis, np.arange(len(layers)) + shift, own, "points", style, when)
    axis.set_xticks(range(len(layers)), names, rotation=35, ha="right", fontsize=8)
    axis.set_xlim(-0.6, len(layers) - 0.4)
    handles = [
        Line2D([], [], linestyle="none", marker=marker, color=color, label=when)
        for when, color, marker in (("before", BEFORE, "o"), ("after", AFTER, "s"))
    ]
    axis.legend(handles=handles, fontsize=8)


def _layer_colors(count: int) -> Floats:
    colors: Floats = colormaps["viridis"](np.linspace(0, 0.95, count))
    return colors


def _say_none(axes: NDArray[Any], words: str) -> None:
    for axis in axes.flat:
        axis.axis("off")
    axes[0, 0].text(0, 0.5, words, transform=axes[0, 0].transAxes)
