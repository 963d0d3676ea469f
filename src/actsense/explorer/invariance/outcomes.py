"""What demos return: plain arrays, whether they were played now or lie in a store."""

__all__ = ["Pair", "Played", "Sampled"]

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Sampled:
    """Samples that a layer should not tell apart from an image; images are uint8.

    Attributes:
        image: (3, side, side).
        reconstruction: What the autoencoder makes of it.
        samples: (samples, 3, side, side).
        mean: Of the samples.
        variance: Of the samples in [0, 1], (3, side, side).
        predicted: Number of the output that the network gives to the image.
        predicted_samples: The same of the samples, (samples,).
        cosine: Centred cosine of what the layer says of samples and image.
        cosine_floor: With other images.
        cosine_ceiling: Of the reconstruction.
        agreement: Share of samples with the output of the image.
        agreement_floor: Of samples of other images.
        agreement_ceiling: Of the reconstruction, 0 or 1.
    """

    image: Bytes
    reconstruction: Bytes
    samples: Bytes
    mean: Bytes
    variance: NDArray[np.float32]
    predicted: int
    predicted_samples: NDArray[np.int64]
    cosine: float
    cosine_floor: float
    cosine_ceiling: float
    agreement: float
    agreement_floor: float
    agreement_ceiling: float

    def of(self, measure: str) -> tuple[float, float, float]:
        """Return `cosine` or `agreement` with its floor and its ceiling."""
        value, floor, ceiling = (
            float(getattr(self, f"{measure}{end}")) for end in ("", "_floor", "_ceiling")
        )
        return value, floor, ceiling


@dataclass(frozen=True)
class Played:
    """Images that a demo made, by name, with the number of what the network says of each."""

    images: dict[str, Bytes]
    predicted: dict[str, Integers]


@dataclass(frozen=True)
class Pair:
    """Samples of two networks.

    Attributes:
        samples: (networks, images, samples, 3, side, side) uint8.
        predicted: What either says of the images, (networks, images).
        judged: What the first of two says of samples of the second, (networks, networks, images,
            samples).
    """

    samples: Bytes
    predicted: Integers
    judged: Integers
