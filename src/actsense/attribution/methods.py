"""Attribution maps: how much the pixels of an image have to do with what a network says of it.

With z the normalised image, l the logit of the target class and p its probability:

    gradient              sum over channels of |dl / dz|
    smoothgrad            the same of the mean of dl / dz over noisy copies of z
    integrated_gradients  sum over channels of z times the mean of dl / dz on the way from 0 to z
    occlusion             log p less log p with the cell around the pixel set to 0
    evidence              what the windows of a bag of local features add to l

The last three are signed: above zero where a pixel speaks for the class. Zero in z is the mean
colour of the network's normalisation. A map depends on its image, not on those beside it, but for
roundings.
"""

__all__ = ["METHODS", "attribute", "can_attribute", "occlusion"]

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.attribution.evidence import evidence_map
from actsense.attribution.gradients import gradient, integrated_gradients, noise_keys, smoothgrad
from actsense.attribution.grid import cells_across
from actsense.augment.patches import cell_map
from actsense.errors import choose
from actsense.networks.bag import BagNetwork
from actsense.networks.subject import Subject

Method = Callable[[Subject, Tensor, Tensor, Tensor, Mapping[str, Any]], Tensor]


def attribute(
    method: str,
    subject: Subject,
    rows: NDArray[np.int64],
    targets: Tensor,
    *,
    settings: Mapping[str, Any],
    seed: int,
) -> Tensor:
    """Make a map of every image.

    Arguments:
        method: One of `METHODS`.
        subject: The network.
        rows: Dataset rows of the images, (images,).
        targets: Class that each map is about, (images,) int64.
        settings: `steps` for integrated gradients, `samples` for smoothgrad, `size` for occlusion.
        seed: Seed of the study, for noise.

    Returns:
        Maps, (images, height, width) float32, on the CPU.

    Raises:
        ConfigError: If the method is unknown, or the network is not made for it.
    """
    choose("spatial.cells.methods", method, METHODS)
    keys, maps = noise_keys(seed, rows), []

    def make(images: Tensor, part: slice) -> None:
        target, key = (x[part].to(subject.device) for x in (targets, keys))
        maps.append(METHODS[method](subject, images, target, key, settings).cpu())

    subject.over(rows, make)
    return torch.cat(maps)


def can_attribute(method: str, subject: Subject) -> bool:
    """Tell whether a method can make maps of a network."""
    is_bag = isinstance(subject.network.module, BagNetwork)
    return method in METHODS and (method != "evidence" or is_bag)


def occlusion(subject: Subject, images: Tensor, targets: Tensor, *, size: int) -> Tensor:
    """Return by how much the log probability drops when a cell shows the mean colour.

    Cells rank as they do by the probability, whose drop rounding would swallow near 1.

    Arguments:
        subject: The network.
        images: Images in [0, 1], (batch, 3, height, width), on its device.
        targets: Class of every map, (batch,).
        size: Side of a cell, pixels, see `cells_across`.

    Returns:
        Maps, (batch, height, width), nats, the same in all of a cell.

    Source:
        Zeiler & Fergus (2014), Visualizing and understanding convolutional networks, ECCV.
    """
    height, width = images.shape[2:]
    across = cells_across(height, size), cells_across(width, size)
    cells = cell_map(height, width, across, "bands").to(images.device)
    intact, colour = _log_probability(subject, images, targets), subject.mean_colour
    maps = images.new_empty(len(images), height, width)
    for cell in range(across[0] * across[1]):
        inside = cells == cell
        occluded = _log_probability(subject, torch.where(inside, colour, images), targets)
        maps[:, inside] = (intact - occluded).float()[:, None]
    return maps


# Each takes the subject, images, targets, keys of noise, and settings.
METHODS: dict[str, Method] = {
    "gradient": lambda net, x, c, _, __: gradient(net, x, c),
    "integrated_gradients": lambda net, x, c, _, s: integrated_gradients(
        net, x, c, steps=s["steps"]
    ),
    "smoothgrad": lambda net, x, c, keys, s: smoothgrad(net, x, c, keys, samples=s["samples"]),
    "occlusion": lambda net, x, c, _, s: occlusion(net, x, c, size=s["size"]),
    "evidence": lambda net, x, c, _, __: evidence_map(net, x, c),
}


def _log_probability(subject: Subject, images: Tensor, targets: Tensor) -> Tensor:
    """Return the log probability of the targets, (batch,) float64: it cancels near 1."""
    logits = subject.logits(images).double()
    return logits.log_softmax(dim=1).gather(1, targets[:, None]).squeeze(1)
