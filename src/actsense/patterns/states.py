"""The states of a network, and where its images lie in each of them.

A state is the network at one moment: finished, after an epoch, with random weights, taught with
shuffled answers, or in front of attacked images. All but the last get an embedding of their own,
turned onto that of the finished network; attacked images are placed by its projection.

Checkpoints are fitted from the last to the first, each begun at the one after it: before the
training there is no direction that could be handed on.
"""

__all__ = ["FeatureStates", "State"]

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.draws import stream
from actsense.errors import ConfigError
from actsense.patterns.samples import SampleFit, fit_samples, targets
from actsense.patterns.settings import Patterns
from actsense.store.rows import Rows

AXES = 3
IMPOSSIBLE = 1e-12  # probability below which no class falls


@dataclass(frozen=True)
class State:
    """A network at one moment, in front of the images.

    Attributes:
        name: What it is called.
        kind: `final`, `checkpoint`, `random`, `shuffled` or `attack`.
        first: Its first row among the recorded features.
        target: What the network says of the images, (images, classes) float64.
        fit: The embedding of its images: its own, or that of the finished network.
        embedding: Where its images lie, (images, axes).
        epoch: Epoch of a checkpoint, or NaN.
        step: Step of an attack, or NaN.
    """

    name: str
    kind: str
    first: int
    target: Tensor
    fit: SampleFit
    embedding: Tensor
    epoch: float = np.nan
    step: float = np.nan

    @property
    def fitted(self) -> bool:
        """Whether it has an embedding of its own."""
        return self.kind != "attack"


@dataclass(frozen=True)
class FeatureStates:
    """What was recorded of a network in all its states.

    Arguments:
        features: What `record_features` wrote.
        settings: The section `patterns` of the configuration.
        seed: Seed of the study.
        device: Where embeddings are fitted.
    """

    features: Rows
    settings: Patterns
    seed: int
    device: torch.device

    @property
    def images(self) -> int:
        """Number of images."""
        return int(self.features.attributes["images"])

    def read(self, column: str, first: int = 0) -> Tensor:
        """Return a column of one state, (images, ...), on the device.

        Arguments:
            column: Its name in the store.
            first: First row of the state.

        Raises:
            ConfigError: If a value is not finite.
        """
        values = self.read_plain(column, first)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ConfigError(
                f"{self.features.path}: {column} holds values that are not finite. Compute in "
                "`precision: float32`, or leave the network out with `patterns.networks`."
            )
        return torch.from_numpy(values).to(self.device)

    def read_plain(self, column: str, first: int = 0) -> NDArray[Any]:
        """Return a column of one state as it is."""
        return self.features.read(np.arange(first, first + self.images), column)

    def states(self) -> list[State]:
        """Return the finished network, its checkpoints, the controls, and steps of the attack."""
        found: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        for number, described in enumerate(self.features.attributes["states"]):
            found.setdefault(described["kind"], []).append((number * self.images, described))
        final = self._fitted(*found["final"][0])
        checkpoints, later = [], final
        for first, described in reversed(found.get("checkpoint", [])):
            later = self._fitted(first, described, near=later)
            checkpoints.append(later)
        controls = [self._fitted(*one, aligned=final) for one in found.get("random", [])]
        if "shuffled" in self.settings.controls:
            controls.append(self._shuffled(final))
        attacked = [self._attacked(*one, final) for one in found.get("attack", [])]
        return [final, *reversed(checkpoints), *controls, *attacked]

    def _fitted(
        self,
        first: int,
        described: dict[str, Any],
        *,
        near: State | None = None,
        aligned: State | None = None,
    ) -> State:
        """Fit an embedding, from several starts, or from the embedding `near` to it."""
        target = self._target(first)
        fit = self._fit(first, target, start=near, aligned=aligned)
        return State(
            *(described["name"], described["kind"], first, target, fit, fit.embedding),
            epoch=described.get("epoch", np.nan),
        )

    def _shuffled(self, final: State) -> State:
        """Fit the features of the finished network to what it says of other images."""
        order = stream(self.seed, "answers shuffled among images").permutation(self.images)
        target = final.target[torch.from_numpy(order).to(self.device)]
        fit = self._fit(final.first, target, start=None, aligned=final)
        return State("shuffled", "shuffled", final.first, target, fit, fit.embedding)

    def _attacked(self, first: int, described: dict[str, Any], final: State) -> State:
        embedding = self.read("hidden", first) @ final.fit.projection.T.to(torch.float32)
        return State(
            *(described["name"], "attack", first, self._target(first), final.fit, embedding),
            step=described["step"],
        )

    def _target(self, first: int) -> Tensor:
        """Return what the network says; random weights can make a class wholly impossible."""
        said = targets(self.read("logits", first), temperature=self.settings.temperature)
        said = said.clamp_min(IMPOSSIBLE)
        return said / said.sum(dim=1, keepdim=True)

    def _fit(
        self, first: int, target: Tensor, *, start: State | None, aligned: State | None
    ) -> SampleFit:
        """Fit an embedding, near that of another state if there is one, and turned onto it."""
        features, turned = self.read("hidden", first), start or aligned
        if not features.any():
            return _nowhere(features, target)
        begun = start if start and start.fit.projection.any() else None
        return fit_samples(
            *(features, target),
            seeds=1 if begun else self.settings.seeds,
            seed=self.seed,
            start=begun.fit.projection if begun else None,
            align=turned.embedding if turned else None,
        )


def _nowhere(features: Tensor, target: Tensor) -> SampleFit:
    """Return the embedding of features that are all 0: every image lies at the origin."""
    prior = target.mean(dim=0)
    loss = target.xlogy(target / prior).sum(dim=1).mean()
    zeros = target.new_zeros
    return SampleFit(
        projection=zeros(AXES, features.shape[1]),
        directions=zeros(len(prior), AXES),
        prior=prior,
        embedding=zeros(len(features), AXES),
        loss=float(loss),
        losses=loss[None],
        spread=zeros(len(features)),
        traces=loss[None, None],
    )
