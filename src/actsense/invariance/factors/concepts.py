"""What pairs of a study share: its classes, digits and backgrounds, or columns of a file."""

__all__ = ["concept_labels", "recorded_pairs"]

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.invariance.factors.pairs import Pairs, draw_pairs
from actsense.invariance.factors.plan import CLASSES, SETTING
from actsense.invariance.flow.data import FlowData
from actsense.invariance.latents import read_latents
from actsense.store.rows import Rows
from actsense.texts import from_cell


def concept_labels(concepts: str, manifest: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Return the labels of all images, (images,), by concept.

    Arguments:
        concepts: `classes`, or a CSV file: a column `path` as in the manifest, and one for every
            concept; a line for every image.
        manifest: Of the images.

    Raises:
        ConfigError: If the file is missing, lacks columns, images or labels, or names images
            that are not there, or one twice.
    """
    if concepts == CLASSES:
        return {"class": manifest["label"].to_numpy()}
    table = _read(concepts)
    known, own = pd.Index(manifest["path"]), pd.Index(table["path"])
    _refuse(concepts, own[own.duplicated()], "have several lines", "Leave one of each")
    _refuse(concepts, own.difference(known), "are no images of the dataset", "Leave them out")
    _refuse(concepts, known.difference(own), "are images without a line", "Add their labels")
    labels = table.set_index("path").loc[known]
    for concept in labels:
        empty = known[(labels[concept] == "").to_numpy()]
        _refuse(concepts, empty, f"have no label of `{concept}`", "Add it, or leave it out")
    return {str(concept): labels[concept].to_numpy(str) for concept in labels}


def recorded_pairs(
    labels: Mapping[str, NDArray[Any]],
    among: NDArray[np.bool_],
    latents: Path,
    count: int,
    *,
    seed: int,
) -> Pairs:
    """Draw pairs of images whose latents are recorded.

    Arguments:
        labels: Of all images, by concept.
        among: Images that may be drawn, (images,), such as those of a partition.
        latents: What `record_latents` wrote.
        count: Pairs of every concept.
        seed: Seed of the pairs.

    Raises:
        ConfigError: If no two of these images share a concept.
    """
    store = Rows(latents)
    rows = store.read(np.arange(len(store)), "row")
    rows = np.sort(rows[among[rows]])
    chosen = {concept: own[rows] for concept, own in labels.items()}
    first, second, shared = draw_pairs(chosen, count, seed=seed)
    used, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    data = FlowData(*read_latents(latents, rows[used]), None)
    return Pairs(data, tuple(labels), places[: len(first)], places[len(first) :], shared)


def _read(concepts: str) -> pd.DataFrame:
    """Read all cells as text."""
    try:
        with Path(concepts).expanduser().open(encoding="utf-8-sig", newline="") as file:
            heads, *lines = [line for line in csv.reader(file) if line] or [[]]
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(f"{SETTING}: {concepts}: no readable CSV file ({error}).") from error
    if len(heads) != len({*heads}) or "path" not in heads or len(heads) < 2:
        raise ConfigError(
            f"{SETTING}: {concepts} has the columns {', '.join(heads) or 'none'}. It needs "
            "`path`, as in the manifest, and one for every concept, each once."
        )
    uneven = [number for number, line in enumerate(lines, 2) if len(line) != len(heads)]
    if uneven:
        raise ConfigError(
            f"{SETTING}: {concepts}: line {uneven[0]} has another number of cells than the "
            f"{len(heads)} columns."
        )
    table = pd.DataFrame(lines, columns=heads, dtype=str)
    return table.assign(path=table["path"].map(from_cell))


def _refuse(concepts: str, paths: pd.Index, what: str, advice: str) -> None:
    if len(paths):
        raise ConfigError(
            f"{SETTING}: {concepts}: {len(paths)} paths {what}, first {paths[0]!r}. {advice}."
        )
