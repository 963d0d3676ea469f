"""Knowledge points of all layers, states and networks as rows of tables."""

__all__ = [
    "CLASSES",
    "DIFFERENCES",
    "IMAGES",
    "POINTS",
    "class_rows",
    "difference_rows",
    "image_rows",
    "point_rows",
]

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actsense.patterns.knowledge import (
    THRESHOLDS,
    class_counts,
    exchange_regions,
    paired_differences,
    threshold_counts,
)
from actsense.patterns.stored import StoredPatterns
from actsense.statistics.resampling import image_draws

RATIO = ("ratio", "ratio_low", "ratio_high")
POINTS = (
    *("network", "layer", "state", "kind", "epoch", "threshold", "configured"),
    *("images", "regions", "points", "points_low", "points_high", "reliable"),
    *(*RATIO, "ratio_boot_low", "ratio_boot_high"),
)
CLASSES = ("network", "layer", "class", "images", "points", "reliable", *RATIO)
IMAGES = ("network", "layer", "image", "row", "class", "points", "reliable")
DIFFERENCES = (
    *("first", "second", "place", "first_layer", "second_layer", "quantity", "images"),
    *("difference", "low", "high"),
)
EXCHANGED = "regions"  # the control that exchanges regions among images

Row = dict[str, Any]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def point_rows(
    network: str,
    stored: StoredPatterns,
    *,
    exchanged: bool,
    draws: Floats,
    seed: int,
) -> Iterator[Row]:
    """Yield one row for every layer, fitted state or control, and threshold.

    Arguments:
        network: Its name.
        stored: Its patterns.
        exchanged: Whether regions exchanged among images are one of the controls.
        draws: Of the images, from `image_draws`.
        seed: Seed of the exchange.
    """
    data = stored.root
    thresholds = sorted({*THRESHOLDS, stored.threshold})
    for layer, name in enumerate(stored.layers):
        for state in np.flatnonzero(data["kind"] != "attack"):
            named = {
                key: data[key].to_numpy().tolist()[state] for key in ("state", "kind", "epoch")
            }
            posterior = stored.posterior(layer, int(state))
            looks: list[tuple[Row, Floats]] = [(named, posterior)]
            if exchanged and state == stored.final:
                control = named | {"state": EXCHANGED, "kind": EXCHANGED}
                mixed = np.asarray(exchange_regions(posterior, seed=seed), np.float64)
                looks.append((control, mixed))
            for facts, looked in looks:
                for row in threshold_counts(looked, stored.labels, draws, thresholds):
                    configured = row["threshold"] == stored.threshold
                    own = {"network": network, "layer": name, "configured": configured}
                    yield own | facts | row


def class_rows(network: str, stored: StoredPatterns) -> Iterator[Row]:
    """Yield one row for every layer of the finished network, and class of images."""
    for layer, name in enumerate(stored.layers):
        found = stored.points(layer, stored.final)
        counts = class_counts(*found, stored.labels, len(stored.classes))
        for label, row in zip(stored.classes, counts, strict=True):
            yield {"network": network, "layer": name, "class": label} | row


def image_rows(network: str, stored: StoredPatterns) -> Iterator[Row]:
    """Yield one row for every layer of the finished network, and image."""
    for layer, name in enumerate(stored.layers):
        points, reliable = (found.sum(axis=1) for found in stored.points(layer, stored.final))
        for image, (row, label) in enumerate(zip(stored.rows, stored.labels, strict=True)):
            yield {
                **{"network": network, "layer": name, "image": image, "row": int(row)},
                **{"class": stored.classes[label], "points": int(points[image])},
                "reliable": int(reliable[image]),
            }


def difference_rows(
    networks: Mapping[str, StoredPatterns], *, bootstrap: int, seed: int
) -> Iterator[Row]:
    """Yield one row for every pair of networks, layer of the first, and quantity.

    A layer is compared with the one at the same depth, counted in layers, on the images that both
    networks were shown. Differences are the first network less the second, points per image; the
    same images are drawn for both.

    Arguments:
        networks: Patterns by network.
        bootstrap: Resamples of the images.
        seed: Seed of the study.
    """
    for (first, one), (second, other) in combinations(networks.items(), 2):
        _, mine, theirs = np.intersect1d(one.rows, other.rows, return_indices=True)
        if not len(mine):
            continue
        draws = image_draws(len(mine), bootstrap, seed=seed)
        for layer, name in enumerate(one.layers):
            place = layer / max(1, len(one.layers) - 1)
            opposite = round(place * (len(other.layers) - 1))
            own, opposed = _of(one, layer, mine), _of(other, opposite, theirs)
            named = {"first": first, "second": second, "place": place, "first_layer": name}
            named |= {"second_layer": other.layers[opposite], "images": len(mine)}
            for quantity, values in paired_differences(own, opposed, draws).items():
                measured = dict(zip(("difference", "low", "high"), values, strict=True))
                yield named | {"quantity": quantity} | measured


def _of(stored: StoredPatterns, layer: int, images: NDArray[np.int64]) -> tuple[Bools, Bools]:
    """Return knowledge points of a layer, and the reliable ones, for some of the images."""
    points, reliable = stored.points(layer, stored.final)
    return points[images], reliable[images]
