"""Where the images of a facet, and the units of a channel, lie."""

__all__ = ["plane_table", "unit_map"]

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsense.explorer.pictures.images import thumbnails
from actsense.explorer.pictures.sets import Chosen, opened
from actsense.explorer.shelf import Shelf
from actsense.inspection import StudyResults
from actsense.store import reading

HOVERED = 100  # images that whoever hovers is shown: all of a page is sent to the browser


def plane_table(shelf: Shelf[StudyResults], chosen: Chosen, target: int) -> pd.DataFrame:
    """Read where natural images lie in a plane; those of one facet with their images.

    Returns:
        A row for every image: `x`, `y`, `facet`, `member`, `label`, `row` and `image`, an address
        of those of the facet that are nearest to its centre.
    """
    with reading(shelf.held.path / chosen.network / "featvis/pictures.zarr"):
        group = opened(shelf.held, chosen)
        distance = group.data["centre_distance"][:, target].to_numpy()
        own = np.flatnonzero(group.facet == target)
        table = pd.DataFrame(group.points, columns=["x", "y"]).assign(
            facet=group.facet,
            member=np.isin(np.arange(len(distance)), group.best[target]),
            row=group.rows,
        )
    table["label"] = shelf.study.images.manifest["class_name"].iloc[table["row"]].to_numpy()
    nearest = own[np.argsort(distance[own], kind="stable")][:HOVERED]
    addresses = np.full(len(table), None, object)
    addresses[nearest] = thumbnails(shelf, table["row"].to_numpy()[nearest])
    return table.assign(image=addresses)


def unit_map(
    study: StudyResults, chosen: Chosen, target: int
) -> tuple[NDArray[np.float64], tuple[int, int] | None]:
    """Return the index of all units in the channel of one, and where that is; None in a vector."""
    with reading(study.path / chosen.network / "featvis/pictures.zarr"):
        group = opened(study, chosen)
        _, row, col = group.places[target]
        return group.index_map(target), None if row < 0 else (row, col)
