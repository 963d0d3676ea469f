"""Draw pictures of the top images again: what the network saw before its normalisation."""

__all__ = ["augmented_pictures", "draw_pictures"]

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from actsense.augment import augment, parameter_columns, stretch
from actsense.data.cache import ImageCache
from actsense.data.pixels import unit_images
from actsense.device.precision import arithmetic
from actsense.errors import choose
from actsense.sampling.law import catalog_of

CPU = torch.device("cpu")


def draw_pictures(
    images: ImageCache, top: xr.DataTree, condition: str, rows: ArrayLike, draws: ArrayLike
) -> NDArray[np.uint8]:
    """Draw pictures that a contrast showed to the network.

    Arguments:
        images: The images of the study.
        top: The store of the top images.
        condition: `original`, or an augmentation of the design.
        rows: `image` of the store, without the -1 of no image; any shape.
        draws: `draw` of the store, beside `rows`.

    Returns:
        The pictures, (pictures, 3, side, side), in the order of the flattened rows.

    Raises:
        ConfigError: If the store has no such condition.
        ValueError: If the contrast showed no such picture.
    """
    pictures = augmented_pictures(images, top, condition, rows, draws)
    shown: NDArray[np.uint8] = pictures.mul(255).round_().clamp_(0, 255).to(torch.uint8).numpy()
    return shown


def augmented_pictures(
    images: ImageCache, top: xr.DataTree, condition: str, rows: ArrayLike, draws: ArrayLike
) -> Tensor:
    """Draw the same pictures unrounded, float32 in [0, 1], as the network took them.

    See `draw_pictures`; on another device than the contrast's they may differ by rounding.
    """
    conditions = [str(name) for name in top["condition"].to_numpy()]
    names = conditions[1:]
    which = conditions.index(choose("condition", condition, conditions)) - 1
    rows, draws = np.ravel(rows).astype(np.int64), np.ravel(draws).astype(np.int64)
    sequence = np.full((len(rows), len(names)), -1)
    catalog = catalog_of(top.attrs.get("law", ""))
    columns = parameter_columns(names, catalog)
    values = np.zeros((len(rows), top.sizes["parameter"]), dtype=np.float32)
    places = _places(top, rows, draws)
    if which >= 0:
        sequence[:, 0] = which
        own = columns[condition]
        values[:, own] = top["parameters"].isel(parameter=own).to_numpy()[places, draws]
    with arithmetic("float32", CPU):
        pictures = augment(
            unit_images(images.read(rows)),
            torch.from_numpy(sequence),
            torch.from_numpy(values),
            names,
            catalog,
        )
        return stretch(pictures) if top.attrs["stretch"] else pictures


def _places(
    top: xr.DataTree, rows: NDArray[np.int64], draws: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Locate the rows among those that the contrast compared."""
    compared = top["rows"].to_numpy()
    places = np.searchsorted(compared, rows).clip(max=len(compared) - 1)
    most = top.sizes["drawn"]
    if (
        rows.shape != draws.shape
        or not ((compared[places] == rows) & (draws >= 0) & (draws < most)).all()
    ):
        raise ValueError(
            "rows and draws must be pairs of `image` and `draw` from the store, images of the "
            f"contrast and draws below {most}, without -1; got rows {rows} and draws {draws}."
        )
    return places
