"""A design as a table: a row for every evaluation, computed without reading an image.

Rows are the nodes of the blocks in the order in which they are sampled: by replicate, block, base
point and node. Nodes that make the same image share one `row` of their block, which the network
sees once; every node counts once under the law, a row as often as nodes share it.

    replicate, base_point, node    which evaluation, each counted from 0
    point       what the node takes from b: `A` nothing, `B` all, `AB hue` the factor alone,
                `BA hue` all but the factor, `walk` what a walk has exchanged so far; groups of
                parts are joined by `+`
    block, row  where its activations are stored: the block in its replicate, the row in the block
    image       row of the manifest; then its `partition` and `class`
    order       the augmentations that are on, in order of application, joined by ` > `
    hue         whether the augmentation is on, and so on for each
    hue_shift   its parameter, float32, empty where it is off, and so on for each
"""

__all__ = ["JOINED", "DesignTable", "node_names"]

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsense.augment import parameter_columns
from actsense.data.pool import ImagePool
from actsense.progress import progress
from actsense.sampling.decoding import decode_block
from actsense.sampling.designs import Design
from actsense.sampling.law import Evaluations, InputLaw
from actsense.sampling.plan import build_design
from actsense.sampling.settings import DesignSettings
from actsense.store.tables import write_parts

JOINED = " > "  # augmentations in order of application


def node_names(design: Design) -> tuple[str, ...]:
    """Return what every node of a base point takes from b, see above, (nodes,)."""
    parts = design.parts
    groups = [factor.name for factor in design.factors]
    groups += ["+".join(parts[:count]) for count in range(1, len(parts))]
    groups += ["+".join(parts[-count:]) for count in range(1, len(parts))]
    named = ["A", "B", *(f"{kind} {group}" for kind in ("AB", "BA") for group in groups)]
    return (*named, *["walk"] * (design.nodes - len(named)))


@dataclass(frozen=True)
class DesignTable:
    """The rows of a design.

    Arguments:
        design: The design.
        law: Its input law, with the images of the dataset.
        manifest: The manifest of the dataset.
    """

    design: Design
    law: InputLaw
    manifest: pd.DataFrame

    @classmethod
    def of(
        cls, name: str, settings: DesignSettings, manifest: pd.DataFrame, *, size: int, seed: int
    ) -> "DesignTable":
        """Return the table of a configured design.

        Arguments:
            name: Its name in the configuration.
            settings: Its settings.
            manifest: The manifest of the dataset.
            size: Side of the images, pixels.
            seed: Seed of the study.
        """
        pool = ImagePool.of_manifest(manifest, seed=seed)
        law = InputLaw.of_design(settings, size=size, pool=pool)
        return cls(build_design(name, settings, seed=seed), law, manifest)

    def __len__(self) -> int:
        return self.design.evaluations

    @property
    def block_rows(self) -> int:
        """Rows of a block."""
        return self.design.points_per_block * self.design.nodes

    def block(self, replicate: int, number: int) -> pd.DataFrame:
        """Return the rows of one block.

        Arguments:
            replicate: The replicate, from 0.
            number: The block in it, from 0.
        """
        _, evaluations, place = decode_block(self.design, self.law, replicate, number)
        points, nodes = place.shape
        first = number * self.design.points_per_block
        numbered = {
            "replicate": np.full(place.size, replicate),
            "base_point": np.repeat(np.arange(first, first + points), nodes),
            "node": np.tile(np.arange(nodes), points),
            "point": pd.Categorical(self._names * points, categories=self._kinds),
            "block": np.full(place.size, number),
            "row": place.reshape(-1),
        }
        shown = self._shown(evaluations).take(place.reshape(-1)).reset_index(drop=True)
        return pd.concat([pd.DataFrame(numbered), shown], axis=1)

    def blocks(self) -> Iterator[pd.DataFrame]:
        """Yield the rows, block after block."""
        count = self.design.blocks
        every = range(self.design.replicates * count)
        for k in progress(every, desc=self.design.name, unit="evaluation", each=self.block_rows):
            yield self.block(*divmod(k, count))

    def whole(self) -> pd.DataFrame:
        """Return all rows."""
        return pd.concat(self.blocks(), ignore_index=True)

    def write(self, path: Path) -> None:
        """Write all rows as CSV; one block is held at a time.

        Arguments:
            path: The file, which appears when it is complete.
        """
        write_parts(self.blocks(), path)

    def _shown(self, evaluations: Evaluations) -> pd.DataFrame:
        """Return what different evaluations show the network."""
        names, applied = self.law.augmentations, evaluations.sequence
        columns: dict[str, Any] = {
            "image": evaluations.image,
            "partition": self._partitions[evaluations.image],
            "class": self._classes[evaluations.image],
            "order": [
                JOINED.join(names[k] for k in row if k >= 0) for row in evaluations.sequence
            ],
        }
        located = parameter_columns(names, self.law.catalog)
        for j, name in enumerate(names):
            columns[name] = on = (applied == j).any(axis=1)
            values = evaluations.values[:, located[name]]
            for parameter, drawn in zip(self.law.parameters[j], values.T, strict=True):
                columns[f"{name}_{parameter.name}"] = _where(on, drawn)
        return pd.DataFrame(columns)

    @cached_property
    def _names(self) -> list[str]:
        return [*node_names(self.design)]

    @cached_property
    def _kinds(self) -> list[str]:
        return [*dict.fromkeys(self._names)]

    @cached_property
    def _partitions(self) -> pd.Categorical:
        return pd.Categorical(self.manifest["partition"])

    @cached_property
    def _classes(self) -> pd.Categorical:
        return pd.Categorical(self.manifest["class_name"])


def _where(on: NDArray[np.bool_], drawn: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the parameters of those that are on, NaN elsewhere."""
    return np.where(on, drawn, np.float32(np.nan))
