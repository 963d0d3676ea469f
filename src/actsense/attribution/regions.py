"""Region weights of the images of a study, as maps of their pixels.

Regions are the positions of the last layer of a network that has positions. Maps are of no class:
they say where the features lie that tell an image from others as the network tells them.
"""

__all__ = ["can_weigh_regions", "last_map", "other_images", "region_maps"]

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from actsense.attribution.region_weights import FEWEST, region_weights, sharpness
from actsense.device.precision import arithmetic
from actsense.draws.counter import counter_keys
from actsense.networks.layers import find_maps
from actsense.networks.network import Network
from actsense.networks.subject import Subject

OTHERS = 100  # images that each one is compared with, as published
FINEST = 14  # regions along a side, as published: costs grow with the fourth power


def region_maps(subject: Subject, rows: NDArray[np.int64], *, seed: int) -> Tensor:
    """Return the weight of every pixel's region.

    Regions of maps finer than 14 x 14 are averages of positions. Every region gives its weight to
    the pixels whose centers lie in its cell of the image.

    Arguments:
        subject: The network and its images.
        rows: Rows of the images, all different, (images,).
        seed: Seed of the study.

    Returns:
        Maps, (images, height, width), float32 in host memory; the weights of an image's regions
        sum to 1.

    Raises:
        ValueError: If there are fewer than three images, or no layer with positions.
    """
    features, probabilities = _record(subject, rows)
    height, width = (min(FINEST, positions) for positions in features.shape[2:])
    features = functional.adaptive_avg_pool2d(features, (height, width))
    others = other_images(torch.from_numpy(rows), OTHERS, seed=seed).to(features.device)
    with arithmetic("float32", features.device):
        weights, _, _ = region_weights(
            features.flatten(2), probabilities, others, kappa_m=sharpness(features.shape[1])
        )
    maps = weights.view(-1, 1, height, width)
    pixels = functional.interpolate(maps, size=(subject.side,) * 2, mode="nearest-exact")
    return pixels[:, 0].cpu()


def can_weigh_regions(subject: Subject, rows: NDArray[np.int64]) -> bool:
    """Tell whether there are regions, and images enough to weigh them by."""
    return len(rows) >= FEWEST and last_map(subject.network, subject.side) is not None


def last_map(network: Network, side: int) -> str | None:
    """Name the last layer with positions: of the modules that run once, the last to finish.

    Arguments:
        network: The network.
        side: Side of the images, pixels.

    Returns:
        Its name, or None if there is none.
    """
    maps = find_maps(network, side)
    return maps[-1] if maps else None


def other_images(rows: Tensor, count: int, *, seed: int) -> Tensor:
    """Draw which images every image is compared with.

    Whether one is drawn for another depends on the rows of the two and on what other rows there
    are, not on their order.

    Arguments:
        rows: Rows of the images in the dataset, all different, (images,) int64.
        count: How many to draw; all others if there are not more.
        seed: Seed of the study.

    Returns:
        Positions in `rows`, (images, count or fewer), never an image's own.
    """
    images = len(rows)
    pairs = [rows.repeat_interleave(images), rows.repeat(images)]
    keys = counter_keys(seed, ["region weights", *pairs]).view(images, images)
    keys.fill_diagonal_(torch.iinfo(keys.dtype).max)  # last in its row
    return keys.argsort(dim=1, stable=True)[:, : min(count, images - 1)]


def _record(subject: Subject, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """Return the last map, (images, channels, rows, columns), and the softmax of the outputs."""
    layer = last_map(subject.network, subject.side)
    if layer is None:
        raise ValueError(f"{subject.network.name} has no layer with positions, so no regions.")
    tap = subject.tap([layer, "probabilities"])
    recorded = torch.empty(len(rows), tap.units, device=subject.device)
    subject.over(rows, lambda images, part: tap.record(images, recorded[part]))
    last, outputs = tap.layers
    features = recorded[:, last.units].view(len(rows), *last.shape)
    return features, recorded[:, outputs.units]
