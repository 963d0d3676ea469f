"""The pictures that drive a unit most, drawn again."""

__all__ = ["TopPicture", "channel_pictures", "top_conditions", "top_pictures"]

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actsense.explorer.channel_images import top_of_channel
from actsense.explorer.shelf import Shelf
from actsense.inspection import RunResults
from actsense.store import CorruptFileError, reading


@dataclass(frozen=True)
class TopPicture:
    """One picture and what the unit answered.

    Attributes:
        pixels: Shape (3, side, side), as the network saw them.
        response: In the unit's own scale.
        class_name: Class of the image.
        partition: `train` or `validation`.
        name: Path of the image in its dataset.
        position: Where the unit that answered is in its map, nothing in a vector.
    """

    pixels: NDArray[np.uint8]
    response: float
    class_name: str
    partition: str
    name: str
    position: tuple[int, ...]


def top_conditions(run: RunResults) -> list[str]:
    """Return `original` and the augmentations whose top images are known.

    Raises:
        ConfigError: If they have not been looked for.
    """
    return [str(name) for name in run.top_images["condition"].to_numpy()]


def top_pictures(
    shelf: Shelf[RunResults], layer: str, at: dict[str, int], condition: str
) -> list[TopPicture]:
    """Draw the top images of one unit, strongest first.

    Raises:
        ConfigError: If images or their list are missing or damaged.
    """
    top = shelf.held.top_images
    path = shelf.held.path / "top_images.zarr"
    if layer not in top.children:
        raise CorruptFileError(path, f"it does not hold {layer}")
    with reading(path):
        unit = top.children[layer].to_dataset().sel(condition=condition).isel(at)
        rows, draws, responses = (unit[n].to_numpy() for n in ("image", "draw", "response"))
    there = rows >= 0
    rows, draws, responses = rows[there], draws[there], responses[there]
    if not len(rows):
        return []
    positions = [tuple(at.values())[1:]] * len(rows)
    return _drawn(shelf, condition, rows, draws, responses, positions)


def channel_pictures(
    shelf: Shelf[RunResults], layer: str, number: int, condition: str
) -> list[TopPicture]:
    """Draw the top images of all units of a channel together, strongest first.

    Raises:
        ConfigError: If images or their list are missing or damaged.
    """
    found = top_of_channel(shelf.held, layer, number, condition)
    rows, draws = (np.array([(one.row, one.draw) for one in found], np.int64).reshape(-1, 2)).T
    responses = np.array([one.response for one in found])
    return _drawn(shelf, condition, rows, draws, responses, [one.position for one in found])


def _drawn(
    shelf: Shelf[RunResults],
    condition: str,
    rows: NDArray[Any],
    draws: NDArray[Any],
    responses: NDArray[Any],
    positions: Sequence[tuple[int, ...]],
) -> list[TopPicture]:
    # PyTorch draws them: a page without pictures should not wait for it.
    from actsense.inspection.pictures import draw_pictures

    images = shelf.study.images
    described = images.manifest.iloc[rows]
    pixels = draw_pictures(images, shelf.held.top_images, condition, rows, draws)
    columns = (*(described[name] for name in ("class_name", "partition", "path")), positions)
    return [
        TopPicture(picture, float(response), str(kind), str(partition), str(path), position)
        for picture, response, kind, partition, path, position in zip(
            pixels, responses, *columns, strict=True
        )
    ]
