"""What a layer says of images, shown by samples that it does not tell apart from them."""

__all__ = ["Shown", "show_representations"]

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from actsense.errors import ConfigError
from actsense.invariance.demos.view import View, image_rows
from actsense.invariance.kept.comparison import Comparison
from actsense.invariance.kept.consistency import Consistency, Likeness, consistency
from actsense.invariance.kept.estimates import anchor_draws
from actsense.invariance.kept.maps import Maps
from actsense.invariance.kept.sampling import invariance_noise


@dataclass(frozen=True)
class Shown:
    """Samples of images; images in [0, 1], on the CPU.

    Attributes:
        images: The images, (images, 3, side, side).
        reconstructed: What the autoencoder makes of them, of the same shape.
        samples: What the layer does not tell apart from them,
            (images, samples, 3, side, side).
        maps: Mean and variance of the pixels of the samples; None if there is but one.
        predicted: Number of the highest output for every image, (images,).
        predicted_samples: The same for samples, (images, samples).
        likeness: How much samples are like their images, image by image.
        likeness_reconstructed: How much reconstructions are: the ceiling.
        consistency: The means over images, with intervals.
    """

    images: Tensor
    reconstructed: Tensor
    samples: Tensor
    maps: Maps | None
    predicted: Tensor
    predicted_samples: Tensor
    likeness: Likeness
    likeness_reconstructed: Likeness
    consistency: Consistency


def show_representations(
    view: View,
    images: Tensor,
    *,
    samples: int = 8,
    seed: int,
    temperature: float = 1.0,
    bootstrap: int = 1000,
    rows: NDArray[np.int64] | None = None,
    shown: int | None = None,
) -> Shown:
    """Sample the invariances of a layer, and compare what it says of samples and images.

    Layers and networks get the same v with the same seed.

    Arguments:
        view: The layer.
        images: In [0, 1], (images, 3, side, side), two at least: one is compared with others.
        samples: Samples of every image.
        seed: Seed of the samples and of the intervals.
        temperature: Standard deviation of v; 0 gives one and the same sample.
        bootstrap: Resamples of images that intervals are made of.
        rows: Of the images in the dataset, (images,): seeds go with them; default: from 0.
        shown: How many of the images, the first ones, are sampled and returned; others are there
            to be compared with. Default: all.

    Raises:
        ConfigError: If there are fewer than two images, or they do not fit; or no sample is asked.
    """
    count = len(images) if shown is None else shown
    if len(images) < 2 or samples < 1 or temperature < 0:
        raise ConfigError(
            "Representations are compared with those of other images: give 2 images or more, 1 "
            f"sample or more and no negative temperature; got {len(images)}, {samples} and "
            f"{temperature}."
        )
    looked, known = view.look(images), image_rows(images, rows)[:count]
    latent = view.autoencoder.latent
    v = invariance_noise(known, samples, latent, seed=seed, temperature=temperature)
    drawn = view.samples(v, looked.said[:count])
    reconstructed = view.decoded(looked.latents[:count])
    comparison = Comparison(
        view.subject, view.layer, looked.said.numpy(), looked.predicted.numpy()
    )
    everyone = slice(0, count)
    likeness = comparison.likeness(drawn, everyone)
    ceiling = comparison.likeness(reconstructed[:, None], everyone)
    return Shown(
        images[:count].cpu(),
        reconstructed,
        drawn,
        Maps.of(drawn) if samples > 1 else None,
        looked.predicted[:count],
        view.predict(drawn),
        likeness,
        ceiling,
        consistency(likeness, ceiling, anchor_draws(count, bootstrap, seed=seed)),
    )
