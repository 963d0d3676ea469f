"""The images of a study: some of every class in both partitions, and how many there are."""

__all__ = ["class_sheet", "plot_images"]

from pathlib import Path
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.data.cache import ImageCache
from actsense.data.manifest import PARTITIONS, read_skipped
from actsense.drawing.names import short_names
from actsense.drawing.style import counted, new_figure, save, show_image, spread

CLASSES = 10  # shown
IMAGES = 6  # of a class in a partition
SIDE = 0.8  # inches
GAP = 0.04  # between images, as a share of their side
LINE, LONGEST = 20, 56  # characters in a line of a class's name, and of the name


def plot_images(images: Path, manifest: Path, output: Path, *, title: str, dpi: int) -> None:
    """Draw some images of every class.

    Arguments:
        images: The image cache.
        manifest: Its manifest.
        output: PNG file.
        title: The study.
        dpi: Dots per inch of the PNG file.
    """
    cache = ImageCache.open(images, manifest)
    sheet = class_sheet(cache, title=title, skipped=len(read_skipped(manifest)))
    save(sheet, output, dpi=dpi)


def class_sheet(cache: ImageCache, *, title: str, skipped: int = 0) -> Figure:
    """Draw images of the classes, a row for each, train on the left and validation on the right.

    Arguments:
        cache: The images and their manifest.
        title: The study.
        skipped: Files that could not be read.
    """
    labels = spread(range(len(cache.class_names)), CLASSES)
    figure = new_figure(
        2 * IMAGES * SIDE + 1.9,
        (SIDE + 0.2) * len(labels) + 1.2,
        f"{title}: images of {len(cache.class_names)} classes",
        f"{cache.image_size} x {cache.image_size} pixels, as they are before augmentation and "
        f"normalisation; up to {IMAGES} of a class, evenly spread over its files.\n"
        + _left_out(len(cache.class_names) - len(labels), skipped),
    )
    axes = figure.subplots(len(labels), len(PARTITIONS), squeeze=False)
    for column, partition in zip(axes.T, PARTITIONS, strict=True):
        counts = _counts(cache, partition)
        column[0].set_title(_summary(partition, counts), loc="left", fontsize=9)
        for axis, label in zip(column, labels, strict=True):
            _show_class(axis, cache, partition, label)
            axis.set_xlabel(counted(int(counts[label]), "image"), fontsize=7, labelpad=1)
    names = short_names(cache.class_names, LONGEST)
    for axis, label in zip(axes[:, 0], labels, strict=True):
        name = fill(names[cache.class_names[label]], LINE)
        axis.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    return figure


def _show_class(axis: Axes, cache: ImageCache, partition: str, label: int) -> None:
    """Draw images of one class side by side; white where there are fewer."""
    table = cache.manifest
    own = np.flatnonzero((table["partition"] == partition) & (table["label"] == label))
    shown = cache.read(np.array(spread(list(own), IMAGES), np.int64)).transpose(0, 2, 3, 1)
    show_image(axis, _joined(shown, cache.image_size))


def _joined(images: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    step = side + max(1, round(GAP * side))
    strip = np.full((side, IMAGES * step, 3), 255, np.uint8)
    for place, image in enumerate(images):
        strip[:, place * step : place * step + side] = image
    return strip


def _counts(cache: ImageCache, partition: str) -> pd.Series:
    """Count the images of every class, also of those without any."""
    own = cache.manifest.loc[cache.manifest["partition"] == partition, "label"]
    return own.value_counts().reindex(range(len(cache.class_names)), fill_value=0)


def _summary(partition: str, counts: pd.Series) -> str:
    least, most = int(counts.min()), int(counts.max())
    each = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    return f"{partition}: {counted(int(counts.sum()), 'image')}, {each} of a class"


def _left_out(classes: int, skipped: int) -> str:
    shown = f"Not shown: {classes:,} more classes." if classes else "All classes are shown."
    return shown + (f" Files that could not be read: {skipped:,}." if skipped else "")
