"""The networks of a study: where their weights come from, how good they are, what is recorded."""

__all__ = ["network_cards", "plot_networks"]

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from actsense.drawing.depth import PAGE, fitting
from actsense.drawing.lines import network_styles
from actsense.drawing.names import short_names
from actsense.drawing.style import counted, new_figure, save
from actsense.layers import Layer, place_layers
from actsense.store.facts import read_facts

BAR, NARROW = 0.24, 0.14  # inches, of one layer, and of one of many
LEAST = 6  # rows of bars that a card needs beside it
ROOM = 60.0  # times the largest bar, for what is written behind it
LONGEST = 52  # characters of a line of a card
LONGEST_FILE = 24  # characters of the name of a file


def plot_networks(
    cards: Mapping[str, Path],
    layers: Mapping[str, Sequence[tuple[str, Sequence[int]]]],
    output: Path,
    *,
    title: str,
    dpi: int,
) -> None:
    """Draw what is known of every network.

    Arguments:
        cards: Model cards, by network.
        layers: Names and shapes of the recorded layers, by network.
        output: PNG file.
        title: The study.
        dpi: Dots per inch of the PNG file.
    """
    facts = {name: read_facts(path) for name, path in cards.items()}
    placed = {name: place_layers(shapes) for name, shapes in layers.items()}
    save(network_cards(facts, placed, title=title), output, dpi=dpi)


def network_cards(
    cards: Mapping[str, Mapping[str, Any]], layers: Mapping[str, Sequence[Layer]], *, title: str
) -> Figure:
    """Draw a row for every network: its card on the left, the size of recorded layers beside it.

    Arguments:
        cards: What the model cards say, by network.
        layers: Names and shapes of the recorded layers, by network.
        title: The study.
    """
    shown = {name: fitting(layers[name], int(PAGE / NARROW / len(cards)))[0] for name in cards}
    bar = min(BAR, max(NARROW, PAGE / sum(map(len, shown.values()))))
    heights = [max(LEAST * BAR, bar * len(shown[name])) for name in cards]  # inches
    most = max(layer.size for some in shown.values() for layer in some)
    figure = new_figure(
        10.5,
        1.2 + sum(height + 0.55 for height in heights),
        f"{title}: the networks, and the layers that are recorded",
        "Bars: units of every recorded layer, from the input (above) to the output (below), on a "
        "logarithmic scale;\nevery unit gets indices of its own. Behind them: channels x height "
        "x width of a layer with positions, and its number of units.",
    )
    axes = figure.subplots(len(cards), 2, squeeze=False, width_ratios=[1, 1.7],
                           height_ratios=heights)  # fmt: skip
    styles = network_styles(cards)
    for (left, right), (name, card), height in zip(axes, cards.items(), heights, strict=True):
        left.set_axis_off()
        _draw_card(left, name, _facts(card), styles[name]["color"])
        _draw_layers(right, shown[name], styles[name]["color"])
        right.set(xlim=(0.8, ROOM * most), ylim=(height / bar - 0.4, -0.6))
        right.set_title(_recorded(layers[name], len(shown[name])), loc="left", fontsize=9)
    for axis in axes[:-1, 1]:
        axis.tick_params(labelbottom=False)
    axes[-1, 1].set_xlabel("units")
    return figure


def _draw_card(axis: Axes, name: str, lines: Sequence[str], color: str) -> None:
    below: dict[str, Any] = {
        "xycoords": "axes fraction",
        "textcoords": "offset points",
        "va": "top",
    }
    axis.annotate(name, (0, 1), (8, 0), fontsize=12, fontweight="bold", color=color, **below)
    axis.annotate("\n".join(lines), (0, 1), (8, -20), linespacing=1.5, **below)


def _draw_layers(axis: Axes, layers: Sequence[Layer], color: str) -> None:
    sizes = [layer.size for layer in layers]
    places = range(len(layers))
    axis.barh(places, sizes, color=color, height=0.72)
    for place, size, layer in zip(places, sizes, layers, strict=True):
        sides = " x ".join(map(str, layer.shape)) + " = " if len(layer.shape) > 1 else ""
        axis.text(size * 1.15, place, f"{sides}{size:,}", va="center", fontsize=8)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    names = short_names(layer.name for layer in layers)
    axis.set_yticks(places, [names[layer.name] for layer in layers], fontsize=8)


def _recorded(layers: Sequence[Layer], shown: int) -> str:
    units = counted(sum(layer.size for layer in layers), "unit")
    few = f"; {shown} layers shown, evenly spread" if shown < len(layers) else ""
    return f"{counted(len(layers), 'layer')}, {units} recorded{few}"


def _facts(card: Mapping[str, Any]) -> list[str]:
    """Return lines on where a network comes from, its size, and its accuracy."""
    lines = [*_origin(card), counted(card["parameters"], "parameter")]
    if "accuracy" not in card:
        return [
            *lines,
            "accuracy: not in its card; the spatial study",
            "measures it on intact images",
        ]
    counts = card["images"]
    return lines + [
        f"accuracy on {counts[part]:,} {part} images: {100 * share:.1f} %"
        for part, share in card["accuracy"].items()
    ]


def _origin(card: Mapping[str, Any]) -> list[str]:
    settings = card["settings"]
    if settings["kind"] == "trained":
        window = f", windows of {settings['receptive_field']} pixels"
        kind = settings["architecture"] + (window if settings["architecture"] == "bag" else "")
        taught = f", taught by {teacher}" if (teacher := settings.get("teacher")) else ""
        made = f"trained here, {counted(settings['epochs'], 'epoch')}{taught}"
        deep = f", depth {depth}" if (depth := settings.get("depth")) else ""
        wide = f" x {wider}" if (wider := settings.get("widening")) else ""
        return [f"{kind}{deep}, width {settings['width']}{wide}", made]
    kind = str(settings.get("model") or settings.get("factory"))
    return [kind, shorten(_weights(card["weights"]), LONGEST, placeholder=" ...")]


def _weights(known: Mapping[str, Any]) -> str:
    """Say in a line what is known of weights that were not trained here."""
    match known:
        case {"source": "random", "seed": seed}:
            return f"random weights, seed {seed}"
        case {"source": "factory", "random": [*tensors], "seed": seed}:
            count = counted(len(tensors), "tensor")
            return f"weights of its factory, {count} random, seed {seed}"
        case {"source": "factory"}:
            return "weights by its factory"
        case {"source": "packaged", "package": package}:
            return f"weights {package}"
        case {"set": name}:
            return f"weights {name}, downloaded"
    name, digest = Path(known["source"]).name, known.get("sha256", "")  # lacking on old cards
    short = name if len(name) <= LONGEST_FILE else f"{name[:LONGEST_FILE]}..."
    return f"weights {short}, sha256 {digest[:8]}" if digest else f"weights {short}"
