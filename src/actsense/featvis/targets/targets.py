r"""What pictures of a layer are to drive: one target per picture.

With o the response of a layer to a picture, averaged over places or at one of them, mu and sigma
those of natural images, and d the direction of the target, the picture's activation is

    a = sum_c d_c (o_c - mu_c) / sigma_c
"""

__all__ = ["Targets", "direction_targets"]

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.featvis.targets.spread import Spread

WHOLE = -1  # place of a response that is the mean over all places


@dataclass(frozen=True)
class Targets:
    """Targets of one layer, all on one device.

    Attributes:
        layer: Name of the layer.
        direction: How much every channel counts, (targets, channels) float32; positive parts of
            a facet sum to 1, a single unit has a single 1.
        mean, std: Of the natural images' responses, (targets, channels) float32; at the place of
            the target where it has one. A std is never 0.
        place: Row and column of a single unit, (targets, 2) int64; -1 for the mean over places.
        response: What the picture's response is to resemble, (targets, channels) float32, with
            NaN throughout where it is to resemble nothing, as of units.
        sorted: Of every channel, activations over places in ascending order, mean over the
            members, (targets, channels, places) float32; or None where nobody asks for
            distributions.
    """

    layer: str
    direction: Tensor
    mean: Tensor
    std: Tensor
    place: Tensor
    response: Tensor
    sorted: Tensor | None = None

    def __len__(self) -> int:
        return len(self.direction)

    def __getitem__(self, which: slice | Tensor) -> Self:
        """Return some of the targets."""
        return self._each(lambda part: part[which])

    def to(self, device: torch.device | str) -> Self:
        """Return the targets on a device."""
        return self._each(lambda part: part.to(device))

    def read(self, maps: Tensor) -> Tensor:
        """Return the response that every picture is judged by, (targets, channels).

        Arguments:
            maps: What the layer says of the pictures, one for each target, (targets, channels)
                or (targets, channels, rows, cols).
        """
        if maps.ndim == 2:
            return maps
        whole = maps.mean(dim=(2, 3))
        row, col = self.place.clamp(min=0).unbind(dim=1)
        single = maps[torch.arange(len(maps), device=maps.device), :, row, col]
        return torch.where(self.place[:, :1] == WHOLE, whole, single)

    def standardise(self, response: Tensor) -> Tensor:
        """Return responses in standard deviations of natural images, (targets, channels)."""
        return (response - self.mean) / self.std

    def activation(self, response: Tensor) -> Tensor:
        """Return the activation along the direction of every target, (targets,)."""
        return (self.direction * self.standardise(response)).sum(dim=1)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Self:
        parts = {own.name: getattr(self, own.name) for own in fields(self)}
        changed: dict[str, Any] = {
            name: change(part) for name, part in parts.items() if isinstance(part, Tensor)
        }
        return replace(self, **changed)


def direction_targets(
    layer: str,
    directions: NDArray[np.floating[Any]],
    features: NDArray[np.floating[Any]],
) -> Targets:
    """Return targets that drive a layer along free directions, in the mean over places.

    Arguments:
        layer: Name of the layer.
        directions: How much every channel counts, (targets, channels).
        features: Responses to natural images, (images, channels).

    Raises:
        ValueError: If a direction is empty or not finite, or has other channels.
    """
    if directions.ndim != 2 or directions.shape[1] != features.shape[1]:
        raise ValueError(
            f"directions must be (targets, {features.shape[1]}), got {directions.shape}."
        )
    if not (np.isfinite(directions).all() and directions.any(axis=1).all()):
        raise ValueError("directions must be finite, and each must have a channel that counts.")
    spread = Spread.of(features)
    return Targets(
        layer=layer,
        direction=_tensor(directions),
        mean=_tensor(np.broadcast_to(spread.mean, directions.shape)),
        std=_tensor(np.broadcast_to(spread.std, directions.shape)),
        place=torch.full((len(directions), 2), WHOLE),
        response=torch.full(directions.shape, torch.nan),
    )


def _tensor(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
