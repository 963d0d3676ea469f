"""What is known of the samples of one layer; read without PyTorch."""

__all__ = ["Kept"]

from dataclasses import dataclass

from actsense.invariance.kept.consistency import Likeness
from actsense.invariance.kept.explained import Spread
from actsense.invariance.kept.maps import Maps


@dataclass(frozen=True)
class Kept:
    """What is known of the samples of a layer, anchor by anchor.

    Attributes:
        latents: Variance of their latents, for `explained_variance`; `maps.spread` is that of
            their pixels.
        maps: Mean and variance of their pixels.
        samples: How much they are like their anchors.
        reconstructions: How much the anchors are like themselves behind the autoencoder.
    """

    latents: Spread
    maps: Maps
    samples: Likeness
    reconstructions: Likeness
