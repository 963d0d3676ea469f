"""What the samples of an anchor look like on average, and where they differ."""

__all__ = ["Maps"]

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from actsense.invariance.kept.explained import Spread

if TYPE_CHECKING:  # figures read what was measured without it
    from torch import Tensor


@dataclass(frozen=True)
class Maps:
    """Mean and variance of every pixel over the samples of every anchor.

    Attributes:
        samples: Samples of every anchor, two at least.
        mean: (anchors, 3, side, side) float32, in [0, 1].
        variance: Without bias, (anchors, 3, side, side) float32.
    """

    samples: int
    mean: NDArray[np.float32]
    variance: NDArray[np.float32]

    @classmethod
    def of(cls, images: "Tensor") -> Self:
        """Measure images, (anchors, samples, 3, side, side), in [0, 1].

        Raises:
            ValueError: If there are fewer than two samples of an anchor.
        """
        samples = images.shape[1]
        if samples < 2:
            raise ValueError(
                f"A variance needs at least 2 samples of every anchor; got {samples}."
            )
        images = images.double()
        variance, mean = images.var(dim=1), images.mean(dim=1)
        return cls(samples, mean.float().numpy(), variance.float().numpy())

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Join what is known of different anchors."""
        return cls(
            parts[0].samples,
            np.concatenate([part.mean for part in parts]),
            np.concatenate([part.variance for part in parts]),
        )

    @property
    def strength(self) -> NDArray[np.float64]:
        """Mean variance of a pixel, of every anchor, (anchors,): 1/4 at most where S is large."""
        strength: NDArray[np.float64] = self.variance.mean(axis=(1, 2, 3), dtype=np.float64)
        return strength

    @property
    def norm(self) -> NDArray[np.float64]:
        """Euclidean norm of the map of variance, of every anchor, (anchors,)."""
        flat = self.variance.reshape(len(self.variance), -1).astype(np.float64)
        norm: NDArray[np.float64] = np.linalg.norm(flat, axis=1)
        return norm

    @property
    def spread(self) -> Spread:
        """What the pixels say of variance, for `explained_variance`."""
        flat = self.variance.reshape(len(self.variance), -1)
        mean = self.mean.reshape(flat.shape)
        return Spread(self.samples, mean, flat.sum(axis=1, dtype=np.float64))
