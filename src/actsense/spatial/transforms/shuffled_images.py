"""The contact sheet of the spatial study: images as the networks saw them."""

__all__ = ["plot_shuffled_images", "shuffled_sheet"]

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from actsense.augment.patches import patch_shuffle, shuffle_keys
from actsense.augment.saturation import IDENTITY, saturate
from actsense.data.cache import ImageCache
from actsense.data.pixels import unit_images
from actsense.drawing.names import short_names
from actsense.drawing.style import new_figure, save, show_image, spread
from actsense.spatial.transforms.divisions import Division, named_division, sides
from actsense.spatial.transforms.settings import Transforms

IMAGES = 4
LEVELS = 4  # shown of each transform
RECTANGLES = 2  # shown of divisions with sides of their own
SIDE = 1.15  # inches
LONGEST = 16  # characters of a class's name along a side


def plot_shuffled_images(
    images: Path,
    manifest: Path,
    output: Path,
    *,
    settings: Transforms,
    seed: int,
    dpi: int,
) -> None:
    """Draw validation images of different classes under some of the study's transforms.

    Arguments:
        images: The image cache.
        manifest: Its manifest.
        output: PNG file.
        settings: The part `transforms` of the section `spatial` of the configuration.
        seed: Seed of the study.
        dpi: Dots per inch of the PNG file.
    """
    cache = ImageCache.open(images, manifest)
    table = cache.manifest
    firsts = (
        table[table["partition"] == "validation"].drop_duplicates("label").sort_values("label")
    )
    chosen = firsts.iloc[spread(range(len(firsts)), IMAGES)]
    rows = np.array(chosen.index)
    sheet = shuffled_sheet(
        cache.read(rows), rows, list(chosen["class_name"]), settings=settings, seed=seed
    )
    save(sheet, output, dpi=dpi)


def shuffled_sheet(
    images: NDArray[np.uint8],
    rows: NDArray[np.int64],
    names: Sequence[str],
    *,
    settings: Transforms,
    seed: int,
) -> Figure:
    """Draw images intact, shuffled and saturated, a row per image.

    Arguments:
        images: Images, (images, 3, height, width).
        rows: Their rows in the dataset, which their shuffles are drawn from, (images,).
        names: Their classes.
        settings: The part `transforms` of the section `spatial` of the configuration.
        seed: Seed of the study.
    """
    intact = unit_images(images)
    columns = {"intact": intact} | _shuffled(intact, rows, settings, seed)
    for level in spread([p for p in settings.saturations if p != IDENTITY], LEVELS):
        columns[f"saturation\nlevel {level:g}"] = saturate(intact, level)
    pairs = (
        "; or rows \u00d7 columns" if any(isinstance(k, tuple) for k in settings.divisions) else ""
    )
    figure = new_figure(
        max(9.0, SIDE * len(columns) + 0.3),
        SIDE * len(images) + 1.4,
        "Shuffled and saturated images, as the networks saw them",
        f"k: parts of a side ({images.shape[-1]} pixels){pairs}. grid: each cell moves by itself, "
        "and pixels that equal cells leave over stay at the border.\nbands: whole rows and whole "
        f"columns of cells move. Saturation: level {IDENTITY} changes nothing, below lies gray, "
        "above black and white.",
    )
    axes = figure.subplots(len(images), len(columns), squeeze=False)
    for column, (label, shown) in zip(axes.T, columns.items(), strict=True):
        column[0].set_title(label, fontsize=9)
        for axis, image in zip(column, shown, strict=True):
            show_image(axis, image.permute(1, 2, 0).numpy())
    for axis, name in zip(axes[:, 0], names, strict=True):
        axis.set_ylabel(short_names(names, LONGEST)[name], fontsize=8)
    return figure


def _shuffled(
    images: Tensor, rows: NDArray[np.int64], settings: Transforms, seed: int
) -> dict[str, Tensor]:
    """Return the first shuffle of every image for some divisions, by label."""
    shuffled = {}
    for mode in settings.modes:
        squares = [k for k in settings.divisions if isinstance(k, int) and k > 1]
        rectangles = [k for k in settings.divisions if isinstance(k, tuple)]
        shown: list[Division] = [*spread(squares, LEVELS), *spread(rectangles, RECTANGLES)]
        for k in shown:
            pair = sides(k)
            keys = shuffle_keys(seed, torch.tensor(rows), pair, 0)
            name = f"k = {k}" if isinstance(k, int) else named_division(*pair)
            shuffled[f"{mode}\n{name}"], _ = patch_shuffle(images, pair, mode, keys=keys)
    return shuffled
