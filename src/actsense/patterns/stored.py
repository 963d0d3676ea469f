"""The patterns of one network as its store holds them, opened for tables, figures and pages."""

__all__ = ["Shown", "StoredPatterns", "configured_threshold"]

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FINAL, CHECKPOINT, ATTACK = "final", "checkpoint", "attack"


@dataclass(frozen=True)
class Shown:
    """What is drawn of one state of the network, at one place.

    Attributes:
        state: Number of the state in the store.
        title: What it is called.
    """

    state: int
    title: str


@dataclass(frozen=True)
class StoredPatterns:
    """A store `patterns`; arrays of layers are read when they are asked for.

    Attributes:
        tree: What `store.read_results` returned.
        threshold: The least probability of a knowledge point's class.
    """

    tree: xr.DataTree
    threshold: float

    @cached_property
    def root(self) -> xr.Dataset:
        """What is known of whole images, in every state."""
        return self.tree.to_dataset().load()

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, from the first to the last."""
        return tuple(str(self.tree[name].attrs["layer"]) for name in self._groups)

    @property
    def classes(self) -> list[str]:
        """Names of the classes."""
        return [str(name) for name in self.root["class"].to_numpy()]

    @property
    def grid(self) -> tuple[int, int]:
        """Regions along the height and along the width of an image."""
        rows, columns = self.tree.attrs["grid"]
        return int(rows), int(columns)

    @property
    def labels(self) -> NDArray[np.int64]:
        """The class of every image, (images,)."""
        return self.root["label"].to_numpy().astype(np.int64)

    @property
    def rows(self) -> NDArray[np.int64]:
        """The row of every image in the dataset, (images,)."""
        return self.root["row"].to_numpy().astype(np.int64)

    @cached_property
    def final(self) -> int:
        """Number of the state of the finished network."""
        return self.states(FINAL)[0]

    def states(self, kind: str) -> list[int]:
        """Return the numbers of the states of a kind, in the order of epochs or steps."""
        found = np.flatnonzero(self.root["kind"].to_numpy() == kind)
        order = self.root[{CHECKPOINT: "epoch"}.get(kind, "step")].to_numpy()[found]
        return [int(number) for number in found[np.argsort(order, kind="stable")]]

    @cached_property
    def training(self) -> list[Shown]:
        """The checkpoints by epoch, and the finished network."""
        epochs = self.root["epoch"].to_numpy()
        before = [Shown(k, f"epoch {epochs[k]:g}") for k in self.states(CHECKPOINT)]
        return [*before, Shown(self.final, "trained")]

    @cached_property
    def attack(self) -> list[Shown]:
        """The finished network on clean images, and on those of every step of the attack."""
        steps = self.root["step"].to_numpy()
        after = [Shown(k, f"step {steps[k]:g}") for k in self.states(ATTACK)]
        return [Shown(self.final, "clean"), *after]

    def embedding(self, state: int) -> Floats:
        """Return the embedding of the images, (images, axes)."""
        return np.asarray(self.root["embedding"].to_numpy()[state], np.float64)

    def directions(self, state: int) -> Floats:
        """Return the directions of the classes, unit vectors (classes, axes)."""
        return np.asarray(self.root["direction"].to_numpy()[state], np.float64)

    def predicted(self, state: int) -> NDArray[np.int64]:
        """Return the most probable of the classes in the eyes of the network, (images,)."""
        return np.asarray(self.root["probability"].to_numpy()[state].argmax(axis=1))

    def regions(
        self, layer: int, states: int | Sequence[int], images: Sequence[int] | None = None
    ) -> Floats:
        """Return the embedding of a layer's regions, in its mean strengths.

        Arguments:
            layer: Number of the layer.
            states: Number of a state, or of several ones.
            images: Numbers of the images; all unless given.

        Returns:
            (images, regions, axes); of several states, (states, images, regions, axes).
        """
        return self._layer(layer, "embedding", states, images)

    def weights(self, layer: int, state: int) -> Floats:
        """Return the weights of the regions, which sum to 1, (images, regions)."""
        return self._layer(layer, "weight", state)

    def posterior(self, layer: int, state: int, images: Sequence[int] | None = None) -> Floats:
        """Return how probable every class is at every region, (images, regions, classes)."""
        from actsense.patterns.knowledge import region_posterior  # loads PyTorch

        return region_posterior(self.regions(layer, state, images), self.directions(state))

    def points(
        self, layer: int, state: int, images: Sequence[int] | None = None
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which regions are knowledge points, and reliable ones, (images, regions)."""
        from actsense.patterns.knowledge import knowledge_points  # loads PyTorch

        labels = self.labels if images is None else self.labels[[*images]]
        found = self.posterior(layer, state, images)
        return knowledge_points(found, labels, threshold=self.threshold)

    def correlations(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of the table `embeddings` on the finished network, by method."""
        name = str(self.tree.attrs["network"])
        own = table[(table["network"] == name) & (table["kind"] == FINAL)]
        return own.set_index("method", drop=False)

    @property
    def _groups(self) -> list[str]:
        count = sum(name.startswith("regions_") for name in self.tree.children)
        return [f"regions_{number}" for number in range(count)]

    def _layer(
        self,
        layer: int,
        name: str,
        states: int | Sequence[int],
        images: Sequence[int] | None = None,
    ) -> Floats:
        array = self.tree[self._groups[layer]][name].isel(state=states)
        if images is not None:
            array = array.isel(image=[*images])
        return array.to_numpy().astype(np.float64)


def configured_threshold(points: pd.DataFrame) -> float:
    """Return the threshold that the study sets, from its table `knowledge_points`."""
    return float(points.loc[points["configured"], "threshold"].iloc[0])
