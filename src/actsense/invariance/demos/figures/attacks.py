"""Attacked images, and what every layer sees of them."""

__all__ = ["attack_rows"]

from collections.abc import Mapping

from matplotlib.figure import Figure

from actsense.drawing.names import short_names
from actsense.drawing.sheet import sheet, write
from actsense.drawing.style import HEADER, new_figure
from actsense.invariance.demos.attacks import Attacked
from actsense.invariance.demos.figures.pieces import (
    LINE,
    SIDE,
    Columns,
    bytes_of,
    foot,
    foot_height,
    gate_note,
    group_head,
    put_said,
    said_names,
    wrapped,
)
from actsense.invariance.demos.opening import DemoSet

HEAD = 0.62  # inches above pictures
GIVEN = {
    "images": "image",
    "noisy": "with noise",
    "attacked": "attacked",
    "reconstructed_attacked": "autoencoder\nof attacked",
}
SEEN = {
    "noisy_view": "view of\nwith noise",
    "view": "view of\nattacked",
    "samples": "sample of\nimage",
    "attacked_samples": "sample of\nattacked",
}


def attack_rows(
    demos: DemoSet, attacked: Mapping[str, Attacked], *, epsilon: float, title: str
) -> Figure:
    """Draw a row for every image: the image, the attack, and what every layer sees of it.

    Arguments:
        demos: The network.
        attacked: What `see_attack` returned, by layer.
        epsilon: How far a value was moved.
        title: The study and the network.
    """
    first, names = next(iter(attacked.values())), short_names(demos.layers)
    columns = Columns(0.1, [len(GIVEN), *[len(SEEN) for _ in attacked]])
    rows, step = len(first.images), SIDE + LINE
    notes = wrapped(
        columns.width,
        "View: what the layer says of the attacked or the noisy image, with what it does not say "
        "of the intact one. Sample: what it says of either, with the same chance.",
        gate_note(demos, list(attacked)),
    )
    height = HEADER + HEAD + rows * step + foot_height(notes)
    flipped = int(first.flipped.sum())
    figure = new_figure(
        columns.width,
        height,
        f"{title}: what does a layer see of an attacked image?",
        f"One step of {epsilon:g}, of 1 from black to white, against what the network said: "
        f"{flipped} of {rows} images change their class.\nBelow: what {demos.network} says; bold "
        "red where it says something else of the image.",
        arranged=False,
    )
    axis = sheet(figure, 0, HEADER, figure.get_figwidth(), height - HEADER)
    for place, words in zip(columns.places(0), GIVEN.values(), strict=True):
        write(axis, place, HEAD - 0.12, words, 7.2, va="bottom", linespacing=1.0)
    for number, layer in enumerate(attacked, start=1):
        start, span = columns.starts[number], columns.spans[number]
        group_head(axis, start, span, names[layer], (), limited=demos.limited(layer), bottom=HEAD)
        for place, words in zip(columns.places(number), SEEN.values(), strict=True):
            write(axis, place, HEAD - 0.12, words, 7.2, va="bottom", linespacing=1.0)
    outputs = said_names(demos)

    def put(one: Attacked, name: str, row: int, place: float) -> None:
        images, said = getattr(one, name)[row], one.predicted[name][row]
        if images.ndim > 3:  # the first of several samples
            images, said = images[0], said[0]
        same = bool(said == one.predicted["images"][row])
        y = HEAD + row * step
        put_said(axis, bytes_of(images), place, y, outputs[int(said)], same=same)

    for row in range(rows):
        for place, name in zip(columns.places(0), GIVEN, strict=True):
            put(first, name, row, place)
        for number, one in enumerate(attacked.values(), start=1):
            for place, name in zip(columns.places(number), SEEN, strict=True):
                put(one, name, row, place)
    foot(axis, HEAD + rows * step + 0.05, notes)
    return figure
