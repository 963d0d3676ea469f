"""Samples of two networks from the same chance, and what they keep of their images."""

__all__ = ["bias_rows_figure"]

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actsense.drawing.names import short_names
from actsense.drawing.sheet import sheet, write
from actsense.drawing.style import HEADER, interval_errors, new_figure, place
from actsense.invariance.demos.figures.pieces import (
    LINE,
    SIDE,
    Columns,
    bytes_of,
    foot,
    foot_height,
    gate_note,
    group_head,
    head_width,
    put_said,
    said_names,
    wrapped,
)
from actsense.invariance.demos.opening import DemoSet
from actsense.invariance.demos.texture import Biased

HEAD = 0.5  # inches above pictures
PANEL, NAMES = 2.6, 1.75  # inches: of a panel of shares, and of the names of its lines
TALLEST = 2.9  # inches of a panel with its title
COLORS = ("#0072B2", "#D55E00")
SHOWN = 3  # samples of an image
MOST = 6  # images of a page


def bias_rows_figure(
    pair: Sequence[DemoSet],
    biased: Mapping[str, Biased],
    table: pd.DataFrame,
    *,
    title: str,
) -> Figure:
    """Draw a row for every image, samples of both networks beside it, and what all samples keep.

    Arguments:
        pair: The two networks.
        biased: What `compare_networks` returned, by layer.
        table: Table `invariance_bias`.
        title: The study.
    """
    names = short_names(biased)
    heads = [(own, layer) for layer in biased for own in pair]
    first = next(iter(biased.values()))
    rows, samples = min(MOST, len(first.images)), min(SHOWN, first.samples.shape[2])
    told = [f"samples of {own.network}" for own, _ in heads]
    widths = [
        head_width(words, [names[layer]]) for words, (_, layer) in zip(told, heads, strict=True)
    ]
    columns = Columns(0.1, [1, *[samples] * len(heads)], [0.7, *widths])
    step = SIDE + 2 * LINE
    panels = columns.width + 0.1 + NAMES
    notes = wrapped(
        panels + PANEL,
        f"Below images: what {pair[0].network} says, then {pair[1].network}. Right: share of "
        "samples that keep a cue, in the eyes of the network that tells it, with intervals; grey: "
        "the same with samples of other images.",
        *(f"{own.network}: {note}" for own in pair if (note := gate_note(own, list(biased)))),
    )
    height = HEADER + HEAD + rows * step + foot_height(notes)
    figure = new_figure(
        panels + PANEL + 0.2,
        height,
        f"{title}: which cue do networks keep?",
        "Samples have what a layer says of the image, and chance, which is the same for "
        f"{pair[0].network} and {pair[1].network}.\nBelow: what the network of the samples says; "
        "bold red where it says something else of the image.",
        arranged=False,
    )
    axis = sheet(figure, 0, HEADER, figure.get_figwidth(), height - HEADER)
    for number, (own, layer) in enumerate(heads, start=1):
        group_head(
            *(axis, columns.starts[number], columns.spans[number], told[number - 1]),
            [names[layer]],
            limited=own.limited(layer),
            bottom=HEAD,
        )
    outputs = [said_names(own) for own in pair]
    for row in range(rows):
        y = HEAD + row * step
        said = [int(k) for k in first.predicted[:, row]]
        both = "\n".join(names[k] for names, k in zip(outputs, said, strict=True))
        put_said(axis, bytes_of(first.images[row]), columns.places(0)[0], y, both)
        for number, layer in enumerate(biased):
            for network in range(2):
                places = columns.places(1 + 2 * number + network)
                for k, x in enumerate(places):
                    seen = int(biased[layer].judged[network, network, row, k])
                    image = bytes_of(biased[layer].samples[network, row, k])
                    words, same = outputs[network][seen], seen == said[network]
                    put_said(axis, image, x, y, words, same=same)
    foot(axis, HEAD + rows * step + 0.05, notes)
    tall = min(TALLEST, (rows * step + HEAD - 0.4) / len(biased))
    for number, layer in enumerate(biased):
        panel = place(figure, panels, HEADER + 0.65 + number * tall, PANEL, tall - 0.85)
        shares = table[table["layer"] == layer]
        if not number:
            _legend(axis, panels - NAMES + 0.1, [one.network for one in pair])
        _shares(panel, shares, [one.network for one in pair], names[layer])
    return figure


def _legend(axis: Axes, x: float, networks: Sequence[str]) -> None:
    """Say which colour is whose samples."""
    for number, (network, color) in enumerate(zip(networks, COLORS, strict=True)):
        words = f"\u25cf samples of {network}"
        write(axis, x, 0.02 + 0.17 * number, words, 8.5, color=color, weight="bold")


def _shares(axis: Axes, table: pd.DataFrame, networks: Sequence[str], layer: str) -> None:
    """Draw which shares of samples keep a cue."""
    cues = table[table["cue"] != "prediction"]
    cues = table if cues.empty else cues
    lines = list(cues[["cue", "judge"]].drop_duplicates().itertuples(index=False))
    for place_, network in enumerate(networks):
        for number, (cue, judge) in enumerate(lines):
            own = cues[
                (cues["cue"] == cue) & (cues["judge"] == judge) & (cues["network"] == network)
            ]
            y = number + 0.18 * (2 * place_ - 1)
            axis.errorbar(own["value"], [y], xerr=interval_errors(own, "value"), fmt="o",
                          color=COLORS[place_], markersize=6, capsize=3)  # fmt: skip
            axis.plot(own["floor"], [y], marker="|", markersize=11, color="0.6", zorder=0)
    axis.set_yticks(range(len(lines)), [f"{cue},\nas {judge} sees it" for cue, judge in lines])
    axis.set(
        xlim=(-0.03, 1.03), ylim=(len(lines) - 0.4, -0.6), xlabel="share of samples that keep it"
    )
    axis.set_title(layer, loc="left", weight="bold")
    axis.tick_params(axis="y", length=0)
