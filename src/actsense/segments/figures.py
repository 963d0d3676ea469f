"""What parts of a network feel that see hue, saturation or value alone."""

__all__ = ["plot_segments", "segment_maps", "segment_patterns", "segment_profile"]

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.drawing.depth import MANY, PAGE, name_layers
from actsense.drawing.intervals import bars_note, reach
from actsense.drawing.matrices import grid, longest
from actsense.drawing.mosaic import LEGEND, Mosaic, share_bar
from actsense.drawing.names import legible, short_names
from actsense.drawing.style import HEADER, interval_errors, new_figure, place, save
from actsense.drawing.values import TITLES
from actsense.segments.matrix_figures import BLANK, segment_correlations
from actsense.store import LeftOut, file_names, read_facts, read_indices, read_table, replacing

COLOURS = {"hue": "#CC79A7", "saturation": "#E69F00", "value": "#0072B2", "in place": "#000000"}
MARKERS = {"hue": "o", "saturation": "s", "value": "^", "in place": "D"}
IN_PLACE = "in place"
TABLES = ("segments", "correlations", "patterns")
SHOWN, INDEX = 2, "shapley"  # channels per layer, and what their maps show
LEAST = 0.05  # share of variance that a factor reaches somewhere, or is named in a line
HALF = 0.5  # of the positions that are drawn as one
LISTED = 70  # characters of a list of layers in a subtitle
SIDE, GAP = 0.55, (0.08, 0.08)  # inches of a map; between maps, in sides of a map
MARGIN, NAMED = 1.4, 1.1  # inches left of the maps, and above them
NOTHING = "No part of this network can be run alone; segments_skipped.csv says why."


def plot_segments(
    inputs: Mapping[str, Path], outputs: Mapping[str, Path], *, title: str, dpi: int
) -> None:
    """Draw the profile, for every layer its maps and correlations, and the patterns.

    Arguments:
        inputs: Index stores `store`, of the segments, and `indices`, of the network in place;
            `units`, JSON of the segments and their channels; CSV files `segments`,
            `correlations` and `patterns`.
        outputs: PNG files `profile` and `patterns`, folders `maps` and `correlations`.
        title: Network and design.
        dpi: Dots per inch of the PNG files.
    """
    segments = read_facts(inputs["units"])
    read = {name: read_table(inputs[name]) for name in TABLES}
    inside, whole = read_indices(inputs["store"], "segments"), read_indices(inputs["indices"])
    if not segments:
        for name in ("profile", "patterns"):
            save(new_figure(8, 1.2, title, NOTHING), outputs[name], dpi=dpi)
    else:
        save(segment_profile(read["segments"], title=title), outputs["profile"], dpi=dpi)
        patterns = segment_patterns(read["patterns"], title=title)
        save(patterns, outputs["patterns"], dpi=dpi)
    with replacing(outputs["maps"]) as maps, replacing(outputs["correlations"]) as matrices:
        maps.mkdir()
        matrices.mkdir()
        files = file_names(segment["layer"] for segment in segments)
        for segment in segments:
            layer = segment["layer"]
            label, file = f"{title}, {legible(layer)}", f"{files[layer]}.png"
            save(segment_maps(segment, inside, whole, title=label), maps / file, dpi=dpi)
            own = {name: table[table["layer"] == layer] for name, table in read.items()}
            figure = segment_correlations(own["correlations"], title=label)
            save(figure, matrices / file, dpi=dpi)


def segment_profile(table: pd.DataFrame, *, title: str) -> Figure:
    """Draw every index over the layers, behind each colour channel and in place.

    Arguments:
        table: Columns layer, colour, factor, index, value, ci, channels.
        title: Network and design.
    """
    table, small = _large(table)
    layers, factors = (list(dict.fromkeys(table[name])) for name in ("layer", "factor"))
    parts = table.drop_duplicates(["layer", "colour"])
    names = ("dead_units", "rare_units", "units")
    left_out = LeftOut(*(int(parts[name].sum()) for name in names))
    size, across, down = _panels(len(layers), list(TITLES.values()), factors)
    short = short_names(layers)
    figure = new_figure(
        0.8 + len(across) * (size[0] + 0.12) + 1.1,
        HEADER + 0.4 + len(down) * (size[1] + 0.15) + longest(short.values(), 9),
        f"{title}: what a part of the network feels that sees one colour channel alone",
        "Each part, from the layer before to the one named below, is fed with hue, saturation or "
        f"value instead of that layer; black: the same channels in the whole network.{small}\n"
        f"Shares of the variance of the chosen channels ({_channels(table)}); "
        f"{bars_note(table['ci'])}. Their units, all colour channels together: {left_out}.",
        arranged=False,
    )  # fmt: skip
    corner, gap = (0.8, HEADER + 0.4), (0.12, 0.15)
    axes = grid(figure, len(down), len(across), corner=corner, size=size, gap=gap)
    half = reach(table["ci"])
    low, high = (table["value"] - half).min(), (table["value"] + half).max()
    margin = 0.05 * (high - low)
    panels = axes if across == factors else axes.T  # a row per index
    for row, index in zip(panels, TITLES, strict=True):
        for axis, factor in zip(row, factors, strict=True):
            _draw_colours(
                axis, table[(table["index"] == index) & (table["factor"] == factor)], layers
            )
            axis.axhline(0, color="0.8", linewidth=0.8, zorder=0)
            axis.set_xlim(-0.5, len(layers) - 0.5)
            axis.set_ylim(low - margin, high + margin)
            named = axis in axes[-1]
            name_layers(axis, range(len(layers)), layers, size[0], angle=60, named=named)
            axis.tick_params(labelleft=axis in axes[:, 0])
    for axis, name in zip(axes[:, 0], down, strict=True):
        axis.set_ylabel(name, fontsize=8.5)
    for axis, name in zip(axes[0], across, strict=True):
        axis.set_title(name, fontsize=9 if len(name) < 14 or size[0] > 2 else 7.5)
    axes[0, -1].legend(loc="upper left", bbox_to_anchor=(1.01, 1.02))
    return figure


def _large(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Leave out factors that are small under all indices, and name them."""
    largest = table.groupby("factor", sort=False)["value"].max()
    small = largest[largest < LEAST]
    if small.empty or len(small) == len(largest):
        return table, ""
    names = ", ".join(map(str, small.index))
    return table[~table["factor"].isin(small.index)], f" Below {LEAST:g} throughout: {names}."


def _panels(
    layers: int, indices: list[str], factors: list[str]
) -> tuple[tuple[float, float], list[str], list[str]]:
    """Return the size of a panel, inches, and what panels show across and down the page.

    A row per index where panels of all factors have room side by side, else a column per index.
    """
    side = max(1.3, 0.28 * layers)
    if layers <= MANY and side * len(factors) <= PAGE:
        return (side, 1.7), factors, indices
    width = min(4.7, max(3.2, 0.2 * layers))
    return (width, min(1.7, max(0.6, PAGE / len(factors) - 0.15))), indices, factors


def _channels(table: pd.DataFrame) -> str:
    """Say how many channels were chosen of every layer, of many layers in one."""
    chosen = table.groupby("layer", sort=False)["channels"].first()
    names = short_names(chosen.index)
    each = ", ".join(f"{count} of {names[str(layer)]}" for layer, count in chosen.items())
    if len(each) <= LISTED:
        return each
    fewest, most = chosen.min(), chosen.max()
    return f"{fewest} of each layer" if fewest == most else f"{fewest} to {most} of a layer"


def _draw_colours(axis: Axes, table: pd.DataFrame, layers: list[str]) -> None:
    """Draw one index of one factor over the layers, a line with intervals for every colour."""
    places = np.arange(len(layers))
    for number, (colour, shade) in enumerate(COLOURS.items()):
        drawn = table[table["colour"] == colour].set_index("layer").reindex(layers)
        axis.errorbar(
            places + 0.12 * (number - 1.5),
            drawn["value"],
            drawn["ci"],
            color=shade,
            marker=MARKERS[colour],
            markersize=3.5,
            capsize=1.5,
            linewidth=1.1,
            label=colour,
        )


def segment_patterns(patterns: pd.DataFrame, *, title: str) -> Figure:
    """Draw how alike factors go together behind a colour channel and in the whole network.

    Arguments:
        patterns: Columns against, colour, index, layer, layer_2, rho, low, high, pairs; of each
            layer the row that compares it with itself in place is drawn.
        title: Network and design.
    """
    same = (patterns["against"] == IN_PLACE) & (patterns["layer"] == patterns["layer_2"])
    table, layers = patterns[same], list(dict.fromkeys(patterns["layer"]))
    beside = len(layers) <= MANY
    wide = max(2.6, 0.55 * len(layers)) if beside else max(8.0, 0.22 * len(layers))
    rows, columns = (1, len(TITLES)) if beside else (len(TITLES), 1)
    figure = new_figure(
        columns * (wide + 0.3) + 2.0,
        1.7 + 2.5 * rows,
        f"{title}: do factors go together behind one colour channel as in the whole network?",
        f"Rank correlation, over {_counted_pairs(table)} of factors, between how two factors go "
        "together in a part of the network that sees one colour channel alone and in the same\n"
        "layer of the whole network: 1 is the same, at 0 they have nothing in common. Bars: 95 % "
        "intervals over channels." + (BLANK if table["rho"].isna().any() else ""),
    )
    axes = figure.subplots(rows, columns, sharey=True, sharex=not beside, squeeze=False).ravel()
    places, lowest = np.arange(len(layers)), np.nan_to_num(table["low"].to_numpy(float)).min()
    for axis, (index, name) in zip(axes, TITLES.items(), strict=True):
        own = table[table["index"] == index]
        for number, colour in enumerate(one for one in COLOURS if one != IN_PLACE):
            drawn = own[own["colour"] == colour].set_index("layer").reindex(layers)
            axis.errorbar(
                places + 0.1 * (number - 1),
                drawn["rho"],
                interval_errors(drawn.assign(rho_low=drawn["low"], rho_high=drawn["high"]), "rho"),
                color=COLOURS[colour],
                marker=MARKERS[colour],
                markersize=4.5,
                capsize=2,
                linewidth=1.2,
                label=colour,
            )
        axis.axhline(0, color="0.6", linewidth=0.8, zorder=0)
        axis.set(xlim=(-0.5, len(layers) - 0.5), ylim=(min(-0.25, lowest - 0.05), 1.02))
        axis.set_title(name, loc="left")
        name_layers(axis, places, layers, wide, named=beside or axis is axes[-1])
    for axis in axes[: None if not beside else 1]:
        axis.set_ylabel("rank correlation with\nthe whole network")
    axes[-1 if beside else 0].legend(title="behind", loc="upper left", bbox_to_anchor=(1.01, 1.02))
    return figure


def _counted_pairs(table: pd.DataFrame) -> str:
    """Say how many pairs of factors are behind the numbers."""
    fewest, most = (int(end) for end in (table["pairs"].min(), table["pairs"].max()))
    return f"{fewest} pairs" if fewest == most else f"{fewest} to {most} pairs"


def segment_maps(
    segment: Mapping[str, Any], inside: xr.DataTree, whole: xr.DataTree, *, title: str
) -> Figure:
    """Draw the maps of the channels that were chosen most often, behind each colour channel.

    Arguments:
        segment: The segment: `layer`, and `channels` with the reasons of each.
        inside: Index store of the segments.
        whole: Index store of the network in place.
        title: Network, design and layer.
    """
    channels = sorted(segment["channels"], key=lambda one: -len(segment["channels"][one]))[:SHOWN]
    factors = [str(factor) for factor in whole["factor"].to_numpy()]
    rows = [(INDEX, colour) for colour in COLOURS]
    size = SIDE * (1 + GAP[1]) * len(factors), SIDE * (1 + GAP[0]) * len(rows)
    figure = new_figure(
        MARGIN + len(channels) * (size[0] + 0.3) + 0.8,
        HEADER + NAMED + size[1] + 0.1,
        f"{title}: where channels feel each factor behind one colour channel",
        "Shapley effects, shares of each unit's variance, clipped to [0, 1] in this picture only. "
        f"{LEGEND}.\nThe channels that most factors chose; in place: in the whole network (all "
        f"its units: {LeftOut.count(whole[segment['layer']].to_dataset())})."
        + " Larger maps are averaged down to it."
        * _larger(segment, inside, whole),
        arranged=False,
    )
    for number, channel in enumerate(channels):
        drawn = [_planes(segment, channel, row, inside, whole) for row in rows]
        planes, rare = (np.stack(each) for each in zip(*drawn, strict=True))
        axis = place(figure, MARGIN + number * (size[0] + 0.3), HEADER + NAMED, *size)
        maps = Mosaic(planes, rare, GAP)
        maps.show(axis)
        down, right = maps.pitch
        axis.tick_params(length=0)
        axis.xaxis.tick_top()
        axis.set_xticks(right * np.arange(len(factors)) + maps.side / 2, factors, rotation=40,
                        ha="left", rotation_mode="anchor")  # fmt: skip
        if number == 0:
            axis.set_yticks(down * np.arange(len(rows)) + maps.side / 2, [*COLOURS])
        axis.set_title(f"channel {channel}")
    share_bar(figure, MARGIN + len(channels) * (size[0] + 0.3), HEADER + NAMED, size[1])
    return figure


def _larger(segment: Mapping[str, Any], inside: xr.DataTree, whole: xr.DataTree) -> bool:
    """Tell whether a part has larger maps alone than in place."""
    layer = segment["layer"]
    alone = next(colour for colour in COLOURS if colour != IN_PLACE)
    shapes = (tree["dead"].shape[1:] for tree in (inside[f"{layer} {alone}"], whole[layer]))
    return len({*shapes}) > 1


def _planes(
    segment: Mapping[str, Any],
    channel: str,
    row: tuple[str, str],
    inside: xr.DataTree,
    whole: xr.DataTree,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return maps of one channel, index and colour, (factor, row, col), and which are rare."""
    index, colour = row
    if colour == IN_PLACE:
        node, number = whole[segment["layer"]], int(channel)
    else:
        node = inside[f"{segment['layer']} {colour}"]
        number = list(segment["channels"]).index(channel)
    side = whole[segment["layer"]]["dead"].shape[1:]
    chosen = node[index].isel(channel=number).transpose("factor", "row", "col")
    values = _shrunk(np.asarray(chosen.to_numpy(), dtype=np.float32), side)
    flagged = node["rare"].isel(channel=number).transpose("row", "col").to_numpy()
    rare = _shrunk(flagged.astype(np.float32)[None], side)[0] > HALF
    return values, np.broadcast_to(rare, values.shape)


def _shrunk(maps: NDArray[np.float32], side: tuple[int, ...]) -> NDArray[np.float32]:
    """Average maps, (map, row, col), to a size; undefined positions do not count.

    Parts of the network that were published saw larger images than in place.
    """
    if maps.shape[1:] == tuple(side):
        return maps
    rows, cols = (
        np.linspace(0, size, wanted, endpoint=False).astype(int)
        for size, wanted in zip(maps.shape[1:], side, strict=True)
    )

    def summed(values: NDArray[np.generic]) -> NDArray[np.float64]:
        down = np.add.reduceat(values, rows, axis=1, dtype=np.float64)
        return np.asarray(np.add.reduceat(down, cols, axis=2))

    known = np.isfinite(maps)
    with np.errstate(invalid="ignore"):
        means = summed(np.where(known, maps, 0)) / summed(known)
    return means.astype(np.float32)
