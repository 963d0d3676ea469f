"""The channels of a network that feel each factor most, with the images that drive them."""

__all__ = ["Strong", "strongest_channels"]

from dataclasses import dataclass

import numpy as np
import pandas as pd

from actsense.errors import ConfigError
from actsense.explorer.channel_images import top_of_channel
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
                number = next(iter(at.values()))
                names = shelf.read_study(unit_names, layer)
                name = names[number] if names else ""
                images = _thumbnails(shelf, layer, number)
                found.append(Strong(factor, layer, at, value, half, name, images))
    return found


def _thumbnails(shelf: Shelf[RunResults], layer: str, number: int) -> tuple[str, ...]:
    """Return small copies of the images that drive a channel, none if they are not known."""
    try:
        rows = [one.row for one in top_of_channel(shelf.held, layer, number, count=IMAGES)]
        pixels = shelf.study.images.read(np.array(rows, dtype=np.int64))
    except ConfigError:  # the view of top images says what is wrong
        return ()
    step = max(1, pixels.shape[-1] // SIDE)
    return tuple(map(picture_address, pixels[:, :, ::step, ::step]))
