r"""Whether a network takes samples for their anchors: cosines of what a layer says, and classes.

With z_i what the layer says of anchor i, c its mean over anchors, u_i = (z_i - c) / |z_i - c|, and
z', u' the same of an image that stands for the anchor:

    centred cosine   u'.u_i               its floor     mean over j != i of u'.u_j
    agreement        [class' = class_i]   its floor     share of j != i with class_j = class'

The floor is what another anchor's samples would have. It is the mean over all ways to exchange
anchors that leave none in its place, so that nothing is drawn. The ceiling is what reconstructions
by the autoencoder have. Without centring even strangers are alike: what ReLUs say is positive.
"""

__all__ = ["Consistency", "Likeness", "consistency"]

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from actsense.invariance.kept.estimates import Estimate, Floats, anchor_mean


@dataclass(frozen=True)
class Likeness:
    """How much images are like their anchors, each number a mean over the images of an anchor.

    Attributes:
        cosine: Cosine of z' and z, (anchors,); NaN where one of them is zero.
        centred: Centred cosine; NaN where one of them is the centre.
        agreement: Share with the class of the anchor.
        cosine_floor: What `centred` would be with other anchors.
        agreement_floor: What `agreement` would be with other anchors.
        distance: |z' - z|^2 / |z|^2, as of `Inverted`; |z' - z|^2 where z is zero.
    """

    cosine: Floats
    centred: Floats
    agreement: Floats
    cosine_floor: Floats
    agreement_floor: Floats
    distance: Floats

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Join what is known of different anchors."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True)
class Consistency:
    """Likeness of samples between its floor and its ceiling.

    Attributes:
        cosine: Centred cosine of samples and anchors.
        cosine_floor: With other anchors.
        cosine_ceiling: Of reconstructions and anchors.
        agreement: Share of samples that have the class of their anchor.
        agreement_floor: With other anchors.
        agreement_ceiling: Of reconstructions.
        raw_cosine: Cosine of samples and anchors without centring.
    """

    cosine: Estimate
    cosine_floor: Estimate
    cosine_ceiling: Estimate
    agreement: Estimate
    agreement_floor: Estimate
    agreement_ceiling: Estimate
    raw_cosine: Estimate


def consistency(samples: Likeness, reconstructions: Likeness, draws: Floats) -> Consistency:
    """Return how consistent samples are, with resamples of anchors.

    Arguments:
        samples: Likeness of samples.
        reconstructions: Likeness of what the autoencoder makes of the anchors themselves.
        draws: From `anchor_draws`, (1 + draws, anchors).
    """
    return Consistency(
        *(
            anchor_mean(values, draws)
            for values in (
                *(samples.centred, samples.cosine_floor, reconstructions.centred),
                *(samples.agreement, samples.agreement_floor, reconstructions.agreement),
                samples.cosine,
            )
        )
    )
