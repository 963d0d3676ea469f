"""From stores and tables of patterns to the pictures that apply to a network and to a study."""

__all__ = ["plot_network", "plot_study", "plot_training"]

from collections.abc import Callable, Mapping
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
    outputs: Mapping[str, Path],
    *,
    title: str,
    dpi: int,
) -> None:
    """Draw the figures of one network.

    Arguments:
        patterns: Store of the network.
        attack: Store of the attacked images.
        tables: CSV files of the study, by name.
        images: The images of the study.
        outputs: PNG files `embedding`, `weights`, `knowledge_points`, `depth`, `attack`,
            `trajectories` and `attack_changes`.
        title: The study.
        dpi: Dots per inch of the PNG files.
    """
    stored = _opened(patterns, tables)
    network = str(stored.tree.attrs["network"])
    own = {name: read_table(tables[name]) for name in TABLES}
    own = {name: one[one["network"] == network] for name, one in own.items()}
    title = f"{title}, {legible(network)}"
    figures = _still(stored, own["embeddings"], images, title)
    figures |= _attacked(stored, own, images, attack, title)
    for name, figure in figures.items():
        save(figure, outputs[name], dpi=dpi)


def plot_training(
    patterns: Path,
    tables: Mapping[str, Path],
    outputs: Mapping[str, Path],
    *,
    title: str,
    dpi: int,
) -> None:
    """Draw how the images of one network with checkpoints find their places.

    Arguments:
        patterns: Store of the network.
        tables: CSV files of the study, by name.
        outputs: The PNG file `training`, and `animation`, a GIF.
        title: The study.
        dpi: Dots per inch of the PNG file.
    """
    stored = _opened(patterns, tables)
    title = f"{title}, {legible(str(stored.tree.attrs['network']))}"
    save(training_snapshots(stored, title=title), outputs["training"], dpi=dpi)
    with replacing(outputs["animation"]) as beside:
        beside.write_bytes(training_animation(stored, title=title))


def plot_study(
    tables: Mapping[str, Path], outputs: Mapping[str, Path], *, title: str, dpi: int
) -> None:
    """Draw the figures that compare networks.

    Arguments:
        tables: CSV files of the study, by name.
        outputs: PNG files `knowledge`, `curves` and `strength`; `training_counts`, if a network
            has checkpoints, and `networks`, if there are two networks or more.
        title: The study.
        dpi: Dots per inch of the PNG files.
    """
    points, embeddings, differences = (
        read_table(tables[name])
        for name in ("knowledge_points", "embeddings", "knowledge_differences")
    )
    classes = embeddings.groupby("network")["classes"].first()
    drawn: dict[str, Callable[[], Figure]] = {
        "knowledge": lambda: point_bars(points, classes, title=title),
        "curves": lambda: point_curves(points, title=title),
        "strength": lambda: embedding_dots(embeddings, title=title),
        "training_counts": lambda: training_lines(points, title=title),
        "networks": lambda: difference_lines(differences, title=title),
    }
    for name, draw in drawn.items():
        if name in outputs:
            save(draw(), outputs[name], dpi=dpi)


def _opened(patterns: Path, tables: Mapping[str, Path]) -> StoredPatterns:
    threshold = configured_threshold(read_table(tables["knowledge_points"]))
    return StoredPatterns(read_results(patterns), threshold)


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
