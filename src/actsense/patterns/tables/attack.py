"""What an attack did to a network, to its regions, and to its knowledge points, as rows."""

__all__ = [
    "ATTACKS",
    "CHANGED_POINTS",
    "CHANGES",
    "ORIGINS",
    "TYPES",
    "AttackedPatterns",
    "attack_rows",
]

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actsense.patterns.knowledge import class_points
from actsense.patterns.stored import StoredPatterns
from actsense.patterns.trajectories import (
    count_origins,
    mean_changes,
    origins,
    trajectory_types,
    type_shares,
)
from actsense.statistics.resampling import interval, sample_ratio
from actsense.statistics.shares import wilson
from actsense.store.rows import Rows

ATTACKS = (
    *("network", "norm", "epsilon", "step", "steps", "targeted", "images"),
    *("accuracy_clean", "accuracy_clean_low", "accuracy_clean_high"),
    *("accuracy_attacked", "accuracy_attacked_low", "accuracy_attacked_high"),
    *("success", "success_low", "success_high", "largest"),
)
CHANGES = (
    *("network", "layer", "step", "orientation", "orientation_low", "orientation_high"),
    *("strength", "strength_low", "strength_high"),
)
TYPES = ("network", "layer", "type", "regions", "share", "low", "high")
ORIGINS = ("network", "layer", "bin_low", "bin_high", "regions")
CHANGED_POINTS = ("network", "layer", "when", "images", "points", "low", "high")

Floats = NDArray[np.float64]
Row = dict[str, Any]


def attack_rows(network: str, attack: Rows) -> Iterator[Row]:
    """Yield what an attack achieved: accuracies, and how often it succeeded.

    It succeeds with images that were right and no longer are, or, if it is targeted, have become
    the target. Intervals are Wilson's.

    Arguments:
        network: Its name.
        attack: What `write_attack` wrote.
    """
    images = np.arange(len(attack))
    predictions, labels, targets = (
        attack.read(images, name) for name in ("predictions", "label", "target")
    )
    first, last = predictions[:, 0], predictions[:, -1]
    right = first == labels
    done = last == targets if attack.attributes["targeted"] else last != labels
    row = {"network": network, "images": len(images)}
    row |= {key: attack.attributes[key] for key in ATTACKS if key in attack.attributes}
    for name, hits, trials in (
        ("accuracy_clean", right, len(images)),
        ("accuracy_attacked", last == labels, len(images)),
        ("success", done & right, right.sum()),
    ):
        low, high = wilson(hits.sum(), trials)
        row |= {name: hits.sum() / trials if trials else np.nan}
        row |= {f"{name}_low": float(low), f"{name}_high": float(high)}
    yield row


@dataclass(frozen=True)
class AttackedPatterns:
    """The regions of a network on the way of an attack.

    Arguments:
        network: Its name.
        stored: Its patterns.
        draws: Of the images, from `image_draws`.
    """

    network: str
    stored: StoredPatterns
    draws: Floats

    @property
    def states(self) -> list[int]:
        """The finished network on intact images, and every recorded step."""
        return [shown.state for shown in self.stored.attack]

    @property
    def original(self) -> NDArray[np.int64]:
        """The class that was most probable before, (images,)."""
        return self.stored.predicted(self.states[0])

    @property
    def adversarial(self) -> NDArray[np.int64]:
        """The class that is most probable after the last step, (images,)."""
        return self.stored.predicted(self.states[-1])

    def changes(self) -> Iterator[Row]:
        """Yield how far regions of a layer have turned and grown at every step."""
        steps = self.stored.root["step"].to_numpy()
        for layer, named in self._layers():
            before = self.stored.regions(layer, self.states[0])
            for state in self.states[1:]:
                found = mean_changes(before, self.stored.regions(layer, state), self.draws)
                yield named | {"step": int(steps[state])} | found

    def types(self) -> Iterator[Row]:
        """Yield the share of regions that went each of the four ways, layer by layer."""
        towards = self.stored.directions(self.stored.final)
        for layer, named in self._layers():
            path = self.stored.regions(layer, self.states)
            found = trajectory_types(path, towards, self.original, self.adversarial)
            for row in type_shares(found, self.draws):
                yield named | row

    def origins(self) -> Iterator[Row]:
        """Yield a histogram: what points of the attack's class said of the original one before."""
        for layer, named in self._layers():
            before, after = self._posteriors(layer)
            classes = (self.original, self.adversarial)
            found = origins(before, after, *classes, threshold=self.stored.threshold)
            for row in count_origins(found):
                yield named | row

    def points(self) -> Iterator[Row]:
        """Yield points of the original class before, and of the attack's class after it.

        Images whose class did not change count, too.
        """
        for layer, named in self._layers():
            posteriors, classes = self._posteriors(layer), (self.original, self.adversarial)
            for when, posterior, asked in zip(
                ("before", "after"), posteriors, classes, strict=True
            ):
                points = class_points(posterior, asked, threshold=self.stored.threshold)
                counts = points.sum(axis=1).astype(np.float64)
                samples = sample_ratio(counts[:, None], np.ones(len(counts)), self.draws)[:, 0]
                low, high = interval(samples)
                row = {"when": when, "images": len(points), "points": float(samples[0])}
                yield named | row | {"low": float(low), "high": float(high)}

    def _posteriors(self, layer: int) -> tuple[Floats, Floats]:
        first, *_, last = self.states
        return self.stored.posterior(layer, first), self.stored.posterior(layer, last)

    def _layers(self) -> Iterator[tuple[int, Row]]:
        for layer, name in enumerate(self.stored.layers):
            yield layer, {"network": self.network, "layer": name}
