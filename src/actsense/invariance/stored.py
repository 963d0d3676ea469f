"""What one network's invariances are, as its store holds them, opened for tables and pages.

Needs no PyTorch. Arrays are read when they are asked for.
"""

__all__ = ["KEPT", "RECONSTRUCTED", "InvarianceGroup", "StoredInvariances"]

import json
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.invariance.kept.consistency import Likeness
from actsense.invariance.kept.explained import Spread
from actsense.invariance.kept.kept import Kept
from actsense.invariance.kept.maps import Maps
from actsense.store import read_results

KEPT = "kept_"  # groups of the store, with a number
RECONSTRUCTED = "reconstructed_"  # before what reconstructions have, beside samples

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Singles = NDArray[np.float32]


@dataclass(frozen=True)
class InvarianceGroup:
    """The samples of one layer of the network in one state.

    Anchors are in the order of the store. Arrays that a study may lack are None then.

    Attributes:
        data: The group.
    """

    data: xr.Dataset

    @property
    def state(self) -> str:
        """`trained` or `random`."""
        return str(self.data.attrs["state"])

    @property
    def layer(self) -> str:
        """Name of the layer."""
        return str(self.data.attrs["layer"])

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Shape of what the layer says of an image."""
        return tuple(int(size) for size in _unpacked(self.data.attrs["shape"]))

    @property
    def passes(self) -> bool:
        """Whether numbers of the flow are not limited by the autoencoder; else they are marked."""
        return bool(self.data.attrs["passes"])

    @property
    def ceilings(self) -> tuple[float, float]:
        """Agreement and centred cosine of reconstructions, by the card of the autoencoder."""
        names = "agreement_ceiling_all", "cosine_ceiling_all"
        agreement, cosine = (float(self.data.attrs[name]) for name in names)
        return agreement, cosine

    @cached_property
    def flow(self) -> dict[str, Any]:
        """Card of the flow, see `describe_flow`.

        With `history`: `steps`, and nats `train` and `validation` at each, and the `best` step.
        """
        return dict(_unpacked(self.data.attrs["flow"]))

    @property
    def samples(self) -> int:
        """Count the samples of every anchor."""
        return int(self.data.sizes["sample"])

    @cached_property
    def predicted(self) -> Integers:
        """Number of the output that the network gives to every anchor, (anchors,)."""
        return self.data["predicted"].to_numpy().astype(np.int64)

    @cached_property
    def kept(self) -> Kept:
        """All that was measured of the samples."""
        return Kept(self.spread, self.maps, self._likeness(""), self._likeness(RECONSTRUCTED))

    @cached_property
    def spread(self) -> Spread:
        """What is known of the variance of latents."""
        mean, within = (self.data[name].to_numpy() for name in ("mean", "within"))
        return Spread(self.samples, mean, within.astype(np.float64))

    @cached_property
    def maps(self) -> Maps:
        """Mean and variance of every pixel."""
        names = "pixel_mean", "pixel_variance"
        return Maps(self.samples, *(self.data[name].to_numpy() for name in names))

    @cached_property
    def sample_latents(self) -> Singles:
        """Latents of all samples, (anchors, samples, numbers)."""
        latents: Singles = self.data["sample_latent"].to_numpy()
        return latents

    @cached_property
    def sample_images(self) -> Bytes:
        """The first samples of the first anchors, (shown, shown samples, 3, side, side)."""
        images: Bytes = self.data["sample_image"].to_numpy()
        return images

    @cached_property
    def sample_predicted(self) -> Integers:
        """Number of the output that the network gives to these, (shown, shown samples)."""
        return self.data["sample_predicted"].to_numpy().astype(np.int64)

    @cached_property
    def inverted(self) -> Bytes | None:
        """Optimised images of the first anchors, (inverted anchors, 3, side, side)."""
        return self.data["inverted"].to_numpy() if "inverted" in self.data else None

    @cached_property
    def inverted_distance(self) -> Floats | None:
        """Relative square distance that is left of each, (inverted anchors,)."""
        if "inverted_distance" not in self.data:
            return None
        return self.data["inverted_distance"].to_numpy().astype(np.float64)

    @cached_property
    def inverted_predicted(self) -> Integers | None:
        """Number of the output that the network gives to each, (inverted anchors,)."""
        if "inverted_predicted" not in self.data:
            return None
        return self.data["inverted_predicted"].to_numpy().astype(np.int64)

    @cached_property
    def features(self) -> Singles | None:
        """Features of all samples in the judge, anchor by anchor, (images, features)."""
        return self.data["features"].to_numpy() if "features" in self.data else None

    def _likeness(self, prefix: str) -> Likeness:
        names = [field.name for field in fields(Likeness)]
        return Likeness(*(self.data[prefix + n].to_numpy().astype(np.float64) for n in names))


@dataclass(frozen=True)
class StoredInvariances:
    """A store `kept`.

    Attributes:
        tree: What `store.read_results` returned.
    """

    tree: xr.DataTree

    @classmethod
    def open(cls, path: Path) -> "StoredInvariances":
        """Open the store of a network.

        Raises:
            MissingResultError: If there is no store.
            CorruptFileError: If it is damaged.
        """
        return cls(read_results(path))

    @cached_property
    def root(self) -> xr.Dataset:
        """What all layers share."""
        return self.tree.to_dataset()

    @property
    def network(self) -> str:
        """Name of the network."""
        return str(self.tree.attrs["network"])

    @property
    def side(self) -> int:
        """Side of the images, pixels."""
        return int(self.tree.attrs["side"])

    @property
    def seed(self) -> int:
        """Seed of the samples."""
        return int(self.tree.attrs["seed"])

    @property
    def samples(self) -> int:
        """Count the samples of every anchor."""
        return int(self.tree.attrs["samples"])

    @property
    def judge(self) -> str:
        """Network that tells how real samples look; empty for none."""
        return str(self.tree.attrs["judge"])

    @property
    def judge_layer(self) -> str:
        """Its layer; empty for none."""
        return str(self.tree.attrs["judge_layer"])

    @cached_property
    def classes(self) -> list[str]:
        """Names of the dataset's classes."""
        return [str(name) for name in _unpacked(self.tree.attrs["classes"])]

    @cached_property
    def outputs(self) -> list[str]:
        """Names of the network's outputs."""
        return [str(name) for name in _unpacked(self.tree.attrs["outputs"])]

    @cached_property
    def rows(self) -> Integers:
        """The row of every anchor in the dataset, (anchors,)."""
        return self.root["row"].to_numpy().astype(np.int64)

    @cached_property
    def labels(self) -> Integers:
        """The class of every anchor, (anchors,)."""
        return self.root["label"].to_numpy().astype(np.int64)

    @cached_property
    def images(self) -> Bytes:
        """The anchors, (anchors, 3, side, side)."""
        images: Bytes = self.root["image"].to_numpy()
        return images

    @cached_property
    def reconstructions(self) -> Bytes:
        """What the autoencoder makes of them, (anchors, 3, side, side)."""
        images: Bytes = self.root["reconstruction"].to_numpy()
        return images

    @cached_property
    def latents(self) -> Singles:
        """Means of their latents, (anchors, numbers)."""
        latents: Singles = self.root["latent"].to_numpy()
        return latents

    @cached_property
    def augmentations(self) -> list[str]:
        """Augmentations that samples are compared with; none in a study without."""
        if "augmentation" not in self.root:
            return []
        return [str(name) for name in self.root["augmentation"].to_numpy()]

    @cached_property
    def rooms(self) -> Singles:
        """Directions of augmentations, (anchors, augmentations, rank, numbers)."""
        if not self.augmentations:
            return np.zeros((len(self.rows), 0, 0, self.latents.shape[1]), np.float32)
        rooms: Singles = self.root["room"].to_numpy()
        return rooms

    @cached_property
    def lengths(self) -> Floats:
        """How far augmentations move latents, root mean square, (anchors, augmentations)."""
        if not self.augmentations:
            return np.zeros((len(self.rows), 0))
        return self.root["length"].to_numpy().astype(np.float64)

    @cached_property
    def real_features(self) -> Singles | None:
        """Features of real images in the judge, (images, features); None without one."""
        return self.root["real_features"].to_numpy() if "real_features" in self.root else None

    @cached_property
    def groups(self) -> list[InvarianceGroup]:
        """All groups: trained layers in the order of the network, then those of random weights."""
        names = [name for name in self.tree.children if name.startswith(KEPT)]
        ordered = sorted(names, key=lambda name: int(name.removeprefix(KEPT)))
        return [InvarianceGroup(self.tree[name].to_dataset()) for name in ordered]

    @cached_property
    def states(self) -> list[str]:
        """The states that are there, `trained` first."""
        return list(dict.fromkeys(group.state for group in self.groups))

    def of(self, state: str) -> list[InvarianceGroup]:
        """Return the groups of a state, by layer; none of a state that is not there."""
        return [group for group in self.groups if group.state == state]

    def group(self, state: str, layer: str) -> InvarianceGroup:
        """Return the group of a state and layer.

        Raises:
            ConfigError: If it is not there.
        """
        found = [group for group in self.of(state) if group.layer == layer]
        if not found:
            known = ", ".join(f"{group.layer} ({group.state})" for group in self.groups)
            raise ConfigError(
                f"{self.network}: no invariances of layer {layer!r}, {state}. There are: {known}."
            )
        return found[0]


def _unpacked(value: Any) -> Any:
    """Return an attribute that a store may keep as JSON text."""
    return json.loads(value) if isinstance(value, str) else value
