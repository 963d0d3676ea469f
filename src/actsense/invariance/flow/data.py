"""What a flow is trained and judged on: posteriors of latents, and representations.

Latents are held. Representations may be larger than memory: all that is asked of them is some
rows at a time.
"""

__all__ = ["Conditions", "FlowData", "as_tensor", "row_bytes"]

from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.errors import ConfigError

PIECE_BYTES = 2**26  # of representations, read at a time


class Conditions(Protocol):
    """Representations of images: a NumPy array, or what reads rows of a store."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of it all, images first."""

    def __getitem__(self, rows: NDArray[np.int64], /) -> NDArray[Any]:
        """Return some rows, in any order, (rows, ...)."""


@dataclass(frozen=True)
class FlowData:
    """Images, as a flow sees them.

    Arguments:
        mean: Means of the posteriors of their latents, (images, latent).
        log_variance: Logarithms of the variances, (images, latent).
        conditions: Their representations, (images, ...); None for a flow without condition.

    Raises:
        ConfigError: If there are no latents, or they are not finite.
        ValueError: If the three are not of as many images.
    """

    mean: NDArray[np.float32]
    log_variance: NDArray[np.float32]
    conditions: Conditions | None

    def __post_init__(self) -> None:
        shapes = [self.mean.shape, self.log_variance.shape]
        shapes += [] if self.conditions is None else [self.conditions.shape]
        if len({shape[0] for shape in shapes}) != 1 or shapes[0] != shapes[1]:
            raise ValueError(
                "Means, log-variances and representations are of the same images; got "
                f"{', '.join(map(str, shapes))}."
            )
        for name, values in (("mean", self.mean), ("log-variance", self.log_variance)):
            if not (finite := np.isfinite(values).all(axis=1)).all():
                raise ConfigError(
                    f"The latent of image {finite.argmin()} has a {name} that is not finite. "
                    "Train the autoencoder again at a smaller learning rate."
                )

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def latent(self) -> int:
        """Numbers in a latent."""
        return int(self.mean.shape[1])

    @property
    def condition_shape(self) -> tuple[int, ...] | None:
        """Shape of a representation, None without."""
        return None if self.conditions is None else tuple(self.conditions.shape[1:])

    def spread(self, most: int) -> "FlowData":
        """Return as many images as these at most, evenly spaced, in their order."""
        if len(self) <= most:
            return self
        rows = np.linspace(0, len(self) - 1, most).astype(np.int64)
        return self.chosen(rows)

    def chosen(self, rows: NDArray[np.int64]) -> "FlowData":
        """Return some of the images; their representations are read when they are needed."""
        conditions = None if self.conditions is None else _Chosen(self.conditions, rows)
        return FlowData(self.mean[rows], self.log_variance[rows], conditions)

    def slices(self) -> list[slice]:
        """Cut the images into parts whose representations are not too large."""
        each = max(2, PIECE_BYTES // max(1, row_bytes(self.condition_shape or (self.latent,))))
        return [slice(start, start + each) for start in range(0, len(self), each)]

    def read(self, part: slice) -> Tensor | None:
        """Read representations of a part, (images, ...) float32; None without."""
        if self.conditions is None:
            return None
        return as_tensor(self.conditions[np.arange(len(self))[part]])


@dataclass(frozen=True)
class _Chosen:
    conditions: Conditions
    rows: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.rows), *self.conditions.shape[1:])

    def __getitem__(self, rows: NDArray[np.int64], /) -> NDArray[Any]:
        return self.conditions[self.rows[rows]]


def row_bytes(shape: tuple[int, ...]) -> int:
    """Return the size of a representation in float32."""
    return 4 * prod(shape)


def as_tensor(values: NDArray[Any]) -> Tensor:
    """Return representations as float32.

    Raises:
        ConfigError: If one is not finite.
    """
    tensor = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
    if not tensor.isfinite().all():
        raise ConfigError(
            "A representation is not finite, and cannot condition a flow. Compute it in "
            "`precision: float32`, or leave the layer out."
        )
    return tensor
