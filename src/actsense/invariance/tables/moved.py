"""Which augmentations the invariances of layers move along."""

__all__ = ["MOVED", "move_lengths", "moved_estimates"]

from collections.abc import Mapping

import numpy as np

from actsense.invariance.directions import Moved
from actsense.invariance.kept.estimates import Estimate, Floats, anchor_mean
from actsense.invariance.tables.paired import Named

MOVED = (
    *("network", "state", "layer", "augmentation", "measure", "value", "low", "high"),
    *("anchors", "samples", "limited"),
)
SHARES = ("alone", "last", "shapley")


def move_lengths(length: Floats, draws: Floats) -> tuple[Estimate, ...]:
    """Return how far every augmentation moves latents, root mean square over anchors.

    Arguments:
        length: Root mean square of the moves of every anchor, (anchors, augmentations).
        draws: From `anchor_draws`, (1 + draws, anchors).
    """
    squares = [anchor_mean(column, draws) for column in np.square(length).T]
    return tuple(Estimate(np.sqrt(square.samples)) for square in squares)


def moved_estimates(moved: Moved) -> Mapping[Named, Estimate]:
    """Return all shares of variance along augmentations, by augmentation and measure.

    What is expected of a layer that says nothing bears `expected_`. Shares along any augmentation
    are those of the augmentation without a name.

    Arguments:
        moved: What samples of the layer move along.
    """
    found: dict[Named, Estimate] = {}
    for k, name in enumerate(moved.names):
        found[name, "free"] = moved.free[k]
        for start, shares in (("", moved.invariances), ("expected_", moved.images)):
            found |= {(name, f"{start}{share}"): getattr(shares, share)[k] for share in SHARES}
    found["", "together"] = moved.invariances.together
    found["", "expected_together"] = moved.images.together
    return found
