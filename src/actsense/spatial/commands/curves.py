"""Curves of accuracy under shuffled patches, of several studies or files, in one plot."""

__all__ = ["curves_figure", "plot_curves", "read_curves"]

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from actsense.drawing.lines import draw_line, network_styles
from actsense.drawing.style import new_figure, save
from actsense.errors import ConfigError
from actsense.layout import make_command
from actsense.spatial.transforms.divisions import Axis, with_sides
from actsense.spatial.transforms.score_figures import UNJOINED, border_rectangles
from actsense.store import read_table
from actsense.store.damage import given

TABLE = Path("spatial/tables/shuffle_curves.csv")
OURS = {"network", "mode", "k", "top1", "top1_low", "top1_high", "chance"}
THEIRS = {"num_devide", "accuracy"}  # columns of the program that this study follows
METRICS = {"top1": "top-1 accuracy", "relative": "of images right when intact: still right"}
GUESSING = (0, (1, 2))
DPI = 150


def plot_curves(paths: Sequence[Path], output: Path, *, metric: str = "top1") -> list[str]:
    """Draw the curves of several results in one file; return the names of the curves.

    Arguments:
        paths: Results, see `read_curves`.
        output: The PNG file.
        metric: `top1` or `relative`.

    Raises:
        ConfigError: If there are no curves.
    """
    curves = read_curves(paths)
    save(curves_figure(curves, metric=metric), output, dpi=DPI)
    return list(dict.fromkeys(curves["network"]))


def read_curves(paths: Sequence[Path]) -> pd.DataFrame:
    """Return the curves of studies and files below each other, as in table `shuffle_curves`.

    Curves are called by their network; by file or study, too, where several have that network.

    Arguments:
        paths: Folders of studies, `results/NAME`; tables `shuffle_curves.csv`; or files with the
            columns `num_devide`, `accuracy` and perhaps `legend`, as CNN-Spatial-Sensitivity
            writes them: bands, without intervals. Other folders are searched for such files.

    Raises:
        ConfigError: If a path does not exist or holds no curves.
    """
    files = [file for path in paths for file in _files(path)]
    tables = [_table(file) for file in files]
    names = [name for table in tables for name in dict.fromkeys(table["network"])]
    for file, table in zip(files, tables, strict=True):
        repeated = table["network"].map(names.count) > 1
        table.loc[repeated, "network"] = f"{_origin(file)}: " + table["network"].astype(str)
    return pd.concat(tables, ignore_index=True)


def curves_figure(curves: pd.DataFrame, *, metric: str = "top1") -> Figure:
    """Draw a panel per way of shuffling and a line per curve.

    Arguments:
        curves: From `read_curves`.
        metric: `top1` or `relative`.
    """
    modes = list(dict.fromkeys(curves["mode"]))
    figure = new_figure(
        1.5 + 4.5 * len(modes),
        4.2,
        "Accuracy on images whose patches are shuffled",
        "Each side is cut into k parts, and the patches change places. Bars, where there are "
        "any: 95 % intervals. Dotted: guessing.",
    )
    axes = figure.subplots(1, len(modes), sharey=True, squeeze=False)[0]
    along = Axis.of(curves)
    curves = along.placed(curves)
    for axis, mode in zip(axes, modes, strict=True):
        drawn = curves[(curves["mode"] == mode) & curves[metric].notna()]
        for name, style in network_styles(curves["network"]).items():
            own = drawn[drawn["network"] == name].sort_values("place")
            line, rest = own[~own["rectangle"]], own[own["rectangle"]]
            if len(line):
                draw_line(axis, line["place"], line, metric, style, name)
            if len(rest):
                draw_line(axis, rest["place"], rest, metric, style | UNJOINED, "")
        for chance in drawn["chance"].dropna().unique():
            axis.axhline(chance, color="0.3", linestyle=GUESSING, linewidth=1)
        axis.set_title(mode, loc="left")
        border_rectangles(axis, along)
        axis.set_xticks([*along.ticks], [*along.ticks.values()])
        axis.set_xlabel(along.title)
        axis.set_ylim(0, 1.04)
    axes[0].set_ylabel(METRICS[metric])
    found = dict(
        pair
        for axis in axes
        for pair in zip(*reversed(axis.get_legend_handles_labels()), strict=True)
    )
    figure.legend(found.values(), found.keys(), loc="outside right upper")
    return figure


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ConfigError(f"{path}: no such file or folder.")
    if (path / TABLE).is_file():
        return [path / TABLE]
    found = [file for file in sorted(path.rglob("*.csv")) if {*read_table(file)} >= THEIRS]
    found += sorted(path.rglob(TABLE.name))
    if not found:
        raise ConfigError(
            f"{path}: no {TABLE} and no other curves of shuffled patches. `actsense shuffle` "
            f"makes them for one network, and for a study: {make_command('spatial', path)}"
        )
    return found


def _table(file: Path) -> pd.DataFrame:
    with given(file):
        found = read_table(file)
    if {*found} >= OURS:
        found = with_sides(found)
        return found if "relative" in found else found.assign(relative=np.nan)
    if not {*found} >= THEIRS:
        raise ConfigError(
            f"{file}: neither a table shuffle_curves nor one with the columns "
            f"{' and '.join(sorted(THEIRS))}; it has {', '.join(sorted(map(str, found)))}."
        )
    k, accuracy = found["num_devide"], found["accuracy"].astype(float)
    table = with_sides(pd.DataFrame({"mode": "bands", "k": k, "top1": accuracy}))
    table["network"] = found["legend"].astype(str) if "legend" in found else _origin(file)
    if table["top1"].max() > 1:
        table["top1"] /= 100  # per cent
    missing = ("top1_low", "top1_high", "relative", "relative_low", "relative_high", "chance")
    return table.assign(**dict.fromkeys(missing, np.nan))


def _origin(file: Path) -> str:
    """Name a study by its folder, and any other file by itself."""
    if file.parts[-3:] == TABLE.parts:
        return file.resolve().parents[2].name
    return f"{file.resolve().parent.name}/{file.stem}"
