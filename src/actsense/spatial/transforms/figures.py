"""Accuracy on shuffled and saturated images, a line per network."""

__all__ = ["plot_transforms", "saturation_panels", "shuffle_panels"]

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actsense.drawing.lines import draw_line, network_styles
from actsense.drawing.style import new_figure, save
from actsense.spatial.transforms.divisions import Axis
from actsense.spatial.transforms.score_figures import UNJOINED, border_rectangles, score_panels
from actsense.spatial.transforms.settings import UNSATURATED
from actsense.store import read_table

METRICS = {"top1": "top-1 accuracy", "relative": "of images right when intact:\nstill right"}
MODES = {
    "grid": "grid: every cell moves by itself",
    "bands": "bands: whole rows and whole columns of cells move",
}
TABLES = ("shuffle_curves", "shuffle_scores", "shuffle_differences", "saturation_curves")
SHIFT = 0.07  # between networks, in steps of k or doublings of the level
SPREAD = 0.5  # of all networks together
GUESSING = (0, (1, 2))
PREDICTED = "*"  # behind a network whose labels are its own predictions


def plot_transforms(
    tables: Mapping[str, Path], outputs: Mapping[str, Path], *, title: str, dpi: int
) -> None:
    """Draw how accuracy falls under shuffled patches and changed saturation.

    Arguments:
        tables: CSV files `shuffle_curves`, `shuffle_scores`, `shuffle_differences` and
            `saturation_curves`.
        outputs: PNG files `curves`, `scores` and `saturation`.
        title: The study.
        dpi: Dots per inch of the PNG files.
    """
    read = {name: read_table(tables[name]) for name in TABLES}
    curves = read["shuffle_curves"]
    scored = score_panels(
        read["shuffle_scores"],
        read["shuffle_differences"],
        largest=int(curves["k"].max()),
        title=title,
    )
    for name, figure in {
        "curves": shuffle_panels(curves, title=title),
        "scores": scored,
        "saturation": saturation_panels(read["saturation_curves"], title=title),
    }.items():
        save(figure, outputs[name], dpi=dpi)


def shuffle_panels(curves: pd.DataFrame, *, title: str) -> Figure:
    """Draw accuracy over the divisions of a side, a row per way of shuffling.

    Arguments:
        curves: Table `shuffle_curves`.
        title: The study.
    """
    modes = list(dict.fromkeys(curves["mode"]))
    first = curves.iloc[0]
    figure = new_figure(
        11.0,
        1.2 + 3.0 * len(modes),
        f"{title}: accuracy on images whose patches are shuffled",
        f"Each side is cut into k parts, and the patches change places: n = {first['images']} "
        f"images, shuffles of each: {curves['repeats'].max()}, the same for all networks.\n"
        f"Bars: 95 % intervals over images. Dotted: guessing.{_starred(curves)}",
    )
    axes = figure.subplots(len(modes), len(METRICS), sharex=True, sharey=True, squeeze=False)
    along = Axis.of(curves)
    for row, mode in zip(axes, modes, strict=True):
        _lines(row, along.placed(curves[curves["mode"] == mode]), "place")
        row[0].set_title(MODES[mode], loc="left")
    for axis in axes.flat:
        border_rectangles(axis, along)
    for axis in axes[-1]:
        ticks = {**along.ticks, 1.0: "1\nintact"}
        axis.set_xticks([*ticks], [*ticks.values()])
        axis.set_xlabel(along.title)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right upper")
    return figure


def saturation_panels(curves: pd.DataFrame, *, title: str) -> Figure:
    """Draw accuracy over the level of saturation.

    Arguments:
        curves: Table `saturation_curves`.
        title: The study.
    """
    first = curves.iloc[0]
    figure = new_figure(
        11.0,
        4.2,
        f"{title}: accuracy on images of another saturation",
        f"Pixels are pushed towards black and white (levels above {UNSATURATED:g}, which spare "
        f"edges and spoil texture) or towards gray (below): n = {first['images']} images.\n"
        f"Bars: 95 % intervals over images. Dotted: guessing.{_starred(curves)}",
    )
    axes = figure.subplots(1, len(METRICS), sharey=True)
    _lines(axes, curves.assign(octave=np.log2(curves["level"])), "octave")
    levels = np.sort(curves["level"].unique())
    for axis in axes:
        axis.axvline(np.log2(UNSATURATED), color="0.6", linewidth=0.8, zorder=0)
        axis.set_xticks(
            np.log2(levels),
            [
                f"{level:g}\nuntouched" if level == UNSATURATED else f"{level:g}"
                for level in levels
            ],
            fontsize=8,
        )
        axis.set_xlabel("\u2190 gray      level of saturation      black and white \u2192")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper")
    return figure


def _lines(row: Iterable[Axes], curves: pd.DataFrame, over: str) -> None:
    """Draw all networks in the panels of all metrics, moved a little apart."""
    styles = network_styles(curves["network"])
    apart = min(SHIFT, SPREAD / len(styles))
    for axis, (metric, name) in zip(row, METRICS.items(), strict=True):
        for place, (network, style) in enumerate(styles.items()):
            own = curves[curves["network"] == network].sort_values(over)
            shift = apart * (place - (len(styles) - 1) / 2)
            alone = own["rectangle"] if "rectangle" in own else own[over].isna()
            line, rest = own[~alone], own[alone]
            draw_line(axis, line[over] + shift, line, metric, style, _name(own))
            if len(rest):
                draw_line(axis, rest[over] + shift, rest, metric, style | UNJOINED, "")
        for chance in curves["chance"].unique():
            axis.axhline(chance, color="0.3", linestyle=GUESSING, linewidth=1)
        axis.set_ylabel(name)
        axis.set_ylim(0, 1.04)
        axis.tick_params(labelleft=True)


def _name(curves: pd.DataFrame) -> str:
    first = curves.iloc[0]
    return f"{first['network']}{PREDICTED}" if first["label"] == "prediction" else first["network"]


def _starred(curves: pd.DataFrame) -> str:
    named = curves.drop_duplicates("network")
    said = "".join(
        f" {name}: of {labelled} images, the class is an output."
        for name, labelled in zip(named["network"], named["labelled"], strict=True)
        if labelled < named["images"].max()
    )
    if (named["label"] == "prediction").any():
        said = f" {PREDICTED}: right is what the network itself says of the intact image.{said}"
    return said
