"""The channels of a network that feel each factor most, with the images that drive them."""

__all__ = ["Strong", "strongest_channels"]

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from actsense.errors import ConfigError
from actsense.explorer.channel_images import top_of_channels
from actsense.explorer.heatmaps import picture_address
from actsense.explorer.outputs import unit_names
from actsense.explorer.shelf import Shelf
from actsense.inspection import RunResults
from actsense.inspection.search import AXES, strongest_of_run

PER_FACTOR, IMAGES = 3, 3
SIDE = 64  # pixels of a thumbnail, at most


@dataclass(frozen=True)
class Strong:
    """A channel, or a unit of a vector, that feels a factor.

    Attributes:
        factor: The factor.
        layer: Name of the layer.
        at: Its place there, by the names of axes.
        value: Its index.
        half: Half-width of the 95 % interval, NaN if there is none.
        name: Class of a unit of the output, empty of others.
        images: Addresses that hold the images that drive it most.
    """

    factor: str
    layer: str
    at: dict[str, int]
    value: float
    half: float
    name: str
    images: tuple[str, ...]


def strongest_channels(shelf: Shelf[RunResults], index: str) -> list[Strong]:
    """Return the surest channels of every factor, those whose interval is above 0.

    Arguments:
        shelf: Network and design.
        index: `S1`, `ST` or `shapley`.

    Raises:
        ConfigError: If the indices are damaged.
    """
    run, found = shelf.held, []
    for factor in run.factors:
        table = strongest_of_run(run, factor, index=index, level="channel", top=PER_FACTOR)
        for row in table.to_dict("records"):
            at = {axis: int(row[axis]) for axis in AXES if pd.notna(row.get(axis))}
            value, half = float(row[index]), float(row["half-width"])
            if value - np.nan_to_num(half) > 0:
                layer = str(row["layer"])
                names = shelf.read_study(unit_names, layer)
                name = names[next(iter(at.values()))] if names else ""
                found.append(Strong(factor, layer, at, value, half, name, ()))
    images = _thumbnails(shelf, [(one.layer, next(iter(one.at.values()))) for one in found])
    return [replace(one, images=own) for one, own in zip(found, images, strict=True)]


def _thumbnails(
    shelf: Shelf[RunResults], channels: Sequence[tuple[str, int]]
) -> list[tuple[str, ...]]:
    """Return small copies of the images that drive channels, none if they are not known."""
    rows: dict[tuple[str, int], list[int]] = {}
    try:
        for layer in dict.fromkeys(layer for layer, _ in channels):
            numbers = [number for own, number in channels if own == layer]
            best = top_of_channels(shelf.held, layer, numbers, count=IMAGES)
            for number, images in zip(numbers, best, strict=True):
                rows[layer, number] = [one.row for one in images]
        different = sorted({row for own in rows.values() for row in own})
        pixels = shelf.study.images.read(np.array(different, dtype=np.int64))
    except ConfigError:  # the view of top images says what is wrong
        return [()] * len(channels)
    step = max(1, pixels.shape[-1] // SIDE)
    shown = zip(different, pixels[:, :, ::step, ::step], strict=True)
    addresses = {row: picture_address(small) for row, small in shown}
    return [tuple(addresses[row] for row in rows[channel]) for channel in channels]
