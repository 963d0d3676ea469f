"""From the results of networks to the figures of their demos."""

__all__ = ["compare_bias", "show_demos"]

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsense.data.digits import background_labels
from actsense.data.manifest import read_manifest
from actsense.data.photographs import PHOTOGRAPHS
from actsense.drawing.names import legible
from actsense.drawing.style import save
from actsense.invariance.demos.attacks import see_attack
from actsense.invariance.demos.bias import bias_rows, known_cues
from actsense.invariance.demos.clips import driving_clip, read_clip, write_gif
from actsense.invariance.demos.figures.attacks import attack_rows
from actsense.invariance.demos.figures.bias import bias_rows_figure
from actsense.invariance.demos.figures.mixing import mixing_matrices
from actsense.invariance.demos.figures.representations import representation_rows
from actsense.invariance.demos.figures.video import video_animation, video_strip
from actsense.invariance.demos.mixing import mix_images
from actsense.invariance.demos.opening import DemoSet
from actsense.invariance.demos.representations import show_representations
from actsense.invariance.demos.texture import compare_networks
from actsense.invariance.demos.video import translate_clip
from actsense.invariance.kept.estimates import anchor_draws
from actsense.invariance.settings import Demos
from actsense.store import write_tables

STILLS = 3  # images that move like a video
MIXED = 8  # images of a matrix that a page has room for


def show_demos(
    demos: DemoSet,
    layers: Sequence[str],
    settings: Demos,
    outputs: Mapping[str, Path],
    *,
    clip: Path | str | Sequence[str] = (),
    seed: int,
    title: str,
    dpi: int,
) -> None:
    """Draw the demos of a network.

    Arguments:
        demos: The network.
        layers: Layers that are shown.
        settings: The section `invariance.demos` of the configuration.
        outputs: PNG files `representations`, `attacks`, `mixing` and `video`, and the GIF file
            `animation`; those that are named are made.
        clip: The video that still images move like; empty for one that is made up.
        seed: Seed of samples and attacks.
        title: The study.
        dpi: Dots per inch of the PNG files.

    Raises:
        ConfigError: If there are fewer anchors than are asked for, a layer has no flow, or the
            video cannot be read.
    """
    chosen, title = demos.chosen(settings.images), f"{title}, {legible(demos.network)}"
    images, rows = demos.images[chosen], demos.rows[chosen]
    views = {layer: demos.view(layer) for layer in layers}
    if "representations" in outputs:
        shown = {
            name: show_representations(
                view, images, samples=settings.samples, seed=seed, rows=rows
            )
            for name, view in views.items()
        }
        save(representation_rows(demos, shown, title=title), outputs["representations"], dpi=dpi)
    if "attacks" in outputs:
        epsilon = settings.epsilon
        attacked = {
            name: see_attack(view, images, epsilon=epsilon, samples=1, seed=seed, rows=rows)
            for name, view in views.items()
        }
        figure = attack_rows(demos, attacked, epsilon=epsilon, title=title)
        save(figure, outputs["attacks"], dpi=dpi)
    if "mixing" in outputs:
        mixed = {k: mix_images(own, images[:MIXED]) for k, own in views.items()}
        save(mixing_matrices(demos, mixed, title=title), outputs["mixing"], dpi=dpi)
    if {"video", "animation"} & {*outputs}:
        side = demos.side
        video = read_clip(_file(clip), side) if clip else driving_clip(side, seed=seed)
        moved = {
            k: [translate_clip(own, video, still) for still in images[:STILLS]]
            for k, own in views.items()
        }
        if "video" in outputs:
            save(video_strip(demos, moved, title=title), outputs["video"], dpi=dpi)
        if "animation" in outputs:
            film = video_animation(demos, {k: made[0] for k, made in moved.items()})
            write_gif(film, outputs["animation"], rate=video.rate)


def compare_bias(
    pair: tuple[DemoSet, DemoSet],
    layers: Sequence[str],
    settings: Demos,
    outputs: Mapping[str, Path],
    *,
    manifest: Path | str | Sequence[str] = (),
    seed: int,
    bootstrap: int,
    title: str,
    dpi: int,
) -> None:
    """Compare what samples of two networks keep, as a figure and a table.

    Arguments:
        pair: Two networks with one autoencoder.
        layers: Layers that both have.
        settings: The section `invariance.demos` of the configuration.
        outputs: The PNG file `bias` and the CSV file `invariance_bias`.
        manifest: Manifest of the dataset of digits, whose photographs are a cue; empty for
            another dataset.
        seed: Seed of samples and intervals.
        bootstrap: Resamples of images that intervals are made of.
        title: The study.
        dpi: Dots per inch of the PNG file.

    Raises:
        ConfigError: If a layer has no flow in one of them, or they have different autoencoders.
    """
    first, second = pair
    names = first.network, second.network
    draws = anchor_draws(len(first.rows), bootstrap, seed=seed)
    behind = _photographs(_file(manifest), first.rows) if manifest else None
    biased, tables = {}, []
    for layer in layers:
        views = {own.network: own.view(layer) for own in pair}
        made = compare_networks(
            *(views, names, first.images),
            samples=settings.samples,
            seed=seed,
            rows=first.rows,
        )
        cues = {
            own.network: known_cues(own, made.predicted[k].numpy(), first.labels, behind)
            for k, own in enumerate(pair)
        }
        limited = {own.network: own.limited(layer) for own in pair}
        for row in bias_rows(made, cues, draws):
            low, high = row.kept.interval
            tables.append(
                {
                    **{"layer": layer, "judge": row.judge, "network": row.network},
                    **{"cue": row.cue, "value": row.kept.value, "value_low": low},
                    **{"value_high": high, "floor": row.floor.value, "images": row.images},
                    "samples": settings.samples,
                    "limited": limited[row.judge] or limited[row.network],
                }
            )
        biased[layer] = made
    table = pd.DataFrame(tables)
    write_tables({"invariance_bias": table}, {"invariance_bias": outputs["invariance_bias"]})
    figure = bias_rows_figure(pair, biased, table, title=title)
    save(figure, outputs["bias"], dpi=dpi)


def _file(given: Path | str | Sequence[str]) -> Path:
    """Return the path of an input that a job may lack."""
    return Path(given if isinstance(given, str | Path) else given[0])


def _photographs(manifest: Path, rows: NDArray[np.int64]) -> list[str]:
    """Return which photograph is behind every digit."""
    names = list(PHOTOGRAPHS)
    return [names[k] for k in background_labels(read_manifest(manifest)["path"].iloc[rows])]
