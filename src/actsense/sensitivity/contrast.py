r"""Contrast: one augmentation alone against the untouched image.

The image is the independent unit: several draws of an augmentation on one image are averaged
before anything is counted. With x the response to the image and y to its augmented version,

    mean difference                mean(y - x)
    standardized mean difference   mean(y - x) / sqrt((var x + var y) / 2)
    point-biserial                 correlation of the response with the label "augmented"
    rank-biserial                  (R+ - R-) / (R+ + R-), R the sums of signed ranks of y - x

No number depends on the batches that images come in: draws belong to an augmentation and to the
place of an image in the sample, and sums grow image by image.
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
from actsense.sensitivity.contrast_statistics import (
    contrast_dataset,
    contrast_statistics,
    statistic_kinds,
)
from actsense.sensitivity.cuts import cut_contrast, exact_bytes
from actsense.sensitivity.differences import Differences, Responses
from actsense.sensitivity.top_images import TopImages
from actsense.statistics.discoveries import adjusted
from actsense.store import Results, create_results

Floats = NDArray[np.floating]
Parts = Sequence[tuple[slice, bool]]


def estimate_contrast(
    sampling: Sampling,
    results: Results,
    *,
    images: int,
    draws: int,
    top: TopImages | None = None,
) -> None:
    """Contrast every augmentation of a design on images taken evenly from the dataset.

    Arguments:
        sampling: Images, network and augmentations. Where units do not fit into its room, all
            images pass once for every tile of them.
        results: Takes the dataset of every layer, by name.
        images: Different images to use; all of them if there are fewer.
        draws: Random draws of an augmentation per image, averaged.
        top: Is shown every response before it is averaged; made for as many images and draws.

    Raises:
        ValueError: If there are fewer than 2 images.
    """
    rows = sampling.law.pool.balanced(images)
    if len(rows) < 2:
        raise ValueError(f"A contrast needs at least 2 images; got {len(rows)}.")
    layers, augmentations = sampling.layers, sampling.law.augmentations
    cut = cut_contrast(
        layers,
        len(augmentations),
        images=len(rows),
        top_images=top.ranks if top else 0,
        batch=sampling.subject.batch_size,
        room=sampling.room,
    )
    p_values = np.empty((len(augmentations), layers[-1].stop))
    for tile in cut.tiles:
        statistics = _contrast_tile(sampling, tile, cut.groups, rows, draws, top)
        p_values[:, tile] = statistics["p_value"]
        for layer in layers:
            within = layer.within(tile)
            values = {name: value[:, within] for name, value in statistics.items()}
            if within.start < within.stop:
                data = contrast_dataset(augmentations, layer, values, len(rows))
                results.append(layer.name, data, axis=layer.dimensions[0])
        del statistics  # makes room for those of the next tile
    p_values = adjusted(p_values, method="by")
    for layer in layers:
        values = {"p_adjusted": p_values[:, layer.units]}
        results.append(layer.name, contrast_dataset(augmentations, layer, values, len(rows)))
    if top:
        top.finish()


def write_contrast(
    sampling: Sampling,
    settings: Mapping[str, int],
    outputs: Mapping[str, Path],
    attributes: Mapping[str, Any],
) -> None:
    """Write the contrasts of a design and the images that every unit prefers.

    Arguments:
        sampling: Images, network and augmentations.
        settings: `images`, `draws` and `top_images`.
        outputs: Paths of the stores `contrast` and `top_images`.
        attributes: Where the results come from, for the roots of both.
    """
    asked = {name: settings[name] for name in ("images", "draws")}
    with (
        create_results(outputs["contrast"], attributes) as contrasts,
        create_results(outputs["top_images"], attributes) as preferred,
    ):
        top = TopImages(sampling, preferred, **settings)
        estimate_contrast(sampling, contrasts, **asked, top=top)


def _contrast_tile(
    sampling: Sampling,
    tile: slice,
    groups: Sequence[range],
    rows: NDArray[np.int64],
    draws: int,
    top: TopImages | None,
) -> dict[str, Floats]:
    """Return all statistics of some units but `p_adjusted`, (augmentations, units) each."""
    parts, device = _parts(sampling.layers, tile, len(rows)), sampling.subject.device
    responses = Responses(tile.stop - tile.start, device)
    shape = len(sampling.law.augmentations), tile.stop - tile.start
    kinds = statistic_kinds()
    statistics: dict[str, Floats] = {n: np.empty(shape, kind) for n, kind in kinds.items()}
    if top:
        top.begin(tile)
    for group in groups:
        differences = {
            which: [Differences(units, len(rows), exact, device) for units, exact in parts]
            for which in group
        }
        _compare(sampling, tile, rows, draws, responses, differences, top)
        for which in group:
            for name, values in contrast_statistics(responses, differences.pop(which)).items():
                statistics[name][which] = values
    if top:
        top.end()
    return statistics


def _parts(layers: Sequence[Layer], tile: slice, images: int) -> Parts:
    """Cut units where layers of vectors, whose codes are exact, meet layers of maps.

    Units are counted from the first of the tile.
    """
    room = exact_bytes(layers, images) > 0
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
    rows: NDArray[np.int64],
    draws: int,
    responses: Responses,
    differences: Mapping[int, Sequence[Differences]],
    top: TopImages | None,
) -> None:
    """Send all images through the network, untouched and under some augmentations."""
    # Too large to be kept, untouched responses are made again for every group.
    first = not responses.images
    drawn = {which: _uniforms(sampling, which, len(rows), draws) for which in differences}
    chunk = max(1, sampling.subject.batch_size // draws)
    starts = range(0, len(rows), chunk)
    for start in progress(starts, total=len(rows), desc="contrast", unit="image", each=chunk):
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
            for part in parts:
                part.add(responses.origin, control, treated)
            del treated  # makes room for those of the next augmentation


def _uniforms(sampling: Sampling, which: int, images: int, draws: int) -> NDArray[np.float64]:
    """Draw for one augmentation and all images in turn, (images, draws, parameters)."""
    name, parameters = sampling.law.augmentations[which], len(sampling.law.parameters[which])
    generator = stream(sampling.design.seed, "contrast", name)
    # Without parameters all draws agree.
    return generator.random((images, draws if parameters else 1, parameters))
