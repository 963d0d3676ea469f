"""On which ways an attack takes regions from one class to another, in the common space."""

__all__ = ["TYPES", "attacked_trajectories", "clearest_pair", "last_types"]

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.drawing.names import short_names
from actsense.drawing.style import counted, new_figure
from actsense.patterns.figures.space import (
    class_legend,
    draw_directions,
    frame,
    seen,
    upward_view,
)
from actsense.patterns.stored import StoredPatterns

PATHS = 150  # of a panel
SAMPLES = 60  # points of a path
TYPES = {
    1: "from one class to the other",
    2: "from one class to none, then the other",
    3: "from none to the other class",
    4: "from one class to none",
}
Floats = NDArray[np.float64]


def attacked_trajectories(
    stored: StoredPatterns, types: NDArray[np.int8], shares: pd.DataFrame, *, title: str
) -> Figure:
    """Draw the ways of the last layer's regions through the attack, a panel per type.

    Arguments:
        stored: The patterns of an attacked network.
        types: What `trajectory_types` said of the last layer, (images, regions).
        shares: Rows of the table `attack_types` on this network and layer.
        title: The study and the network.
    """
    from actsense.patterns.trajectories import spline  # loads PyTorch

    before, after = clearest_pair(stored, types)
    original, adversarial = (
        stored.predicted(s.state) for s in (stored.attack[0], stored.attack[-1])
    )
    chosen = (original == before) & (adversarial == after) & (before != after)
    names = short_names(stored.classes)
    figure = new_figure(
        14.5,
        4.9,
        f"{title}: on which ways does an attack turn regions of the last layer?",
        f"{counted(int(chosen.sum()), 'image')} going from {names[stored.classes[before]]} "
        f"(upwards, thick) to {names[stored.classes[after]]} (thick), the change on whose ways "
        "most regions are. Every line is a region, from clean (blue) to the last step (red).\n"
        "Percentages: of all regions of all images, with 95 % intervals over images.",
    )
    axes = figure.subplots(1, len(TYPES), sharex=True, sharey=True)
    states = [one.state for one in stored.attack]
    paths = stored.regions(len(stored.layers) - 1, states)[:, chosen]
    directions = stored.directions(stored.final)
    view = upward_view(directions[before], directions[[after]])
    ways = {
        kind: [
            seen(spline(path, SAMPLES), view)[:, :2]
            for path in paths[:, types[chosen] == kind].transpose(1, 0, 2)[:PATHS]
        ]
        for kind in TYPES
    }
    # Smooth ways swing out further than the steps that they go through.
    furthest = (float(np.abs(way).max()) for own in ways.values() for way in own)
    reach = 1.15 * max([1.3, *furthest])
    for axis, (kind, words) in zip(axes, TYPES.items(), strict=True):
        frame(axis, reach)
        _ways(axis, ways[kind])
        draw_directions(axis, directions, stored.classes, view, length=0.9 * reach,
                        bold=[before, after], faint=True)  # fmt: skip
        axis.set_title(f"{kind}: {words}", loc="left", fontsize=9)
        axis.set_xlabel(_share(shares, kind))
    axes[0].set_ylabel("strength, in means of the layer")
    class_legend(figure, stored.classes)
    return figure


def clearest_pair(stored: StoredPatterns, types: NDArray[np.int8]) -> tuple[int, int]:
    """Return the first answer and the new one between which most regions are on a way.

    Where no region is on any, or several changes have as many, the one of most images is taken.

    Arguments:
        stored: The patterns of an attacked network.
        types: Of the way of every region of the last layer, 0 for none, (images, regions).
    """
    first, last = (stored.predicted(stored.attack[k].state) for k in (0, -1))
    changed = first != last
    if not changed.any():
        return int(first[0]), int(last[0])
    pairs, which = np.unique(np.stack([first, last])[:, changed], axis=1, return_inverse=True)
    regions = np.bincount(which.ravel(), (types[changed] > 0).sum(axis=1))
    best = np.lexsort((np.bincount(which.ravel()), regions))[-1]
    before, after = pairs[:, best]
    return int(before), int(after)


def last_types(stored: StoredPatterns) -> NDArray[np.int8]:
    """Return the type of the way of every region of the last layer, (images, regions)."""
    from actsense.patterns.trajectories import trajectory_types  # loads PyTorch

    states = [one.state for one in stored.attack]
    paths = stored.regions(len(stored.layers) - 1, states)
    return trajectory_types(
        paths,
        stored.directions(stored.final),
        stored.predicted(states[0]),
        stored.predicted(states[-1]),
    )


def _ways(axis: Axes, paths: list[Floats]) -> None:
    """Draw curves from blue to red."""
    if not paths:
        axis.text(
            0.98, 0.02, "none in these images", transform=axis.transAxes, ha="right", color="0.4"
        )
        return
    pieces = np.concatenate([np.stack([path[:-1], path[1:]], axis=1) for path in paths])
    along = np.concatenate([np.linspace(0, 1, len(path) - 1) for path in paths])
    opacity = float(np.clip(12 / len(paths), 0.12, 0.8))
    axis.add_collection(LineCollection([*pieces], colors=colormaps["coolwarm"](along),
                                       linewidths=1.3, alpha=opacity, zorder=6))  # fmt: skip
    ends = np.stack([path[-1] for path in paths])
    axis.scatter(ends[:, 0], ends[:, 1], s=6, color=colormaps["coolwarm"](1.0), linewidth=0,
                 zorder=6, alpha=max(0.4, opacity))  # fmt: skip


def _share(shares: pd.DataFrame, kind: int) -> str:
    own = shares[shares["type"] == kind]
    if own.empty:
        return ""
    row = own.iloc[0]
    return f"{row['share']:.1%} of regions ({row['low']:.1%} to {row['high']:.1%})"
