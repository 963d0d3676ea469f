"""The input law: from uniform coordinates to images and augmentations.

Independent factors: one per augmentation (its switch together with its parameters), then `order`
and `content`, whose parts are `partition`, `class` and `image`, each inside those before it. The
network's output is a deterministic function of them; in particular the image is a part of a
factor, never a hidden draw (specified in docs/method.md).
"""

__all__ = ["LAWS", "Evaluations", "ImagePool", "InputLaw"]

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsense.augment import (
    AUGMENTATIONS,
    DIVISIONS,
    LARGEST_DIVISION,
    Choice,
    Parameter,
    parameter_columns,
)
from actsense.errors import ConfigError
from actsense.sampling.designs import Factor, design_factors

LAWS = ("switched", "always")
PARTITIONS = ("train", "validation")
VALIDATION = 1
SWITCH_PROBABILITY = 0.5  # of every augmentation that has a switch


@dataclass(frozen=True)
class ImagePool:
    """The images to draw from: for each partition and class, the rows of its images, shuffled.

    Attributes:
        rows: rows[partition][class] holds dataset rows, each a non-empty 1-D integer array.
    """

    rows: tuple[tuple[NDArray[np.int64], ...], ...]

    @classmethod
    def shuffled(
        cls, partition: NDArray[np.int64], label: NDArray[np.int64], *, seed: int
    ) -> "ImagePool":
        """Group dataset rows by partition and class, in a seeded order.

        Arguments:
            partition: Partition of every row: 0 for train, 1 for validation, (rows,).
            label: Class of every row, counted from 0, (rows,).
            seed: Seed of the study.

        Raises:
            ConfigError: If a partition lacks a class.
        """
        generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
        order = generator.permutation(len(label))
        groups = []
        for part in (0, 1):
            rows = [
                order[(partition[order] == part) & (label[order] == k)]
                for k in range(label.max() + 1)
            ]
            empty = [k for k, group in enumerate(rows) if not len(group)]
            if empty:
                raise ConfigError(
                    f"dataset: partition {PARTITIONS[part]} has no image of class "
                    f"number {empty[0]}, but every class needs images in both. Add images, or "
                    "change validation_fraction or samples_per_class."
                )
            groups.append(tuple(rows))
        return cls(tuple(groups))

    @classmethod
    def of_manifest(cls, manifest: pd.DataFrame, *, seed: int) -> "ImagePool":
        """Group the rows of a dataset's manifest, see `shuffled`."""
        partition = (manifest["partition"] == PARTITIONS[VALIDATION]).to_numpy().astype(np.int64)
        return cls.shuffled(partition, manifest["label"].to_numpy(np.int64), seed=seed)

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Images in each partition and class, (partitions, classes)."""
        return np.array([[len(group) for group in part] for part in self.rows])

    @cached_property
    def _table(self) -> NDArray[np.int64]:
        table = np.full((*self.sizes.shape, self.sizes.max()), -1)
        for p, part in enumerate(self.rows):
            for k, group in enumerate(part):
                table[p, k, : len(group)] = group
        return table

    def balanced(self, count: int) -> NDArray[np.int64]:
        """Return different rows, taken in turn from every partition and class, (count or all,)."""
        held = self._table.transpose(2, 0, 1).reshape(-1)
        return np.ascontiguousarray(held[held >= 0][:count])

    def validation(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return rows and classes of validation images, in turn from every class, (images,)."""
        groups = self.rows[VALIDATION]
        rows = ImagePool((groups,)).balanced(count)
        known = np.concatenate(groups)
        classes = np.repeat(np.arange(len(groups)), [*map(len, groups)])
        order = known.argsort()
        return rows, classes[order][np.searchsorted(known[order], rows)]

    def locate(
        self,
        u_class: NDArray[np.float64],
        u_image: NDArray[np.float64],
        u_partition: NDArray[np.float64],
    ) -> NDArray[np.int64]:
        """Return the dataset row that three uniform coordinates choose, all (rows,)."""
        partitions, classes = self.sizes.shape
        part = (u_partition * partitions).astype(np.int64)
        label = (u_class * classes).astype(np.int64)
        rank = (u_image * self.sizes[part, label]).astype(np.int64)
        return np.asarray(self._table[part, label, rank])


@dataclass(frozen=True)
class Evaluations:
    """What to feed the network, one row per evaluation, in canonical form.

    Two rows are equal exactly when they make the same input image: augmentations that are off
    leave no trace in `values` or in `sequence`.

    Attributes:
        image: Dataset row, (rows,) int64.
        sequence: Augmentations in order of application, then -1, (rows, augmentations) int64.
        values: Their parameters, 0 where off, (rows, parameters) float32.
    """

    image: NDArray[np.int64]
    sequence: NDArray[np.int64]
    values: NDArray[np.float32]

    def distinct(self) -> tuple["Evaluations", NDArray[np.int64]]:
        """Return the different rows, and for every row where it stands among them, (rows,)."""
        integers = np.column_stack([self.image, self.sequence]).astype(np.int64)
        parameters = np.ascontiguousarray(self.values).view(np.int32).astype(np.int64)
        _, first, place = np.unique(
            np.column_stack([integers, parameters]), axis=0, return_index=True, return_inverse=True
        )
        # In order of first appearance, so that a batch keeps the images of a base point together.
        rank = np.empty(len(first), dtype=np.int64)
        rank[first.argsort()] = np.arange(len(first))
        kept = np.sort(first)
        return self[kept], rank[place.reshape(-1)]

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> "Evaluations":
        return Evaluations(self.image[rows], self.sequence[rows], self.values[rows])

    def __len__(self) -> int:
        return len(self.image)


@dataclass(frozen=True)
class InputLaw:
    """The joint law of augmentations and images behind every index.

    Arguments:
        augmentations: Names, in the order of the factors.
        law: `switched`: every augmentation is on with probability one half, its parameters are
            uniform on their ranges. `always`: those with parameters are always on.
        size: Height and width of the images, pixels.
        pool: The images to draw from.
        divisions: Cells per side that augmentations of patches choose from.

    Raises:
        ConfigError: If an augmentation cannot divide the images so.
    """

    augmentations: tuple[str, ...]
    law: str
    size: tuple[int, int]
    pool: ImagePool
    divisions: tuple[int, ...] = DIVISIONS

    def __post_init__(self) -> None:
        if self.law not in LAWS:
            raise ValueError(f"law must be one of {', '.join(LAWS)}; got {self.law!r}.")
        divided = [name for name in self.augmentations if AUGMENTATIONS[name].divided]
        most = min(*self.size, LARGEST_DIVISION)
        if divided and not all(1 <= division <= most for division in self.divisions):
            raise ConfigError(
                f"designs, divisions: {list(self.divisions)} do not all lie between 1 and {most}, "
                f"the most cells per side that {', '.join(divided)} can cut images of "
                f"{self.size[0]} x {self.size[1]} pixels into. Give smaller numbers."
            )

    @classmethod
    def of_design(cls, settings: Mapping[str, Any], *, size: int, pool: ImagePool) -> "InputLaw":
        """Read the law of a design.

        Arguments:
            settings: Its settings: augmentations, law and, where they are not the usual ones,
                divisions.
            size: Side of the images, pixels.
            pool: The images to draw from.
        """
        return cls(
            tuple(settings["augmentations"]),
            settings["law"],
            (size, size),
            pool,
            tuple(sorted(settings.get("divisions", DIVISIONS))),
        )

    @cached_property
    def parameters(self) -> tuple[tuple[Parameter | Choice, ...], ...]:
        """Parameters of every augmentation."""
        return tuple(
            AUGMENTATIONS[name].parameters(*self.size, self.divisions)
            for name in self.augmentations
        )

    @cached_property
    def switches(self) -> tuple[bool, ...]:
        """Whether each augmentation has a switch."""
        return tuple(self.law == "switched" or not ranges for ranges in self.parameters)

    @cached_property
    def factors(self) -> tuple[Factor, ...]:
        """The factors with their uniform coordinates: switch first, then parameters."""
        own = [
            Factor(name, int(switch) + len(ranges))
            for name, switch, ranges in zip(
                self.augmentations, self.switches, self.parameters, strict=True
            )
        ]
        # One key per augmentation, ranked: continuous in every key, unlike one coded coordinate.
        return design_factors(own, keys=len(self.augmentations))

    def decode(self, coordinates: NDArray[np.float64]) -> Evaluations:
        """Turn uniform coordinates into evaluations.

        Arguments:
            coordinates: Uniforms in factor order, (rows, coordinates) in [0, 1).
        """
        starts = np.cumsum([factor.coordinates for factor in self.factors])[:-1]
        *own, keys, content = np.split(coordinates, starts, axis=1)
        partition, label, image = content.T
        columns, values = self._empty_values(len(coordinates))
        on = np.ones((len(coordinates), len(self.augmentations)), dtype=bool)
        for j, (name, u) in enumerate(zip(self.augmentations, own, strict=True)):
            if self.switches[j]:
                on[:, j] = u[:, 0] < SWITCH_PROBABILITY
            drawn = self._draw(j, u[:, int(self.switches[j]) :])
            values[:, columns[name]] = np.where(on[:, j, None], drawn, 0.0)
        return Evaluations(
            image=self.pool.locate(label, image, partition),
            sequence=_pack(keys.argsort(axis=1), on),
            values=values,
        )

    def alone(
        self, rows: NDArray[np.int64], augmentation: int, u: NDArray[np.float64]
    ) -> Evaluations:
        """Apply one augmentation, always on, to chosen images.

        Arguments:
            rows: Dataset rows, (rows,).
            augmentation: Position among the augmentations, or -1 for the untouched images.
            u: Uniforms for its parameters, (rows, at least its parameters).
        """
        columns, values = self._empty_values(len(rows))
        sequence = np.full((len(rows), len(self.augmentations)), -1)
        if augmentation >= 0:
            sequence[:, 0] = augmentation
            values[:, columns[self.augmentations[augmentation]]] = self._draw(augmentation, u)
        return Evaluations(rows, sequence, values)

    def _draw(self, augmentation: int, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn uniforms into the parameters of one augmentation, (rows, its parameters)."""
        parameters = self.parameters[augmentation]
        drawn = np.empty((len(u), len(parameters)))
        for j, parameter in enumerate(parameters):
            drawn[:, j] = parameter.at(u[:, j])
        return drawn

    def _empty_values(self, rows: int) -> tuple[dict[str, slice], NDArray[np.float32]]:
        columns = parameter_columns(self.augmentations)
        total = sum(len(ranges) for ranges in self.parameters)
        return columns, np.zeros((rows, total), dtype=np.float32)


def _pack(order: NDArray[np.int64], on: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Keep the augmentations that are on, in order, and fill up with -1."""
    used = np.take_along_axis(on, order, axis=1)
    left = np.argsort(~used, axis=1, kind="stable")
    packed = np.take_along_axis(np.where(used, order, -1), left, axis=1)
    return np.ascontiguousarray(packed)
