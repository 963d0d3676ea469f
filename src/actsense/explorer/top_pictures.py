"""The pictures that drive a unit most, drawn again."""

__all__ = ["TopPicture", "top_conditions", "top_pictures"]

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    """

    pixels: NDArray[np.uint8]
    response: float
    class_name: str
    partition: str


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
    # PyTorch draws them: a page without pictures should not wait for it.
    from actsense.inspection.pictures import draw_pictures

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
    images = shelf.study.images
    described = images.manifest.iloc[rows]
    pixels = draw_pictures(images, top, condition, rows, draws)
    columns = (pixels, responses, described["class_name"], described["partition"])
    return [
        TopPicture(picture, float(response), str(name), str(partition))
        for picture, response, name, partition in zip(*columns, strict=True)
    ]
