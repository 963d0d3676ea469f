"""Images that a layer should not tell apart from an anchor: samples of its invariances.

With z what the layer says of an anchor, and v standard normal,

    latent  t^-1(v | z)        image  D(t^-1(v | z))

v is a function of seed, anchor and number of the sample alone: layers and networks get the same,
so that what differs between their samples is theirs.
"""

__all__ = ["Conditions", "Decoder", "Drawn", "Sampler", "draw_samples", "invariance_noise"]

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.device.memory import Memory
from actsense.draws.counter import counter_keys, counter_normal


class Sampler(Protocol):
    """What turns invariances into latents, such as a `Flow`."""

    def embed(self, condition: Tensor, /) -> Tensor | None:
        """Return what is needed of what the layer says, (anchors, ...), to be repeated."""

    def restore(self, v: Tensor, embedded: Tensor | None, /) -> Tensor:
        """Return latents, (n, latent), from v, (n, latent), and what was embedded, (n, ...)."""


class Decoder(Protocol):
    """The half of an autoencoder that makes images, such as an `Autoencoder`."""

    def decode(self, latents: Tensor, /) -> Tensor:
        """Return images in [0, 1], (n, 3, side, side), from latents, (n, latent)."""


class Conditions(Protocol):
    """What a layer says of anchors: an array, or a `Representation` read where it is asked for."""

    def __len__(self) -> int:
        """Count the anchors."""

    def __getitem__(self, chosen: slice, /) -> NDArray[Any]:
        """Return what the layer says of some of them, (chosen, ...)."""


@dataclass(frozen=True)
class Drawn:
    """Samples of some anchors.

    Attributes:
        anchors: Which of the anchors.
        latents: (anchors, samples, latent) float32, on the CPU.
        images: In [0, 1], (anchors, samples, 3, side, side) float32, on the CPU.
    """

    anchors: slice
    latents: Tensor
    images: Tensor


def invariance_noise(
    rows: NDArray[np.int64], samples: int, latent: int, *, seed: int, temperature: float = 1.0
) -> Tensor:
    """Return v of the samples of every anchor, (anchors, samples, latent) float32.

    Arguments:
        rows: Rows of the anchors in the dataset, (anchors,).
        samples: Samples of every anchor.
        latent: Numbers of a latent.
        seed: Seed of the samples.
        temperature: Standard deviation of v; 0 gives the same sample again and again.
    """
    row = torch.from_numpy(rows).repeat_interleave(samples)
    number = torch.arange(samples).repeat(len(rows))
    keys = counter_keys(seed, ["invariances of an image", row, number])
    return temperature * counter_normal(keys, latent).view(len(rows), samples, latent)


def draw_samples(
    sampler: Sampler,
    decoder: Decoder,
    conditions: Conditions,
    noise: Tensor,
    *,
    memory: Memory,
    device: torch.device,
) -> Iterator[Drawn]:
    """Yield the samples of all anchors, some whole anchors at a time.

    Arguments:
        sampler: From v and what the layer says to latents, on the device.
        decoder: From latents to images, on the device.
        conditions: What the layer says of the anchors, (anchors, ...).
        noise: v of every sample, (anchors, samples, latent), such as `invariance_noise` gives.
        memory: How many samples fit at a time; not more are yielded at once, but one anchor.
        device: Where both of them run.

    Raises:
        ValueError: If there is not one v for every anchor.
    """
    anchors, samples = noise.shape[:2]
    if len(conditions) != anchors:
        raise ValueError(f"{len(conditions)} anchors need as many rows of v; got {anchors}.")
    start = 0
    while start < anchors:
        chosen = slice(start, min(anchors, start + max(1, memory.size // samples)))
        condition = torch.from_numpy(conditions[chosen])
        made = _made(sampler, decoder, noise[chosen].flatten(0, 1), condition, memory, device)
        yield Drawn(chosen, *(x.view(-1, samples, *x.shape[1:]) for x in made))
        start = chosen.stop


def _made(
    sampler: Sampler,
    decoder: Decoder,
    v: Tensor,
    condition: Tensor,
    memory: Memory,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Return latents and images of some v, several for every condition."""
    each = len(v) // len(condition)
    found: list[tuple[Tensor, Tensor]] = []

    def draw(part: slice) -> None:
        first, stop = part.start // each, -(-part.stop // each)
        own = torch.arange(part.start, part.stop, device=device) // each - first
        with torch.inference_mode():
            embedded = sampler.embed(condition[first:stop].to(device))
            repeated = None if embedded is None else embedded[own]
            latents = sampler.restore(v[part].to(device), repeated)
            images = decoder.decode(latents)
        found.append((latents.float().cpu(), images.float().cpu()))

    memory.run(len(v), draw)
    latents, images = zip(*found, strict=True)
    return torch.cat(latents), torch.cat(images)
