"""What layers of one network keep of every concept, as its store holds it."""

__all__ = ["StoredFactors", "StoredPlace"]

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isnan
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from actsense.invariance.factors.response import FactorResponse
from actsense.invariance.kept.explained import Spread


@dataclass(frozen=True)
class StoredPlace:
    """A layer of a network in one of its states.

    Attributes:
        data: The group of the store.
        sizes: Numbers of every part of a latent, in their order.
        samples: Samples of every anchor.
    """

    data: xr.Dataset
    sizes: Mapping[str, int]
    samples: int

    @property
    def state(self) -> str:
        """The state of the network: `trained`, `random`, or `epoch_0` and so on."""
        return str(self.data.attrs["state"])

    @property
    def layer(self) -> str:
        """Name of the layer."""
        return str(self.data.attrs["layer"])

    @property
    def epoch(self) -> float:
        """Epochs of training until this state; NaN for random weights."""
        return float(self.data.attrs["epoch"])

    @property
    def accuracy(self) -> float:
        """Share of validation images that the network in this state gives their class."""
        return float(self.data.attrs["accuracy"])

    @property
    def limited(self) -> bool:
        """Whether the autoencoder loses too much of what this layer sees."""
        return not self.data.attrs["passes"]

    def spread(self, part: str) -> Spread:
        """Return how a part varies among what the layer does not tell from every anchor."""
        number = [*self.sizes].index(part)
        start = sum([*self.sizes.values()][:number])
        mean = self.data["mean"].to_numpy()[:, start : start + self.sizes[part]]
        return Spread(self.samples, mean, self.data["within"][number].to_numpy())


@dataclass(frozen=True)
class StoredFactors:
    """The store of one network.

    Attributes:
        data: The store.
    """

    data: xr.DataTree

    @property
    def network(self) -> str:
        """Name of the network."""
        return str(self.data.attrs["network"])

    @property
    def samples(self) -> int:
        """Samples of every anchor."""
        return int(self.data.attrs["samples"])

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Numbers of every part of a latent, in their order, the residual last."""
        return dict(_plain(self.data.attrs["sizes"]))

    @property
    def parts(self) -> list[str]:
        """Names of the parts, the residual last."""
        return [*self.sizes]

    @property
    def outputs(self) -> list[str]:
        """Names of the network's outputs."""
        return list(_plain(self.data.attrs["outputs"]))

    @property
    def anchors(self) -> int:
        """How many validation images were looked at."""
        return int(self.data.sizes["anchor"])

    @cached_property
    def places(self) -> list[StoredPlace]:
        """Layers and states, in the order in which they were looked at."""
        count = sum(name.startswith("place_") for name in self.data.children)
        groups = [self.data[f"place_{number}"] for number in range(count)]
        return [StoredPlace(own.to_dataset(), self.sizes, self.samples) for own in groups]

    @property
    def course(self) -> list[StoredPlace]:
        """The layer that is followed over training, by epoch; empty where none is."""
        own = [place for place in self.places if not isnan(place.epoch)]
        layers = {place.layer for place in own if place.state.startswith("epoch_")}
        followed = [place for place in own if place.layer in layers]
        return sorted(followed, key=lambda place: place.epoch)

    def response(self, part: str) -> FactorResponse:
        """Return what the network says where a part was drawn at random."""
        drawn = self.data["drawn"].to_numpy()[self.parts.index(part)]
        return FactorResponse(self.data["own"].to_numpy(), drawn)

    def exchanged(self, part: str) -> tuple[NDArray[np.int64], ...]:
        """Return what the network says of anchors, of the next ones, and of these parts in them.

        Returns:
            Of every anchor; of the anchor whose part it was given; of it with that part: each
            (anchors,).
        """
        own = np.asarray(self.data["own"])
        return own, np.roll(own, -1), self.data["exchanged"].to_numpy()[self.parts.index(part)]

    def images(self, name: str) -> NDArray[np.uint8]:
        """Return `image`, `reconstruction`, `swapped` or `walked`, (..., 3, side, side)."""
        pixels: NDArray[np.uint8] = self.data[name].to_numpy()
        return pixels


def _plain(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
