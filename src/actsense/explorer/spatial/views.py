"""Where things are: shuffles, saturated colours, masked cells, distant patches, saliency."""

__all__ = ["show_spatial"]

import numpy as np
import pandas as pd
import streamlit as st

from actsense.explorer import vega
from actsense.explorer.controls import pick, plain, show_words
from actsense.explorer.curves import curve_chart, curves_legend
from actsense.explorer.shelf import Shelf
from actsense.explorer.spatial.pictures import saliency_row, saliency_stores
from actsense.explorer.spatial.points import (
    cell_points,
    named,
    network_points,
    order_styles,
    styles_of,
)
from actsense.explorer.vega import Spec
from actsense.inspection import StudyResults
from actsense.spatial.cells.figures import TICKS, name_orders
from actsense.spatial.transforms.divisions import named_division, squares, with_sides
from actsense.spatial.transforms.settings import UNSATURATED

PARTS = {
    "shuffle": "Shuffled patches",
    "saturation": "Saturated colours",
    "cells": "Masked cells",
    "interaction": "Distant patches",
    "saliency": "Saliency",
}
ACCURACIES = {
    "top1": "top-1 accuracy",
    "top5": "top-5 accuracy",
    "relative": "accuracy on images right when intact",
    "probability": "mean probability of the label",
}
MODES = {
    "grid": "grid: every patch by itself",
    "bands": "bands: whole rows and columns of patches",
}
DIRECTIONS = {
    "deletion": "deletion: the first cells are masked",
    "insertion": "insertion: the first cells alone are shown",
}
FILLS = {
    "mean": "the mean colour of the image",
    "zero": "zero of the normalised input",
    "blur": "a blur of the image",
}
INTERACTIONS = {  # with their value where effects add up
    "correlation": ("correlation of the drop by all edits with the sum of single drops", 1.0),
    "slope": ("slope of the drop by all edits over the sum of single drops", 1.0),
    "residual": ("residual: mean difference of the two, as a share of their means", 0.0),
}
GREEDY = "greedy"
SHARE: Spec = {"scale": {"domain": [0, 1]}}
STARRED = " *: right is what the network itself says of the intact image."


def show_spatial(shelf: Shelf[StudyResults]) -> None:
    """Show how much the networks of a study depend on where things are in an image."""
    st.sidebar.caption(f"All networks of the study: {plain(', '.join(shelf.held.networks))}.")
    part = pick(st.container(), "Show", "show", list(PARTS), words=PARTS, buttons=True, bare=True)
    SHOW[part](shelf)


def _table(study: StudyResults, name: str) -> pd.DataFrame:
    return study.table(name)


def _show_shuffle(shelf: Shelf[StudyResults]) -> None:
    table = named(shelf.read(_table, "shuffle_curves"))
    scores = shelf.read(_table, "shuffle_scores")
    st.markdown("##### How often is the answer right when patches of the image change places?")
    left, right = st.columns(2)
    metric = pick(left, "Measure", "measure", list(ACCURACIES), words=ACCURACIES)
    mode = pick(right, "Shuffled by", "by", list(dict.fromkeys(table["mode"])), words=MODES)
    every = table[table["mode"] == mode]
    own = squares(every)
    ticks = {"axis": {"values": sorted(own["k"].unique().tolist()), "format": "d"}}
    _chart(own, metric, "k", x=vega.quantity("place", "k, parts of a side (1: intact)") | ticks)
    st.caption(
        "Each side of an image is cut into k parts, and the k x k patches change places, the same "
        "way for all networks. **A line that stays high does without the layout; one that falls "
        "to the dotted line (guessing) needs it.** Bars: 95 % intervals over "
        f"{own['images'].iloc[0]} images.{_starred(table)}"
    )
    _rectangles(every, metric)
    shown = scores[scores["mode"] == mode]
    show_words(
        pd.DataFrame(
            {
                "network": shown["network"],
                "mean top-1 accuracy over k": _intervals(shown, "area"),
                "k where it has fallen half way to guessing": _intervals(shown, "k50"),
            }
        )
    )


def _rectangles(table: pd.DataFrame, metric: str) -> None:
    """Show what divisions cost whose sides are not alike, if there are any."""
    found = with_sides(table)
    found = found[found["rows"] != found["columns"]]
    if found.empty:
        return
    st.markdown("###### Rows and columns of patches")
    pairs = zip(found["rows"], found["columns"], strict=True)
    names = [named_division(int(rows), int(columns)) for rows, columns in pairs]
    shown = pd.DataFrame(
        {"network": found["curve"], "division": names, "value": _intervals(found, metric)}
    )
    table = shown.pivot(index="network", columns="division", values="value")
    st.dataframe(table.loc[[*dict.fromkeys(shown["network"])], [*dict.fromkeys(names)]])


def _show_saturation(shelf: Shelf[StudyResults]) -> None:
    table = named(shelf.read(_table, "saturation_curves"))
    st.markdown("##### How often is the answer right when colours are pushed to the ends?")
    metric = pick(st.container(), "Measure", "measure", list(ACCURACIES), words=ACCURACIES)
    levels = sorted(np.log2(table["level"].unique()).tolist())
    title = f"level of saturation: below {UNSATURATED:g} towards gray, above it black and white"
    axis = {"axis": {"values": levels, "labelExpr": "pow(2, datum.value)"}}
    x = vega.quantity("place", title) | axis
    _chart(table, metric, "level", x=x, doubling=True)
    st.caption(
        f"Levels above {UNSATURATED:g} push every colour value to black or white, which spares "
        "edges and spoils texture; levels below, to gray. **A line that falls to the right needs "
        "texture; one that falls to the left needs contrast.** Dotted: guessing. Bars: 95 % "
        f"intervals over {table['images'].iloc[0]} images.{_starred(table)}"
    )


def _show_cells(shelf: Shelf[StudyResults]) -> None:
    table, scores = (shelf.read(_table, name) for name in ("cell_curves", "cell_scores"))
    columns = st.columns(3)
    network = pick(columns[0], "Network", "tested", list(dict.fromkeys(table["network"])))
    fills = list(dict.fromkeys(table.loc[table["network"] == network, "fill"]))
    fill = pick(columns[1], "Masked cells show", "fill", fills, words=FILLS)
    direction = pick(
        columns[2], "Order of masking", "direction", list(DIRECTIONS), words=DIRECTIONS
    )
    st.markdown(f"##### Which cells of an image carry the answer of {plain(network)}?")
    lines, band = cell_points(table, network, fill, direction)
    verb = "masked" if direction == "deletion" else "shown"
    axis = {"axis": {"values": list(TICKS)}, "scale": {"type": "sqrt", "domain": [0, 100]}}
    styles, drawn = order_styles(table, network), set(lines["curve"])
    styles = {order: style for order, style in styles.items() if order in drawn}
    chart = curve_chart(
        lines,
        styles,
        x=vega.quantity("place", f"first cells {verb}, % of the area") | axis,
        y=vega.quantity("value", "probability of the answer") | SHARE,
        band=band,
    )
    st.html(curves_legend(styles))
    st.vega_lite_chart(chart, width="stretch", key="spatial")
    images = table.loc[table["network"] == network, "images"].max()
    greedy = _greedy(table, network) if GREEDY in drawn else ""
    better = "lower" if direction == "deletion" else "higher"
    st.caption(
        f"Cells are {verb} in the order of a map. **The {better} a line, the sooner its map finds "
        "the cells that the answer rests on;** in the gray band it does no better than random "
        "orders. Dashed: the map of another network. Bars, band: 95 % intervals over "
        f"{images} images.{greedy} The axis is stretched near 0."
    )
    _cell_scores(name_orders(scores), network, fill, direction)


def _cell_scores(scores: pd.DataFrame, network: str, fill: str, direction: str) -> None:
    own = (scores["network"] == network) & (scores["fill"] == fill)
    own &= (scores["direction"] == direction) & (scores["method"] != "random")
    shown = scores[own].sort_values("relative", ascending=direction == "deletion")
    words = {"order by": shown["order"], "area under the line": _intervals(shown, "area")}
    words["relative to random orders"] = _intervals(shown, "relative")
    show_words(pd.DataFrame(words))


def _greedy(table: pd.DataFrame, network: str) -> str:
    own = table[(table["network"] == network) & (table["method"] == GREEDY)]
    return f" Greedy ({own['images'].max()} images): at every step the cell that costs most."


def _show_interaction(shelf: Shelf[StudyResults]) -> None:
    table = named(shelf.read(_table, "interaction"))
    st.markdown("##### Do distant parts of an image add up, or interact?")
    titles = {name: title for name, (title, _) in INTERACTIONS.items()}
    metric = pick(st.container(), "Measure", "together", list(INTERACTIONS), words=titles)
    title, additive = INTERACTIONS[metric]
    axis = {
        "values": sorted(np.log2(table["size"].unique()).tolist()),
        "labelExpr": "round(pow(2, datum.value))",
    }
    x = vega.quantity("place", "side of a patch, and gap between patches, pixels") | {"axis": axis}
    points, styles = network_points(table, metric, "size", place=np.log2), styles_of(table)
    chart = curve_chart(points, styles, x=x, y=vega.quantity("value", title), level=additive)
    st.html(curves_legend(styles))
    st.vega_lite_chart(chart, width="stretch", key="spatial")
    st.caption(
        "Distant patches are replaced by their mean colour, all together and one by one, and the "
        "logit of the answer drops. **On the dotted line, what patches do together is the sum of "
        "what each does alone: the network adds up local evidence. The further from it, the more "
        f"distant parts interact.** Bars: 95 % intervals over {table['images'].max()} images. "
        "No mark: undefined."
    )


def _show_saliency(shelf: Shelf[StudyResults]) -> None:
    stores = shelf.read(saliency_stores)
    first = next(iter(stores.values()))
    levels = {f"{level:g}": float(level) for level in first["level"].to_numpy()}
    words = {
        text: "untouched" if level == UNSATURATED else f"saturated to level {text}"
        for text, level in levels.items()
    }
    st.markdown("##### Which pixels move the answer?")
    level = pick(st.container(), "Images", "level", list(levels), words=words, buttons=True)
    st.caption(
        "Gradient: size of the gradient of the loss; SmoothGrad: of its mean over noisy copies. "
        "**The brighter a pixel, the more a small change there moves the loss.** Evidence, of a "
        "bag of local features alone: **red speaks for the label, blue against it.** Every map "
        "has a scale of its own."
    )
    for image in range(first.sizes["image"]):
        st.html(saliency_row(stores, image, levels[level]))


def _chart(
    table: pd.DataFrame, metric: str, over: str, *, x: Spec, doubling: bool = False
) -> None:
    """Draw a share for all networks, with guessing dotted if it is the same for all."""
    chance = table["chance"].unique()
    points = network_points(table, metric, over, place=np.log2 if doubling else np.positive)
    styles = styles_of(table)
    chart = curve_chart(
        points,
        styles,
        x=x,
        y=vega.quantity("value", ACCURACIES[metric]) | SHARE,
        level=chance[0] if len(chance) == 1 else np.nan,
    )
    st.html(curves_legend(styles))
    st.vega_lite_chart(chart, width="stretch", key="spatial")


def _starred(table: pd.DataFrame) -> str:
    return STARRED if (table["label"] == "prediction").any() else ""


def _intervals(table: pd.DataFrame, name: str) -> list[str]:
    """Write values with their intervals; ends that were not reached are left open."""
    columns = (table[name + end] for end in ("", "_low", "_high"))
    return [
        "not reached" if np.isnan(value) else f"{value:.2f} ({_end(low)} to {_end(high)})"
        for value, low, high in zip(*columns, strict=True)
    ]


def _end(value: float) -> str:
    return "beyond" if np.isnan(value) else f"{value:.2f}"


SHOW = {
    "shuffle": _show_shuffle,
    "saturation": _show_saturation,
    "cells": _show_cells,
    "interaction": _show_interaction,
    "saliency": _show_saliency,
}
