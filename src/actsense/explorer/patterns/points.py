"""From the stores of the patterns study to what the page draws, small enough to be kept."""

__all__ = [
    "Cells",
    "Moments",
    "cells_of_image",
    "images_at_hand",
    "moments",
    "patterned",
    "pictures",
]

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actsense.errors import MissingResultError
from actsense.explorer.patterns.space import atlas
from actsense.explorer.shelf import Shelf
from actsense.inspection import StudyResults
from actsense.patterns.figures.space import principal_views, three_axes
from actsense.patterns.stored import StoredPatterns
from actsense.store import reading

STORE = "patterns"
MOST = 3000  # regions at a time
IMAGES = "images"
SERIES = ("training", "attack", "controls")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Points of one kind in all states of a network.

    Attributes:
        titles: The states of every series, titles by number of the state.
        points: Where they are, (states, points, 3) float32.
        images: The image of every point, (points,).
        cells: Its region, or None for whole images.
        of: How many points there are in all.
        grid: Regions along the height and the width of an image.
        labels: The class of every image, (images,).
        predicted: What the network says of it, (states, images).
        directions: Of the classes, (states, classes, 3).
        classes: Their names.
        rows: Of the images in the dataset, (images,).
        view: What the finished network's points show most, (3, 3).
        reach: The greatest strength that is shown.
    """

    titles: dict[str, dict[int, str]]
    points: NDArray[np.float32]
    images: NDArray[np.int64]
    cells: NDArray[np.int64] | None
    of: int
    grid: tuple[int, int]
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    directions: Floats
    classes: list[str]
    rows: NDArray[np.int64]
    view: Floats
    reach: float


@dataclass(frozen=True)
class Cells:
    """What the regions of one image support, in one layer.

    Attributes:
        layer: Name of the layer.
        points: Which regions are knowledge points, (rows, columns).
        reliable: Which of them support the true class.
    """

    layer: str
    points: NDArray[np.bool_]
    reliable: NDArray[np.bool_]


def patterned(study: StudyResults) -> dict[str, list[str]]:
    """Return the layers of every network with patterns, those of most states first.

    Raises:
        ConfigError: If no network has any, or one is damaged.
    """
    found = [name for name in study.networks if study[name].has(STORE)]
    if not found:
        raise MissingResultError(study.path / "<network>/patterns/patterns.zarr", "patterns")
    stores = {name: opened(study, name) for name in found}
    most = sorted(found, key=lambda name: -stores[name].tree.sizes["state"])
    return {name: list(stores[name].layers) for name in most}


def opened(study: StudyResults, network: str) -> StoredPatterns:
    """Open the patterns of a network."""
    with reading(study.path / network / "patterns/patterns.zarr"):
        return study[network].patterns


def moments(study: StudyResults, network: str, layer: int | None) -> Moments:
    """Read the embedding of images, or of a layer's regions, in all states of a network.

    Arguments:
        study: The study.
        network: Name of the network.
        layer: Number of the layer, or None for the images.
    """
    with reading(study.path / network / "patterns/patterns.zarr"):
        stored = opened(study, network)
        states = range(stored.root.sizes["state"])
        if layer is None:
            points, cells = np.stack([stored.embedding(k) for k in states]), None
            images = np.arange(points.shape[1])
        else:
            every = stored.regions(layer, [*states])
            points, images, cells = _some(every)
        of = points.shape[1] if layer is None else every.shape[1] * every.shape[2]
        lengths = np.linalg.norm(points[stored.final], axis=-1)
        return Moments(
            titles=_titles(stored),
            points=three_axes(points).astype(np.float32),
            images=images,
            cells=cells,
            of=of,
            grid=stored.grid,
            labels=stored.labels,
            predicted=np.stack([stored.predicted(k) for k in states]),
            directions=three_axes(np.stack([stored.directions(k) for k in states])),
            classes=stored.classes,
            rows=stored.rows,
            view=principal_views(points[stored.final]),
            reach=1.1 * float(np.quantile(lengths, 0.995)),
        )


def cells_of_image(study: StudyResults, network: str, image: int, state: int) -> list[Cells]:
    """Tell which regions of an image are knowledge points, layer by layer."""
    with reading(study.path / network / "patterns/patterns.zarr"):
        stored = opened(study, network)
        found = [stored.points(k, state, [image]) for k in range(len(stored.layers))]
        return [
            Cells(layer, points[0].reshape(stored.grid), reliable[0].reshape(stored.grid))
            for layer, (points, reliable) in zip(stored.layers, found, strict=True)
        ]


def images_at_hand(shelf: Shelf[StudyResults], rows: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read images of the study, (images, 3, side, side)."""
    return shelf.study.images.read(np.array(rows, np.int64))


def pictures(shelf: Shelf[StudyResults], rows: tuple[int, ...]) -> tuple[str, int]:
    """Return images of the study as one picture, see `atlas`."""
    return atlas(images_at_hand(shelf, rows))


def _titles(stored: StoredPatterns) -> dict[str, dict[int, str]]:
    controls = [k for kind in ("random", "shuffled") for k in stored.states(kind)]
    names = stored.root["kind"].to_numpy()
    series = {
        "training": {one.state: one.title for one in stored.training},
        "attack": {one.state: one.title for one in stored.attack},
        "controls": {stored.final: "trained"} | {k: str(names[k]) for k in controls},
    }
    return {name: titles for name, titles in series.items() if len(titles) > 1} or {
        "training": series["training"]
    }


def _some(points: Floats) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Return regions of all images in a row, evenly spread where there are many."""
    _, images, regions, _ = points.shape
    chosen = np.linspace(0, images * regions - 1, min(MOST, images * regions)).round()
    image, cell = np.divmod(chosen.astype(np.int64), regions)
    return points[:, image, cell], image, cell
