"""Where the images of a dataset lie among recorded rows."""

__all__ = ["LatentRows", "latent_rows", "places_of"]

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.store.rows import Rows


@dataclass(frozen=True)
class LatentRows:
    """Rows of the images in the dataset whose latents are recorded.

    The first of each are in turn from every class.

    Attributes:
        train: Those that the autoencoder learned from, (images,).
        validation: Those that it did not see, (images,).
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]

    @property
    def all(self) -> NDArray[np.int64]:
        """Both, in the order of the store."""
        return np.concatenate([self.train, self.validation])


def latent_rows(path: Path) -> LatentRows:
    """Return which images' latents a store holds, by partition.

    Arguments:
        path: What `record_latents` wrote, with an attribute `train`, the count of the first rows
            that are of train images.
    """
    store = Rows(path)
    rows = store.read(np.arange(len(store)), "row")
    train = int(store.attributes["train"])
    return LatentRows(rows[:train], rows[train:])


def places_of(store: Rows, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where images lie in a store with a column `row`, (images,).

    Arguments:
        store: The store.
        rows: Rows of the images in the dataset, (images,), in any order.

    Raises:
        ConfigError: If an image was not recorded.
    """
    known = store.read(np.arange(len(store)), "row")
    order = known.argsort(kind="stable")
    found: NDArray[np.int64] = order[
        np.searchsorted(known, rows, sorter=order).clip(max=len(known) - 1)
    ]
    if (lacking := known[found] != rows).any():
        raise ConfigError(
            f"{store.path}: {lacking.sum()} of {len(rows)} images were not recorded, first row "
            f"{rows[lacking][0]}. Make it again for these images."
        )
    return found
