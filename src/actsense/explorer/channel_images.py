"""The images that a whole channel answers most."""

__all__ = ["TopOfChannel", "top_of_channel", "top_of_channels"]

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.inspection import RunResults
from actsense.store import CorruptFileError, reading


@dataclass(frozen=True)
class TopOfChannel:
    """One image with the unit of the channel that answers it most.

    Attributes:
        row: Row of the image in the manifest.
        draw: Which of its augmented versions, 0 for the image itself.
        response: Of that unit, in its own scale.
        position: Where the unit is in the map, empty in a vector.
    """

    row: int
    draw: int
    response: float
    position: tuple[int, ...]


def top_of_channel(
    run: RunResults, layer: str, number: int, condition: str = "original", count: int = 9
) -> list[TopOfChannel]:
    """Return the images with the strongest responses anywhere in a channel, each once.

    They are found among the top images of its units, so the strongest one is exact; further ones
    are, too, as long as no unit has more of them than were kept of it.

    Arguments:
        run: Network and design.
        layer: Name of the layer.
        number: Number of the channel, or of the unit of a vector.
        condition: `original`, or an augmentation.
        count: How many at most.

    Raises:
        ConfigError: If they have not been looked for, or are damaged.
    """
    (found,) = top_of_channels(run, layer, [number], condition, count)
    return found


def top_of_channels(
    run: RunResults,
    layer: str,
    numbers: Sequence[int],
    condition: str = "original",
    count: int = 9,
) -> list[list[TopOfChannel]]:
    """Return what `top_of_channel` does of several channels of a layer, which are read at once.

    Arguments:
        run: Network and design.
        layer: Name of the layer.
        numbers: Numbers of the channels, or of the units of a vector.
        condition: `original`, or an augmentation.
        count: How many of each at most.

    Raises:
        ConfigError: If they have not been looked for, or are damaged.
    """
    top, path = run.top_images, run.path / "top_images.zarr"
    if layer not in top.children:
        raise CorruptFileError(path, f"it does not hold {layer}")
    known = [str(name) for name in top["condition"].to_numpy()]
    if condition not in known:
        raise ConfigError(f"{path}: no top images under {condition!r}. Known: {', '.join(known)}.")
    data = top.children[layer].to_dataset(inherit=False)
    axis = str(data["image"].dims[2])
    different, place = np.unique(np.asarray(numbers, np.int64), return_inverse=True)
    with reading(path):
        own = data.isel({"condition": known.index(condition), axis: different})
        rows, draws, responses = (own[n].to_numpy() for n in ("image", "draw", "response"))
    return [_best(rows[:, k], draws[:, k], responses[:, k], count) for k in place]


def _best(
    rows: NDArray[Any], draws: NDArray[Any], responses: NDArray[Any], count: int
) -> list[TopOfChannel]:
    """Return the best images of a channel: arrays are (rank, ...)."""
    order = np.argsort(-np.where(rows >= 0, responses, -np.inf), axis=None, kind="stable")
    found: dict[int, TopOfChannel] = {}
    for place in order:
        _, *position = map(int, np.unravel_index(place, rows.shape))
        row = int(rows.reshape(-1)[place])
        if row < 0 or len(found) == count:
            break
        if row not in found:
            draw, response = draws.reshape(-1)[place], responses.reshape(-1)[place]
            found[row] = TopOfChannel(row, int(draw), float(response), tuple(position))
    return [*found.values()]
