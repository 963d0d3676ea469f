"""Whether layers fix what they feel: invariances beside the sensitivities of the same layer."""

__all__ = ["effect_points"]

from math import ceil, isnan

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from actsense.drawing.depth import fitting
from actsense.drawing.names import legible, short_names
from actsense.drawing.style import FACTOR_COLORS, FACTOR_MARKERS, Marker, new_figure
from actsense.invariance.choices import RANDOM, TRAINED
from actsense.invariance.figures.layers import (
    hatch_panel,
    is_limited,
    limited_handles,
    nothing,
    put_legend,
    without_differences,
)

MEASURE, INDEX = "fixed", "shapley"
WIDE, HIGH, ROOM = 2.8, 2.3, 0.85  # inches of a panel, and below it
COLUMNS, LAYERS = 5, 10  # side by side, and of a network
LONGEST = 26  # characters of a layer above a panel


def effect_points(effects: pd.DataFrame, *, title: str) -> Figure:
    """Draw a panel for every layer of trained weights: a point per augmentation.

    Of every network, the design with the most augmentations is drawn.

    Arguments:
        effects: Table `invariance_effects`.
        title: The study.
    """
    question = f"{title}: do layers keep what they are sensitive to?"
    own = effects[(effects["measure"] == MEASURE) & (effects["index"] == INDEX)]
    named = own["augmentation"].fillna("") != ""
    single = named & (own["layer"].fillna("") != "")
    pairs = without_differences(own[single & (own["state"] == TRAINED)])
    if pairs.empty:
        return nothing(
            question, "Not measured: no augmentation has both a sensitivity and samples."
        )
    chosen = {str(name): _design(rows) for name, rows in pairs.groupby("network", sort=False)}
    blocks = {
        name: fitting([*dict.fromkeys(_of(pairs, name, design)["layer"])], LAYERS)
        for name, design in chosen.items()
    }
    columns = min(COLUMNS, max(len(layers) for layers, _ in blocks.values()))
    rows = {name: ceil(len(layers) / columns) for name, (layers, _) in blocks.items()}
    count = sum(rows.values())
    figure = new_figure(
        max(8.0, 0.6 + WIDE * columns),
        1.3 + (HIGH + ROOM) * count,
        question,
        "A point is an augmentation: the share of the layer's variance that it causes (Shapley "
        "effect), and the share of its changes that the layer keeps.\nWhere a layer keeps what "
        "moves it, points lie from lower left to upper right: rank correlation 1. Strokes and "
        "brackets: 95 % intervals.",
    )
    axes = figure.subplots(count, columns, squeeze=False)
    start, names = 0, short_names(chosen)
    for name, (layers, note) in blocks.items():
        panels = axes[start : start + rows[name]].flat
        told = _of(own[~named], name, chosen[name])
        short = short_names(layers, LONGEST)
        for axis, layer in zip(panels, layers, strict=False):
            points = _of(pairs, name, chosen[name])
            _panel(axis, points[points["layer"] == layer], told[told["layer"] == layer])
            axis.set_title(f"{short[layer]}\n{axis.get_title(loc='left')}", loc="left", fontsize=9)
        for axis in panels[len(layers) :]:
            axis.set_axis_off()
        heading = f"{names[name]}, design {legible(chosen[name])}{note}"
        axes[start, 0].set_title(f"{heading}\n{axes[start, 0].get_title(loc='left')}", loc="left",
                                 fontsize=9)  # fmt: skip
        for row in axes[start : start + rows[name], 0]:
            row.set_ylabel("kept by the layer\n(1 - left free)")
        start += rows[name]
    drawn = pd.concat([_of(pairs, name, design) for name, design in chosen.items()])
    handles = [
        Line2D(
            [], [], color=_color(name), marker=_marker(name), linestyle="none", label=legible(name)
        )
        for name in dict.fromkeys(drawn["augmentation"])
    ]
    put_legend(figure, [*handles, *limited_handles(drawn["limited"])])
    return figure


def _of(table: pd.DataFrame, network: str, design: str) -> pd.DataFrame:
    return table[(table["network"] == network) & (table["design"] == design)]


def _design(rows: pd.DataFrame) -> str:
    """Return the design with most augmentations, the first of several."""
    return str(rows.groupby("design", sort=False)["augmentation"].nunique().idxmax())


def _color(augmentation: str) -> str:
    return FACTOR_COLORS.get(augmentation, "0.3")


def _marker(augmentation: str) -> Marker:
    return FACTOR_MARKERS.get(augmentation, "o")


def _panel(axis: Axes, points: pd.DataFrame, told: pd.DataFrame) -> None:
    colors = [_color(name) for name in points["augmentation"]]
    x, y = points["effect"], points["value"]
    axis.hlines(y, points["effect_low"], points["effect_high"], colors=colors, linewidth=1)
    axis.vlines(x, points["low"], points["high"], colors=colors, linewidth=1)
    for at, up, color, name in zip(x, y, colors, points["augmentation"], strict=True):
        axis.plot(at, up, color=color, marker=_marker(name), markersize=6, zorder=3)
    if is_limited(points["limited"]).any():
        hatch_panel(axis)
    axis.set_xlabel("Shapley effect")
    axis.xaxis.set_major_formatter(PercentFormatter(1))
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.locator_params(nbins=5, steps=[1, 2, 5, 10])
    low, high = axis.get_ylim()
    axis.set_ylim(min(low, -0.05), max(high, 1.05))
    left, right = axis.get_xlim()
    axis.set_xlim(min(left, -0.03 * right), right)
    said = [f"rank correlation: {_correlation(told, TRAINED)}"]
    if (told["state"] == RANDOM).any():
        said.append(f"random weights: {_correlation(told, RANDOM)}")
    axis.set_title("\n".join(said), loc="left", fontsize=8)


def _correlation(told: pd.DataFrame, state: str) -> str:
    """Return a rank correlation, with its interval over anchors, and replicates if known."""
    rows = told[told["state"] == state]
    if rows.empty or isnan(rows["value"].iloc[0]):
        return "unknown"
    row = rows.iloc[0]
    ends = [row[f"{end}_both"] if not isnan(row[f"{end}_both"]) else row[end]
            for end in ("low", "high")]  # fmt: skip
    words = f"{row['value']:.2f}"
    return words if any(map(isnan, ends)) else f"{words} ({ends[0]:.2f} to {ends[1]:.2f})"
