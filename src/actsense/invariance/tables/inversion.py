"""Images that were optimised for a layer to say the same, beside samples of the same anchors."""

__all__ = ["INVERSION", "inversion_rows"]

from collections.abc import Iterator

import numpy as np

from actsense.invariance.kept.estimates import Estimate, anchor_draws, anchor_mean
from actsense.invariance.stored import InvarianceGroup
from actsense.invariance.tables.paired import Row, row_of

INVERSION = (
    *("network", "state", "layer", "images", "measure", "value", "low", "high"),
    *("anchors", "limited"),
)
SAMPLES, INVERTED = "samples", "inverted"


def inversion_rows(group: InvarianceGroup, *, bootstrap: int, seed: int) -> Iterator[Row]:
    """Yield how near inverted images and samples are to their anchors, and what they differ by.

    Of the inverted anchors alone, which are few: intervals over them are wide, and a share of all
    or none has one of no width. Nothing where nothing is inverted.

    Arguments:
        group: One layer in one state.
        bootstrap: Resamples of the anchors.
        seed: Seed of the study.
    """
    distance, predicted = group.inverted_distance, group.inverted_predicted
    if distance is None or predicted is None:
        return
    count = len(distance)
    draws = anchor_draws(count, bootstrap, seed=seed)
    like = group.kept.samples
    found = {
        "distance": (like.distance[:count], distance),
        "agreement": (
            like.agreement[:count],
            (predicted == group.predicted[:count]).astype(np.float64),
        ),
    }
    for measure, (samples, inverted) in found.items():
        one, other = (anchor_mean(values, draws) for values in (samples, inverted))
        both = Estimate(one.samples - other.samples)
        rows = {SAMPLES: one, INVERTED: other, f"{SAMPLES} - {INVERTED}": both}
        for images, estimate in rows.items():
            yield {
                **{"images": images, "measure": measure, "anchors": count},
                **row_of(estimate),
                "limited": not group.passes,
            }
