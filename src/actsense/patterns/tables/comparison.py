"""All tables of the patterns study, from the stores of its networks."""

__all__ = ["TABLES", "compare_patterns"]

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from actsense.patterns.stored import StoredPatterns
from actsense.patterns.tables import attack, embeddings, knowledge
from actsense.statistics.resampling import image_draws
from actsense.store import read_results
from actsense.store.rows import Rows

TABLES = {
    "embeddings": embeddings.EMBEDDINGS,
    "knowledge_points": knowledge.POINTS,
    "knowledge_classes": knowledge.CLASSES,
    "knowledge_images": knowledge.IMAGES,
    "knowledge_differences": knowledge.DIFFERENCES,
    "attacks": attack.ATTACKS,
    "attack_changes": attack.CHANGES,
    "attack_types": attack.TYPES,
    "attack_origins": attack.ORIGINS,
    "attack_points": attack.CHANGED_POINTS,
}

Row = dict[str, Any]


def compare_patterns(
    stores: Mapping[str, Path],
    attacks: Mapping[str, Path],
    *,
    threshold: float,
    exchanged: bool,
    bootstrap: int,
    seed: int,
) -> dict[str, pd.DataFrame]:
    """Put embeddings, knowledge points and attacks of all networks into tables.

    Intervals are 95 %, over images that are drawn again, the same for all networks with as many.

    Arguments:
        stores: Results of `embed_patterns` by network.
        attacks: Stores of `write_attack` by network.
        threshold: Probability of a class from which on a region is a knowledge point.
        exchanged: Whether regions exchanged among images are one of the controls.
        bootstrap: Resamples of the images.
        seed: Seed of the study.

    Returns:
        The tables by name, with the columns of `TABLES`; docs/patterns.md says what is in them.
    """
    opened = {name: StoredPatterns(read_results(path), threshold) for name, path in stores.items()}
    draws = {"bootstrap": bootstrap, "seed": seed}
    rows: dict[str, list[Row]] = {name: [] for name in TABLES}
    for network, stored in opened.items():
        found = _network(network, stored, Rows(attacks[network]), exchanged=exchanged, **draws)
        for name, row in found:
            rows[name].append(row)
    rows["knowledge_differences"] += knowledge.difference_rows(opened, **draws)
    return {name: pd.DataFrame(rows[name], columns=columns) for name, columns in TABLES.items()}


def _network(
    network: str,
    stored: StoredPatterns,
    attacked: Rows,
    *,
    exchanged: bool,
    bootstrap: int,
    seed: int,
) -> Iterator[tuple[str, Row]]:
    """Yield the rows of one network, each with the name of its table."""
    draws = image_draws(len(stored.labels), bootstrap, seed=seed)
    ways = attack.AttackedPatterns(network, stored, draws)
    found: dict[str, Iterator[Row]] = {
        "embeddings": embeddings.embedding_rows(network, stored, bootstrap=bootstrap, seed=seed),
        "knowledge_points": knowledge.point_rows(
            network, stored, exchanged=exchanged, draws=draws, seed=seed
        ),
        "knowledge_classes": knowledge.class_rows(network, stored),
        "knowledge_images": knowledge.image_rows(network, stored),
        "attacks": attack.attack_rows(network, attacked),
        "attack_changes": ways.changes(),
        "attack_types": ways.types(),
        "attack_origins": ways.origins(),
        "attack_points": ways.points(),
    }
    for name, rows in found.items():
        for row in rows:
            yield name, row
