"""From stores and tables of patterns to the pictures that apply to a network and to a study."""

__all__ = ["plot_network", "plot_study"]

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actsense.data.cache import ImageCache
from actsense.drawing.names import legible
from actsense.drawing.style import save
from actsense.patterns.figures.attack import (
    attack_changes,
    attacked_points,
    changed_images,
)
from actsense.patterns.figures.choice import clearest_image, typical_images
from actsense.patterns.figures.counts import (
    difference_lines,
    embedding_dots,
    point_bars,
    point_curves,
    training_lines,
)
from actsense.patterns.figures.embedding import embedding_views
from actsense.patterns.figures.knowledge import depth_paths, knowledge_points_on_images
from actsense.patterns.figures.training import training_animation, training_snapshots
from actsense.patterns.figures.trajectories import attacked_trajectories, last_types
from actsense.patterns.figures.weights import weight_maps
from actsense.patterns.stored import StoredPatterns, configured_threshold
from actsense.store import read_results, read_table, replacing
from actsense.store.rows import Rows

TABLES = ("embeddings", "attack_changes", "attack_points", "attack_origins", "attack_types")


def plot_network(
    patterns: Path,
    attack: Path,
    tables: Mapping[str, Path],
    images: ImageCache,
    output: Path,
    *,
    title: str,
    dpi: int,
) -> None:
    """Draw all figures of one network into a folder.

    `training.png` and `training.gif` are drawn only of networks with checkpoints.

    Arguments:
        patterns: Store of the network.
        attack: Store of its attacked images.
        tables: CSV files of the study, by name.
        images: The images of the study.
        output: Folder of the figures.
        title: The study.
        dpi: Dots per inch of the PNG files.
    """
    threshold = configured_threshold(read_table(tables["knowledge_points"]))
    stored = StoredPatterns(read_results(patterns), threshold)
    network = str(stored.tree.attrs["network"])
    own = {name: read_table(tables[name]) for name in TABLES}
    own = {name: one[one["network"] == network] for name, one in own.items()}
    title = f"{title}, {legible(network)}"
    figures = _still(stored, own["embeddings"], images, title)
    figures |= _attacked(stored, own, images, attack, title)
    grown = len(stored.training) > 1
    if grown:
        figures["training"] = training_snapshots(stored, title=title)
    with replacing(output) as folder:
        folder.mkdir()
        for name, figure in figures.items():
            save(figure, folder / f"{name}.png", dpi=dpi)
        if grown:
            (folder / "training.gif").write_bytes(training_animation(stored, title=title))


def plot_study(tables: Mapping[str, Path], output: Path, *, title: str, dpi: int) -> None:
    """Draw all figures that compare networks into a folder.

    `training_counts.png` is drawn only if a network has checkpoints, `networks.png` only if there
    are two networks.

    Arguments:
        tables: CSV files of the study, by name.
        output: Folder of the figures.
        title: The study.
        dpi: Dots per inch of the PNG files.
    """
    points, embeddings, differences = (
        read_table(tables[name])
        for name in ("knowledge_points", "embeddings", "knowledge_differences")
    )
    classes = embeddings.groupby("network")["classes"].first()
    figures = {
        "knowledge": point_bars(points, classes, title=title),
        "curves": point_curves(points, title=title),
        "embeddings": embedding_dots(embeddings, title=title),
    }
    if (points["kind"] == "checkpoint").any():
        figures["training_counts"] = training_lines(points, title=title)
    if len(differences):
        figures["networks"] = difference_lines(differences, title=title)
    with replacing(output) as folder:
        folder.mkdir()
        for name, figure in figures.items():
            save(figure, folder / f"{name}.png", dpi=dpi)


def _still(
    stored: StoredPatterns, embeddings: pd.DataFrame, images: ImageCache, title: str
) -> dict[str, Figure]:
    chosen, clearest = typical_images(stored), clearest_image(stored)
    pixels = images.read(stored.rows[chosen])
    one = images.read(stored.rows[[clearest]])
    return {
        "embedding": embedding_views(stored, embeddings, title=title),
        "weights": weight_maps(stored, chosen, pixels, title=title),
        "knowledge_points": knowledge_points_on_images(stored, chosen, pixels, title=title),
        "depth": depth_paths(stored, one, title=title),
    }


def _attacked(
    stored: StoredPatterns,
    tables: Mapping[str, pd.DataFrame],
    images: ImageCache,
    attack: Path,
    title: str,
) -> dict[str, Figure]:
    chosen = np.array(changed_images(stored), np.int64)
    pixels, after = images.read(stored.rows[chosen]), attacked_pixels(attack, chosen)
    last = tables["attack_types"]["layer"] == stored.layers[-1]
    return {
        "attack": attacked_points(stored, pixels, after, chosen.tolist(), title=title),
        "trajectories": attacked_trajectories(
            stored, last_types(stored), tables["attack_types"][last], title=title
        ),
        "attack_changes": attack_changes(
            tables["attack_changes"],
            tables["attack_points"],
            tables["attack_origins"],
            title=title,
        ),
    }


def attacked_pixels(attack: Path, images: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return images after the last step of an attack, (images, 3, side, side)."""
    last = Rows(attack).read(images, "images")[:, -1]
    pixels: NDArray[np.uint8] = np.rint(255 * last).clip(0, 255).astype(np.uint8)
    return pixels
