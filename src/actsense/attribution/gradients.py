"""Gradients of what a network says, with respect to the normalised image z.

The unit of z is that of the network's own input: gradients of networks with different
normalisations differ by that scale. Averages are taken in float64.
"""

__all__ = [
    "Objective",
    "class_logit",
    "gradient",
    "integrated_gradients",
    "noise_keys",
    "smoothgrad",
]

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.draws.counter import counter_keys, counter_normal
from actsense.networks.subject import Subject

SPREAD = 0.1  # standard deviation of the noise, as a share of the range of an image

Objective = Callable[[Tensor, Tensor], Tensor]  # of logits (batch, classes) and targets (batch,)


def class_logit(logits: Tensor, targets: Tensor) -> Tensor:
    """Sum the logits of the targets, ()."""
    return logits.gather(1, targets[:, None]).sum()


def gradient(
    subject: Subject, images: Tensor, targets: Tensor, *, objective: Objective = class_logit
) -> Tensor:
    """Return the strength of the gradient with respect to the normalised image.

    Arguments:
        subject: The network.
        images: Images in [0, 1], (batch, 3, height, width), on its device.
        targets: Class of every map, (batch,).
        objective: What is differentiated: a sum over images.

    Returns:
        Maps, (batch, height, width).
    """
    z = subject.normalise(images)
    return _input_gradient(subject, z, targets, objective).abs().sum(dim=1)


def smoothgrad(
    subject: Subject,
    images: Tensor,
    targets: Tensor,
    keys: Tensor,
    *,
    samples: int,
    spread: float = SPREAD,
    objective: Objective = class_logit,
) -> Tensor:
    """Return the strength of the mean gradient over noisy copies of the normalised image.

    Gradients are averaged with their signs: noise cancels.

    Arguments:
        subject: The network.
        images: Images in [0, 1], (batch, 3, height, width), on its device.
        targets: Class of every map, (batch,).
        keys: Keys of the noise, one per image, (batch,) int64: see `noise_keys`.
        samples: Copies of every image.
        spread: Standard deviation of the noise over the range of the normalised image.
        objective: What is differentiated: a sum over images.

    Returns:
        Maps, (batch, height, width).

    Source:
        Smilkov, Thorat, Kim, Viegas & Wattenberg (2017), SmoothGrad: removing noise by adding
        noise, arXiv:1706.03825.
    """
    z = subject.normalise(images)
    low, high = z.flatten(1).aminmax(dim=1)
    deviation = spread * (high - low).view(-1, 1, 1, 1)
    total = torch.zeros_like(z, dtype=torch.float64)
    for sample in range(samples):
        noise = counter_normal(counter_keys(sample, [keys]), z[0].numel()).view_as(z)
        total += _input_gradient(subject, z + deviation * noise, targets, objective)
    return (total / samples).abs().sum(dim=1).float()


def integrated_gradients(
    subject: Subject, images: Tensor, targets: Tensor, *, steps: int
) -> Tensor:
    """Share out how much the logit differs from that of the mean colour.

    The way from there is taken in equal steps, by the gradient in the middle of each; the finer
    they are, the nearer a map's sum is to the difference.

    Arguments:
        subject: The network.
        images: Images in [0, 1], (batch, 3, height, width), on its device.
        targets: Class of every map, (batch,).
        steps: Their number.

    Returns:
        Maps, (batch, height, width), in the unit of logits.

    Source:
        Sundararajan, Taly & Yan (2017), Axiomatic attribution for deep networks, ICML.
    """
    z = subject.normalise(images)
    total = torch.zeros_like(z, dtype=torch.float64)
    for step in range(steps):
        total += _input_gradient(subject, z * ((step + 0.5) / steps), targets, class_logit)
    return (total / steps * z).sum(dim=1).float()


def noise_keys(seed: int, rows: NDArray[np.int64]) -> Tensor:
    """Return the keys of the noise on images, (images,) int64.

    Arguments:
        seed: Seed of the study.
        rows: Dataset rows of the images, (images,).
    """
    return counter_keys(seed, ["noise of smoothgrad", torch.from_numpy(rows)])


def _input_gradient(subject: Subject, z: Tensor, targets: Tensor, objective: Objective) -> Tensor:
    """Differentiate with respect to normalised images, (batch, 3, height, width)."""
    # float64: the gradient of a cross-entropy cancels where the network is sure.
    return subject.gradient(z, lambda z: objective(subject.run(z).double(), targets))
