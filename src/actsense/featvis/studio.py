"""Where the pictures of a study are made: natural images, starts, batches that fit, states."""

__all__ = ["Pictures", "Studio"]

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.device.memory import Memory
from actsense.draws.counter import counter_keys
from actsense.featvis.pictures.starts import start_images
from actsense.featvis.pictures.statistics import ImageStatistics
from actsense.featvis.search.record import Made
from actsense.featvis.search.synthesis import synthesise
from actsense.featvis.search.watch import Watch
from actsense.featvis.sets import TargetSet
from actsense.featvis.settings import Featvis
from actsense.networks.subject import Subject
from actsense.progress import Progress

READ = 64  # images at a time, where all are looked at

Labels = dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Pictures:
    """Pictures of a set of targets.

    Attributes:
        kept: Iterations whose pictures are kept, from 0 to the last.
        images: Pictures, (kept, pictures, 3, side, side) uint8.
        transparency: How much every pixel was worked on, (pictures, side, side) in [0, 1].
        iterations: Iterations that curves have points at.
        curves: Every part of the objective, (pictures, iterations) float32.
        balance: Weight of the distance, (pictures,).
        silent: Whether the target never responded, (pictures,) bool.
    """

    kept: list[int]
    images: NDArray[np.uint8]
    transparency: NDArray[np.float32]
    iterations: list[int]
    curves: dict[str, NDArray[np.float32]]
    balance: NDArray[np.float32]
    silent: NDArray[np.bool_]

    @classmethod
    def of_parts(cls, parts: list[Made]) -> "Pictures":
        """Return the pictures of all parts of a set, in their order."""
        first = parts[0]
        images = torch.cat([part.images for part in parts], dim=1)
        return cls(
            kept=first.kept,
            images=images.mul(255).round_().clamp_(0, 255).to(torch.uint8).numpy(),
            transparency=torch.cat([part.transparency for part in parts]).numpy(),
            iterations=first.iterations,
            curves={
                name: torch.cat([part.curves[name] for part in parts]).numpy()
                for name in first.curves
            },
            balance=torch.cat([part.balance for part in parts]).numpy(),
            silent=torch.cat([part.silent for part in parts]).numpy(),
        )


@dataclass(frozen=True)
class Studio:
    """What all pictures of a network are made with.

    Attributes:
        subject: The network, with its images.
        settings: The section `featvis` of the configuration.
        rows: Rows of the natural images, (images,).
        statistics: What is known of them as images.
        states: Folder of what a run goes on from after it was cut off.
        seed: Seed of the study.
    """

    subject: Subject
    settings: Featvis
    rows: NDArray[np.int64]
    statistics: ImageStatistics
    states: Path
    seed: int

    @classmethod
    def open(
        cls,
        subject: Subject,
        settings: Featvis,
        rows: NDArray[np.int64],
        *,
        states: Path,
        seed: int,
    ) -> "Studio":
        """Look at the natural images first; arguments are the attributes."""
        statistics = ImageStatistics.measure(_Batches(subject, rows))
        return cls(subject, settings, rows, statistics, states, seed)

    def measured(
        self, measure: Callable[[NDArray[np.uint8]], NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """Return a measure of every natural image, (images,)."""
        rows, images = self.rows, self.subject.images
        parts = [measure(images.read(rows[k : k + READ])) for k in range(0, len(rows), READ)]
        return np.concatenate(parts)

    def iterations(self, own: TargetSet) -> int:
        """Count the iterations that a set takes, of all batches."""
        return ceil(len(own.targets) / self._together) * int(self.settings.search.iterations)

    def make(
        self, maker: Subject, own: TargetSet, weights: str, bar: Progress
    ) -> tuple[Pictures, Labels]:
        """Make all pictures of a set.

        Arguments:
            maker: The network that is looked into.
            own: The targets.
            weights: Which weights it has: pictures of others start elsewhere.
            bar: How far all pictures are.

        Returns:
            The pictures, target by target; `target`, `seed` and `variant` of each.
        """
        each = self._each
        labels = self._labels(len(own.targets))
        numbers = [torch.from_numpy(values) for values in labels.values()]
        layer = own.layer.name
        keys = counter_keys(
            self.seed, ["pictures of features", weights, own.kind, layer, *numbers]
        )
        parts: dict[int, Made] = {}
        targets = own.targets.to(maker.device)
        watch = Watch.of_subject(maker, own.layer.name, self.settings.objective.penalty)

        def work(part: slice) -> None:
            pictures = slice(part.start * each, part.stop * each)
            target = torch.from_numpy(labels["target"][pictures])
            parts[part.start] = synthesise(
                watch,
                targets[target.to(maker.device)],
                self._starts(own, target.numpy(), keys[pictures]),
                self.statistics,
                keys=keys[pictures].to(maker.device),
                groups=self._groups(labels, pictures),
                objective=self.settings.objective,
                picture=self.settings.picture,
                search=self.settings.search,
                kept=self.settings.kept,
                state=self.states / f"{weights}_{own.kind}_{own.layer.name}_{part.start}.pt",
                bar=bar,
                precision=maker.precision,
            )

        Memory(maker.device, self._together, "targets").run(len(own.targets), work)
        return Pictures.of_parts([parts[start] for start in sorted(parts)]), labels

    @property
    def _each(self) -> int:
        """Pictures of a target."""
        return int(self.settings.seeds * self.settings.variants)

    @property
    def _together(self) -> int:
        """Targets whose pictures are made in one batch."""
        return max(1, self.subject.batch_size // self._each)

    def _labels(self, targets: int) -> Labels:
        shape = (targets, self.settings.seeds, self.settings.variants)
        places = np.indices(shape).reshape(3, -1)
        return dict(zip(("target", "seed", "variant"), places.astype(np.int64), strict=True))

    def _groups(self, labels: Labels, pictures: slice) -> Tensor:
        """Return which pictures shall differ: variants of one target and seed."""
        group = labels["target"] * self.settings.seeds + labels["seed"]
        return torch.from_numpy(group[pictures])

    def _starts(self, own: TargetSet, target: NDArray[np.int64], keys: Tensor) -> Tensor:
        """Return what pictures start from, (pictures, 3, side, side) in [0, 1]."""
        members = self.subject.images.read(self.rows[own.best[target]].ravel())
        shape = (*own.best[target].shape, *members.shape[1:])
        return start_images(
            self.settings.picture.start,
            keys.to(self.subject.device),
            self.statistics,
            members=torch.from_numpy(members.reshape(shape)),
            weights=torch.from_numpy(own.weight[target]),
        )


@dataclass(frozen=True)
class _Batches:
    """Images of some rows, a few at a time, as often as they are gone through."""

    subject: Subject
    rows: NDArray[np.int64]

    def __iter__(self) -> Iterator[Tensor]:
        for first in range(0, len(self.rows), READ):
            yield self.subject.read(self.rows[first : first + READ])
