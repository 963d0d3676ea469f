"""Images under the whole law of a design: several augmentations, one after the other."""

__all__ = ["applied_steps", "joint_law_sheet"]

from collections.abc import Mapping
from math import ceil
from textwrap import wrap
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.augment import augment, parameter_columns, stretch
from actsense.augment.catalog import SEED
from actsense.data.cache import ImageCache
from actsense.data.pixels import unit_images
from actsense.data.pool import ImagePool
from actsense.device.precision import arithmetic
from actsense.drawing.names import legible
from actsense.drawing.sheet import put_picture, sheet, write
from actsense.drawing.style import HEADER, new_figure
from actsense.sampling.decoding import decode_block
from actsense.sampling.law import Evaluations, InputLaw
from actsense.sampling.plan import build_design
from actsense.sampling.settings import DesignSettings

COLUMNS = 2
SIDE, BETWEEN, TEXT, ROW = 1.2, 0.12, 2.75, 1.55  # inches: a picture, after it, its steps, a row
LINE, CHARACTERS, LINES = 0.135, 44, 11  # inches of a line; characters of it; lines of a caption


def joint_law_sheet(
    images: ImageCache,
    settings: Mapping[str, Any],
    design: str,
    *,
    title: str,
    shown: int = 8,
) -> Figure:
    """Draw images as a design shows them to a network, with what was applied and in which order.

    They are the first base points of the first replicate, so the network saw every one of them.

    Arguments:
        images: The images of the study.
        settings: The configuration of the study, as it is kept inside its results.
        design: Name of the design.
        title: The study, or network, and the design.
        shown: Images, up to the base points of a block.
    """
    chosen = DesignSettings(**settings["designs"][design])
    seed, size = settings["seed"], images.image_size
    pool = ImagePool.of_manifest(images.manifest, seed=seed)
    law = InputLaw.of_design(chosen, size=size, pool=pool)
    asked = build_design(design, chosen, seed=seed)
    _, every, place = decode_block(asked, law, 0, 0)
    evaluations = every[place[:shown, 0]]
    before = images.read(evaluations.image)
    after = _augmented(before, evaluations, law, stretched=chosen.stretch)
    rows = ceil(len(evaluations) / COLUMNS)
    wide = 2 * (SIDE + BETWEEN) + TEXT
    figure = new_figure(
        0.1 + COLUMNS * wide,
        HEADER + 0.1 + rows * ROW,
        f"{title}: what the network is shown",
        "Left: an image of the study, with its class and partition. Right: what the design makes "
        "of it"
        + (", every channel stretched to the whole range." if chosen.stretch else ".")
        + "\nThe list: augmentations in the order of application with their random parameters; "
        "lengths in pixels, angles in degrees.",
        arranged=False,
    )
    page = sheet(figure, 0.1, HEADER + 0.1, COLUMNS * wide, rows * ROW)
    for number, steps in enumerate(applied_steps(evaluations, law)):
        x, y = number % COLUMNS * wide, number // COLUMNS * ROW
        row = images.manifest.iloc[int(evaluations.image[number])]
        put_picture(page, before[number], x, y, SIDE)
        put_picture(page, after[number], x + SIDE + BETWEEN, y, SIDE)
        label = f"{legible(str(row['class_name'])[:14])}, {row['partition']}"
        write(page, x, y + SIDE + 0.03, label, 7, color="0.4")
        for k, line in enumerate(_lines(steps)):
            write(page, x + 2 * (SIDE + BETWEEN), y + k * LINE, line, 7.5)
    return figure


def applied_steps(evaluations: Evaluations, law: InputLaw) -> list[list[str]]:
    """Say what is applied to every image, in order: `1. hue: shift 0.12`.

    Arguments:
        evaluations: What the network is shown.
        law: Where they come from.
    """
    columns = list(parameter_columns(law.augmentations, law.catalog).values())
    found = []
    for sequence, values in zip(evaluations.sequence, evaluations.values, strict=True):
        steps = []
        for number, which in enumerate(sequence[sequence >= 0], start=1):
            own = zip(law.parameters[which], values[columns[which]], strict=True)
            said = [f"{p.name} = {_plain(value)}" for p, value in own if p.name != SEED.name]
            name = law.augmentations[which]
            listed = ", ".join(said).replace("_", " ")
            steps.append(f"{number}. {name}" + (f": {listed}" if said else ""))
        found.append(steps)
    return found


def _augmented(
    pixels: NDArray[np.uint8], evaluations: Evaluations, law: InputLaw, *, stretched: bool
) -> NDArray[np.uint8]:
    """Return what the network is shown, (images, 3, side, side)."""
    with torch.inference_mode(), arithmetic("float32", torch.device("cpu")):
        made = augment(
            unit_images(pixels),
            torch.from_numpy(evaluations.sequence),
            torch.from_numpy(evaluations.values),
            law.augmentations,
            law.catalog,
        )
        made = stretch(made) if stretched else made
        shown: NDArray[np.uint8] = made.mul(255).round().clamp(0, 255).to(torch.uint8).numpy()
    return shown


def _plain(value: float) -> str:
    """Write a number with three digits, without an exponent where it is large."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value + 0.0:.3g}"  # no minus before 0


def _lines(steps: list[str]) -> list[str]:
    """Break the steps of an image into lines; what has no room is counted."""
    if not steps:
        return ["nothing: shown as it is"]
    lines = [line for step in steps
             for line in wrap(step, CHARACTERS, subsequent_indent="    ")]  # fmt: skip
    return lines if len(lines) <= LINES else [*lines[: LINES - 1], "..."]
