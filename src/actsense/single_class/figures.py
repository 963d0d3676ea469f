"""The classes that feel an augmentation most, and whether damaged networks predict them."""

__all__ = ["class_matches", "class_ranking", "plot_classes"]

from collections.abc import Mapping
from itertools import product
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actsense.drawing.intervals import bars_note
from actsense.drawing.names import legible, short_names
from actsense.drawing.style import FACTOR_COLORS, empty_figure, new_figure, save
from actsense.drawing.values import TITLES
from actsense.sampling.designs import ORIGINAL
from actsense.store import read_table, replacing

SCALES = ("#0072B2", "#E69F00", "#CC79A7", "#009E73", "#D55E00", "#56B4E9")
SIGNIFICANT = 0.05
SIZES = {"o": 4.5, "X": 7.0}  # a smaller cross looks like a filled dot
COLLAPSED = 0.9  # share of images with the same first prediction
NOTHING = "No class could be compared"
ALONE = (
    "Not drawn at k = 1: with so few classes a single one is compared, so an overlap is all or "
    "nothing and mostly chance.\nThe numbers are in the table single_class_matches.csv."
)


def plot_classes(
    tables: Mapping[str, Path], outputs: Mapping[str, Path], *, title: str, dpi: int
) -> None:
    """Draw a page of ranked classes and one of matches for every design.

    Arguments:
        tables: CSV files `ranking`, `matches` and `skipped`.
        outputs: The folders `rankings` and `matches`.
        title: The network.
        dpi: Dots per inch of the PNG files.
    """
    ranking, matches, skipped = (
        read_table(tables[name]) for name in ("ranking", "matches", "skipped")
    )
    designs = pd.concat([ranking["design"], skipped["design"]]).unique()
    with replacing(outputs["rankings"]) as rankings, replacing(outputs["matches"]) as compared:
        rankings.mkdir()
        compared.mkdir()
        for design in designs:
            label = f"{title}, {design}"
            candidates = matches[matches["design"] == design]
            reasons = skipped.loc[skipped["design"] == design, "reason"]
            why = ": ".join([NOTHING, *reasons.mode()[:1]])
            listed = class_ranking(
                ranking[ranking["design"] == design],
                candidates=0 if candidates.empty else int(candidates["k"].max()),
                title=label,
                nothing=why,
            )
            save(listed, rankings / f"{design}.png", dpi=dpi)
            save(
                class_matches(candidates, title=label, nothing=why),
                compared / f"{design}.png",
                dpi=dpi,
            )


def class_ranking(
    ranking: pd.DataFrame, *, candidates: int, title: str, nothing: str = NOTHING
) -> Figure:
    """Draw the classes whose outputs vary most because of each augmentation.

    Arguments:
        ranking: Table `ranking` of one design.
        candidates: First classes that predictions are compared with.
        title: Network and design.
        nothing: What to say where no class was compared.
    """
    heading = f"{title}: the classes that feel each augmentation most"
    if ranking.empty:
        return empty_figure(heading, f"{nothing}.")
    factors, values = list(ranking["factor"].unique()), list(ranking["value"].unique())
    measured = "Variance of a class's output that the augmentation causes (index times variance)"
    ordered, axis_label = "the lower end of the interval", "variance of the output due to the"
    if "ranked_by" in ranking:
        measured = "Share of the variance of a class's output that the augmentation causes"
        ordered, axis_label = "the index alone", "share of the output's variance due to the"
        ranking = ranking.assign(
            weighted=ranking["index"], weighted_low=ranking["index"] - ranking["ci"]
        )
    figure = new_figure(
        max(9.0, 1.0 + 2.2 * len(factors)),
        1.3 + len(values) * (0.7 + 0.17 * ranking["rank"].max()),
        heading,
        f"{measured}; {bars_note(ranking['ci'])}.\nRanked by {ordered}. Dark: compared "
        f"with predictions (k = {candidates}). Every panel has a scale of its own.",
    )
    axes = figure.subplots(len(values), len(factors), squeeze=False)
    for (row, value), (column, factor) in product(enumerate(values), enumerate(factors)):
        axis = axes[row, column]
        case = ranking[(ranking["value"] == value) & (ranking["factor"] == factor)]
        _ranks(axis, case, factor, candidates)
        if row == 0:
            axis.set_title(factor, loc="left")
        if column == 0:
            axis.set_ylabel(TITLES[value], fontsize=10)
    figure.supxlabel(f"{axis_label} augmentation", fontsize=9)
    return figure


def class_matches(matches: pd.DataFrame, *, title: str, nothing: str = NOTHING) -> Figure:
    """Draw how the first predictions overlap with the most sensitive classes.

    Arguments:
        matches: Table `matches` of one design.
        title: Network and design.
        nothing: What to say where no class was compared.
    """
    heading = f"{title}: do damaged networks predict the classes that feel an augmentation most?"
    if matches.empty:
        return empty_figure(heading, f"{nothing}.")
    first = matches.iloc[0]
    if first["k"] == 1:
        return empty_figure(heading, ALONE)
    matches, where = _first_layer(matches)
    factors = list(matches["factor"].unique())
    # A value that chose no masks has its intact network in the table, and no rows of empty panels.
    damaged = matches[matches["rule"] == "top"]
    values = list((matches if damaged.empty else damaged)["value"].unique())
    inputs = {ORIGINAL: "untouched images", "augmented": "augmented images"}
    scales = sorted(matches["scale"].dropna().unique())
    figure = new_figure(
        max(11.0, 2.6 + 1.9 * len(factors)),
        1.4 + 1.75 * len(values) * len(inputs),
        heading,
        f"Jaccard overlap of the k = {first['k']} most sensitive classes with the first k "
        f"predictions, mean of {first['images']} images with 95 % intervals, when the activations "
        f"most sensitive to\nthe augmentation are scaled{where}. Bands: 95 % of random classes "
        f"against the same predictions. Filled: adjusted p < {SIGNIFICANT}. Crosses: "
        f"{100 * COLLAPSED:g} % of images get one class.",
    )
    rows = list(product(values, inputs))
    axes = figure.subplots(len(rows), len(factors), sharex=True, sharey=True, squeeze=False)
    for row, (value, seen) in zip(axes, rows, strict=True):
        for axis, factor in zip(row, factors, strict=True):
            wanted = ORIGINAL if seen == ORIGINAL else factor
            case = matches[
                (matches["value"] == value)
                & (matches["factor"] == factor)
                & (matches["input"] == wanted)
            ].assign(fraction=lambda table: table["fraction"].fillna(0.0))
            _line(axis, case[case["rule"] == "none"], "black", "intact")
            for scale, color in zip(scales, SCALES * len(scales), strict=False):
                masked = case[(case["rule"] == "top") & (case["scale"] == scale)]
                _line(axis, masked, color, f"scaled by {scale:g}")
            axis.tick_params(labelsize=7.5)
        row[0].set_ylabel(f"{TITLES[value]}\n{inputs[seen]}", fontsize=8)
    for axis, factor in zip(axes[0], factors, strict=True):
        axis.set_title(factor, loc="left")
    top = 1.08 * float(matches[["high", "null_high"]].to_numpy().max())
    axes[0, 0].set_ylim(-0.04 * top, top)
    axes[0, -1].legend(loc="upper left", bbox_to_anchor=(1.01, 1.02))
    figure.supxlabel("share of the activations that are scaled", fontsize=9)
    return figure


def _first_layer(matches: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the rows of the first layer where layers are masked alone, and say which."""
    layers = [name for name in matches["layers"].unique() if name]
    if len(layers) < 2:
        return matches, ""
    own = matches[matches["layers"].isin(["", layers[0]])]
    return own, f" in {legible(layers[0])}, the first of {len(layers)} layers"


def _ranks(axis: Axes, case: pd.DataFrame, factor: str, candidates: int) -> None:
    chosen = case["rank"] <= candidates
    widths = case["weighted"] - case["weighted_low"]
    axis.barh(case["rank"], case["weighted"], 0.75, color=FACTOR_COLORS[factor])
    for bar, dark in zip(axis.patches, chosen, strict=True):
        bar.set_alpha(1.0 if dark else 0.35)
    axis.errorbar(case["weighted"], case["rank"], xerr=widths, linestyle="none", color="0.2",
                  linewidth=0.8, capsize=1.5)  # fmt: skip
    names = short_names(case["class"])
    axis.set_yticks(case["rank"], [names[name] for name in case["class"]], fontsize=7)
    axis.set_ylim(case["rank"].max() + 0.6, 0.4)
    axis.axvline(0, color="0.6", linewidth=0.7)
    axis.tick_params(axis="x", labelsize=7, labelrotation=30)


def _line(axis: Axes, case: pd.DataFrame, color: str, label: str) -> None:
    """Draw overlaps over the scaled fraction, with their intervals and their nulls."""
    case = case.sort_values("fraction")
    where, mean = case["fraction"], case["jaccard"]
    errors = [mean - case["low"], case["high"] - mean]
    axis.errorbar(where, mean, errors, color=color, linewidth=1.1, capsize=1.5)
    if len(case) > 1:
        axis.fill_between(where, case["null_low"], case["null_high"], color=color, alpha=0.12,
                          linewidth=0)  # fmt: skip
    else:
        axis.vlines(where, case["null_low"], case["null_high"], color=color, alpha=0.2,
                    linewidth=6)  # fmt: skip
    significant = case["p_adjusted"] < SIGNIFICANT
    collapsed = case["collapse_share"] >= COLLAPSED
    axis.plot([], [], color=color, marker="o", markersize=4, label=label)
    for (kind, marker), (certain, fill) in product(
        ((~collapsed, "o"), (collapsed, "X")), ((significant, color), (~significant, "white"))
    ):
        drawn = kind & certain
        if drawn.any():
            axis.plot(
                where[drawn],
                mean[drawn],
                color=color,
                marker=marker,
                markersize=SIZES[marker],
                markerfacecolor=fill,
                linestyle="none",
            )
