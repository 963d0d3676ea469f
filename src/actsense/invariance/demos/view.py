"""One layer of one network, with what tells its invariances from what it says.

With z what the layer says of an image x, w the mean of the latent that the encoder gives it, t the
flow and D the decoder:

    v = t(w | z)      what the layer does not say
    D(t^-1(v | z'))   an image with the same left unsaid, of which the layer says z'

Means of posteriors are taken throughout, so that a result is a matter of its seed alone.
"""

__all__ = ["Coder", "Looked", "Transformer", "View", "image_rows"]

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.errors import ConfigError
from actsense.invariance.kept.sampling import Decoder, Sampler
from actsense.invariance.latents import Encoder
from actsense.networks.subject import Subject
from actsense.networks.taps import Tap


class Transformer(Sampler, Protocol):
    """What turns latents into invariances, and back, such as a `Flow`."""

    def transform(self, latents: Tensor, embedded: Tensor | None, /) -> tuple[Tensor, Tensor]:
        """Return v, (n, latent), and log-determinants, (n,), with what was embedded, (n, ...)."""


class Coder(Encoder, Decoder, Protocol):
    """Both halves, such as an `Autoencoder`."""


@dataclass(frozen=True)
class Looked:
    """What network and encoder say of images; all on the CPU.

    Attributes:
        said: What the layer says, (images, *shape of the layer).
        predicted: Number of the highest output, (images,) int64.
        latents: Means of the posteriors, (images, latent).
        v: What the layer does not say, (images, latent).
    """

    said: Tensor
    predicted: Tensor
    latents: Tensor
    v: Tensor


@dataclass(frozen=True)
class View:
    """How a layer sees images; everything runs on the device of the network.

    Arguments:
        subject: The network.
        layer: Name of the layer.
        flow: The flow of the layer, on the device, ready to be evaluated.
        autoencoder: The autoencoder that the flow was trained with, likewise.
    """

    subject: Subject
    layer: str
    flow: Transformer
    autoencoder: Coder

    @cached_property
    def tap(self) -> Tap:
        """The layer and the logits, watched; a `ConfigError` if the network lacks the layer."""
        return self.subject.tap([self.layer, *({"logits"} - {self.layer})])

    def look(self, images: Tensor) -> Looked:
        """Look at images in [0, 1], (images, 3, side, side), on any device.

        Raises:
            ConfigError: If there are none, or they have another size or other values.
        """
        self._check(images)

        def look(part: slice) -> tuple[Tensor, ...]:
            shown = images[part].to(self.subject.device)
            found = self.tap(shown)
            latents = self.autoencoder.encode(shown)[0]
            v, _ = self.flow.transform(latents, self.flow.embed(found[self.layer]))
            return found[self.layer], found["logits"].argmax(dim=1), latents, v

        return Looked(*self._batches(len(images), look))

    def seen(self, v: Tensor, said: Tensor) -> Tensor:
        """Return images of invariances with something said, (n, 3, side, side) in [0, 1].

        Arguments:
            v: What the layer does not say, (n, latent).
            said: What it says, (n, *shape of the layer).
        """

        def decode(part: slice) -> tuple[Tensor, ...]:
            embedded = self.flow.embed(said[part].to(self.subject.device))
            latents = self.flow.restore(v[part].to(self.subject.device), embedded)
            return (self.autoencoder.decode(latents),)

        return self._batches(len(v), decode)[0]

    def samples(self, v: Tensor, said: Tensor) -> Tensor:
        """Return images, (n, samples, 3, side, side), of several v, (n, samples, latent)."""
        count, each = v.shape[:2]
        flat = self.seen(v.flatten(0, 1), said.repeat_interleave(each, dim=0))
        return flat.view(count, each, *flat.shape[1:])

    def decoded(self, latents: Tensor) -> Tensor:
        """Return the images of latents, (n, 3, side, side) in [0, 1]."""

        def decode(part: slice) -> tuple[Tensor, ...]:
            return (self.autoencoder.decode(latents[part].to(self.subject.device)),)

        return self._batches(len(latents), decode)[0]

    def predict(self, images: Tensor) -> Tensor:
        """Return the number of the highest output, (...,) int64, of (..., 3, side, side)."""
        flat = images.flatten(0, -4)

        def predict(part: slice) -> tuple[Tensor, ...]:
            return (self.subject.logits(flat[part].to(self.subject.device)).argmax(dim=1),)

        return self._batches(len(flat), predict)[0].view(images.shape[:-3])

    def _check(self, images: Tensor) -> None:
        side = self.subject.side
        if images.ndim != 4 or images.shape[1:] != (3, side, side) or not len(images):
            raise ConfigError(
                f"images: {self.subject.network.name} and its autoencoder need one or more images "
                f"of 3 x {side} x {side} values; got {_times(images.shape)}."
            )
        if not ((images >= 0) & (images <= 1)).all():
            raise ConfigError("images: values must lie in [0, 1]; divide those of bytes by 255.")

    def _batches(
        self, count: int, work: Callable[[slice], tuple[Tensor, ...]]
    ) -> tuple[Tensor, ...]:
        """Join what some work returns of as many as fit at a time, on the CPU."""
        parts: list[tuple[Tensor, ...]] = []

        def keep(part: slice) -> None:
            with torch.inference_mode():
                found = tuple(value.cpu() for value in work(part))
            parts.append(found)

        self.subject.memory.run(count, keep)
        joined = tuple(torch.cat(values) for values in zip(*parts, strict=True))
        return tuple(values.float() if values.is_floating_point() else values for values in joined)


def image_rows(images: Tensor, rows: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Return the rows that seeds go with, (images,): those given, or numbers from 0.

    Raises:
        ValueError: If there is not one row for every image.
    """
    known = np.arange(len(images)) if rows is None else rows
    if known.shape != (len(images),):
        raise ValueError(f"{len(images)} images need one row each; got {known.shape}.")
    return known


def _times(shape: torch.Size) -> str:
    return " x ".join(map(str, shape))
