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

__all__ = ["estimate_contrast", "write_contrast"]

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actsense.draws import stream
from actsense.layers import Layer
from actsense.progress import progress
from actsense.sampling.opening import Sampling
from actsense.sensitivity.contrast_images import ImageResponses
from actsense.sensitivity.contrast_statistics import (
    contrast_dataset,
    contrast_statistics,
    statistic_kinds,
)
from actsense.sensitivity.cuts import cut_contrast, exact_bytes
from actsense.sensitivity.differences import Differences, Responses
from actsense.sensitivity.settings import Contrast
from actsense.sensitivity.top_images import TopImages
from actsense.statistics.discoveries import adjusted
from actsense.store import Results, create_results

Floats = NDArray[np.floating]
Parts = Sequence[tuple[slice, bool]]
Samples = Mapping[str, NDArray[np.int64]]  # rows of the images


def estimate_contrast(
    sampling: Sampling,
    results: Results,
    *,
    images: int,
    draws: int,
    averaged: bool = True,
    partitions: str = "pooled",
    top: TopImages | None = None,
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

    Raises:
        ValueError: If a sample has fewer than 2 images.
    """
    samples = sampling.law.pool.samples(images, apart=partitions == "each")
    counts = {name: len(rows) for name, rows in samples.items()}
    if min(counts.values()) < 2:
        raise ValueError(f"A contrast needs at least 2 images; got {min(counts.values())}.")
    layers, augmentations = sampling.layers, sampling.law.augmentations
    cut = cut_contrast(
        layers,
        len(augmentations),
        images=max(counts.values()),
        pairs=1 if averaged else draws,
        samples=len(samples),
        top_images=top.ranks if top else 0,
        batch=sampling.subject.batch_size,
        room=sampling.room,
    )
    pairs = None if averaged else [draws if own else 1 for own in sampling.law.parameters]
    single = ImageResponses(
        layers,
        samples,
        len(augmentations),
        1 if averaged else draws,
        seed=sampling.design.seed,
    )
    p_values = np.empty((len(augmentations), len(samples), layers[-1].stop))
    for tile in cut.tiles:
        statistics = _contrast_tile(sampling, tile, cut.groups, samples, draws, pairs, top, single)
        p_values[..., tile] = statistics["p_value"]
        for layer in layers:
            within = layer.within(tile)
            values = {name: value[..., within] for name, value in statistics.items()}
            if within.start < within.stop:
                data = contrast_dataset(augmentations, layer, values, counts, pairs)
                results.append(layer.name, data, axis=layer.dimensions[0])
        del statistics  # makes room for those of the next tile
    for number in range(len(samples)):
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
) -> None:
    """Write the contrasts of a design and the images that every unit prefers.

    Arguments:
        sampling: Images, network and augmentations.
        settings: The section `contrast` of the configuration.
        outputs: Paths of the stores `contrast` and `top_images`.
        attributes: Where the results come from, for the roots of both.
    """
    asked: dict[str, Any] = {
        name: getattr(settings, name) for name in ("images", "draws", "partitions")
    }
    with (
        create_results(outputs["contrast"], attributes) as contrasts,
        create_results(outputs["top_images"], attributes) as preferred,
    ):
        top = TopImages(sampling, preferred, **asked, top_images=settings.top_images)
        estimate_contrast(sampling, contrasts, **asked, averaged=settings.averaged, top=top)


def _contrast_tile(
    sampling: Sampling,
    tile: slice,
    groups: Sequence[range],
    samples: Samples,
    draws: int,
    pairs: Sequence[int] | None,
    top: TopImages | None,
    single: ImageResponses,
) -> dict[str, Floats]:
    """Return all statistics of some units but `p_adjusted`, (augmentations, samples, units)."""
    device = sampling.subject.device
    shape = len(sampling.law.augmentations), len(samples), tile.stop - tile.start
    kinds = statistic_kinds()
    statistics: dict[str, Floats] = {n: np.empty(shape, kind) for n, kind in kinds.items()}
    if top:
        top.begin(tile)
    most = max(pairs or [1]) * max(map(len, samples.values()))
    parts = _parts(sampling.layers, tile, most)
    for number, (sample, rows) in enumerate(samples.items()):
        responses = Responses(tile.stop - tile.start, device)
        for group in groups:
            differences = {
                which: [
                    Differences(units, len(rows) * (pairs[which] if pairs else 1), exact, device)
                    for units, exact in parts
                ]
                for which in group
            }
            _compare(
                sampling, tile, sample, rows, draws, responses, differences, pairs, top, single
            )
            for which in group:
                found = contrast_statistics(responses, differences.pop(which))
                for name, values in found.items():
                    statistics[name][which, number] = values
    if top:
        top.end()
    return statistics


def _parts(layers: Sequence[Layer], tile: slice, differences: int) -> Parts:
    """Cut units where layers of vectors, whose codes are exact, meet layers of maps.

    Units are counted from the first of the tile.
    """
    room = exact_bytes(layers, differences) > 0
    parts: list[tuple[slice, bool]] = []
    for layer in layers:
        exact, within = room and len(layer.shape) == 1, layer.within(tile)
        if within.start >= within.stop:
            continue
        if parts and parts[-1][1] == exact:
            parts[-1] = (slice(parts[-1][0].start, within.stop), exact)
        else:
            parts.append((within, exact))
    return parts


def _compare(
    sampling: Sampling,
    tile: slice,
    sample: str,
    rows: NDArray[np.int64],
    draws: int,
    responses: Responses,
    differences: Mapping[int, Sequence[Differences]],
    pairs: Sequence[int] | None,
    top: TopImages | None,
    single: ImageResponses,
) -> None:
    """Send all images through the network, untouched and under some augmentations."""
    label = f"contrast, {sample}" if sample else "contrast"
    # Too large to be kept, untouched responses are made again for every group.
    first = not responses.images
    drawn = {which: _uniforms(sampling, which, len(rows), draws) for which in differences}
    chunk = max(1, sampling.subject.batch_size // draws)
    starts = range(0, len(rows), chunk)
    for start in progress(starts, total=len(rows), desc=label, unit="image", each=chunk):
        chosen = rows[start : start + chunk]
        untouched = sampling.law.alone(chosen, -1, np.empty((len(chosen), 0)))
        control = sampling.evaluate(untouched, tile)
        if first:
            responses.add(control)
        if first and top:
            top.add(-1, untouched, control[:, None])
        for which, parts in differences.items():
            u = drawn[which][start : start + chunk]
            repeats = u.shape[1]
            evaluations = sampling.law.alone(
                chosen.repeat(repeats), which, u.reshape(len(chosen) * repeats, -1)
            )
            treated = sampling.evaluate(evaluations, tile).view(len(chosen), repeats, -1)
            if top:
                top.add(which, evaluations, treated)
            single.add(sample, start, which, control, treated, tile)
            own = control
            if pairs:  # every draw is a pair of its own, with the same untouched response
                treated = treated.view(len(chosen) * repeats, 1, -1)
                own = control.repeat_interleave(repeats, dim=0) if repeats > 1 else control
            for part in parts:
                part.add(responses.origin, own, treated)
            del treated, own  # makes room for those of the next augmentation


def _uniforms(sampling: Sampling, which: int, images: int, draws: int) -> NDArray[np.float64]:
    """Draw for one augmentation and all images in turn, (images, draws, parameters)."""
    name, parameters = sampling.law.augmentations[which], len(sampling.law.parameters[which])
    generator = stream(sampling.design.seed, "contrast", name)
    # Without parameters all draws agree.
    return generator.random((images, draws if parameters else 1, parameters))
