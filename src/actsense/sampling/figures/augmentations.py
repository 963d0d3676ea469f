"""The contact sheet: what every augmentation does to an image of the study."""

__all__ = ["contact_sheet", "plot_augmentations"]

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from actsense.augment import AUGMENTATIONS
from actsense.augment.catalog import SEED
from actsense.data.cache import ImageCache
from actsense.data.pixels import unit_images
from actsense.drawing.style import new_figure, save, show_image
from actsense.sampling.law import ranged

SETTINGS = 5


Ranges = Mapping[str, Mapping[str, Mapping[str, tuple[float, float]]]]


def plot_augmentations(
    images: Path, manifest: Path, output: Path, *, dpi: int, ranges: Ranges | None = None
) -> None:
    """Draw the contact sheet of the first validation image.

    Arguments:
        images: The image cache.
        manifest: Its manifest.
        output: PNG file.
        dpi: Dots per inch of the PNG file.
        ranges: Ranges that designs chose, see `contact_sheet`.
    """
    cache = ImageCache.open(images, manifest)
    first = cache.read(cache.partition_rows("validation")[:1])[0]
    save(contact_sheet(first, ranges), output, dpi=dpi)


def contact_sheet(image: NDArray[np.uint8], ranges: Ranges | None = None) -> Figure:
    """Draw every augmentation at five settings, from the low to the high end of its ranges.

    Arguments:
        image: One image of the study, (3, height, width).
        ranges: Ranges that designs chose, by design, augmentation and parameter: a row for each
            augmentation of theirs, below the usual ones.
    """
    shown = [(name, name, dict[str, tuple[float, float]]()) for name in AUGMENTATIONS]
    for design, own in (ranges or {}).items():
        shown += [(f"{name} in {design}", name, {**ends}) for name, ends in own.items()]
    original = unit_images(image)[None]
    height, width = image.shape[1:]
    figure = new_figure(
        9.5,
        1.0 + 1.6 * len(shown),
        "The augmentations at five settings",
        f"One image of the study ({width} x {height} pixels), untouched on the left. Parameters "
        "run together from the low to the\nhigh end of their ranges, in the order given above "
        "each picture; which patches are moved or masked is drawn anew.",
    )
    axes = figure.subplots(len(shown), SETTINGS + 1)
    for row, (label, which, given) in zip(axes, shown, strict=True):
        augmentation = AUGMENTATIONS[which]
        parameters = ranged(augmentation.parameters(height, width), given)
        _show(row[0], original, label)
        for axis in row[1:]:
            axis.set_axis_off()
        steps = SETTINGS if parameters else 1
        for axis, share in zip(row[1:], np.linspace(0, 1, steps), strict=False):
            values = {parameter.name: float(parameter.at(share)) for parameter in parameters}
            chosen = torch.tensor([[*values.values()]], dtype=torch.float32)
            treated = augmentation.apply(original, chosen)
            said = [f"{value:.3g}" for name, value in values.items() if name != SEED.name]
            _show(axis, treated, ", ".join(said) or "no parameter")
            axis.title.set_fontsize(7 if len(said) < 4 else 6)
        names = [parameter.name for parameter in parameters if parameter.name != SEED.name]
        row[0].set_ylabel("\n".join(names), rotation=0, ha="right", va="center", fontsize=7)
    return figure


def _show(axis: Axes, images: Tensor, label: str) -> None:
    axis.set_axis_on()
    show_image(axis, images[0].permute(1, 2, 0).numpy())
    axis.set_title(label, fontsize=9, pad=3)
