"""What layers keep of images: variance left to their invariances, and what samples keep."""

__all__ = ["KEPT", "kept_estimates"]

from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from actsense.invariance.kept.consistency import Consistency, consistency
from actsense.invariance.kept.estimates import Estimate, Floats, anchor_mean
from actsense.invariance.kept.explained import explained_variance
from actsense.invariance.kept.kept import Kept
from actsense.invariance.tables.paired import Named

KEPT = (
    *("network", "state", "layer", "measure", "value", "low", "high"),
    *("anchors", "samples", "limited"),
)


def kept_estimates(kept: Kept, draws: Floats) -> Mapping[Named, Estimate]:
    """Return all measures of the samples of a layer.

    Arguments:
        kept: What is known of them.
        draws: From `anchor_draws`, (1 + draws, anchors).
    """
    alike = consistency(kept.samples, kept.reconstructions, draws)
    found = {
        "explained_latent": explained_variance(kept.latents, draws).by_invariances,
        "explained_pixel": explained_variance(kept.maps.spread, draws).by_invariances,
        **{field.name: getattr(alike, field.name) for field in fields(Consistency)},
        "cosine_gain": Estimate(alike.cosine.samples - alike.cosine_floor.samples),
        "cosine_of_ceiling": _ratio(alike.cosine, alike.cosine_ceiling),
        "agreement_gain": Estimate(alike.agreement.samples - alike.agreement_floor.samples),
        "strength": anchor_mean(kept.maps.strength, draws),
    }
    return {(name,): estimate for name, estimate in found.items()}


def _ratio(one: Estimate, other: Estimate) -> Estimate:
    below = np.where(other.samples == 0, np.nan, other.samples)
    return Estimate(one.samples / below)
