"""All that is measured of the samples of one layer, in one pass over its anchors."""

__all__ = ["measure_kept"]

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from actsense.invariance.kept.comparison import Comparison
from actsense.invariance.kept.consistency import Likeness
from actsense.invariance.kept.explained import Spread
from actsense.invariance.kept.kept import Kept
from actsense.invariance.kept.maps import Maps
from actsense.invariance.kept.sampling import (
    Conditions,
    Decoder,
    Drawn,
    Sampler,
    draw_samples,
    invariance_noise,
)
from actsense.networks.subject import Subject
from actsense.progress import Progress


def measure_kept(
    subject: Subject,
    layer: str,
    said: Conditions,
    predicted: NDArray[np.int64],
    means: NDArray[np.float32],
    rows: NDArray[np.int64],
    *,
    sampler: Sampler,
    decoder: Decoder,
    samples: int,
    seed: int,
    temperature: float = 1.0,
    watch: Callable[[Drawn], object] | None = None,
) -> Kept:
    """Sample the invariances of a layer, and measure what the samples keep of their anchors.

    Samples of some anchors are held at a time.

    Arguments:
        subject: The network.
        layer: Name of the layer.
        said: What it says of the anchors, (anchors, ...), such as a `Representation`.
        predicted: Class that the network gives to every anchor, (anchors,).
        means: Latents of the anchors, (anchors, latent).
        rows: Rows of the anchors in the dataset, (anchors,).
        sampler: The flow of the layer, on the device of the network, ready to be evaluated.
        decoder: The autoencoder, likewise.
        samples: Samples of every anchor, two at least.
        seed: Seed of the samples.
        temperature: See `invariance_noise`.
        watch: Is shown the samples of some anchors after another.
    """
    comparison = Comparison(subject, layer, said, predicted)
    noise = invariance_noise(*(rows, samples, means.shape[1]), seed=seed, temperature=temperature)
    drawn = draw_samples(
        *(sampler, decoder, said, noise), memory=subject.memory, device=subject.device
    )
    latents, maps, likeness, ceiling = [], [], [], []
    with Progress(len(rows) * samples, desc=f"samples of {layer}", unit="sample") as bar:
        for found in drawn:
            latents.append(Spread.of(found.latents))
            maps.append(Maps.of(found.images))
            likeness.append(comparison.likeness(found.images, found.anchors))
            with torch.inference_mode():
                own = torch.from_numpy(means[found.anchors]).to(subject.device)
                reconstructed = decoder.decode(own)
            ceiling.append(comparison.likeness(reconstructed[:, None], found.anchors))
            if watch is not None:
                watch(found)
            bar.update(found.images.shape[0] * samples)
    return Kept(
        *(Spread.joined(latents), Maps.joined(maps)),
        *(Likeness.joined(likeness), Likeness.joined(ceiling)),
    )
