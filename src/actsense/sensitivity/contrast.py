r"""Contrast: one augmentation alone against the untouched image.

The image is the independent unit: several draws of an augmentation on one image are averaged
before anything is counted. With x the response to the image and y to its augmented version,

    mean difference                mean(y - x)
    standardized mean difference   mean(y - x) / sqrt((var x + var y) / 2)
    point-biserial                 correlation of the response with the label "augmented"
    rank-biserial                  (R+ - R-) / (R+ + R-), R the sums of signed ranks of y - x

No number depends on the batches that images come in: draws belong to an augmentation and to the
place of an image in its sample, and sums grow image by image.

Partitions apart are two such samples under the same draws. Draws that are not averaged, as in the
published study, are so many pairs with the same x: R, the means and variances of y count every
draw, and the point-biserial correlation has as many more responses that are "augmented".
"""

__all__ = ["estimate_contrast", "write_contrast", "write_contrast_part"]

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actsense.sampling.opening import Sampling
from actsense.sensitivity.contrast_file import (
    StoredContrast,
    empty_statistics,
    read_state,
)
from actsense.sensitivity.contrast_images import ImageResponses
from actsense.sensitivity.contrast_piece import ContrastPiece, Shown
from actsense.sensitivity.contrast_statistics import contrast_dataset
from actsense.sensitivity.cuts import ContrastPart, cut_contrast
from actsense.sensitivity.settings import Contrast
from actsense.sensitivity.top_images import TopImages
from actsense.statistics.discoveries import adjusted
from actsense.store import Gathered, Results, create_results
from actsense.store.identified import write_arrays
from actsense.work import part_range

Floats = NDArray[np.floating]


def estimate_contrast(
    sampling: Sampling,
    results: Results,
    *,
    images: int,
    draws: int,
    averaged: bool = True,
    partitions: str = "pooled",
    top: TopImages | None = None,
    parts: StoredContrast | None = None,
) -> None:
    """Contrast every augmentation of a design on images taken evenly from the dataset.

    Arguments:
        sampling: Images, network and augmentations. Where units do not fit into its room, all
            images pass once for every tile of them.
        results: Takes the dataset of every layer, by name.
        images: Different images to use, of each sample; all of them if there are fewer.
        draws: Random draws of an augmentation per image.
        averaged: Whether they are averaged, or pairs of their own.
        partitions: `pooled` in one sample, or `each` a sample of its own.
        top: Is shown every response before it is averaged; made for as many images and draws.
        parts: What jobs of their own have found, all of it; without it images pass here.

    Raises:
        ValueError: If a sample has fewer than 2 images.
    """
    shown = Shown.of(
        sampling, images=images, draws=draws, averaged=averaged, partitions=partitions
    )
    layers, augmentations = sampling.layers, sampling.law.augmentations
    counts, pairs = shown.counts, shown.pairs
    cut = cut_contrast(
        layers,
        len(augmentations),
        images=max(counts.values()),
        pairs=1 if averaged else draws,
        samples=len(counts),
        top_images=top.ranks if top else 0,
        batch=sampling.subject.batch_size,
        room=sampling.room,
    )
    single = _single(sampling, shown)
    p_values = np.empty((len(augmentations), len(counts), layers[-1].stop))
    for tile in cut.tiles:
        if top:
            top.begin(tile)
        if parts:
            statistics = parts.read(tile, (len(augmentations), len(counts)), top, single)
        else:
            statistics = _contrast_tile(sampling, shown, tile, cut.groups, top, single)
        if top:
            top.end()
        p_values[..., tile] = statistics["p_value"]
        for layer in layers:
            within = layer.within(tile)
            values = {name: value[..., within] for name, value in statistics.items()}
            if within.start < within.stop:
                data = contrast_dataset(augmentations, layer, values, counts, pairs)
                results.append(layer.name, data, axis=layer.dimensions[0])
        del statistics  # makes room for those of the next tile
    for number in range(len(counts)):
        p_values[:, number] = adjusted(p_values[:, number], method="by")
    kept = single.datasets(augmentations)
    for layer in layers:
        values = {"p_adjusted": p_values[..., layer.units]}
        last = contrast_dataset(augmentations, layer, values, counts, pairs)
        results.append(layer.name, last.merge(kept.pop(layer.name)))
    if top:
        top.finish()


def write_contrast(
    sampling: Sampling,
    settings: Contrast,
    outputs: Mapping[str, Path],
    attributes: Mapping[str, Any],
    parts: Sequence[Path] = (),
) -> None:
    """Write the contrasts of a design and the images that every unit prefers.

    Arguments:
        sampling: Images, network and augmentations.
        settings: The section `contrast` of the configuration.
        outputs: Paths of the stores `contrast` and `top_images`.
        attributes: Where the results come from, for the roots of both.
        parts: What `write_contrast_part` wrote last of every piece; without it images pass here.

    Raises:
        CorruptFileError: If a part is damaged or of another run.
    """
    asked = _asked(settings)
    stored = StoredContrast.of(parts, _identity(sampling, settings)) if parts else None
    with (
        create_results(outputs["contrast"], attributes) as contrasts,
        create_results(outputs["top_images"], attributes) as preferred,
    ):
        top = TopImages(sampling, preferred, **asked, top_images=settings.top_images)
        estimate_contrast(
            sampling,
            contrasts,
            **asked,
            averaged=settings.averaged,
            top=top,
            parts=stored,
        )


def write_contrast_part(
    sampling: Sampling,
    settings: Contrast,
    part: ContrastPart,
    before: Sequence[Path],
    path: Path,
) -> None:
    """Make a part of a contrast, and write what the next one goes on from, or the contrast reads.

    Arguments:
        sampling: Images, network and augmentations.
        settings: The section `contrast` of the configuration.
        part: Which part.
        before: What the part before wrote, if this is not the first one of its piece.
        path: The archive to make.

    Raises:
        CorruptFileError: If what was written before is damaged or of another run.
    """
    asked, identity = _asked(settings), _identity(sampling, settings)
    shown = Shown.of(sampling, **asked, averaged=settings.averaged)
    top = TopImages(sampling, Gathered(), **asked, top_images=settings.top_images)
    top.begin(part.tile, part.group)
    single = _single(sampling, shown)
    piece = ContrastPiece(sampling, shown, part.tile, part.group, top=top, single=single)
    for earlier in before:
        piece.resume(read_state(earlier, identity | {"part": part.before.ends}))
    piece.run(part_range(part.link, part.links, piece.images))
    write_arrays(path, piece.state, identity | {"part": part.ends})


def _contrast_tile(
    sampling: Sampling,
    shown: Shown,
    tile: slice,
    groups: Sequence[range],
    top: TopImages | None,
    single: ImageResponses,
) -> dict[str, Floats]:
    """Return all statistics of some units but `p_adjusted`, (augmentations, samples, units)."""
    shape = len(shown.parameters), len(shown.samples), tile.stop - tile.start
    statistics = empty_statistics(*shape)
    for group in groups:
        own = {name: values[group.start : group.stop] for name, values in statistics.items()}
        ContrastPiece(sampling, shown, tile, group, top=top, single=single, statistics=own).run()
    return statistics


def _single(sampling: Sampling, shown: Shown) -> ImageResponses:
    return ImageResponses(
        sampling.layers,
        shown.samples,
        len(shown.parameters),
        1 if shown.averaged else shown.draws,
        seed=sampling.design.seed,
    )


def _asked(settings: Contrast) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in ("images", "draws", "partitions")}


def _identity(sampling: Sampling, settings: Contrast) -> dict[str, Any]:
    """Return what tells the parts of one run from those of others."""
    return {
        "network": sampling.subject.network.name,
        "design": sampling.design.name,
        "seed": sampling.design.seed,
        "contrast": settings.plain(),
        "batch": sampling.subject.batch_size,
    }
