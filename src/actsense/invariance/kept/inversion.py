r"""Feature inversion by optimisation: an image x that a layer says the same of as of an anchor.

It is the simple alternative to sampling the invariances of a layer. With z what the layer says of
the anchor, p a pixel in [0, 1], and p_right and p_down its neighbours, x has the least

    |Phi(x) - z|^2 / |z|^2
    + bound      mean |2 p - 1|^a
    + variation  mean ((6.5 (p_right - p))^2 + (6.5 (p_down - p))^2)^(b/2)

where 1 / 6.5 of the range is how much neighbours differ in photographs. x stays in [0, 1]. What
such images have beyond z is due to the two penalties and the start, not to the data: they tell
what a layer keeps, and not how much of what it leaves open occurs.
"""

__all__ = ["Inverted", "bound", "grey_starts", "invert_layer", "variation"]

from dataclasses import dataclass
from math import cos, pi

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from actsense.draws.counter import counter_keys, counter_normal
from actsense.invariance.kept.sampling import Conditions
from actsense.invariance.kept.settings import Inversion
from actsense.networks.subject import Subject
from actsense.networks.taps import Tap
from actsense.progress import Progress

NEIGHBOURS = 6.5  # ranges of pixels that one is of the difference between neighbours
TINY = 1e-10  # keeps the slope of a root finite where neighbours are equal


@dataclass(frozen=True)
class Inverted:
    """Images that a layer says nearly the same of as of anchors.

    Attributes:
        images: In [0, 1], (anchors, starts, 3, side, side) float32, on the CPU.
        distance: |Phi(x) - z|^2 / |z|^2 in the beginning and after every step, (anchors, starts,
            iterations + 1) float32; |Phi(x) - z|^2 where z is zero.
    """

    images: Tensor
    distance: NDArray[np.float32]


def invert_layer(
    subject: Subject,
    layer: str,
    said: Conditions,
    rows: NDArray[np.int64],
    *,
    starts: int,
    settings: Inversion,
    seed: int,
) -> Inverted:
    """Look for images that a layer says the same of as of anchors.

    An image depends on seed, anchor and number of the start, not on what else is looked for.

    Arguments:
        subject: The network.
        layer: Name of the layer.
        said: What it says of the anchors, (anchors, *shape of the layer).
        rows: Rows of the anchors in the dataset, (anchors,).
        starts: Images of every anchor, each from noise of its own.
        settings: See `Inversion`.
        seed: Seed of the noise.

    Raises:
        ConfigError: If the layer cannot be watched.

    Source:
        Mahendran & Vedaldi (2015), Understanding deep image representations by inverting them,
        CVPR; the scales of both penalties, Adam-like steps and the bounds of pixels from (2016),
        Visualizing deep convolutional neural networks using natural pre-images, IJCV 120.
    """
    tap = subject.tap([layer])
    begin = grey_starts(rows, starts, subject.side, settings.noise, seed=seed).flatten(0, 1)
    found: list[tuple[Tensor, Tensor]] = []
    steps = len(begin) * settings.iterations
    with Progress(steps, desc=f"inversion of {layer}", unit="step") as bar:

        def search(part: slice) -> None:
            first, stop = part.start // starts, -(-part.stop // starts)
            own = torch.arange(part.start, part.stop) // starts - first
            z = torch.from_numpy(said[first:stop])[own].to(subject.device)
            done = _Search(subject, tap, z, settings).run(begin[part].to(subject.device), bar)
            found.append((done[0].cpu(), done[1].cpu()))

        subject.memory.run(len(begin), search)
    images, distance = (torch.cat(parts) for parts in zip(*found, strict=True))
    shape = (len(rows), starts)
    return Inverted(images.view(*shape, *images.shape[1:]), distance.view(*shape, -1).numpy())


def grey_starts(
    rows: NDArray[np.int64], starts: int, side: int, noise: float, *, seed: int
) -> Tensor:
    """Return grey noise in [0, 1], (anchors, starts, 3, side, side) float32.

    Arguments:
        rows: Rows of the anchors in the dataset, (anchors,).
        starts: Images of every anchor.
        side: Side of the images, pixels.
        noise: Its standard deviation.
        seed: Seed of the noise.
    """
    row = torch.from_numpy(rows).repeat_interleave(starts)
    number = torch.arange(starts).repeat(len(rows))
    keys = counter_keys(seed, ["start of a feature inversion", row, number])
    drawn = counter_normal(keys, 3 * side**2).view(len(rows), starts, 3, side, side)
    return (0.5 + noise * drawn).clamp(0, 1)


def bound(images: Tensor, power: float) -> Tensor:
    """Return how far pixels are from grey: the mean of |2 p - 1|^power, (images,).

    Arguments:
        images: In [0, 1], (images, 3, side, side).
        power: 1 or more.
    """
    return (2 * images - 1).abs().pow(power).flatten(1).mean(dim=1)


def variation(images: Tensor, power: float) -> Tensor:
    """Return how much neighbours differ, see above, (images,); beyond the border all is equal.

    Arguments:
        images: In [0, 1], (images, 3, side, side).
        power: 1 or more.
    """
    right = functional.pad(images.diff(dim=3), (0, 1))
    down = functional.pad(images.diff(dim=2), (0, 0, 0, 1))
    square = NEIGHBOURS**2 * (right.square() + down.square())
    if power != 2:
        square = (square + TINY).pow(power / 2)
    return square.flatten(1).mean(dim=1)


class _Search:
    """Steps towards what a layer says, of some images at a time."""

    def __init__(self, subject: Subject, tap: Tap, z: Tensor, settings: Inversion) -> None:
        self.subject, self.tap, self.z, self.settings = subject, tap, z.flatten(1), settings
        length = self.z.square().sum(dim=1)
        self.scale = length.where(length > 0, 1)

    def run(self, images: Tensor, bar: Progress) -> tuple[Tensor, Tensor]:
        """Return images after all steps, and their distances, (images, iterations + 1)."""
        images = images.clone()
        optimiser = torch.optim.Adam([images], lr=self.settings.learning_rate)
        distances: list[Tensor] = []

        def objective(x: Tensor) -> Tensor:
            distance = self.distance(x)
            distances.append(distance.detach())
            return (distance + self.penalty(x)).sum()

        count = self.settings.iterations
        for iteration in range(count):
            slower = (1 + cos(pi * iteration / count)) / 2
            optimiser.param_groups[0]["lr"] = self.settings.learning_rate * slower
            images.grad = self.subject.gradient(images, objective)
            optimiser.step()
            images.clamp_(0, 1)
            bar.update(len(images))
        with torch.inference_mode():
            distances.append(self.distance(images))
        return images.detach(), torch.stack(distances, dim=1)

    def distance(self, images: Tensor) -> Tensor:
        """Return the relative square distance to what was said, (images,)."""
        (said,) = self.tap(images).values()
        return (said.flatten(1) - self.z).square().sum(dim=1) / self.scale

    def penalty(self, images: Tensor) -> Tensor:
        """Return what speaks against images whatever the layer says, (images,)."""
        own = self.settings
        return own.bound * bound(images, own.bound_power) + own.variation * variation(
            images, own.variation_power
        )
