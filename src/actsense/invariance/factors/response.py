"""What a network makes of images that differ in one concept alone."""

__all__ = ["FactorResponse", "factor_response"]

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.device.memory import Memory
from actsense.draws.counter import counter_keys, counter_normal
from actsense.invariance.factors.factors import Factors
from actsense.invariance.kept.sampling import Decoder


@dataclass(frozen=True)
class FactorResponse:
    """Classes of images one part of which was drawn at random.

    Attributes:
        own: Class of every anchor, decoded as it is, (anchors,).
        drawn: Classes of its variants, (anchors, samples).
    """

    own: NDArray[np.int64]
    drawn: NDArray[np.int64]

    @property
    def changed(self) -> NDArray[np.float64]:
        """Share of variants of every anchor that get another class than it, (anchors,)."""
        return np.asarray((self.drawn != self.own[:, None]).mean(axis=1))

    @property
    def scatter(self) -> NDArray[np.float64]:
        """Standard deviation of the numbers of their classes, (anchors,).

        The published measure, which has a meaning as far as the numbers of classes have one.
        """
        return np.asarray(self.drawn.std(axis=1))

    def counts(self, classes: int) -> NDArray[np.int64]:
        """Return how many variants of anchors of every class get which class.

        Arguments:
            classes: How many classes there are.

        Returns:
            (classes, classes), those of the anchors first.
        """
        found = np.zeros((classes, classes), np.int64)
        np.add.at(found, (self.own[:, None], self.drawn), 1)
        return found


def factor_response(
    factors: Factors,
    decoder: Decoder,
    network: Callable[[Tensor], Tensor],
    latents: Tensor,
    rows: NDArray[np.int64],
    name: str,
    *,
    samples: int,
    seed: int,
    memory: Memory,
) -> FactorResponse:
    """Draw one part of latents at random, keep the others, and ask a network for classes.

    Arguments:
        factors: What splits latents, on the device.
        decoder: From latents to images, on the device.
        network: From images in [0, 1] to outputs, (n, classes), such as `Subject.logits`.
        latents: Those of the anchors, (anchors, latent), on the device.
        rows: Rows of the anchors in the dataset, (anchors,): variants follow from row, number
            and seed alone.
        name: The part.
        samples: Variants of every anchor.
        seed: Seed of the variants.
        memory: How many images fit at a time.

    Raises:
        ConfigError: If there is no such part.
    """
    place, e = factors.place(name), factors.encode(latents)
    row = torch.from_numpy(rows).repeat_interleave(samples)
    keys = counter_keys(
        seed, ["values of a factor", name, row, torch.arange(samples).repeat(len(rows))]
    )
    found: list[Tensor] = []

    def ask(part: slice) -> None:
        own = torch.arange(part.start, part.stop, device=e.device) // (1 + samples)
        variants, number = e[own], np.arange(part.start, part.stop) % (1 + samples) - 1
        drawn = torch.from_numpy(number >= 0)  # the first one of an anchor is as it is
        places = own.cpu()[drawn] * samples + torch.from_numpy(number)[drawn]
        noise = counter_normal(keys[places], factors.sizes[name]).to(e)
        variants[drawn.to(e.device).nonzero()[:, 0], place] = noise
        with torch.inference_mode():
            outputs = network(decoder.decode(factors.restore(variants)))
        found.append(outputs.argmax(dim=1).cpu())

    memory.run(len(e) * (1 + samples), ask)
    classes = torch.cat(found).view(len(e), 1 + samples).numpy()
    return FactorResponse(classes[:, 0], classes[:, 1:])
