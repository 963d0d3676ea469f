"""The images of a study in a seeded order, by partition and class."""

__all__ = ["ImagePool"]

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsense.data.manifest import PARTITIONS
from actsense.draws import stream
from actsense.errors import ConfigError

VALIDATION = 1
SHUFFLED = 0  # the purpose; a word would give every study other images than before


@dataclass(frozen=True)
class ImagePool:
    """The images to draw from: for each partition and class, the rows of its images, shuffled.

    Attributes:
        rows: rows[partition][class] holds dataset rows, each a non-empty 1-D integer array.
        partitions: Names of the partitions.
    """

    rows: tuple[tuple[NDArray[np.int64], ...], ...]
    partitions: tuple[str, ...] = PARTITIONS

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
        order = stream(seed, SHUFFLED).permutation(len(label))
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

    @property
    def size(self) -> int:
        """Count the images."""
        return sum(len(rows) for partition in self.rows for rows in partition)

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Images in each partition and class, (partitions, classes)."""
        return np.array([[len(group) for group in part] for part in self.rows])

    def within(self, partitions: Sequence[str]) -> "ImagePool":
        """Return the images of some partitions.

        Arguments:
            partitions: Their names.
        """
        held = zip(self.partitions, self.rows, strict=True)
        chosen = {name: rows for name, rows in held if name in partitions}
        return ImagePool(tuple(chosen.values()), tuple(chosen))

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

    def samples(self, count: int, *, apart: bool = False) -> dict[str, NDArray[np.int64]]:
        """Return the rows of `balanced` under no name, or those of every partition by its name.

        Arguments:
            count: Images of each sample; all if there are fewer.
            apart: Whether partitions are samples of their own.
        """
        if not apart:
            return {"": self.balanced(count)}
        named = zip(self.partitions, self.rows, strict=True)
        return {name: ImagePool((part,)).balanced(count) for name, part in named}

    def validation(
        self, count: int, among: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return rows and classes of validation images, in turn from every class, (images,).

        Arguments:
            count: Images; all if there are fewer.
            among: Classes, ascending; all unless given.
        """
        groups = self.rows[VALIDATION]
        among = np.arange(len(groups)) if among is None else among
        rows, places = ImagePool((tuple(groups[k] for k in among),)).labelled(count)
        return rows, among[places]

    def labelled(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return what `balanced` does, and the class of every row, (images,)."""
        rows = self.balanced(count)
        groups = [group for part in self.rows for group in part]
        known = np.concatenate(groups)
        classes = np.repeat(np.arange(len(groups)) % len(self.rows[0]), [*map(len, groups)])
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
