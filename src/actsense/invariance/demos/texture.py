"""Whether networks keep texture or shape: samples of two networks from the same v.

On images whose texture and shape tell of different classes, samples have the texture that a
network goes by, and any shape, or the other way round. Every network judges the samples of both:
of its own to see what is kept, of the other's to see what the other lets go.
"""

__all__ = ["Biased", "compare_networks"]

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.errors import ConfigError, choose
from actsense.invariance.demos.view import View, image_rows
from actsense.invariance.kept.sampling import invariance_noise


@dataclass(frozen=True)
class Biased:
    """Samples of two networks; images in [0, 1], on the CPU.

    Attributes:
        names: The networks.
        images: The images, (images, 3, side, side).
        samples: Of either network, (networks, images, samples, 3, side, side).
        predicted: Number of the highest output of either for every image, (networks, images).
        judged: What the first of two networks says of samples of the second,
            (networks, networks, images, samples).
    """

    names: tuple[str, str]
    images: Tensor
    samples: Tensor
    predicted: Tensor
    judged: Tensor


def compare_networks(
    views: Mapping[str, View],
    names: tuple[str, str],
    images: Tensor,
    *,
    samples: int = 2,
    seed: int,
    rows: NDArray[np.int64] | None = None,
) -> Biased:
    """Sample the invariances of two networks from the same v.

    Arguments:
        views: A layer of every network, by the network's name; all with one autoencoder.
        names: The two that are compared.
        images: In [0, 1], (images, 3, side, side).
        samples: Samples of every image.
        seed: Seed of the samples.
        rows: Of the images in the dataset, (images,): seeds go with them; default: from 0.

    Raises:
        ConfigError: If a network is unknown, both are the same, their latents differ, the images
            do not fit, or no sample is asked.
    """
    if len(names) != 2 or names[0] == names[1] or samples < 1:
        raise ConfigError(
            f"networks: two different ones are compared, with 1 sample or more; got "
            f"{', '.join(names)} and {samples}."
        )
    pair = [views[choose("networks", name, views)] for name in names]
    sizes = [view.autoencoder.latent for view in pair]
    if sizes[0] != sizes[1]:
        raise ConfigError(
            f"networks: {names[0]} and {names[1]} have flows of latents of {sizes[0]} and "
            f"{sizes[1]} numbers. Train both with one autoencoder."
        )
    v = invariance_noise(image_rows(images, rows), samples, sizes[0], seed=seed)
    looked = [view.look(images) for view in pair]
    drawn = [view.samples(v, own.said) for view, own in zip(pair, looked, strict=True)]
    judged = [torch.stack([judge.predict(own) for own in drawn]) for judge in pair]
    return Biased(
        (names[0], names[1]),
        images.cpu(),
        torch.stack(drawn),
        torch.stack([own.predicted for own in looked]),
        torch.stack(judged),
    )
