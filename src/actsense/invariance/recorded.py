"""Where the images of a dataset lie among recorded rows."""

__all__ = ["places_of"]

import numpy as np
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.store.rows import Rows


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
