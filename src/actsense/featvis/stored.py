"""The pictures of one network as its store holds them, opened for figures and pages."""

__all__ = ["KINDS", "OF_PICTURE", "RANDOM", "TRAINED", "PictureGroup", "StoredPictures"]

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

KINDS = ("facets", "units", "channels")
TRAINED, RANDOM = "trained", "random"
OF_PICTURE = ["target", "weights", "seed", "variant"]  # what tells pictures of a group apart
CURVES = ("total", "activation", "cosine", "distance", "penalty", "variation")


@dataclass(frozen=True)
class PictureGroup:
    """Pictures of the targets of one layer: its facets, some of its units, or its channels.

    Arrays are read when they are asked for. Targets, pictures and natural images are named by
    their numbers in the store, all from 0.

    Attributes:
        name: Of the group in the store, such as `facets_0`.
        data: The group.
        rows: Rows of the natural images in the dataset, (images,).
    """

    name: str
    data: xr.Dataset
    rows: NDArray[np.int64]

    @property
    def kind(self) -> str:
        """What the targets are: `facets`, `units` or `channels`."""
        return str(self.data.attrs["kind"])

    @property
    def layer(self) -> str:
        """Name of the layer."""
        return str(self.data.attrs["layer"])

    @property
    def factor(self) -> str:
        """The factor that units were chosen by; empty for other kinds."""
        return str(self.data.attrs.get("factor", ""))

    @property
    def by(self) -> str:
        """The index that units were chosen by; empty for other kinds."""
        return str(self.data.attrs.get("by", ""))

    @cached_property
    def names(self) -> list[str]:
        """What every target is called, such as `facet 1`."""
        return [str(name) for name in self.data["name"].to_numpy()]

    @cached_property
    def roles(self) -> list[str]:
        """`facet`, `channel`, or whether a unit feels the factor `most` or `least`."""
        return [str(role) for role in self.data["role"].to_numpy()]

    @cached_property
    def pictures(self) -> pd.DataFrame:
        """Columns `target`, `weights`, `seed` and `variant`, a row for every picture."""
        columns = {name: self.data[name].to_numpy() for name in OF_PICTURE}
        columns["weights"] = columns["weights"].astype(object)
        return pd.DataFrame(columns)

    @cached_property
    def kept(self) -> list[int]:
        """Iterations whose pictures are kept, from 0, the start, to the last, the result."""
        return [int(iteration) for iteration in self.data["kept"].to_numpy()]

    @cached_property
    def iterations(self) -> NDArray[np.int64]:
        """Iterations that curves have points at, (points,)."""
        return self.data["iteration"].to_numpy().astype(np.int64)

    def of_target(self, target: int, weights: str = TRAINED) -> list[int]:
        """Return the pictures of a target: first the one that is shown, then by seed, variant."""
        own = self.pictures
        own = own[(own["target"] == target) & (own["weights"] == weights)]
        return [int(number) for number in own.sort_values(["seed", "variant"]).index]

    def shown(self, target: int, weights: str = TRAINED) -> int | None:
        """Return the picture that stands for a target, or None if there is none."""
        return next(iter(self.of_target(target, weights)), None)

    def image(self, picture: int, kept: int = -1) -> NDArray[np.uint8]:
        """Return a picture at one of the kept iterations, (3, side, side); the result by default.

        Arguments:
            picture: Number of the picture.
            kept: Place in `kept`, from the end if negative.
        """
        pixels: NDArray[np.uint8] = self.data["image"][kept, picture].to_numpy()
        return pixels

    def film(self, picture: int) -> NDArray[np.uint8]:
        """Return a picture at all kept iterations, (kept, 3, side, side)."""
        pixels: NDArray[np.uint8] = self.data["image"][:, picture].to_numpy()
        return pixels

    def transparency(self, picture: int) -> NDArray[np.float32]:
        """Return how much every pixel was worked on, 0 to 1, (side, side)."""
        return np.asarray(self.data["transparency"][picture].to_numpy(), np.float32)

    def curve(self, name: str, pictures: Sequence[int] | None = None) -> NDArray[np.float64]:
        """Return one of `CURVES` of pictures, all unless given, (pictures, points)."""
        curve = self.data[name]
        if pictures is not None:
            curve = curve[[*pictures]]
        return curve.to_numpy().astype(np.float64)

    @cached_property
    def natural(self) -> NDArray[np.float64]:
        """How much every natural image drives every target, (images, targets).

        Along the direction of the target, in standard deviations of natural images.
        """
        return self.data["natural"].to_numpy().astype(np.float64)

    @cached_property
    def best(self) -> NDArray[np.int64]:
        """Numbers of images by rank, (targets, ranks).

        Members of a facet from the nearest to its centre; the strongest images of other targets.
        """
        return self.data["best"].to_numpy().astype(np.int64)

    def best_rows(self, target: int, count: int) -> NDArray[np.int64]:
        """Return the first images of a target's `best`, as rows of the dataset, (images,)."""
        found: NDArray[np.int64] = self.rows[self.best[target, :count]]
        return found

    @cached_property
    def facet(self) -> NDArray[np.int64]:
        """The facet of every natural image, (images,); of facets alone."""
        return self.data["facet"].to_numpy().astype(np.int64)

    @cached_property
    def points(self) -> NDArray[np.float64]:
        """The place of every natural image in a plane, (images, 2); of facets alone."""
        return self.data["point"].to_numpy().astype(np.float64)

    @cached_property
    def silhouette(self) -> dict[int, float]:
        """How well so many facets part the images, by count; empty where none was tried."""
        if "silhouette" not in self.data:
            return {}
        scores = self.data["silhouette"]
        pairs = zip(scores["count"].to_numpy(), scores.to_numpy(), strict=True)
        return {int(count): float(score) for count, score in pairs}

    @cached_property
    def places(self) -> list[tuple[int, int, int]]:
        """Channel, row and column of every unit; row and column -1 in a vector."""
        columns = (self.data[name].to_numpy() for name in ("channel", "unit_row", "unit_col"))
        return [(int(c), int(row), int(col)) for c, row, col in zip(*columns, strict=True)]

    @cached_property
    def indices(self) -> NDArray[np.float64]:
        """The index of every unit, (targets,); of units alone."""
        return self.data["index"].to_numpy().astype(np.float64)

    def index_map(self, target: int) -> NDArray[np.float64]:
        """Return the index of all units in the channel of one, (rows, columns)."""
        return self.data["index_map"][target].to_numpy().astype(np.float64)

    def facts(self, table: pd.DataFrame, network: str) -> pd.DataFrame:
        """Return what a table of pictures says of every picture of the group, in their order.

        Arguments:
            table: Table `pictures` of the study.
            network: Name of the network.

        Returns:
            A row for every picture, all NaN for one that the table does not know.
        """
        own = (table["network"] == network) & (table["layer"] == self.layer)
        found = table[own & (table["kind"] == self.kind)].set_index(OF_PICTURE)
        return found.reindex(pd.MultiIndex.from_frame(self.pictures)).reset_index()


@dataclass(frozen=True)
class StoredPictures:
    """A store `pictures`; arrays are read when they are asked for.

    Attributes:
        tree: What `store.read_results` returned.
    """

    tree: xr.DataTree

    @property
    def network(self) -> str:
        """Name of the network."""
        return str(self.tree.attrs["network"])

    @property
    def side(self) -> int:
        """Side of the pictures, pixels."""
        return int(self.tree.attrs["side"])

    @cached_property
    def classes(self) -> list[str]:
        """Names of the dataset's classes."""
        return [str(name) for name in _unpacked(self.tree.attrs["classes"])]

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """The row of every natural image in the dataset, (images,)."""
        return self.tree["row"].to_numpy().astype(np.int64)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """The class of every natural image, (images,)."""
        return self.tree["label"].to_numpy().astype(np.int64)

    @cached_property
    def contrast(self) -> NDArray[np.float64]:
        """The contrast of every natural image, (images,)."""
        return self.tree["contrast"].to_numpy().astype(np.float64)

    @cached_property
    def high_frequency(self) -> NDArray[np.float64]:
        """The share of high frequencies in every natural image, (images,)."""
        return self.tree["high_frequency"].to_numpy().astype(np.float64)

    def settings(self, part: str) -> dict[str, Any]:
        """Return what pictures were made with: `objective`, `picture` or `search`."""
        return dict(_unpacked(self.tree.attrs[part]))

    @cached_property
    def groups(self) -> list[PictureGroup]:
        """All groups: facets, then units, then channels, each by layer from the first."""
        return [
            PictureGroup(name, self.tree[name].to_dataset(), self.rows)
            for name in sorted(self.tree.children, key=_order)
        ]

    def of_kind(self, kind: str) -> list[PictureGroup]:
        """Return the groups of `facets`, `units` or `channels`, by layer."""
        return [group for group in self.groups if group.kind == kind]


def _order(name: str) -> tuple[int, int]:
    kind, _, number = name.rpartition("_")
    return KINDS.index(kind), int(number)


def _unpacked(value: Any) -> Any:
    """Return an attribute that a store may keep as JSON text."""
    return json.loads(value) if isinstance(value, str) else value
