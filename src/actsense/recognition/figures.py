"""Which factor made a map? Accuracy over depth, confusions, and the plane that separates most."""

__all__ = ["accuracy_profile", "confusion_maps", "plot_discriminant", "projections"]

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from actsense.drawing.depth import MANY, PAGE, name_layers, pages
from actsense.drawing.matrices import Numbers, grid, longest, name_sides
from actsense.drawing.names import short_names
from actsense.drawing.style import FACTOR_COLORS, FACTOR_MARKERS, HEADER, new_figure, place, save
from actsense.drawing.values import TITLES
from actsense.store import read_table, replacing

VARIANTS = {"raw": "maps as they are", "normalized": "maps divided by their norm"}
COLORS = {"raw": "#0072B2", "normalized": "#D55E00"}
MARKERS = {"raw": "o", "normalized": "s"}
CELL, LEAST = 0.215, 2.0  # inches: of a cell of a matrix, and of a matrix with its title
PLANE = (2.45, 2.15)  # inches of a projection
NOTHING = (
    "No layer has enough channels with defined positions; the table of skipped cases says why."
)


def plot_discriminant(
    tables: Mapping[str, Path], outputs: Mapping[str, Path], *, title: str, dpi: int
) -> None:
    """Draw the accuracies, and pages of confusions and projections.

    Confusions have a page per design and variant, projections one per design, of raw maps; of
    many layers, several.

    Arguments:
        tables: CSV files `accuracy`, `confusion`, `projection` and `skipped`.
        outputs: PNG file `accuracy`, and the folders `confusions` and `projections`.
        title: The network.
        dpi: Dots per inch of the PNG files.
    """
    read = {name: read_table(path) for name, path in tables.items()}
    designs = pd.concat([read["accuracy"]["design"], read["skipped"]["design"]]).unique()
    save(accuracy_profile(read["accuracy"], title=title), outputs["accuracy"], dpi=dpi)
    for name, draw, variants, most in (
        ("confusion", confusion_maps, VARIANTS, _most_confusions(read["confusion"])),
        ("projection", projections, ["raw"], int(PAGE / (PLANE[0] + 0.35))),
    ):
        with replacing(outputs[f"{name}s"]) as folder:
            folder.mkdir()
            for design, variant in product(designs, variants):
                chosen = {"design": design, "variant": variant}
                drawn, found = (_rows(read[one], **chosen) for one in (name, "accuracy"))
                every = pages(list(found["layer"].unique()), most)
                for number, layers in enumerate(every, start=1):
                    page = f", page {number} of {len(every)}" if len(every) > 1 else ""
                    label = f"{title}, {design}, {VARIANTS[variant]}{page}"
                    figure = draw(drawn, found, title=label, layers=layers)
                    last = f"-{number}" if number > 1 else ""
                    save(figure, folder / f"{design}_{variant}{last}.png", dpi=dpi)


def accuracy_profile(accuracy: pd.DataFrame, *, title: str) -> Figure:
    """Draw the accuracy over depth, with intervals, chance and null.

    Arguments:
        accuracy: Table `accuracy` of the discriminant analysis.
        title: The network.
    """
    heading = f"{title}: how often is the factor that made a map recognized?"
    if accuracy.empty:
        return new_figure(8, 1.2, heading, NOTHING)
    layers, designs = list(accuracy["layer"].unique()), list(accuracy["design"].unique())
    cases = accuracy.drop_duplicates(["layer", "design"])
    dead, rare, channels = (
        int(cases[name].sum()) for name in ("dead_units", "rare_units", "left_out")
    )
    left_out = (
        f"Of all layers and designs, {dead:,} units are dead and {rare:,} rare; channels of which "
        f"more than half are: {channels}."
    )
    side_by_side = len(layers) <= MANY
    rows = len(designs) * (1 if side_by_side else len(TITLES))
    wide = max(2.0, 0.5 * len(layers)) if side_by_side else max(7.5, 0.22 * len(layers))
    figure = new_figure(
        max(10.0, 3 * (1.2 + wide) + 2.4) if side_by_side else max(10.0, wide + 3.4),
        1.2 + (2.9 if side_by_side else min(2.2, PAGE / rows)) * rows,
        heading,
        "Share of maps of held-out channels whose factor is recognized by linear discriminant "
        "analysis; bars are 95 % intervals over channels (number in brackets).\nShaded: up "
        f"to the 95 % quantile with labels shuffled within channels. Dashed: guessing. {left_out}",
    )
    shape = (rows, len(TITLES) if side_by_side else 1)
    axes = figure.subplots(*shape, sharey=True, squeeze=False).reshape(len(designs), len(TITLES))
    places = pd.Series(np.arange(len(layers), dtype=float), index=layers)
    for row, design in zip(axes, designs, strict=True):
        for axis, (value, name) in zip(row, TITLES.items(), strict=True):
            case = _rows(accuracy, design=design, value=value)
            for number, variant in enumerate(VARIANTS):
                one = case[case["variant"] == variant].set_index("layer").reindex(layers)
                _line(axis, places + 0.08 * (2 * number - 1), one, variant)
            axis.plot(places, case.groupby("layer")["chance"].max().reindex(layers),
                      color="0.2", linestyle="--", linewidth=1, label="guessing")  # fmt: skip
            counts = case.groupby("layer")["channels"].min().reindex(layers, fill_value=0)
            name_layers(axis, places, layers, wide, size=8,
                        named=side_by_side or axis is row[-1],
                        suffixes=[f"({count})" for count in counts])  # fmt: skip
            axis.set_ylim(0, 1.02)
            if design == designs[0] or not side_by_side:
                axis.set_title(name, loc="left")
        row[0].set_ylabel(f"{design}\naccuracy")
    axes[0, -1 if side_by_side else 0].legend(loc="upper left", bbox_to_anchor=(1.01, 1.02))
    return figure


def confusion_maps(
    confusion: pd.DataFrame,
    accuracy: pd.DataFrame,
    *,
    title: str,
    layers: Sequence[str] | None = None,
) -> Figure:
    """Draw the confusions of every index and layer, all at the limits 0 and 1.

    Arguments:
        confusion: Table `confusion` of one design and variant.
        accuracy: Table `accuracy` of the same.
        title: Network, design and variant.
        layers: Those of the page; default: all.
    """
    heading = f"{title}: which factors are taken for which"
    if accuracy.empty:
        return new_figure(8, 1.2, heading, NOTHING)
    factors, short = [*confusion["factor"].unique()], short_names(accuracy["layer"].unique(), 14)
    layers = [*(layers or short)]
    side, margin = CELL * len(factors), longest(factors, 7) + 0.45
    room = (max(side, LEAST) + 0.2, side + 0.35)  # of a panel with its title
    figure = new_figure(
        margin + room[0] * len(layers) + 0.8,
        HEADER + room[1] * len(TITLES) + margin - 0.1,
        heading,
        "Rows are the factors that made the maps of held-out channels, columns those recognized "
        "by linear discriminant analysis; per cent of a row, where at least 1.\nGray numbers: the "
        "95 % interval over channels covers guessing. Channels are in brackets.",
        arranged=False,
    )
    top, gap = HEADER + 0.35, (room[0] - side, 0.35)
    axes = grid(figure, len(TITLES), len(layers), corner=(margin, top), size=(side, side), gap=gap)
    for row, (value, name) in zip(axes, TITLES.items(), strict=True):
        for column, (axis, layer) in enumerate(zip(row, layers, strict=True)):
            case, found = (_rows(t, layer=layer, value=value) for t in (confusion, accuracy))
            if found.empty:
                axis.set_axis_off()
                continue
            image = _confusion(axis, case, factors, found["chance"].item())
            named = {"left": axis is row[0], "below": axis is axes[-1, column]}
            name_sides(axis, factors, size=7, **named)
            right, channels = found["accuracy"].item(), found["channels"].item()
            said = f"{short[layer]} ({channels}): {100 * right:.0f} % right"
            axis.set_title(said, loc="left", fontsize=9)
        row[0].set_ylabel(name, fontsize=10)
    left = margin + room[0] * len(layers)
    bar = place(figure, left, top, 0.15, max(side, 2.5))
    figure.colorbar(image, bar, label="share of the maps of a factor")
    return figure


def projections(
    projection: pd.DataFrame,
    accuracy: pd.DataFrame,
    *,
    title: str,
    layers: Sequence[str] | None = None,
) -> Figure:
    """Draw held-out maps in the plane that separates the factors of the other channels most.

    Arguments:
        projection: Table `projection` of one design and variant.
        accuracy: Table `accuracy` of the same.
        title: Network, design and variant.
        layers: Those of the page; default: all.
    """
    heading = f"{title}: the plane that separates the factors most"
    if accuracy.empty:
        return new_figure(8, 1.2, heading, NOTHING)
    factors, short = [*projection["factor"].unique()], short_names(accuracy["layer"].unique(), 20)
    layers = [*(layers or short)]
    size = PLANE
    figure = new_figure(
        0.8 + len(layers) * (size[0] + 0.35) + 1.3,
        HEADER + 0.3 + len(TITLES) * (size[1] + 0.45) + 0.2,
        heading,
        "Every point is the map of one channel and factor, large points are means. The plane was "
        "fitted to one half of the channels, shown is the other half.\nAlong both axes, maps of "
        "a factor spread by 1 in the fitted channels; every panel has a plane of its own.",
        arranged=False,
    )
    corner, gap = (0.8, HEADER + 0.3), (0.35, 0.45)
    axes = grid(figure, len(TITLES), len(layers), corner=corner, size=size, gap=gap)
    for row, (value, name) in zip(axes, TITLES.items(), strict=True):
        for axis, layer in zip(row, layers, strict=True):
            case = _rows(projection, layer=layer, value=value)
            for factor in factors:
                _points(axis, case[case["factor"] == factor], factor)
            axis.tick_params(labelsize=7)
            axis.set_title(f"{short[layer]}, {case['channel'].nunique()} channels", loc="left")
        row[0].set_ylabel(f"{name}\nsecond axis")
    for axis in axes[-1]:
        axis.set_xlabel("first axis")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    axes[0, -1].legend(handles, labels, loc="upper left", bbox_to_anchor=(1.01, 1.02),
                       markerscale=2)  # fmt: skip
    return figure


def _most_confusions(confusion: pd.DataFrame) -> int:
    """Return how many layers a page of confusions has room for."""
    return max(1, int(PAGE / (max(CELL * confusion["factor"].nunique(), LEAST) + 0.2)))


def _rows(table: pd.DataFrame, **names: str) -> pd.DataFrame:
    """Return the rows where the columns have these names."""
    return table[(table[list(names)] == list(names.values())).all(axis=1)]


def _line(axis: Axes, places: pd.Series, case: pd.DataFrame, variant: str) -> None:
    value, color = case["accuracy"], COLORS[variant]
    errors = case[["low", "high"]].sub(value, axis=0).abs().to_numpy().T
    axis.errorbar(places, value, errors, color=color, marker=MARKERS[variant], markersize=4,
                  capsize=2, linewidth=1.3, label=VARIANTS[variant])  # fmt: skip
    axis.fill_between(places, 0, case["null_high"], color=color, alpha=0.15, linewidth=0,
                      label="labels shuffled" if variant == "raw" else None)  # fmt: skip


def _confusion(axis: Axes, case: pd.DataFrame, factors: list[str], chance: float) -> AxesImage:
    cells = pd.MultiIndex.from_product([factors, factors], names=["factor", "predicted"])
    columns = case.set_index(["factor", "predicted"]).reindex(cells)[["share", "low", "high"]]
    shares, low, high = columns.to_numpy().T.reshape(3, len(factors), len(factors))
    image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    written = {}
    for j, k in np.argwhere(shares >= 0.01):
        certain = not low[j, k] <= chance <= high[j, k]
        color = "white" if shares[j, k] > 0.55 else "black" if certain else "0.5"
        written[int(j), int(k)] = f"{100 * shares[j, k]:.0f}", color
    Numbers(axis, written)
    return image


def _points(axis: Axes, case: pd.DataFrame, factor: str) -> None:
    color, marker = FACTOR_COLORS[factor], FACTOR_MARKERS[factor]
    axis.scatter(case["axis_1"], case["axis_2"], s=14, color=color, marker=marker, alpha=0.5,
                 linewidths=0, label=factor)  # fmt: skip
    axis.scatter(case["axis_1"].mean(), case["axis_2"].mean(), s=55, color=color, marker=marker,
                 edgecolors="black", linewidths=0.7)  # fmt: skip
