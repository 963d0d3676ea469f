"""All figures of one masking store, and those of what its masks do to original images."""

__all__ = ["control_dots", "first_place", "masking_curves", "plot_masking", "recall_maps"]

from collections.abc import Hashable, Mapping
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from actsense.drawing.matrices import Numbers
from actsense.drawing.names import short_names
from actsense.drawing.style import (
    FACTOR_COLORS,
    FACTOR_MARKERS,
    interval_errors,
    line_style,
    new_figure,
    save,
)
from actsense.drawing.values import value_name
from actsense.errors import OutdatedResultError
from actsense.masking.profile_figures import (
    correlation_maps,
    effect_maps,
    first_layer,
    place_maps,
    trees,
)
from actsense.sampling.designs import ORIGINAL
from actsense.store import read_results, read_table, replacing

METRICS = {
    "top1": "top-1 accuracy",
    "kl": "KL divergence from the\nunmasked network, nats",
    "entropy": "entropy of the\npredicted classes, nats",
}
# Rules beside `top` and `random`: their marks, and what a reader must know.
CONTROLS = {
    "permuted": ("D", "positions of the map permuted"),
    "least": ("v", "least sensitive"),
    "mean": ("x", "most sensitive, but replaced by their mean"),
}
MOST = "#D55E00"  # color of masks of the most sensitive
UNCONTROLLED = "No random masks were published."
CLASSES = 20  # shown of a network that has more
RECALL = Normalize(0, 1)


def plot_masking(
    store: Path,
    tables: Mapping[str, Path],
    outputs: Mapping[str, Path],
    *,
    title: str,
    dpi: int,
) -> None:
    """Draw what masks do, beyond random masks, per layer and per class, and which are alike.

    Arguments:
        store: The masking store.
        tables: Its CSV files `effects`, `profiles`, `clusters`, `linkage` and `trees`.
        outputs: The folder `curves`, and PNG files `controls`, `recall`, `effects`, `layers`,
            `profiles` and `trees`.
        title: Network and design.
        dpi: Dots per inch of the PNG files.
    """
    tree = read_results(store)
    data = tree.to_dataset()
    if "first_place" not in data:
        raise OutdatedResultError(
            store, "which masks every input sees", "masking", "evaluate_masks"
        )
    data = first_place(data)
    if data.attrs["label"] == "prediction":
        title += " (labels: the network's own unmasked predictions)"
    if data.attrs.get("rare_ranked"):
        title += " (every unit is rare: too few base points for certain ranks)"
    if draws := data.attrs.get("draws"):
        title += f" ({draws} draws of every augmentation per image)"
    read = {name: read_table(path) for name, path in tables.items()}
    with replacing(outputs["curves"]) as folder:
        folder.mkdir()
        for value in _values(data):
            figure = masking_curves(data, value, title=title)
            save(figure, folder / f"{value}.png", dpi=dpi)
    for name, figure in {
        "controls": control_dots(data, title=title),
        "recall": recall_maps(data, title=title, images=class_images(tree)),
        "effects": effect_maps(read["effects"], title=title),
        "layers": place_maps(read["effects"], title=title),
        "profiles": correlation_maps(read["profiles"], title=title),
        "trees": trees(read["clusters"], read["linkage"], read["trees"], title=title),
    }.items():
        save(figure, outputs[name], dpi=dpi)


def masking_curves(data: xr.Dataset, value: str, *, title: str) -> Figure:
    """Draw accuracy, divergence and collapse over the masked fraction, scales side by side.

    Arguments:
        data: What `first_place` returns.
        value: Index whose maps choose.
        title: Network and design.
    """
    table = _scalars(data)
    scales, factors = _scales(table), _factors(table)
    figure = new_figure(
        max(9.5, 3.4 * len(scales) + 1.0),
        8.0,
        f"{title}: masks of the activations that the {value_name(value)} calls most sensitive",
        f"Original images, n = {data.attrs['images']}; masked: {_place(data)}. What is masked is "
        "multiplied by the scale. Bars: 95 % intervals over images.\n"
        + (
            f"Band: all {_draws(table)} random masks of equal size."
            if _draws(table)
            else UNCONTROLLED
        )
        + " Entropy falls where the network answers with few classes, whatever it sees.",
    )
    metrics = {name: label for name, label in METRICS.items() if table[name].notna().any()}
    axes = figure.subplots(len(metrics), len(scales), sharex=True, sharey="row", squeeze=False)
    none = table[table["rule"] == "none"].iloc[0]
    gaps = np.diff(np.unique(table["fraction"].dropna()))
    apart = 100 * gaps.min(initial=0.1) / 3 / len(factors)
    for row, (metric, label) in zip(axes, metrics.items(), strict=True):
        for axis, scale in zip(row, scales, strict=True):
            own = table[table["scale"] == scale].sort_values("fraction")
            _random_band(axis, own, metric)
            axis.axhline(none[metric], color="0.4", linestyle=":", linewidth=1, label="no mask")
            largest = own[own["rule"] == "magnitude"]
            if len(largest):
                axis.plot(
                    *(100 * largest["fraction"], largest[metric]),
                    color="black",
                    linestyle=(0, (5, 2)),
                    linewidth=1.2,
                    label="largest responses",
                )
            for number, factor in enumerate(factors):
                top = own[(own["rule"] == "top") & (own["value"] == value)]
                top = top[top["factor"] == factor]
                shift = apart * (number - (len(factors) - 1) / 2)
                _points(axis, top, metric, factor, shift)
        row[0].set_ylabel(label)
        row[0].set_ylim(bottom=0)
    for axis, scale in zip(axes[0], scales, strict=True):
        axis.set_title(f"scaled by {scale:g}", loc="left")
    for axis in axes[-1]:
        axis.set_xlabel("masked, per cent")
    axes[0, 0].set_ylim(0, 1)
    axes[-1, 0].set_ylim(0, 1.02 * np.log(data.sizes["class"]))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower left", ncols=7)
    return figure


def control_dots(data: xr.Dataset, *, title: str) -> Figure:
    """Draw the masks of every factor beside all controls, at the largest masked fraction.

    Arguments:
        data: What `first_place` returns.
        title: Network and design.
    """
    table = _scalars(data)
    largest = table["fraction"].max()
    values, scales, count = _values(data), _scales(table), len(_factors(table))
    figure = new_figure(
        max(10.5, 3.4 * len(scales) + 1.4),
        1.6 + len(values) * (0.2 * count + 0.45),
        f"{title}: masks of the most sensitive {100 * largest:g} % against their controls",
        f"Top-1 accuracy on original images, n = {data.attrs['images']}; masked: {_place(data)}. "
        "Bars: 95 % intervals over images. The mask with most harm is above.\n"
        + (
            f"Gray band: all {_draws(table)} random masks of equal size; filled: harm beyond all "
            "of them, by the interval. Dashed: masks of the largest responses; dotted: no mask."
            if _draws(table)
            else f"Dotted: no mask; filled: less than that, by the interval. {UNCONTROLLED}"
        ),
    )
    axes = figure.subplots(len(values), len(scales), sharex=True, sharey=True, squeeze=False)
    chosen = table[(table["fraction"] == largest) | (table["rule"] == "none")]
    harm = chosen[chosen["rule"] == "top"].groupby("factor", sort=False)["top1"].mean()
    factors = list(harm.sort_values(kind="stable").index)
    none = chosen.loc[chosen["rule"] == "none", "top1"].iloc[0]
    for row, value in zip(axes, values, strict=True):
        for axis, scale in zip(row, scales, strict=True):
            same = chosen[(chosen["scale"] == scale) | chosen["scale"].isna()]
            random = same.loc[same["rule"] == "random", "top1"]
            if len(random):
                axis.axvspan(random.min(), random.max(), color="0.85", zorder=0)
            for magnitude in same.loc[same["rule"] == "magnitude", "top1"].iloc[:1]:
                axis.axvline(magnitude, color="black", linestyle=(0, (5, 2)), linewidth=1)
            axis.axvline(none, color="0.4", linestyle=":", linewidth=1)
            _dots(
                axis, same[same["value"] == value], factors, random.min() if len(random) else none
            )
            axis.set_title(f"masks from {value_name(value)}, scaled by {scale:g}", loc="left")
        row[0].set_yticks(range(len(factors)), factors, fontsize=8)
        row[0].set_ylim(len(factors) - 0.5, -0.5)
    axes[0, 0].set_xlim(-0.02, 1.02)
    for axis in axes[-1]:
        axis.set_xlabel("top-1 accuracy")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower left", ncols=4)
    return figure


def class_images(tree: xr.DataTree) -> Mapping[str, int]:
    """Return how many images every class has, by name; nothing where labels are not kept.

    Arguments:
        tree: The masking store.
    """
    if "predictions" not in tree.children or "label" not in tree["predictions"]:
        return {}
    names = tree["class"].to_numpy()
    counts = np.bincount(tree["predictions"]["label"].to_numpy().astype(int), minlength=len(names))
    return {str(name): int(count) for name, count in zip(names, counts, strict=True)}


def recall_maps(
    data: xr.Dataset, *, title: str, images: Mapping[str, int] = MappingProxyType({})
) -> Figure:
    """Draw which classes survive the most harmful mask of every factor.

    Arguments:
        data: What `first_place` returns.
        title: Network and design.
        images: How many images every class has, by name; written where they are known.
    """
    data = data.isel(
        {"class": data["recall"].notnull().any("condition").to_numpy()}
    )  # asked about
    table = _scalars(data)
    none = int(table.index[table["rule"] == "none"][0])
    values = _values(data)
    rows = {value: [none, *_most_harmful(table, value)] for value in values}
    drawn = data.isel(condition=list(chain(*rows.values())))
    spread = drawn["recall"].std("condition").fillna(0).to_numpy()
    classes, total = np.sort(np.argsort(-spread, kind="stable")[:CLASSES]), len(spread)
    shown = f"the {len(classes)} of {total} that differ most" if total > CLASSES else "all"
    figure = new_figure(
        max(10.0, 2.6 + len(values) * (0.36 * len(classes) + 0.2) + 0.9),
        2.7 + 0.25 * max(map(len, rows.values())),
        f"{title}: which classes survive the most harmful mask of each factor",
        f"Recall of classes ({shown}), per cent, on original images, n = {data.attrs['images']}; "
        f"masked: {_place(data)}.\nNames: scale and masked share at which top-1 accuracy "
        "is lowest. In parentheses: the 95 % interval covers the recall without a mask.",
    )
    axes = figure.subplots(1, len(values), squeeze=False)[0]
    for axis, value in zip(axes, values, strict=True):
        own = data.isel({"condition": rows[value], "class": classes})
        image = _recalls(axis, own)
        names = [
            "no mask",
            *(_mask_name(row) for row in table.iloc[rows[value][1:]].to_dict("records")),
        ]
        axis.set_yticks(range(len(names)), names, fontsize=7.5)
        named = short_names(map(str, own["class"].to_numpy()))
        ticks = [f"{text} ({images[name]})" if images else text for name, text in named.items()]
        axis.set_xticks(range(len(classes)), ticks, rotation=45, ha="right", fontsize=7.5)
        axis.set_xlabel("class (its images)" if images else "class")
        axis.set_title(f"masks from {value_name(value)}", loc="left")
        axis.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, fraction=0.05, pad=0.01, label="recall")
    return figure


def first_place(data: xr.Dataset) -> xr.Dataset:
    """Return the masks that every input sees, on original images, loaded; of the first layer."""
    listed = pd.DataFrame({"layers": data["layers"].to_numpy()})
    own, where = first_layer(
        listed[(data["first_place"] & (data["input"] == ORIGINAL)).to_numpy()]
    )
    keep = ["recall", "recall_low", "recall_high"]
    keep += [name + suffix for name in METRICS for suffix in ("", "_low", "_high")]
    return data[keep].isel(condition=own.index.to_numpy()).assign_attrs(where=where).load()


def _scalars(data: xr.Dataset) -> pd.DataFrame:
    """Return one row per condition."""
    names = [name for name, array in data.variables.items() if array.dims == ("condition",)]
    return pd.DataFrame({name: data[name].to_numpy() for name in names})


def _random_band(axis: Axes, table: pd.DataFrame, metric: str) -> None:
    random = table[table["rule"] == "random"].groupby("fraction")[metric]
    if not len(random):
        return
    places = 100 * random.mean().index.to_numpy()
    axis.fill_between(places, random.min(), random.max(), color="0.82", label="random masks")
    axis.plot(places, random.mean(), color="0.55", linewidth=1.2)


def _points(axis: Axes, table: pd.DataFrame, metric: str, factor: str, shift: float) -> None:
    """Draw one line with intervals, moved a little so that bars do not cover each other."""
    axis.errorbar(
        100 * table["fraction"] + shift,
        table[metric],
        interval_errors(table, metric),
        color=FACTOR_COLORS[factor],
        linestyle=line_style(factor),
        linewidth=1.2,
        elinewidth=0.7,
        marker=FACTOR_MARKERS[factor],
        markersize=4,
        clip_on=False,  # marks at 0 and 1 lie on the border
        label=factor,
    )


def _dots(axis: Axes, table: pd.DataFrame, factors: list[str], least: float) -> None:
    """Draw masks and controls; filled, where a mask harms more than `least` accuracy tells."""
    place = {factor: row for row, factor in enumerate(factors)}
    for rule, (mark, name) in CONTROLS.items():
        own = table[table["rule"] == rule]
        axis.plot(
            *(own["top1"], own["factor"].map(place)),
            marker=mark,
            color="0.35",
            markerfacecolor="none",
            markersize=4,
            linestyle="none",
            label=name,
        )
    top = table[table["rule"] == "top"]
    axis.errorbar(
        top["top1"],
        top["factor"].map(place),
        xerr=interval_errors(top, "top1"),
        color=MOST,
        marker="o",
        markersize=5,
        markerfacecolor="white",
        linestyle="none",
        label="most sensitive",
    )
    beyond = top[top["top1_high"] < least]
    axis.plot(beyond["top1"], beyond["factor"].map(place), "o", color=MOST, markersize=5, zorder=4)


def _recalls(axis: Axes, data: xr.Dataset) -> AxesImage:
    """Draw every recall, in parentheses where its interval covers that of the first condition."""
    recall, low, high = (
        data[name].transpose("condition", "class").to_numpy()
        for name in ("recall", "recall_low", "recall_high")
    )
    image = axis.imshow(recall, cmap="Blues", norm=RECALL, aspect="auto")
    cells = {}
    for row, col in np.ndindex(recall.shape):
        value = recall[row, col]
        certain = row == 0 or not low[row, col] <= recall[0, col] <= high[row, col]
        color = "white" if value > 0.6 else "black"
        written = f"{100 * value:.0f}" if certain else f"({100 * value:.0f})"
        cells[row, col] = written, color
    Numbers(axis, cells)
    return image


def _most_harmful(table: pd.DataFrame, value: str) -> list[int]:
    """Return the condition with the lowest accuracy of every factor."""
    top = table[(table["rule"] == "top") & (table["value"] == value)]
    return [int(place) for place in top.groupby("factor", sort=False)["top1"].idxmin()]


def _mask_name(condition: Mapping[Hashable, Any]) -> str:
    return (
        f"{condition['factor']} (\u00d7{condition['scale']:g}, {100 * condition['fraction']:g} %)"
    )


def _place(data: xr.Dataset) -> str:
    level = data["level"].to_numpy()[data["rule"].to_numpy() == "top"][0]
    return f"{level}s, {data.attrs['where']}"


def _draws(table: pd.DataFrame) -> int:
    return int(table.loc[table["rule"] == "random", "draw"].nunique())


def _values(data: xr.Dataset) -> list[str]:
    return list(dict.fromkeys(data["value"].to_numpy()[data["rule"].to_numpy() == "top"]))


def _scales(table: pd.DataFrame) -> list[float]:
    return list(dict.fromkeys(table.loc[table["rule"] == "top", "scale"]))


def _factors(table: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(table.loc[table["rule"] == "top", "factor"]))
